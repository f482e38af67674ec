//go:build !sqlite_fts5 && !fts5

package search

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A build without FTS5 says so, whatever it is asked, and makes nothing.
func TestOff(t *testing.T) {
	s, err := New(Config{Dir: filepath.Join(t.TempDir(), "search")})
	must(t, err)
	q, err := ParseQuery("word", day)
	must(t, err)
	_, search := s.Search(context.Background(), q, "")
	_, has := s.Has(context.Background(), session(1))
	for _, err := range []error{search, has, s.Put(context.Background(), meta(1), slices.Values(lines("word"))), s.Forget(context.Background(), session(1)), s.DropMonth(context.Background(), "2026-11"), s.Purge(context.Background(), "2026-11")} {
		if !errors.Is(err, ErrOff) {
			t.Errorf("%v", err)
		}
	}
	if _, err := os.Stat(s.cfg.Dir); err == nil {
		t.Error("it made a folder")
	}
	must(t, s.Close())
}
