package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The bounds of what is kept of privileges that have ended, and of what was looked at for them.
const (
	maxEndedAccess = 10_000
	maxPreviews    = 200
)

// AccessKind is what an AccessRow holds.
type AccessKind string

// The kinds.
const (
	AccessRequest AccessKind = "request"
	AccessGrant   AccessKind = "grant"
	AccessAway    AccessKind = "away"
)

// AccessRow is a request, a grant, or that somebody stands in for somebody.
type AccessRow struct {
	ID     string
	Kind   AccessKind
	Holder string
	Alike  string
	Ended  time.Time // zero: it is live
	Body   []byte    // JSON
}

// AccessChange is what is stored at once: rows in their new state, rows that go, and the entries of the audit log that say so.
type AccessChange struct {
	Rows    []AccessRow
	Remove  []string
	Entries []byte // JSON; nil: none
	Noted   int64  // changes up to this one are in the log
}

// ChangeAccess stores a change, with its entries as not yet noted, and returns its number.
func (r *Registry) ChangeAccess(ctx context.Context, c AccessChange) (change int64, err error) {
	err = r.change(ctx, func(tx *sql.Tx) error {
		if err := changeRows(ctx, tx, c); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM access_unnoted WHERE change <= ?", c.Noted); err != nil {
			return fmt.Errorf("forget noted changes: %w", err)
		}
		if c.Entries == nil {
			return nil
		}
		err := tx.QueryRowContext(ctx, "INSERT INTO access_unnoted (entries) VALUES (?) RETURNING change", string(c.Entries)).Scan(&change)
		if err != nil {
			return fmt.Errorf("store entries: %w", err)
		}
		return nil
	})
	return change, err
}

// UndoAccess takes a change back that the log would not have: its rows are put to what they were, and its entries are forgotten.
func (r *Registry) UndoAccess(ctx context.Context, change int64, before AccessChange) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		if err := changeRows(ctx, tx, before); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM access_unnoted WHERE change = ?", change); err != nil {
			return fmt.Errorf("forget entries: %w", err)
		}
		return nil
	})
}

func changeRows(ctx context.Context, tx *sql.Tx, c AccessChange) error {
	for _, row := range c.Rows {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO access VALUES (?, ?, ?, ?, ?, ?, ?)", row.ID, string(row.Kind), row.Holder, row.Alike, row.Ended.IsZero(), unixOrZero(row.Ended), string(row.Body))
		if err != nil {
			return fmt.Errorf("store %s %s: %w", row.Kind, row.ID, err)
		}
	}
	for _, id := range c.Remove {
		if _, err := tx.ExecContext(ctx, "DELETE FROM access WHERE id = ?", id); err != nil {
			return fmt.Errorf("remove %s: %w", id, err)
		}
	}
	return nil
}

// Unnoted is a change that is stored and may not be in the log.
type Unnoted struct {
	Change  int64
	Entries []byte
}

// UnnotedAccess lists those, in their order.
func (r *Registry) UnnotedAccess(ctx context.Context) ([]Unnoted, error) {
	rows, err := r.db.QueryContext(ctx, "SELECT change, entries FROM access_unnoted ORDER BY change")
	if err != nil {
		return nil, fmt.Errorf("read unnoted changes: %w", err)
	}
	defer rows.Close()
	var list []Unnoted
	for rows.Next() {
		var u Unnoted
		var text string
		if err := rows.Scan(&u.Change, &text); err != nil {
			return nil, fmt.Errorf("read unnoted changes: %w", err)
		}
		u.Entries = []byte(text)
		list = append(list, u)
	}
	return list, rows.Err()
}

const accessColumns = "SELECT id, kind, holder, alike, ended, body FROM access "

// LiveAccess reads all rows that have not ended, the oldest first.
func (r *Registry) LiveAccess(ctx context.Context) ([]AccessRow, error) {
	return r.accessRows(ctx, accessColumns+"WHERE live = 1 ORDER BY kind, id")
}

// Access returns the row with that id; ErrNotFound.
func (r *Registry) Access(ctx context.Context, id string) (AccessRow, error) {
	list, err := r.accessRows(ctx, accessColumns+"WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%q: %w", id, ErrNotFound)
	}
	if err != nil {
		return AccessRow{}, err
	}
	return list[0], nil
}

// FindAccess returns at most two rows of a kind whose ids begin so.
func (r *Registry) FindAccess(ctx context.Context, kind AccessKind, prefix string) ([]AccessRow, error) {
	return r.accessRows(ctx, accessColumns+"WHERE kind = ? AND id >= ? AND id < ? ORDER BY id LIMIT 2", string(kind), prefix, prefix+"\x7f")
}

// AccessPage lists rows of a kind, the newest first, those before an id if there is one.
func (r *Registry) AccessPage(ctx context.Context, kind AccessKind, before string, n int) ([]AccessRow, error) {
	if before == "" {
		before = "\x7f"
	}
	return r.accessRows(ctx, accessColumns+"WHERE kind = ? AND id < ? ORDER BY id DESC LIMIT ?", string(kind), before, n)
}

// AlikeAccess lists the newest rows that are like a row, without it.
func (r *Registry) AlikeAccess(ctx context.Context, alike, without string, n int) ([]AccessRow, error) {
	return r.accessRows(ctx, accessColumns+"WHERE alike = ? AND alike <> '' AND id <> ? ORDER BY id DESC LIMIT ?", alike, without, n)
}

func (r *Registry) accessRows(ctx context.Context, query string, args ...any) ([]AccessRow, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read privileges: %w", err)
	}
	defer rows.Close()
	var list []AccessRow
	for rows.Next() {
		var row AccessRow
		var kind, body string
		var ended int64
		if err := rows.Scan(&row.ID, &kind, &row.Holder, &row.Alike, &ended, &body); err != nil {
			return nil, fmt.Errorf("read privileges: %w", err)
		}
		row.Kind, row.Body = AccessKind(kind), []byte(body)
		if ended != 0 {
			row.Ended = time.Unix(ended, 0).UTC()
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// ForgetAccess removes what ended before a time, and the oldest of what has ended above the bound, with their previews.
func (r *Registry) ForgetAccess(ctx context.Context, before time.Time) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		for _, step := range []struct {
			query string
			arg   any
		}{
			{"DELETE FROM access WHERE live = 0 AND ended < ?", before.Unix()},
			{"DELETE FROM access WHERE id IN (SELECT id FROM access WHERE live = 0 ORDER BY ended DESC, id DESC LIMIT -1 OFFSET ?)", maxEndedAccess},
			{"DELETE FROM access_previews WHERE request NOT IN (SELECT id FROM access WHERE kind = ?)", string(AccessRequest)},
		} {
			if _, err := tx.ExecContext(ctx, step.query, step.arg); err != nil {
				return fmt.Errorf("forget privileges: %w", err)
			}
		}
		return nil
	})
}

// PutPreview stores a request's preview; when there are too many, those of the oldest requests go.
func (r *Registry) PutPreview(ctx context.Context, request string, body []byte) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO access_previews VALUES (?, ?)", request, string(body)); err != nil {
			return fmt.Errorf("store preview: %w", err)
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM access_previews WHERE request IN (SELECT request FROM access_previews ORDER BY request DESC LIMIT -1 OFFSET ?)", maxPreviews)
		if err != nil {
			return fmt.Errorf("forget previews: %w", err)
		}
		return nil
	})
}

// Preview returns a request's preview; ErrNotFound.
func (r *Registry) Preview(ctx context.Context, request string) ([]byte, error) {
	var body string
	err := r.db.QueryRowContext(ctx, "SELECT body FROM access_previews WHERE request = ?", request).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("preview of %q: %w", request, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read preview: %w", err)
	}
	return []byte(body), nil
}
