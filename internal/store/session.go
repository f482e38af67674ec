package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNotFound is returned when no record has the id; ErrAmbiguous when a prefix fits more than one.
var (
	ErrNotFound  = errors.New("not found")
	ErrAmbiguous = errors.New("id prefix is ambiguous")
)

// ErrFinal is returned when a session that has ended would become live again; ErrInvalid when a session cannot be stored as
// it is.
var (
	ErrFinal   = errors.New("session is final")
	ErrInvalid = errors.New("invalid session")
)

// State says where a session is in its life.
type State string

// The states of a session. Live is the only one that is not final.
const (
	Live        State = "live"
	Ended       State = "ended"       // the command ended, or the client left
	Denied      State = "denied"      // nothing ran
	Killed      State = "killed"      // by a person or a policy change
	Failed      State = "failed"      // Gatehouse or the target failed
	Interrupted State = "interrupted" // Gatehouse itself died; closed at the next start
)

// Session is what the door knows of one session channel. It is an index: recordings and the audit log are the evidence.
type Session struct {
	ID         string // "ses_" and a ULID
	Connection string // "con_" and a ULID
	Identity   string // principal, "agent:release-bot"
	Owner      string
	Task       string
	Target     string
	Login      string
	Source     string // client address, host only
	Mode       string // "plain", "pinned", "local"; empty until decided
	Exactness  string // "exact" or "via-shell"
	PTY        bool
	Command    string // the client's line, as asked for, cut at 4 KiB
	Verdict    string // "allow" or "deny"
	Code       string // denial code or error code
	Rule       string
	Reason     string // why it was denied, killed or failed, one line
	State      State
	Exit       *int   // exit status, nil if none came
	Signal     string // exit signal, if any
	Remote     string // after the end: "ended", "unconfirmed" or "" (nothing to say)
	Started    time.Time
	EndedAt    time.Time // zero while live
	BytesIn    int64
	BytesOut   int64
	Recording  string // hex SHA-256 of the closed recording, empty while live
	Residue    string // what it left on its target, as that says, in one line; empty where nobody looked
}

// Filter narrows a listing. Zero fields do not narrow.
type Filter struct {
	State    State
	Identity string
	Target   string
	Verdict  string
	Since    time.Time // started at or after
	Before   string    // only ids older than this one (a cursor; ids sort by time)
	Limit    int       // at most 500; 0 means 100
}

// Sessions is the door's session index. Every method may be called concurrently; writes are durable when they return.
type Sessions interface {
	// Put inserts the session or replaces the one with the same id. A session that is not live is never made live again:
	// ErrFinal. If ctx ends first, the write may still happen.
	Put(ctx context.Context, s Session) error
	// Get returns the session whose id is, or uniquely begins with, id: ErrNotFound, ErrAmbiguous.
	Get(ctx context.Context, id string) (Session, error)
	// List returns sessions newest first.
	List(ctx context.Context, f Filter) ([]Session, error)
	// Interrupt ends every live session at that time as Interrupted and returns them: what a door does when it starts.
	Interrupt(ctx context.Context, at time.Time) ([]Session, error)
}

// Bounds of a stored session.
const (
	maxID   = 64
	maxText = 64 << 10 // all strings of a session together
)

// DefaultLimit and MaxLimit bound a listing.
const (
	DefaultLimit = 100
	MaxLimit     = 500
)

// limit is the number of sessions that a listing returns at most.
func (f Filter) limit() int {
	if f.Limit <= 0 {
		return DefaultLimit
	}
	return min(f.Limit, MaxLimit)
}

// Validate says why a session cannot be stored; the error is ErrInvalid.
func (s Session) Validate() error {
	if s.ID == "" || len(s.ID) > maxID {
		return fmt.Errorf("%w: id %.80q: want 1 to %d bytes", ErrInvalid, s.ID, maxID)
	}
	switch s.State {
	case Live, Ended, Denied, Killed, Failed, Interrupted:
	default:
		return fmt.Errorf("%w: %s has the state %q", ErrInvalid, s.ID, s.State)
	}
	for _, t := range []time.Time{s.Started, s.EndedAt} {
		if y := t.Year(); !t.IsZero() && (y < 1970 || y > 2200) {
			return fmt.Errorf("%w: %s has a time in the year %d", ErrInvalid, s.ID, y)
		}
	}
	size := len(s.Connection) + len(s.Identity) + len(s.Owner) + len(s.Task) + len(s.Target) + len(s.Login) + len(s.Source) +
		len(s.Mode) + len(s.Exactness) + len(s.Command) + len(s.Verdict) + len(s.Code) + len(s.Rule) + len(s.Reason) +
		len(s.Signal) + len(s.Remote) + len(s.Recording) + len(s.Residue)
	if size > maxText {
		return fmt.Errorf("%w: %s has %d bytes of text, want at most %d", ErrInvalid, s.ID, size, maxText)
	}
	return nil
}
