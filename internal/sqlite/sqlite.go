// Package sqlite opens the SQLite databases of this installation in one way: WAL mode, durable commits, files of mode 0600,
// numbered migrations, and copies taken while others write. What is in a database its owner knows: internal/store for the
// door, internal/decider/registry for the decider.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Create makes an empty file of mode 0600 where there is none; SQLite gives its other files the same mode.
func Create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Pool returns connections to the database at path, with one more parameter of the driver. It connects lazily, so it cannot
// fail. synchronous=FULL makes a commit in WAL mode durable.
func Pool(path, key, value string) *sql.DB {
	options := url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_busy_timeout": {"5000"}, key: {value},
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options.Encode()}
	return sql.OpenDB(connector{
		dsn: dsn.String(),
		driver: &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
			_, err := c.Exec("PRAGMA temp_store = memory; PRAGMA journal_size_limit = 67108864", nil)
			return err
		}},
	})
}

// connector keeps the driver out of database/sql's global registry.
type connector struct {
	driver *sqlite3.SQLiteDriver
	dsn    string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.driver }

// Explain makes SQLite's word for a full disk the operating system's, so that callers test for syscall.ENOSPC alone.
func Explain(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code == sqlite3.ErrFull || e.SystemErrno == syscall.ENOSPC {
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}
