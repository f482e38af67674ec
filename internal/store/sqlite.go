package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

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
	if err := sqlite.Create(cfg.Path); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &SQLite{
		writer:  sqlite.Pool(cfg.Path, "_txlock", "immediate"),
		reader:  sqlite.Pool(cfg.Path, "_query_only", "1"),
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
	if err := sqlite.Migrate(context.Background(), s.writer, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", cfg.Path, sqlite.Explain(err)), s.writer.Close(), s.reader.Close())
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
