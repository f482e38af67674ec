// Package access is the life of a privilege: somebody asks for it, people approve it, a grant gives it, it is used, it ends.
// Locks come before everything.
//
// It is pure: no clock, no files, no network, no keys. Whoever calls it says what time it is, has verified who speaks, and
// makes durable what it returns. It guarantees: nobody's vote counts for what serves them, alone, through a group, or in
// another's place; an approval is bound to every byte of what it approves; what has ended never begins again.
package access

import (
	"time"

	"gatehouse/policy"
)

// ScopeKind says what a scope names.
type ScopeKind string

// The kinds of scopes.
const (
	CommandScope ScopeKind = "command" // one command, byte for byte
	PatternScope ScopeKind = "pattern" // whatever an ask rule's pattern matches
	RoleScope    ScopeKind = "role"    // a role, for a time
)

// Scope is exactly what is asked for, and what a grant then gives: nothing in it can change while people decide.
type Scope struct {
	Kind    ScopeKind    `json:"kind"`
	Targets []string     `json:"targets"`           // names of the inventory, sorted; one for a command
	Login   policy.Login `json:"login"`             //
	Role    string       `json:"role,omitempty"`    // pattern: whose rule it is; role: which; command: that under which it is allowed, if the requester does not hold it
	Pattern string       `json:"pattern,omitempty"` // pattern: the rule's own words
	Command *Command     `json:"command,omitempty"` // command
	Uses    int64        `json:"uses,omitempty"`    // commands that the grant is good for; 0: as many as fit into its time
	Seconds int64        `json:"seconds"`           // how long the grant lives
	Beat    int64        `json:"beat,omitempty"`    // seconds without a heartbeat after which the grant ends; 0: none is wanted
	Glass   bool         `json:"break_glass,omitempty"`
}

// Command is one final command: what runs if it is approved.
type Command struct {
	Plan  policy.Plan       `json:"plan"` // final, with absolute programs; under a lent Role it may be as it was asked
	Env   []policy.EnvVar   `json:"env,omitempty"`
	PTY   bool              `json:"pty,omitempty"`
	Stdin policy.StdinClass `json:"stdin,omitempty"`
	Mode  policy.Mode       `json:"mode,omitempty"`
	Files []FileState       `json:"files,omitempty"` // files and scripts that it names, by path
}

// FileState is what was at a path when it was asked about.
type FileState = policy.FileState

// Requester is who asks, as a certificate proved it.
type Requester struct {
	Principal  string `json:"principal"` // "agent:NAME" or "person:NAME"
	Owner      string `json:"owner,omitempty"`
	Task       string `json:"task,omitempty"`
	Delegation string `json:"delegation,omitempty"` // who handed the work on, joined by ">"
}

// State is where a request stands. Every state but Pending is its last.
type State string

// The states of a request.
const (
	Pending   State = "pending"
	Approved  State = "approved"
	Declined  State = "declined"  // by a person, with words
	Expired   State = "expired"   // nobody decided in time
	Withdrawn State = "withdrawn" // by whoever asked, or because what asked has ended
	Void      State = "void"      // what it was about is no longer what it was: policy, owner, lock
)

// Request is somebody's wish, and what became of it.
type Request struct {
	ID      string            `json:"id"` // "ar_…"
	By      Requester         `json:"by"`
	Scope   Scope             `json:"scope"`
	Reason  string            `json:"reason,omitempty"` // one line
	Ticket  string            `json:"ticket,omitempty"`
	Need    []policy.Approval `json:"need"`   // each must be met
	Rules   []string          `json:"rules"`  // of the policy, that want it
	Policy  string            `json:"policy"` // hash of the policy that said so
	Made    time.Time         `json:"made"`
	Expires time.Time         `json:"expires"`
	Barred  []string          `json:"barred,omitempty"` // people who may not decide it, as of when it was made, sorted

	// What is not approved with it.
	Session string    `json:"session,omitempty"` // that waits for it
	Denial  string    `json:"denial,omitempty"`  // that it came from
	State   State     `json:"state"`
	Ended   time.Time `json:"ended,omitzero"`
	Why     string    `json:"why,omitempty"`   // it ended: a person's words, or ours
	Votes   []Vote    `json:"votes,omitempty"` // in their order
	Grant   string    `json:"grant,omitempty"` // once approved
	Proof   Proof     `json:"proof,omitzero"`  // break-glass: that its person asked for exactly this
}

// Vote is one person's answer to a request.
type Vote struct {
	By    string    `json:"by"`            // a person's name, without "person:"
	For   string    `json:"for,omitempty"` // in whose place, while they are away
	Yes   bool      `json:"yes"`
	Words string    `json:"words,omitempty"`
	At    time.Time `json:"at"`
	Proof Proof     `json:"proof,omitzero"` // of a yes
}

// ProofKind says how an approval was proven.
type ProofKind string

// The kinds of proof.
const (
	PasskeyProof ProofKind = "passkey" // a WebAuthn assertion
	SSHProof     ProofKind = "ssh"     // a signature by ssh-keygen -Y sign
)

// Proof is what shows, to anybody and without Gatehouse, that a person approved exactly this.
type Proof struct {
	Kind  ProofKind `json:"kind"`
	Nonce []byte    `json:"nonce"` // 32 bytes, used once
	Key   []byte    `json:"key"`   // passkey: the credential's public key in COSE; ssh: in SSH wire format

	// Passkey: as the authenticator gave it (WebAuthn level 2, section 7.2).
	Credential        []byte `json:"credential,omitempty"`
	AuthenticatorData []byte `json:"authenticator_data,omitempty"`
	ClientData        []byte `json:"client_data,omitempty"`

	// Passkey: the raw signature; ssh: the armored one (PROTOCOL.sshsig).
	Signature []byte `json:"signature"`
}

// Grant is a privilege that was approved, from then until it ends.
type Grant struct {
	ID      string    `json:"id"` // "gr_…"
	Request string    `json:"request"`
	By      Requester `json:"by"` // whose it is
	Scope   Scope     `json:"scope"`
	Ticket  string    `json:"ticket,omitempty"`
	People  []string  `json:"people"` // who approved it
	Made    time.Time `json:"made"`
	Ends    time.Time `json:"ends"`
	Used    int64     `json:"used"`
	Beat    time.Time `json:"beat,omitzero"` // the newest heartbeat
	Ended   time.Time `json:"ended,omitzero"`
	Cause   Cause     `json:"cause,omitempty"`
	Why     string    `json:"why,omitempty"`

	// Of a break-glass grant: who must look at what was done with it, who has, and when these were enough.
	Need     *policy.Approval `json:"need,omitempty"`
	Reviews  []Vote           `json:"reviews,omitempty"`
	Reviewed time.Time        `json:"reviewed,omitzero"`
}

// Cause is why a grant ended.
type Cause string

// The causes.
const (
	CauseTime      Cause = "time"
	CauseUses      Cause = "uses"
	CauseDone      Cause = "done"      // its holder said so
	CauseHeartbeat Cause = "heartbeat" // the orchestrator's heartbeat was lost
	CauseTicket    Cause = "ticket"    // the ticket was closed
	CausePolicy    Cause = "policy"    // role, rule or owner changed
	CauseLock      Cause = "lock"
	CauseRevoked   Cause = "revoked" // by a person
	CauseKilled    Cause = "killed"  // with what used it
)

// LockKind says what a lock names.
type LockKind string

// The kinds of locks.
const (
	LockSession    LockKind = "session"
	LockConnection LockKind = "connection"
	LockAgent      LockKind = "agent"
	LockPerson     LockKind = "person"
	LockOwner      LockKind = "owner"  // every agent of that owner: "person:NAME" or "group:NAME"
	LockTask       LockKind = "task"   //
	LockTarget     LockKind = "target" // a name of the inventory
	LockGroup      LockKind = "group"  // its members, and the agents that it or one of them owns
	LockRule       LockKind = "rule"   // what that rule of the policy allows: "web-operator/allow[2]"
	LockEverything LockKind = "everything"
)

// Subject is what is locked: "agent:bot", "rule:web/allow[2]", "everything".
type Subject struct {
	Kind  LockKind `json:"kind"`
	Value string   `json:"value,omitempty"` // empty for everything
}

// Lock stops its subject: nothing begins, nothing goes on, nothing is issued, approved or waits.
type Lock struct {
	ID     string    `json:"id"` // "lck_…"
	What   Subject   `json:"what"`
	Reason string    `json:"reason"`
	By     string    `json:"by"` // a principal, or "local:root"
	At     time.Time `json:"at"`
	Until  time.Time `json:"until,omitzero"`  // zero: until it is lifted
	Lifts  []string  `json:"lifts,omitempty"` // who wants it lifted, where one is not enough
}

// Away says that somebody answers requests in another's place.
type Away struct {
	ID    string    `json:"id"` // "aw_…"
	Who   string    `json:"who"`
	To    string    `json:"to"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Preview is what the door found of a command on its target, for whoever decides. It is shown, and nothing is decided by it but
// by the files' hashes, which are part of the scope.
type Preview struct {
	At      time.Time     `json:"at"`
	Globs   []GlobPreview `json:"globs,omitempty"`
	Files   []FilePreview `json:"files,omitempty"`
	Notes   []string      `json:"notes,omitempty"`  // what could not be looked at, and why
	Screen  []string      `json:"screen,omitempty"` // the last lines of the session
	Elapsed time.Duration `json:"elapsed,omitempty"`
}

// GlobPreview is what a pattern of the line matched.
type GlobPreview struct {
	Pattern string   `json:"pattern"`
	Matches []string `json:"matches"`        // the first hundred
	More    int      `json:"more,omitempty"` // besides
}

// FilePreview is a file or folder that the command names.
type FilePreview struct {
	Path    string    `json:"path"`
	Kind    string    `json:"kind"` // file, folder, link, other, missing
	Size    int64     `json:"size"`
	Mode    string    `json:"mode,omitempty"` // "-rw-r--r--"
	Changed time.Time `json:"changed,omitzero"`
	SHA256  string    `json:"sha256,omitempty"`
	Diff    string    `json:"diff,omitempty"`    // unified, from what is there to what would be written; bounded
	Leads   string    `json:"leads,omitempty"`   // without symbolic links, where that is another path
	Changes bool      `json:"changes,omitempty"` // the command writes, replaces or removes it
	Entries int       `json:"entries,omitempty"` // of a folder that it removes: how much is in it at any depth; Size is of all of that
	Why     string    `json:"why,omitempty"`     // its content is not part of what is approved: why
}
