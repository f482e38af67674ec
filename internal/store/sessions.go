package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"gatehouse/internal/sqlite"
	"slices"
	"strings"
	"time"
)

// columns are a session's columns, in the order of fields and scan.
const columns = `id, connection, identity, owner, task, target, login, source, mode, exactness, pty, command, verdict, code,
	rule, reason, state, exit, signal, remote, started, ended_at, bytes_in, bytes_out, recording, residue`

// putSQL replaces a session unless that would bring an ended one back to life; then no row changes.
const putSQL = `INSERT INTO sessions (` + columns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
	ON CONFLICT (id) DO UPDATE SET connection=excluded.connection, identity=excluded.identity, owner=excluded.owner,
	task=excluded.task, target=excluded.target, login=excluded.login, source=excluded.source, mode=excluded.mode,
	exactness=excluded.exactness, pty=excluded.pty, command=excluded.command, verdict=excluded.verdict, code=excluded.code,
	rule=excluded.rule, reason=excluded.reason, state=excluded.state, exit=excluded.exit, signal=excluded.signal,
	remote=excluded.remote, started=excluded.started, ended_at=excluded.ended_at, bytes_in=excluded.bytes_in,
	bytes_out=excluded.bytes_out, recording=excluded.recording, residue=excluded.residue
	WHERE sessions.state = 'live' OR excluded.state <> 'live'`

// Put implements Sessions.
func (s *SQLite) Put(ctx context.Context, session Session) error {
	if err := session.Validate(); err != nil {
		return err
	}
	return s.submit(ctx, func(tx *sql.Tx) error {
		result, err := tx.Exec(putSQL, session.fields()...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return refusal{fmt.Errorf("put session %s: %w", session.ID, ErrFinal)}
	})
}

// Get implements Sessions. The ids that begin with a prefix are neighbours, so the first two at or after it decide.
func (s *SQLite) Get(ctx context.Context, id string) (Session, error) {
	if id == "" || len(id) > maxID {
		return Session{}, fmt.Errorf("session %.80q: %w", id, ErrNotFound)
	}
	found, err := s.query(ctx, "SELECT "+columns+" FROM sessions WHERE id >= ? ORDER BY id LIMIT 2", id)
	if err != nil {
		return Session{}, fmt.Errorf("get session %q: %w", id, err)
	}
	found = slices.DeleteFunc(found, func(s Session) bool { return !strings.HasPrefix(s.ID, id) })
	switch {
	case len(found) == 0:
		return Session{}, fmt.Errorf("session %q: %w", id, ErrNotFound)
	case len(found) == 1 || found[0].ID == id:
		return found[0], nil
	}
	return Session{}, fmt.Errorf("session %q: %w", id, ErrAmbiguous)
}

// List implements Sessions.
func (s *SQLite) List(ctx context.Context, f Filter) ([]Session, error) {
	var where []string
	var args []any
	narrow := func(condition string, value string) {
		if value != "" {
			where, args = append(where, condition), append(args, value)
		}
	}
	narrow("state = ?", string(f.State))
	narrow("identity = ?", f.Identity)
	narrow("target = ?", f.Target)
	narrow("verdict = ?", f.Verdict)
	narrow("id < ?", f.Before)
	if !f.Since.IsZero() {
		where, args = append(where, "started >= ?"), append(args, f.Since.UnixNano())
	}
	query := "SELECT " + columns + " FROM sessions"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	found, err := s.query(ctx, query+" ORDER BY id DESC LIMIT ?", append(args, f.limit())...)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return found, nil
}

// Interrupt implements Sessions.
func (s *SQLite) Interrupt(ctx context.Context, at time.Time) ([]Session, error) {
	var ended []Session
	err := s.submit(ctx, func(tx *sql.Tx) error {
		rows, err := tx.Query("UPDATE sessions SET state = ?, ended_at = ? WHERE state = ? RETURNING "+columns,
			Interrupted, at.UnixNano(), Live)
		if err != nil {
			return err
		}
		ended, err = collect(rows)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("interrupt sessions: %w", err)
	}
	slices.SortFunc(ended, func(a, b Session) int { return strings.Compare(b.ID, a.ID) })
	return ended, nil
}

func (s *SQLite) query(ctx context.Context, query string, args ...any) ([]Session, error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	return collect(rows)
}

func collect(rows *sql.Rows) (_ []Session, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	var found []Session
	for rows.Next() {
		var s Session
		if err := s.scan(rows); err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	return found, rows.Err()
}

// fields are the values of columns.
func (s Session) fields() []any {
	return []any{
		s.ID, s.Connection, s.Identity, s.Owner, s.Task, s.Target, s.Login, s.Source, s.Mode, s.Exactness, s.PTY, s.Command,
		s.Verdict, s.Code, s.Rule, s.Reason, string(s.State), s.Exit, s.Signal, s.Remote, nanoseconds(s.Started),
		nanoseconds(s.EndedAt), s.BytesIn, s.BytesOut, s.Recording, s.Residue,
	}
}

// scan reads columns.
func (s *Session) scan(rows *sql.Rows) error {
	var started, ended sql.NullInt64
	err := rows.Scan(&s.ID, &s.Connection, &s.Identity, &s.Owner, &s.Task, &s.Target, &s.Login, &s.Source, &s.Mode, &s.Exactness,
		&s.PTY, &s.Command, &s.Verdict, &s.Code, &s.Rule, &s.Reason, &s.State, &s.Exit, &s.Signal, &s.Remote, &started, &ended,
		&s.BytesIn, &s.BytesOut, &s.Recording, &s.Residue)
	s.Started, s.EndedAt = instant(started), instant(ended)
	return err
}

// nanoseconds is a time as it is stored; the zero time is NULL.
func nanoseconds(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixNano(), Valid: !t.IsZero()}
}

func instant(ns sql.NullInt64) time.Time {
	if !ns.Valid {
		return time.Time{}
	}
	return time.Unix(0, ns.Int64).UTC()
}
