package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// ErrNewerSchema is returned for a database that a newer Gatehouse has written. It is left as it is.
var ErrNewerSchema = errors.New("the database was written by a newer Gatehouse: start that version, or restore a backup")

// Migrate brings the schema to this version, one transaction a step. The steps are the *.sql of the folder "migrations" in
// files, as goose numbers and reads them. ErrNewerSchema if the database is beyond them.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS) error {
	steps, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, steps, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > known {
		return fmt.Errorf("%w (its schema is %d, this version knows %d)", ErrNewerSchema, current, known)
	}
	_, err = provider.Up(ctx)
	return err
}
