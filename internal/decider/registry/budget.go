package registry

import (
	"context"
	"database/sql"
	"fmt"
)

// PutBudget keeps what was used up of a budget.
func (r *Registry) PutBudget(ctx context.Context, key string, body []byte) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO budgets (key, body) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = ?2", key, string(body)); err != nil {
			return fmt.Errorf("keep budget: %w", err)
		}
		return nil
	})
}

// DropBudgets forgets budgets.
func (r *Registry) DropBudgets(ctx context.Context, keys []string) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		for _, key := range keys {
			if _, err := tx.ExecContext(ctx, "DELETE FROM budgets WHERE key = ?", key); err != nil {
				return fmt.Errorf("forget budget: %w", err)
			}
		}
		return nil
	})
}

// Budgets returns all that PutBudget kept.
func (r *Registry) Budgets(ctx context.Context) (bodies [][]byte, err error) {
	rows, err := r.db.QueryContext(ctx, "SELECT body FROM budgets")
	if err != nil {
		return nil, fmt.Errorf("read budgets: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read budgets: %w", err)
		}
		bodies = append(bodies, body)
	}
	return bodies, rows.Err()
}
