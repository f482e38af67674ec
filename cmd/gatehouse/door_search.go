package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/keep"
	"gatehouse/internal/supervisor"
	"gatehouse/recorder"
	"gatehouse/recorder/index"
	"gatehouse/recorder/search"
)

// openSearch opens the search. A database that turns out to be broken is made again: its month's recordings are indexed anew. A
// build that cannot search removes what another one has made, as it could not remove single sessions from it.
func (d *door) openSearch(dir string) (err error) {
	if !search.Built {
		if err := os.RemoveAll(filepath.Join(dir, "search")); err != nil {
			return fmt.Errorf("remove what this build cannot search: %w", err)
		}
	}
	recordings := filepath.Join(dir, "recordings")
	d.search, err = search.New(search.Config{Dir: filepath.Join(dir, "search"), Log: d.log.Named("search"), Lost: func(month string) {
		go d.indexAgain(recordings, month)
	}})
	return err
}

// sink is who takes the rows of recordings; nobody in a build that cannot search, so that another one catches up.
func (d *door) sink() index.Sink {
	if !search.Built {
		return nil
	}
	return searchSink{d.search, filepath.Join(supervisor.DoorDir(d.settings.Data), "recordings")}
}

// derived is what is made from recordings and goes with them.
func (d *door) derived() []keep.Forgetter {
	if !search.Built {
		return nil
	}
	return []keep.Forgetter{d.search}
}

// searchSink is the search for the indexer: of a recording that was removed while it was indexed nothing stays. Whoever removes
// one removes the file first and then what was derived.
type searchSink struct {
	*search.Store
	recordings string
}

// Put implements index.Sink.
func (s searchSink) Put(ctx context.Context, m index.Meta, rows iter.Seq[index.Row]) error {
	path, err := recorder.Path(s.recordings, m.Session)
	if err != nil {
		return err
	}
	if err := s.Store.Put(ctx, m, rows); err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return s.Forget(context.WithoutCancel(ctx), m.Session)
	}
	return nil
}

// indexAgain has the indexer take the closed recordings of a month once more.
func (d *door) indexAgain(recordings, month string) {
	files, err := os.ReadDir(filepath.Join(recordings, month))
	if err != nil {
		d.log.Warn("look for recordings whose rows were lost", "error", err)
	}
	for _, f := range files {
		if session, ok := strings.CutSuffix(f.Name(), ".ghr"); ok && recorder.Settled(recordings, session) {
			d.indexer.Closed(session)
		}
	}
}
