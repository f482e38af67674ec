package main

import (
	"context"
	"errors"
	"path/filepath"

	"gatehouse/internal/store"
	"gatehouse/recorder/index"
)

// openIndexer makes what derives an index from each recording that is closed.
func (d *door) openIndexer(dir string) error {
	var err error
	if err := d.openSearch(dir); err != nil {
		return err
	}
	d.indexer, err = index.New(index.Config{Dir: filepath.Join(dir, "recordings"), Source: d.recorder, Detector: d.secrets, Meta: d.indexMeta, Sink: d.sink(), Log: d.log.Named("index")})
	return err
}

// indexMeta adds what only the session's row knows. A recording without a row is indexed all the same.
func (d *door) indexMeta(ctx context.Context, m *index.Meta) error {
	s, err := d.sessions.Get(ctx, m.Session)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	m.Verdict = s.Verdict
	return err
}

// runIndexer starts the indexer, and returns what stops it and waits.
func (d *door) runIndexer(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.indexer.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

// countIndex says how far the indexer is behind.
func (d *door) countIndex() {
	n := d.numbers
	n.gauge("gatehouse_index_waiting", "Closed recordings that have no index yet.", func() float64 { return float64(d.indexer.Behind().Waiting) })
	n.gauge("gatehouse_index_oldest_seconds", "How long the one that has waited longest has been known.", func() float64 { return d.indexer.Behind().Oldest.Seconds() })
	n.counting("gatehouse_index_done_total", "Recordings that were indexed since the start.", func() float64 { return float64(d.indexer.Behind().Done) })
	n.counting("gatehouse_index_failed_total", "Recordings that could not be indexed.", func() float64 { return float64(d.indexer.Behind().Failed) })
}
