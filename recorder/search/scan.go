package search

import (
	"context"
	"database/sql"
	"strings"
)

// kinds are the two kinds of rows, in the order in which a session's are given.
var kinds = [2]struct{ name, words, blocks string }{
	{Commands, "commands", "command_blocks"},
	{Output, "outputs", "output_blocks"},
}

// skipRows is how many blocks of a session that has enough hits are read over before the statement is begun anew below it.
const skipRows = 20

// The order of the joins is written down, so that the blocks come in the order of their numbers without being sorted.
const (
	foundBlocks = "SELECT w.rowid, b.rows FROM {words} w CROSS JOIN {blocks} b ON b.key = " + turnedSQL +
		" WHERE w.{words} MATCH ?3 AND w.rowid >= ?1 AND w.rowid < ?2 ORDER BY w.rowid DESC"
	everyBlock = "SELECT s.base + " + turnedLast + " - b.key + s.base, b.rows FROM sessions s CROSS JOIN {blocks} b ON b.key BETWEEN s.base AND s.base + " + turnedLast +
		" WHERE s.base BETWEEN ?1 AND ?2 - 1 AND b.key > s.base + " + turnedLast + " - (?2 - s.base) ORDER BY s.base DESC, b.key"
)

// scan goes through one kind of a month's blocks that FTS5 has found, from the highest number down.
type scan struct {
	kind   int
	match  string // for FTS5
	lowest int64
	at     bound // what is left begins here

	tx     *sql.Tx
	rows   *sql.Rows // nil at the end
	number int64     // of the block at hand
	stored []byte
}

func newScan(ctx context.Context, tx *sql.Tx, kind int, q *Query, lowest int64, at bound) (*scan, error) {
	s := &scan{kind: kind, lowest: lowest, at: at, tx: tx}
	var some bool
	var err error
	if s.match, some, err = q.expression(ctx, tx, kinds[kind].words); err != nil || !some {
		return s, err
	}
	return s, s.begin(ctx)
}

// begin starts at s.at.
func (s *scan) begin(ctx context.Context) (err error) {
	s.close()
	query, args := everyBlock, []any{s.lowest, s.at.below}
	if s.match != "" {
		query, args = foundBlocks, append(args, s.match)
	}
	if s.rows, err = s.tx.QueryContext(ctx, strings.NewReplacer("{words}", kinds[s.kind].words, "{blocks}", kinds[s.kind].blocks).Replace(query), args...); err != nil {
		return err
	}
	return s.next()
}

// next brings the next block to hand.
func (s *scan) next() error {
	if s.rows.Next() {
		s.stored = s.stored[:0]
		var b sql.RawBytes
		if err := s.rows.Scan(&s.number, &b); err != nil {
			return err
		}
		s.stored = append(s.stored, b...)
		return nil
	}
	err := s.rows.Err()
	if err == nil {
		s.close()
	}
	return err
}

// done says whether there is nothing at hand.
func (s *scan) done() bool { return s.rows == nil }

// has says whether the block at hand is one of that session's.
func (s *scan) has(session int64) bool { return !s.done() && base(s.number) == session }

// passed says that n rows of the block at hand are done with.
func (s *scan) passed(n int) { s.at = bound{s.number + 1, n} }

// skipTo returns how many rows of the block at hand are to be skipped.
func (s *scan) skip() int {
	if s.number == s.at.below-1 {
		return s.at.skip
	}
	return 0
}

// over goes on to the next block.
func (s *scan) over() error {
	s.at = bound{below: s.number}
	return s.next()
}

// leave goes on to the next session.
func (s *scan) leave(ctx context.Context, session int64) error {
	for n := 0; s.has(session); n++ {
		s.at = bound{below: session}
		if n == skipRows {
			return s.begin(ctx)
		}
		if err := s.next(); err != nil {
			return err
		}
	}
	return nil
}

func (s *scan) close() {
	if s.rows != nil {
		_ = s.rows.Close() // what matters has come by Err
		s.rows = nil
	}
}
