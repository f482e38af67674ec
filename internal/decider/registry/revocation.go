package registry

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"gatehouse/internal/revoke"
)

// AddRevocation stores a revocation, not yet noted in the log.
func (r *Registry) AddRevocation(ctx context.Context, rev revoke.Revocation) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		for _, h := range rev.Handles {
			_, err := tx.ExecContext(ctx, "INSERT INTO revocations VALUES (?, ?, ?, ?, ?, ?, 0)", rev.ID, h.String(), rev.By, rev.Reason, rev.At.Unix(), unixOrZero(rev.Until))
			if err != nil {
				return fmt.Errorf("store revocation: %w", err)
			}
		}
		return nil
	})
}

// NoteRevocation marks a revocation as being in the log.
func (r *Registry) NoteRevocation(ctx context.Context, id string) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE revocations SET noted = 1 WHERE id = ?", id); err != nil {
			return fmt.Errorf("note revocation: %w", err)
		}
		return nil
	})
}

// RemoveRevocations forgets revocations; unknown ones are no error.
func (r *Registry) RemoveRevocations(ctx context.Context, ids ...string) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, "DELETE FROM revocations WHERE id = ?", id); err != nil {
				return fmt.Errorf("remove revocation: %w", err)
			}
		}
		return nil
	})
}

// Revocations reads all of them, oldest first, and the ids of those that the log may not have. A handle that cannot be read is
// an error: what was revoked must not come back because a row is damaged.
func (r *Registry) Revocations(ctx context.Context) (all []revoke.Revocation, unnoted map[string]bool, err error) {
	rows, err := r.db.QueryContext(ctx, "SELECT id, handle, made_by, reason, made, ends, noted FROM revocations ORDER BY id, handle")
	if err != nil {
		return nil, nil, fmt.Errorf("read revocations: %w", err)
	}
	defer rows.Close()
	unnoted = map[string]bool{}
	for rows.Next() {
		var rev revoke.Revocation
		var handle string
		var at, until int64
		var noted bool
		if err := rows.Scan(&rev.ID, &handle, &rev.By, &rev.Reason, &at, &until, &noted); err != nil {
			return nil, nil, fmt.Errorf("read revocations: %w", err)
		}
		h, err := revoke.Parse(handle)
		if err != nil {
			return nil, nil, fmt.Errorf("read revocation %s: %w", rev.ID, err)
		}
		if !noted {
			unnoted[rev.ID] = true
		}
		if n := len(all); n > 0 && all[n-1].ID == rev.ID {
			all[n-1].Handles = append(all[n-1].Handles, h)
			continue
		}
		rev.At, rev.Handles = time.Unix(at, 0).UTC(), []revoke.Handle{h}
		if until != 0 {
			rev.Until = time.Unix(until, 0).UTC()
		}
		all = append(all, rev)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("read revocations: %w", err)
	}
	return all, unnoted, nil
}

// NextKRLVersion returns a version above every one before. It is never below the clock's seconds, so that a registry from an
// old backup does not go back either.
func (r *Registry) NextKRLVersion(ctx context.Context, now time.Time) (uint64, error) {
	var version int64
	err := r.change(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "UPDATE krl_version SET version = max(version + 1, ?) RETURNING version", now.Unix()).Scan(&version)
		if err != nil {
			return fmt.Errorf("take KRL version: %w", err)
		}
		return nil
	})
	return uint64(version), err
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
