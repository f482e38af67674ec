package store

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is returned when no record has the id; ErrAmbiguous when a prefix fits more than one.
var (
	ErrNotFound  = errors.New("not found")
	ErrAmbiguous = errors.New("id prefix is ambiguous")
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
	// Put inserts the session or replaces the one with the same id.
	Put(ctx context.Context, s Session) error
	// Get returns the session whose id is, or uniquely begins with, id: ErrNotFound, ErrAmbiguous.
	Get(ctx context.Context, id string) (Session, error)
	// List returns sessions newest first.
	List(ctx context.Context, f Filter) ([]Session, error)
}
