package registry

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The bounds of registered keys; at them no more are taken.
const (
	maxAgentKeys    = 10_000
	maxKeysPerAgent = 32
)

// ErrTaken is returned for a key that is registered already, for whichever agent.
var ErrTaken = errors.New("the key is registered already")

// AgentKey is a key that an administrator registered for an agent.
type AgentKey struct {
	Fingerprint string // SHA256:…
	Type        string
	Agent       string
	Comment, By string
	Made        time.Time
}

// AddAgentKey registers a key; ErrTaken, ErrFull.
func (r *Registry) AddAgentKey(ctx context.Context, k AgentKey, last func() error) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		var all, own int
		if err := tx.QueryRowContext(ctx, "SELECT count(*), count(CASE WHEN agent = ? THEN 1 END) FROM agent_keys", k.Agent).Scan(&all, &own); err != nil {
			return fmt.Errorf("count keys: %w", err)
		}
		if all >= maxAgentKeys || own >= maxKeysPerAgent {
			return ErrFull
		}
		res, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO agent_keys (fingerprint, type, agent, comment, by_whom, made) VALUES (?, ?, ?, ?, ?, ?)",
			k.Fingerprint, k.Type, k.Agent, k.Comment, k.By, k.Made.Unix())
		if err != nil {
			return fmt.Errorf("register key: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return ErrTaken
		}
		return last()
	})
}

const keyColumns = "SELECT fingerprint, type, agent, comment, by_whom, made FROM agent_keys"

// AgentKey returns the registered key with that fingerprint; ErrNotFound.
func (r *Registry) AgentKey(ctx context.Context, fingerprint string) (AgentKey, error) {
	k, err := scanKey(r.db.QueryRowContext(ctx, keyColumns+" WHERE fingerprint = ?", fingerprint))
	if errors.Is(err, sql.ErrNoRows) {
		return AgentKey{}, fmt.Errorf("key: %w", ErrNotFound)
	}
	return k, err
}

// AgentKeys lists the registered keys, by agent and fingerprint.
func (r *Registry) AgentKeys(ctx context.Context) ([]AgentKey, error) {
	rows, err := r.db.QueryContext(ctx, keyColumns+" ORDER BY agent, fingerprint")
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	defer rows.Close()
	var list []AgentKey
	for rows.Next() {
		k, err := scanKey(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, rows.Err()
}

// RemoveAgentKey removes a key by its fingerprint; ErrNotFound.
func (r *Registry) RemoveAgentKey(ctx context.Context, fingerprint string, last func() error) error {
	return r.removeOne(ctx, "DELETE FROM agent_keys WHERE fingerprint = ?", fingerprint, last)
}

func scanKey(r row) (AgentKey, error) {
	var k AgentKey
	var made int64
	if err := r.Scan(&k.Fingerprint, &k.Type, &k.Agent, &k.Comment, &k.By, &made); err != nil {
		return AgentKey{}, fmt.Errorf("read key: %w", err)
	}
	k.Made = time.Unix(made, 0).UTC()
	return k, nil
}
