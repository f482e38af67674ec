//go:build sqlite_fts5 || fts5

package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/id"
	"gatehouse/recorder"
	"gatehouse/recorder/index"
	"gatehouse/recorder/search"
)

// Nothing stays in the search of a recording that was removed while it was indexed.
func TestRemovedWhileIndexed(t *testing.T) {
	store, err := search.New(search.Config{Dir: filepath.Join(t.TempDir(), "search")})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	sink := searchSink{store, t.TempDir()}
	for name, there := range map[string]bool{"kept": true, "removed": false} {
		now := time.Now()
		session := id.New(id.Session, now)
		path, err := recorder.Path(sink.recordings, session)
		if err != nil {
			t.Fatal(err)
		}
		if there {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		rows := slices.Values([]index.Row{{Kind: index.KindCommand, Text: "uptime"}})
		if err := sink.Put(context.Background(), index.Meta{Session: session, Started: now}, rows); err != nil {
			t.Fatal(err)
		}
		if has, err := sink.Has(context.Background(), session); err != nil || has != there {
			t.Errorf("%s: %v %v", name, has, err)
		}
	}
}
