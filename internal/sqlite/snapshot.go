package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// Snapshot writes a consistent copy of the database at path to a new file, while others use it. It waits for no writer and
// keeps none waiting. The copy is not synced.
func Snapshot(ctx context.Context, path, to string) (err error) {
	db := Pool(path, "mode", "rw") // never makes the database
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("snapshot %s: %w", path, Explain(err))
	}
	return nil
}
