// Package registry is what the decider knows of identities besides policy and log: registered keys, join tokens, used token
// ids, passkeys, revocations, the trust that clients and targets have shown. One SQLite file in the decider's own folder.
//
// Every method that writes is durable when it returns; a method that uses something up does so at most once, whatever runs
// beside it or dies in the middle. Secrets are stored as their SHA-256. Nothing here grants anything: policy is asked again
// whenever something in it is used. Safe for concurrent use.
//
// A method with a function "last" calls it when nothing stands against the change any more, and makes the change durable only
// if it returns nil: there the entry in the audit log is written first.
package registry

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"gatehouse/internal/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// File is the registry's name in the decider's folder.
const File = "registry.db"

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("not in the registry")
	ErrUsed     = errors.New("used before")
	ErrFull     = errors.New("the registry is full") // a bound of the caller's kind of thing is reached
)

// Registry is the open file.
type Registry struct {
	db *sql.DB // one connection: what is read and then written cannot change in between
}

// Open opens or makes the registry.
func Open(ctx context.Context, path string) (*Registry, error) {
	if err := sqlite.Create(path); err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	db := sqlite.Pool(path, "_txlock", "immediate")
	db.SetMaxOpenConns(1)
	if err := sqlite.Migrate(ctx, db, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open registry %s: %w", path, sqlite.Explain(err)), db.Close())
	}
	return &Registry{db: db}, nil
}

// Close closes the file.
func (r *Registry) Close() error { return r.db.Close() }

// change runs f in one durable transaction.
func (r *Registry) change(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("registry: %w", sqlite.Explain(err))
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("registry: %w", sqlite.Explain(err))
	}
	return nil
}
