package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// ErrNewerSchema is returned for a database that a newer Gatehouse has written. It is left as it is.
var ErrNewerSchema = errors.New("the database was written by a newer Gatehouse: start that version, or restore a backup")

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema to this version, one transaction a step.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := fs.Sub(migrations, "migrations")
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
