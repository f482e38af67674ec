package search

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"
	"time"

	"gatehouse/internal/sqlite"
	"gatehouse/recorder/index"
)

// The bounds of what is kept of one session; of a longer one the beginning is found.
const (
	maxRows = 8_000_000
	maxText = 1 << 30
	maxMeta = 1 << 10 // bytes of one of a session's names
)

// Put replaces what there is of a session by rows; it is durable when it returns. After an error everything is as it was before.
func (s *Store) Put(ctx context.Context, meta index.Meta, rows iter.Seq[index.Row]) error {
	at, err := placeOf(meta.Session)
	if err != nil {
		return err
	}
	return s.write(ctx, at.month, true, func(tx *sql.Tx) error {
		if err := overwrite(ctx, tx, false); err != nil {
			return err
		}
		if err := forget(ctx, tx, meta.Session); err != nil {
			return err
		}
		b, err := free(ctx, tx, at.first)
		if err != nil {
			return err
		}
		return (&putting{ctx: ctx, tx: tx, store: s, base: b, meta: bounded(meta)}).run(rows)
	})
}

// Forget deletes what there is of a session; without any it does nothing. The text is overwritten; the words are in the index
// until FTS5 merges that part of it: Purge sees to that.
func (s *Store) Forget(ctx context.Context, session string) error {
	at, err := placeOf(session)
	if err != nil {
		return err
	}
	err = s.write(ctx, at.month, false, func(tx *sql.Tx) error {
		if err := overwrite(ctx, tx, true); err != nil {
			return err
		}
		return forget(ctx, tx, session)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Purge removes the words of forgotten sessions from a month, "2026-11", for good. It writes the month's index anew, which takes
// as long as filling it; without that month it does nothing.
func (s *Store) Purge(ctx context.Context, name string) error {
	if err := validMonth(name); err != nil {
		return err
	}
	err := s.write(ctx, name, false, func(tx *sql.Tx) error {
		if err := overwrite(ctx, tx, true); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO commands (commands) VALUES ('optimize'); INSERT INTO outputs (outputs) VALUES ('optimize')")
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// overwrite says whether what is deleted is overwritten, which costs twice the writing.
func overwrite(ctx context.Context, tx *sql.Tx, yes bool) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA secure_delete = %t", yes))
	return err
}

// Has says whether a session's rows are there.
func (s *Store) Has(ctx context.Context, session string) (bool, error) {
	at, err := placeOf(session)
	if err != nil {
		return false, err
	}
	m, err := s.take(ctx, at.month, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var n int
	err = m.reader.QueryRowContext(ctx, "SELECT count(*) FROM sessions WHERE id = ?", session).Scan(&n)
	s.give(m)
	if broken(err) {
		return false, s.lose(m, err)
	}
	return n > 0, err
}

// DropMonth deletes everything of a month, "2026-11": a file.
func (s *Store) DropMonth(ctx context.Context, name string) error {
	if err := validMonth(name); err != nil {
		return err
	}
	release, err := s.lockWrites(ctx)
	if err != nil {
		return err
	}
	defer release()
	m, err := s.take(ctx, name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return s.remove(name)
	}
	if err != nil {
		return err
	}
	s.give(m)
	return s.retire(m, func() error { return s.remove(name) })
}

func validMonth(name string) error {
	if _, err := time.Parse(monthLayout, name); err != nil {
		return fmt.Errorf("search: %.20q is no month as 2026-11", name)
	}
	return nil
}

// remove deletes a month's files, which nobody has open.
func (s *Store) remove(name string) error {
	for _, end := range []string{"", "-wal", "-shm", ".aside"} {
		if err := os.Remove(s.path(name) + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("drop search of %s: %w", name, err)
		}
	}
	return nil
}

// lockWrites waits until nobody else writes.
func (s *Store) lockWrites(ctx context.Context) (release func(), err error) {
	if !Built {
		return nil, ErrOff
	}
	select {
	case s.writes <- struct{}{}:
		return func() { <-s.writes }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// write runs one transaction on a month.
func (s *Store) write(ctx context.Context, name string, create bool, do func(tx *sql.Tx) error) error {
	release, err := s.lockWrites(ctx)
	if err != nil {
		return err
	}
	defer release()
	m, err := s.take(ctx, name, create)
	if err != nil {
		return err
	}
	err = transact(ctx, m.writer, do)
	if err == nil && !create { // what was overwritten is in the WAL: into the database with it
		_, err = m.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	s.mu.Lock()
	delete(s.lasts, name)
	s.mu.Unlock()
	s.give(m)
	if broken(err) {
		err = errors.Join(err, s.lose(m, err))
	}
	if err != nil {
		return fmt.Errorf("write search %s: %w", name, sqlite.Explain(err))
	}
	return nil
}

func transact(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // err says what matters; ctx may have rolled back
		}
	}()
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// forget deletes a session.
func forget(ctx context.Context, tx *sql.Tx, session string) error {
	var b int64
	err := tx.QueryRowContext(ctx, "SELECT base FROM sessions WHERE id = ?", session).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"DELETE FROM commands WHERE rowid IN (SELECT ?1 + ?2 - key FROM command_blocks WHERE key BETWEEN ?1 AND ?2)",
		"DELETE FROM outputs WHERE rowid IN (SELECT ?1 + ?2 - key FROM output_blocks WHERE key BETWEEN ?1 AND ?2)",
		"DELETE FROM command_blocks WHERE key BETWEEN ?1 AND ?2",
		"DELETE FROM output_blocks WHERE key BETWEEN ?1 AND ?2",
		"DELETE FROM sessions WHERE base BETWEEN ?1 AND ?2",
	} {
		if _, err := tx.ExecContext(ctx, statement, b, b+blocks-1); err != nil {
			return err
		}
	}
	return nil
}

// bounded cuts a session's names, which come from certificates and policy.
func bounded(m index.Meta) index.Meta {
	for _, s := range []*string{&m.Identity, &m.Owner, &m.Task, &m.Target, &m.Login, &m.Verdict} {
		*s = cut(strings.ToValidUTF8(*s, "\ufffd"), maxMeta)
	}
	return m
}

// whose is what the column of that name holds: a word for each of a session's names, so that a filter costs as little as a word.
func whose(m index.Meta) string {
	return strings.Join([]string{
		tag("identity", m.Identity), tag("owner", m.Owner), tag("task", m.Task), tag("target", m.Target), tag("login", m.Login), tag("verdict", m.Verdict),
	}, " ")
}

func tag(name, value string) string {
	sum := sha256.Sum256([]byte(name + "\x00" + value))
	return hex.EncodeToString(sum[:8])
}
