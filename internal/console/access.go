package console

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/policy/access"
)

// The verbs about privileges. Most need no right of the policy's: what somebody may ask for or approve, its rules say.
const (
	RequestMake     Verb = "request"           // whatever the policy lets the caller ask for
	RequestList     Verb = "requests.list"     // one's own, those of one's agents and those that one may answer; view: all
	RequestShow     Verb = "requests.show"     // as above
	RequestWithdraw Verb = "requests.withdraw" // one's own and those of one's agents
	RequestAnswer   Verb = "approve"           // the groups that the request names
	GrantList       Verb = "grants.list"       // one's own and those of one's agents; view: all
	GrantEnd        Verb = "grants.end"        // one's own and those of one's agents; operate: all
	GrantBeat       Verb = "heartbeat"         // one's own and those of one's agents
	LockMake        Verb = "lock"              // operate; of what is one's own anybody
	LockLift        Verb = "unlock"            // operate, and not whom it concerns; two people for everything
	LockList        Verb = "locks"             // view or operate
	SessionsPause   Verb = "pause"             // operate
	SessionsResume  Verb = "resume"            // operate
	AwaySet         Verb = "away"              // for oneself
	GlassReview     Verb = "review"            // the groups that the policy names, and not whoever used it
	AlertList       Verb = "alerts"            // view or operate
	AlertTest       Verb = "alerts.test"       // administer
)

// AccessOrder is what somebody asks for: From alone takes over what a denial was about; else a role, or a pattern of an ask rule,
// or one command line.
type AccessOrder struct {
	From    string        `json:"from,omitempty"` // "dn_…"
	Role    string        `json:"role,omitempty"`
	Pattern string        `json:"pattern,omitempty"`
	Targets []string      `json:"targets,omitempty"`
	Login   string        `json:"login,omitempty"`
	Reason  string        `json:"reason"`
	Ticket  string        `json:"ticket,omitempty"`
	For     time.Duration `json:"for,omitempty"`  // 0: as long as the policy lets it
	Uses    int64         `json:"uses,omitempty"` // 0: as many as the policy lets it
	Beat    time.Duration `json:"beat,omitempty"`
	Glass   bool          `json:"break_glass,omitempty"` // a role, at once, proven and reviewed afterwards
	Proof   *AccessAnswer `json:"proof,omitempty"`       // break-glass: of the person who asks
}

// AccessFilter picks requests or grants. The zero value is everything that the caller may see, newest first.
type AccessFilter struct {
	State  access.State `json:"state,omitempty"`  // of requests
	Live   bool         `json:"live,omitempty"`   // of grants: those that have not ended
	Answer bool         `json:"answer,omitempty"` // requests: those that the caller can answer now
	Task   string       `json:"task,omitempty"`
	Who    string       `json:"who,omitempty"` // a principal
	Before string       `json:"before,omitempty"`
}

// AccessView is a request with all that helps to decide it.
type AccessView struct {
	Request access.Request   `json:"request"`
	Hash    string           `json:"hash"` // of what is approved
	Text    string           `json:"text"` // the same, for people
	Preview *access.Preview  `json:"preview,omitempty"`
	Rules   []AccessRule     `json:"rules,omitempty"`   // that want approval
	Denials []AccessDenial   `json:"denials,omitempty"` // the requester's newest, ten at most
	Similar []access.Request `json:"similar,omitempty"` // what requests like it got, ten at most
	Answer  bool             `json:"answer"`            // whether the caller can answer it
	Ways    []string         `json:"ways,omitempty"`    // "passkey", "ssh": how
	Hinders string           `json:"hinders,omitempty"` // why not
	Missing string           `json:"missing,omitempty"` // what it still needs, in words
}

// AccessRule is a rule of the policy as it is written.
type AccessRule struct {
	ID      string `json:"id"`
	Pattern string `json:"pattern"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// AccessDenial is something that the requester was refused lately.
type AccessDenial struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Target string    `json:"target"`
	What   string    `json:"what"`
	Code   string    `json:"code"`
}

// AccessChallenge is what an approver proves with: Options for navigator.credentials.get, or Text for ssh-keygen -Y sign.
type AccessChallenge struct {
	ID      string          `json:"id"` // of the challenge, good once
	Request string          `json:"request"`
	Hash    string          `json:"hash"`
	Options json.RawMessage `json:"options,omitempty"`
	Text    string          `json:"text,omitempty"`
	Space   string          `json:"namespace,omitempty"` // the signature's
	Expires time.Time       `json:"expires"`
}

// AccessAnswer is a person's answer to a request. A yes needs a challenge and what answers it.
type AccessAnswer struct {
	Request   string          `json:"request"`
	Yes       bool            `json:"yes"`
	Words     string          `json:"words,omitempty"`
	Challenge string          `json:"challenge,omitempty"`
	Assertion json.RawMessage `json:"assertion,omitempty"` // PublicKeyCredential, as JSON
	Signature string          `json:"signature,omitempty"` // armored
}

// LockOrder asks for a lock.
type LockOrder struct {
	What   access.Subject `json:"what"`
	Reason string         `json:"reason"`
	Until  time.Time      `json:"until,omitzero"`
}

// LockReport says what a lock ended at once. Durable false: it is in force, and stands in the lock file, but the audit log could
// not be written yet.
type LockReport struct {
	Lock        access.Lock `json:"lock"`
	Connections int         `json:"connections"`
	Sessions    []string    `json:"sessions"` // the first hundred
	SessionsAll int         `json:"sessions_all"`
	Requests    int         `json:"requests"` // that are void
	Grants      int         `json:"grants"`   // that have ended
	Noted       bool        `json:"noted"`
	Unknown     bool        `json:"unknown,omitempty"` // neither policy nor inventory knows what is locked: perhaps it is mistyped
}

// Access is the decider as the verbs about privileges see it. It authorises, and audits before it answers; a refusal is a
// *ForbiddenError. Safe for concurrent use.
type Access interface {
	Ask(ctx context.Context, who Credential, order AccessOrder) (access.Request, error)
	Requests(ctx context.Context, who Credential, f AccessFilter) (page []access.Request, next string, err error)
	Request(ctx context.Context, who Credential, id string) (AccessView, error)
	// Wait returns the request when it is no longer pending, or as it is when ctx ends.
	Wait(ctx context.Context, who Credential, id string) (access.Request, error)
	Withdraw(ctx context.Context, who Credential, id, words string) (access.Request, error)
	// Challenge is for a request's id, or for break-glass an order. by is "passkey" or "ssh".
	Challenge(ctx context.Context, who Credential, request string, order *AccessOrder, by string) (AccessChallenge, error)
	Answer(ctx context.Context, who Credential, a AccessAnswer) (access.Request, error)

	Grants(ctx context.Context, who Credential, f AccessFilter) (page []access.Grant, next string, err error)
	// EndGrants ends a grant, or with an empty id the caller's own of its task.
	EndGrants(ctx context.Context, who Credential, id, words string) ([]access.Grant, error)
	// Beat says that the orchestrator of a task lives; an empty id means the caller's own grants of its task.
	Beat(ctx context.Context, who Credential, id string) ([]access.Grant, error)
	Review(ctx context.Context, who Credential, grant, words string) (access.Grant, error)

	Lock(ctx context.Context, who Credential, order LockOrder) (LockReport, error)
	// Unlock lifts a lock, or adds the caller to those who want it lifted.
	Unlock(ctx context.Context, who Credential, id, reason string) (access.Lock, error)
	Locks(ctx context.Context, who Credential) ([]access.Lock, error)

	// Away names who answers in the caller's place; an empty name ends it.
	Away(ctx context.Context, who Credential, to string, until time.Time) ([]access.Away, error)
}
