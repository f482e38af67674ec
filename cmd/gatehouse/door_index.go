package main

import (
	"context"
	"errors"
	"fmt"
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

// indexMetrics says how far the indexer is behind, as Prometheus reads it.
func (d *door) indexMetrics() string {
	b := d.indexer.Behind()
	out := ""
	for _, m := range []struct {
		name, kind, help string
		value            float64
	}{
		{"gatehouse_index_waiting", "gauge", "Closed recordings that have no index yet.", float64(b.Waiting)},
		{"gatehouse_index_oldest_seconds", "gauge", "How long the one that has waited longest has been known.", b.Oldest.Seconds()},
		{"gatehouse_index_done_total", "counter", "Recordings that were indexed since the start.", float64(b.Done)},
		{"gatehouse_index_failed_total", "counter", "Recordings that could not be indexed.", float64(b.Failed)},
	} {
		out += fmt.Sprintf("# HELP %[1]s %[3]s\n# TYPE %[1]s %[2]s\n%[1]s %[4]g\n", m.name, m.kind, m.help, m.value)
	}
	return out
}
