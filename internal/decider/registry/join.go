package registry

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxJoinTokens bounds those that have not expired; at the bound no more are made.
const maxJoinTokens = 10_000

// JoinToken is a one-time token that lets an agent have its first certificate.
type JoinToken struct {
	ID, Agent, By string
	Made, Expires time.Time
	Used          time.Time // zero: not yet
}

// AddJoinToken keeps a token by its secret's hash; ErrFull if there are too many. What has expired at now is forgotten.
func (r *Registry) AddJoinToken(ctx context.Context, secret string, t JoinToken, now time.Time, last func() error) error {
	hash := sha256.Sum256([]byte(secret))
	return r.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM join_tokens WHERE expires < ?", now.Unix()); err != nil {
			return fmt.Errorf("forget expired join tokens: %w", err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM join_tokens").Scan(&n); err != nil {
			return fmt.Errorf("count join tokens: %w", err)
		}
		if n >= maxJoinTokens {
			return ErrFull
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO join_tokens (hash, id, agent, by_whom, made, expires) VALUES (?, ?, ?, ?, ?, ?)",
			hash[:], t.ID, t.Agent, t.By, t.Made.Unix(), t.Expires.Unix())
		if err != nil {
			return fmt.Errorf("keep join token: %w", err)
		}
		return last()
	})
}

const joinColumns = "SELECT id, agent, by_whom, made, expires, used FROM join_tokens"

// JoinToken returns the token with that secret, used or expired ones too; ErrNotFound.
func (r *Registry) JoinToken(ctx context.Context, secret string) (JoinToken, error) {
	hash := sha256.Sum256([]byte(secret))
	t, err := scanJoin(r.db.QueryRowContext(ctx, joinColumns+" WHERE hash = ?", hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return JoinToken{}, fmt.Errorf("join token: %w", ErrNotFound)
	}
	return t, err
}

// UseJoinToken uses a token up: once, by its agent, before it expires. ErrUsed if that was done before, ErrNotFound if it is no
// such token now.
func (r *Registry) UseJoinToken(ctx context.Context, secret, agent string, now time.Time) error {
	hash := sha256.Sum256([]byte(secret))
	return r.change(ctx, func(tx *sql.Tx) error {
		t, err := scanJoin(tx.QueryRowContext(ctx, joinColumns+" WHERE hash = ? AND agent = ? AND expires > ?", hash[:], agent, now.Unix()))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("join token: %w", ErrNotFound)
		case err != nil:
			return err
		case !t.Used.IsZero():
			return fmt.Errorf("join token %s: %w", t.ID, ErrUsed)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE join_tokens SET used = ? WHERE hash = ?", now.Unix(), hash[:]); err != nil {
			return fmt.Errorf("use join token: %w", err)
		}
		return nil
	})
}

// JoinTokens lists those that have not expired at now, the newest first.
func (r *Registry) JoinTokens(ctx context.Context, now time.Time) ([]JoinToken, error) {
	rows, err := r.db.QueryContext(ctx, joinColumns+" WHERE expires > ? ORDER BY id DESC", now.Unix())
	if err != nil {
		return nil, fmt.Errorf("list join tokens: %w", err)
	}
	defer rows.Close()
	var list []JoinToken
	for rows.Next() {
		t, err := scanJoin(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

// RemoveJoinToken removes a token by its id; ErrNotFound.
func (r *Registry) RemoveJoinToken(ctx context.Context, id string, last func() error) error {
	return r.removeOne(ctx, "DELETE FROM join_tokens WHERE id = ?", id, last)
}

// removeOne runs a DELETE that must hit one row.
func (r *Registry) removeOne(ctx context.Context, query, name string, last func() error) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, name)
		if err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("%q: %w", name, ErrNotFound)
		}
		return last()
	})
}

// row is *sql.Row or *sql.Rows.
type row interface{ Scan(dest ...any) error }

func scanJoin(r row) (JoinToken, error) {
	var t JoinToken
	var made, expires int64
	var used sql.NullInt64
	if err := r.Scan(&t.ID, &t.Agent, &t.By, &made, &expires, &used); err != nil {
		return JoinToken{}, fmt.Errorf("read join token: %w", err)
	}
	t.Made, t.Expires = time.Unix(made, 0).UTC(), time.Unix(expires, 0).UTC()
	if used.Valid {
		t.Used = time.Unix(used.Int64, 0).UTC()
	}
	return t, nil
}
