package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/mattn/go-sqlite3"
)

// readers is how many listings may run at once.
const readers = 4

// ErrClosed is returned for writes after Close.
var ErrClosed = errors.New("store is closed")

// Config is where the database is.
type Config struct {
	Path string       // the database file; made with mode 0600 where there is none
	Log  hclog.Logger // nil means silence
}

// Validate says what is missing.
func (c Config) Validate() error {
	if c.Path == "" {
		return errors.New("store without a path")
	}
	return nil
}

// SQLite is Sessions in one SQLite file in WAL mode. Writes go through one goroutine, which commits everything that is
// waiting in one transaction, so that many callers share one fsync; reads do not wait for writes.
type SQLite struct {
	writer *sql.DB // one connection, used by run and by migrations before it
	reader *sql.DB // query only
	log    hclog.Logger

	writes  chan write
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed by run
	close   sync.Once
}

var _ Sessions = (*SQLite)(nil)

// OpenSQLite opens or makes the database and brings its schema to this version. ErrNewerSchema if it is beyond that.
func OpenSQLite(cfg Config) (*SQLite, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(cfg.Path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite gives its other files the same mode
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &SQLite{
		writer:  openPool(cfg.Path, "_txlock", "immediate"),
		reader:  openPool(cfg.Path, "_query_only", "1"),
		log:     cfg.Log,
		writes:  make(chan write),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	if s.log == nil {
		s.log = hclog.NewNullLogger()
	}
	s.writer.SetMaxOpenConns(1)
	s.reader.SetMaxOpenConns(readers)
	if err := migrate(context.Background(), s.writer); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", cfg.Path, explain(err)), s.writer.Close(), s.reader.Close())
	}
	go s.run()
	return s, nil
}

// Close waits for the write that is under way and closes the database. Later writes are ErrClosed.
func (s *SQLite) Close() error {
	s.close.Do(func() { close(s.closing) })
	<-s.stopped
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// openPool connects lazily, so it cannot fail. synchronous=FULL makes a commit in WAL mode durable.
func openPool(path, key, value string) *sql.DB {
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

// explain makes SQLite's word for a full disk the operating system's, so that callers test for syscall.ENOSPC alone.
func explain(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code == sqlite3.ErrFull || e.SystemErrno == syscall.ENOSPC {
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}
