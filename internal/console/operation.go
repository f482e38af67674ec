// Package console holds every verb once: arguments are parsed, the actor is authorised by the decider, the operation runs,
// and a result comes back that the SSH console prints, the browser renders and programs read as JSON.
//
// It trusts nothing that a caller says about who is acting: a Credential is handed to the decider, which answers with the
// person and writes the audit entry before the operation begins. Reading is an action (invariant 10).
package console

import (
	"context"
	"errors"
	"time"
)

// ErrSignedOut is returned by an Authorizer when it does not know the credential, or no longer: the person must sign in again.
// ErrLinkUsed is returned when a one-time link was redeemed before, has expired, or never existed; the three look alike.
var (
	ErrSignedOut = errors.New("not signed in")
	ErrLinkUsed  = errors.New("this sign-in link was used or has expired")
)

// Verb names an operation; it is what the decider authorises and what the audit entry says.
type Verb string

// The verbs built so far, and the right each needs (policy: roles.*.rights).
const (
	SessionsList   Verb = "sessions.list"   // view
	SessionsShow   Verb = "sessions.show"   // view
	SessionsPlay   Verb = "sessions.play"   // view
	SessionsTail   Verb = "sessions.tail"   // view
	SessionsExport Verb = "sessions.export" // view
	SessionsSearch Verb = "sessions.search" // view
	SessionsUnmask Verb = "sessions.unmask" // unmask, with a reason
	SessionsKill   Verb = "kill"            // operate
	WebLogin       Verb = "web-login"       // any right at all
	WhoAmI         Verb = "whoami"          // none: who the decider takes the caller for
	Help           Verb = "help"            // none: what the caller may do
)

// Credential is how an actor proves who they are to the decider: exactly one field is set.
type Credential struct {
	Connection string // an authenticated SSH connection, "con_…"
	SignIn     string // the browser's session cookie
}

// Actor is who the decider says is acting.
type Actor struct {
	Principal string   // "person:ann" or "agent:release-bot"
	Rights    []string // "view", "operate", …
	Meant     []string // of a kill, a pause or a resume: ids of the live sessions and connections that it is about, as far as the decider says so
}

// Authorizer is the decider as the console sees it.
type Authorizer interface {
	// Authorize returns the actor if they may do verb on object (a session id, or "" for lists); the audit entry is durable
	// when it returns, for refusals too. A refusal is a *ForbiddenError. Safe for concurrent use.
	Authorize(ctx context.Context, who Credential, verb Verb, object string, reason string) (Actor, error)
}

// ForbiddenError says that the actor may not do that; Reason is one line for the person.
type ForbiddenError struct {
	Verb   Verb
	Reason string
}

func (e *ForbiddenError) Error() string { return e.Reason }

// KillOrder asks for an end, a pause or its end. One of the four selectors is set, or none: then By.Meant names what is meant.
type KillOrder struct {
	Session, Identity, Target string
	All                       bool
	By                        Actor
	Reason                    string
}

// KillReport says what a kill did. Remote is "ended" where the target confirmed that nothing of the session still runs,
// "unconfirmed" where it could not.
type KillReport struct {
	Sessions []KilledSession `json:"sessions"`
}

// KilledSession is one session that a kill ended.
type KilledSession struct {
	ID      string        `json:"id"`
	Closed  time.Duration `json:"closed_ns"` // from the call until the client's socket was closed
	Remote  string        `json:"remote"`
	Left    int           `json:"left,omitempty"`     // processes that the target says are left
	Swept   time.Duration `json:"swept_ns,omitempty"` // what ending them over a second, pinned certificate took
	Residue []string      `json:"residue,omitempty"`  // what else the session left on the target, as that says; where policy lets it be looked for
	Sibling bool          `json:"sibling,omitempty"`  // ended only because it shared the killed one's connection
}

// Killer ends live sessions: the door, as the console sees it.
type Killer interface {
	// Kill closes the client sockets at once and returns when the remote ends are confirmed or given up on (at most 5 s).
	// An order that matches no live session returns an empty report and no error. Safe for concurrent use.
	Kill(ctx context.Context, order KillOrder) (KillReport, error)
}
