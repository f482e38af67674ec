package registry

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// The kinds of trust that are noted, see SawTrust.
const (
	TrustTarget = "target" // the target accepted a certificate by this target CA key
	TrustHost   = "host"   // the target showed a host certificate by this host CA key
	TrustFace   = "face"   // the identity was given a known_hosts with this face CA key
)

// maxTrust bounds what is remembered of each kind; at the bound new names are refused, known ones go on.
const maxTrust = 50_000

// Seen is when somebody was last seen to trust, or to use, a CA key.
type Seen struct {
	Name        string // a target of the inventory, or a principal
	Fingerprint string // "SHA256:…" of the CA's key
	At          time.Time
}

// SawTrust notes that name was seen at that time to trust, or to use, the CA key with the fingerprint. An earlier time than the
// one noted changes nothing. It grants nothing: rotation asks it whom a step would shut out.
func (r *Registry) SawTrust(ctx context.Context, kind, name, fingerprint string, at time.Time) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE trust_seen SET at = max(at, ?) WHERE kind = ? AND name = ? AND fingerprint = ?", at.UnixNano(), kind, name, fingerprint)
		if err != nil {
			return fmt.Errorf("note trust: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM trust_seen WHERE kind = ? LIMIT ?)", kind, maxTrust).Scan(&n); err != nil {
			return fmt.Errorf("count trust: %w", err)
		}
		if n >= maxTrust {
			return ErrFull
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO trust_seen VALUES (?, ?, ?, ?)", kind, name, fingerprint, at.UnixNano()); err != nil {
			return fmt.Errorf("note trust: %w", err)
		}
		return nil
	})
}

// Trust lists what is noted of a kind, by name, the latest first.
func (r *Registry) Trust(ctx context.Context, kind string) ([]Seen, error) {
	rows, err := r.db.QueryContext(ctx, "SELECT name, fingerprint, at FROM trust_seen WHERE kind = ? ORDER BY name, at DESC", kind)
	if err != nil {
		return nil, fmt.Errorf("read trust: %w", err)
	}
	defer rows.Close()
	var out []Seen
	for rows.Next() {
		var s Seen
		var at int64
		if err := rows.Scan(&s.Name, &s.Fingerprint, &at); err != nil {
			return nil, fmt.Errorf("read trust: %w", err)
		}
		s.At = time.Unix(0, at).UTC()
		out = append(out, s)
	}
	return out, rows.Err()
}

// ForgetTrust drops what is noted about a CA key that nobody is to trust any more.
func (r *Registry) ForgetTrust(ctx context.Context, fingerprint string) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM trust_seen WHERE fingerprint = ?", fingerprint); err != nil {
			return fmt.Errorf("forget trust: %w", err)
		}
		return nil
	})
}
