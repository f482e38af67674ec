package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"gatehouse/policy/access"
)

// ChangeBudgets stores tallies in their new state and removes others; it is durable when it returns.
func (r *Registry) ChangeBudgets(ctx context.Context, put []access.Tally, remove []access.TallyKey) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		for _, t := range put {
			body, err := json.Marshal(t)
			if err != nil {
				return fmt.Errorf("encode the budget of %s: %w", t.Principal, err)
			}
			if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?)", t.Principal, t.Task, t.Day, string(body)); err != nil {
				return fmt.Errorf("store the budget of %s: %w", t.Principal, err)
			}
		}
		for _, k := range remove {
			if _, err := tx.ExecContext(ctx, "DELETE FROM budgets WHERE principal = ? AND task = ? AND day = ?", k.Principal, k.Task, k.Day); err != nil {
				return fmt.Errorf("forget the budget of %s: %w", k.Principal, err)
			}
		}
		return nil
	})
}

// Budgets lists what was spent.
func (r *Registry) Budgets(ctx context.Context) ([]access.Tally, error) {
	rows, err := r.db.QueryContext(ctx, "SELECT body FROM budgets")
	if err != nil {
		return nil, fmt.Errorf("read budgets: %w", err)
	}
	defer rows.Close()
	var list []access.Tally
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("read budgets: %w", err)
		}
		var t access.Tally
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			return nil, fmt.Errorf("read a budget: %w", err)
		}
		list = append(list, t)
	}
	return list, rows.Err()
}
