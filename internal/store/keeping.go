package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Hold is a legal hold: no recording that it is about is removed while it stands. At least one of Session, Identity, Target,
// Since and Until is set; all that are set must fit.
type Hold struct {
	ID       string // "hld_" and a ULID
	Session  string
	Identity string
	Target   string
	Since    time.Time // sessions that started at or after
	Until    time.Time // sessions that started before
	Reason   string
	By       string // principal
	At       time.Time
}

// The fates of a recording.
const (
	Deleted  = "deleted"  // the file is gone
	Shredded = "shredded" // the file is there and its key is gone
)

// Fate is what became of a session's recording after its end.
type Fate struct {
	Session string
	Kind    string // Deleted or Shredded
	Why     string // the rule or the reason
	By      string // principal; empty for a rule
	At      time.Time
	Size    int64
	Done    bool // the bytes are gone, and not only the entry written
}

// maxHolds bounds the holds that stand at once.
const maxHolds = 10_000

// ErrTooManyHolds is returned for a hold beyond the bound.
var ErrTooManyHolds = errors.New("too many holds stand: lift some first")

// PutHold makes a hold; it is durable when it returns.
func (s *SQLite) PutHold(ctx context.Context, h Hold) error {
	return s.submit(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM holds WHERE lifted_at IS NULL").Scan(&n); err != nil {
			return err
		}
		if n >= maxHolds {
			return refusal{ErrTooManyHolds}
		}
		_, err := tx.Exec("INSERT INTO holds (id, session, identity, target, since, until, reason, made_by, made_at) VALUES (?,?,?,?,?,?,?,?,?)",
			h.ID, h.Session, h.Identity, h.Target, nanoseconds(h.Since), nanoseconds(h.Until), h.Reason, h.By, h.At.UnixNano())
		return err
	})
}

// LiftHold ends a hold that stands: ErrNotFound.
func (s *SQLite) LiftHold(ctx context.Context, id, by string, at time.Time) error {
	return s.submit(ctx, func(tx *sql.Tx) error {
		result, err := tx.Exec("UPDATE holds SET lifted_by = ?, lifted_at = ? WHERE id = ? AND lifted_at IS NULL", by, at.UnixNano(), id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return refusal{fmt.Errorf("hold %q: %w", id, ErrNotFound)}
	})
}

// Holds returns the holds that stand, oldest first.
func (s *SQLite) Holds(ctx context.Context) ([]Hold, error) {
	return s.holds(ctx, "TRUE")
}

// HoldsOn returns the holds that stand and are about a session.
func (s *SQLite) HoldsOn(ctx context.Context, session Session) ([]Hold, error) {
	started := session.Started.UnixNano()
	return s.holds(ctx, `(session = '' OR session = ?) AND (identity = '' OR identity = ?) AND (target = '' OR target = ?)
		AND (since IS NULL OR since <= ?) AND (until IS NULL OR until > ?)`, session.ID, session.Identity, session.Target, started, started)
}

func (s *SQLite) holds(ctx context.Context, where string, args ...any) (_ []Hold, err error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT id, session, identity, target, since, until, reason, made_by, made_at FROM holds WHERE lifted_at IS NULL AND "+where+" ORDER BY id", args...)
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []Hold
	for rows.Next() {
		var h Hold
		var since, until, at sql.NullInt64
		if err := rows.Scan(&h.ID, &h.Session, &h.Identity, &h.Target, &since, &until, &h.Reason, &h.By, &at); err != nil {
			return nil, fmt.Errorf("list holds: %w", err)
		}
		h.Since, h.Until, h.At = instant(since), instant(until), instant(at)
		out = append(out, h)
	}
	return out, rows.Err()
}

// PutFate notes what became of a recording, whose prompt's lines are gone with it; it is durable when it returns. A later fate replaces an
// earlier one.
func (s *SQLite) PutFate(ctx context.Context, f Fate) error {
	return s.submit(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec("DELETE FROM lines WHERE session = ?", f.Session); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO fates (session, kind, why, by, at, size, done) VALUES (?,?,?,?,?,?,?) ON CONFLICT (session)
			DO UPDATE SET kind=excluded.kind, why=excluded.why, by=excluded.by, at=excluded.at, size=excluded.size, done=excluded.done`,
			f.Session, f.Kind, f.Why, f.By, f.At.UnixNano(), f.Size, f.Done)
		return err
	})
}

// Fates returns what became of the recordings of these sessions, by session; those that are as they were are left out.
func (s *SQLite) Fates(ctx context.Context, sessions ...string) (map[string]Fate, error) {
	out := map[string]Fate{}
	for len(sessions) > 0 {
		part := sessions[:min(len(sessions), MaxLimit)]
		sessions = sessions[len(part):]
		args := make([]any, len(part))
		for i, id := range part {
			args[i] = id
		}
		found, err := s.fates(ctx, "session IN (?"+strings.Repeat(",?", len(part)-1)+")", args...)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			out[f.Session] = f
		}
	}
	return out, nil
}

// Undone returns fates whose bytes are not known to be gone: what a crash left.
func (s *SQLite) Undone(ctx context.Context) ([]Fate, error) {
	return s.fates(ctx, "done = 0")
}

func (s *SQLite) fates(ctx context.Context, where string, args ...any) (_ []Fate, err error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT session, kind, why, by, at, size, done FROM fates WHERE "+where+" ORDER BY session LIMIT ?", append(args, MaxLimit)...)
	if err != nil {
		return nil, fmt.Errorf("read fates of recordings: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []Fate
	for rows.Next() {
		var f Fate
		var at sql.NullInt64
		if err := rows.Scan(&f.Session, &f.Kind, &f.Why, &f.By, &at, &f.Size, &f.Done); err != nil {
			return nil, fmt.Errorf("read fates of recordings: %w", err)
		}
		f.At = instant(at)
		out = append(out, f)
	}
	return out, rows.Err()
}

// Kept returns sessions that are over and whose recordings were not removed, oldest first, after an id.
func (s *SQLite) Kept(ctx context.Context, after string, limit int) ([]Session, error) {
	found, err := s.query(ctx, "SELECT "+columns+` FROM sessions WHERE id > ? AND state <> ? AND recording <> ''
		AND NOT EXISTS (SELECT 1 FROM fates WHERE fates.session = sessions.id AND fates.kind = ?) ORDER BY id LIMIT ?`,
		after, Live, Deleted, min(max(limit, 1), MaxLimit))
	if err != nil {
		return nil, fmt.Errorf("list what is kept: %w", err)
	}
	return found, nil
}
