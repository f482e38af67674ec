package registry

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// maxUsedTokens bounds the token ids that are remembered; at the bound further tokens are refused until some expire.
const maxUsedTokens = 200_000

// UseToken notes that a token has been used, until it expires; ErrUsed if it was before. What has expired at now is forgotten.
func (r *Registry) UseToken(ctx context.Context, issuer, id string, expires, now time.Time) error {
	return r.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM used_tokens WHERE expires < ?", now.Unix()); err != nil {
			return fmt.Errorf("forget expired tokens: %w", err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM used_tokens LIMIT ?)", maxUsedTokens).Scan(&n); err != nil {
			return fmt.Errorf("count used tokens: %w", err)
		}
		if n >= maxUsedTokens {
			return ErrFull
		}
		res, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO used_tokens VALUES (?, ?, ?)", issuer, id, expires.Unix()+1)
		if err != nil {
			return fmt.Errorf("note used token: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("%w: token of %s", ErrUsed, issuer)
		}
		return nil
	})
}
