package store

import (
	"context"
	"database/sql"
	"fmt"
	"gatehouse/internal/sqlite"
)

// maxBatch bounds how many writes share a transaction.
const maxBatch = 256

// write is one change, waiting for its transaction.
type write struct {
	// do runs in the transaction. A *refusal answers this write alone; any other error undoes the whole batch.
	do   func(tx *sql.Tx) error
	done chan error // buffered, so that the writer never waits for a caller
}

// refusal is an error of one write that leaves the transaction sound.
type refusal struct{ error }

// submit hands a write to the writer and waits until it is durable or has failed.
func (s *SQLite) submit(ctx context.Context, do func(tx *sql.Tx) error) error {
	w := write{do: do, done: make(chan error, 1)}
	select {
	case s.writes <- w:
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run is the writer. What arrives while a transaction commits goes into the next one.
func (s *SQLite) run() {
	defer close(s.stopped)
	for {
		select {
		case <-s.closing:
			return
		case first := <-s.writes:
			s.commit(s.collect(first))
		}
	}
}

// collect takes what other callers are waiting to hand over right now.
func (s *SQLite) collect(first write) []write {
	batch := []write{first}
	for len(batch) < maxBatch {
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// commit runs the batch in one transaction and answers every caller.
func (s *SQLite) commit(batch []write) {
	refusals, err := s.transact(batch)
	if err != nil {
		err = sqlite.Explain(err)
		s.log.Error("write failed", "writes", len(batch), "error", err)
	}
	for i, w := range batch {
		if err == nil {
			w.done <- refusals[i]
			continue
		}
		w.done <- fmt.Errorf("write session: %w", err)
	}
}

func (s *SQLite) transact(batch []write) ([]error, error) {
	tx, err := s.writer.Begin()
	if err != nil {
		return nil, err
	}
	refusals := make([]error, len(batch))
	for i, w := range batch {
		err := w.do(tx)
		if r, ok := err.(refusal); ok {
			refusals[i] = r.error
			continue
		}
		if err != nil {
			_ = tx.Rollback() // SQLite may have rolled back itself; the first error is the one that counts
			return nil, err
		}
	}
	return refusals, tx.Commit()
}
