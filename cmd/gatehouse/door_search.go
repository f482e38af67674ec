package main

import (
	"os"
	"path/filepath"
	"strings"

	"gatehouse/recorder"
	"gatehouse/recorder/index"
	"gatehouse/recorder/search"
)

// openSearch opens the search. A database that turns out to be broken is made again: its month's recordings are indexed anew.
func (d *door) openSearch(dir string) (err error) {
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
	return d.search
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
