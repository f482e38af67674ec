package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mattn/go-sqlite3"

	"gatehouse/internal/sqlite"
)

// application and version mark a database as ours, of this layout.
const (
	application = 0x67687371 // "ghsq"
	version     = 1
)

// schema is the layout of a month. commands and outputs have no text: the blocks have it. The lists give their words in order.
const schema = `
CREATE TABLE sessions (base INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, identity TEXT NOT NULL, owner TEXT NOT NULL, task TEXT NOT NULL,
	target TEXT NOT NULL, login TEXT NOT NULL, verdict TEXT NOT NULL, started INTEGER NOT NULL, last INTEGER NOT NULL, cut INTEGER NOT NULL);
CREATE INDEX sessions_last ON sessions (last);
CREATE TABLE command_blocks (key INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE TABLE output_blocks (key INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE VIRTUAL TABLE commands USING fts5 (words, whose, content='', contentless_delete=1, tokenize='ascii', detail=full);
CREATE VIRTUAL TABLE outputs USING fts5 (words, whose, content='', contentless_delete=1, tokenize='ascii', detail=full);
CREATE VIRTUAL TABLE commands_list USING fts5vocab (commands, instance);
CREATE VIRTUAL TABLE outputs_list USING fts5vocab (outputs, instance);
INSERT INTO commands (commands, rank) VALUES ('hashsize', 1048576);
INSERT INTO outputs (outputs, rank) VALUES ('hashsize', 8388608);
PRAGMA application_id = 1734898545;
PRAGMA user_version = 1;
`

// errForeign is returned for a database that is not ours, or of another layout.
var errForeign = errors.New("not a search database of this version")

// readers is how many statements may read a month at once.
const readers = maxSearches + 1

// month is one open database.
type month struct {
	name   string
	path   string
	writer *sql.DB // one connection
	reader *sql.DB

	// Guarded by Store.mu.
	refs int
	used time.Time
	gone bool // it is being closed for good: nobody takes it any more
}

// openMonth opens a database, and with create makes it where there is none: fs.ErrNotExist.
func openMonth(ctx context.Context, path, name string, create bool) (_ *month, err error) {
	if create {
		err = sqlite.Create(path)
	} else {
		_, err = os.Stat(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open search %s: %w", name, err)
	}
	m := &month{name: name, path: path, writer: sqlite.Pool(path, "_txlock", "immediate"), reader: sqlite.Pool(path, "_query_only", "1")}
	m.writer.SetMaxOpenConns(1)
	m.reader.SetMaxOpenConns(readers)
	m.reader.SetMaxIdleConns(1)
	if err := m.prepare(ctx, create); err != nil {
		return nil, errors.Join(fmt.Errorf("open search %s: %w", name, sqlite.Explain(err)), m.close())
	}
	return m, nil
}

// prepare makes the layout of an empty database, and checks that of another.
func (m *month) prepare(ctx context.Context, create bool) error {
	var app, layout, pages int
	for _, q := range []struct {
		pragma string
		to     *int
	}{{"application_id", &app}, {"user_version", &layout}, {"page_count", &pages}} {
		if err := m.reader.QueryRowContext(ctx, "PRAGMA "+q.pragma).Scan(q.to); err != nil {
			return err
		}
	}
	if app == application && layout == version {
		return nil
	}
	if app != 0 || layout != 0 || pages > 1 || !create {
		return errForeign
	}
	tx, err := m.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (m *month) close() error { return errors.Join(m.reader.Close(), m.writer.Close()) }

// broken says whether an error means that the database is not worth keeping.
func broken(err error) bool {
	var e sqlite3.Error
	return errors.Is(err, errForeign) || errors.Is(err, errBlock) || errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB)
}
