//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/sqlite"
	"gatehouse/recorder/index"
)

// exec runs statements on a database past the Store.
func exec(path, statements string) error {
	db := sqlite.Pool(path, "mode", "rwc")
	_, err := db.Exec(statements)
	return errors.Join(err, db.Close())
}

// A long row is found by what is in its first part, and shown around the match.
func TestLongRows(t *testing.T) {
	s := newShelf(t)
	s.put(meta(1), strings.Repeat("ä ", 5000)+"needle "+strings.Repeat("ö ", 9000)+"lost", strings.Repeat("x", 200)+" word")
	hit := s.find("needle").Sessions[0].Hits[0]
	if len(hit.Text) > maxHitText+2*len(ellipsis) || !strings.HasPrefix(hit.Text, ellipsis) || !strings.HasSuffix(hit.Text, ellipsis) || !strings.Contains(marked(hit), " [needle] ") {
		t.Errorf("%q", marked(hit))
	}
	if got := told(s.find("lost")); got != "" {
		t.Error(got)
	}
	if got := told(s.find(strings.Repeat("x", 200))); got == "" {
		t.Error("a word longer than a part is not found")
	}
	if got := told(s.find(strings.Repeat("x", 199))); got != "" {
		t.Error("a word is found by its beginning alone")
	}
	if got := told(s.find(strings.Repeat("x", 199) + "*")); got == "" {
		t.Error("a long prefix is not found")
	}
}

// A prefix of very many words is found by comparing rows, alone, with others and with filters.
func TestWidePrefix(t *testing.T) {
	s := newShelf(t)
	var texts []string
	for i := range 1000 {
		texts = append(texts, fmt.Sprintf("item%04d text", i))
	}
	s.put(meta(1), texts...)
	s.put(meta(2), "item9999 of the other", "nothing")
	s.put(meta(3), "nothing")
	want := "1: [item]0000 text | [item]0001 text | [item]0002 text | [item]0003 text | [item]0004 text | more\n"
	if got := told(s.find("item*")); got != "2: [item]9999 of the other\n"+want {
		t.Error(got)
	}
	if got := told(s.find("item* other")); got != "2: [item]9999 of the [other]\n" {
		t.Error(got)
	}
	if got := told(s.find("item* agent:bot verdict:allow session:" + session(1))); !strings.HasPrefix(got, "1: [item]0000 text | [item]0001") {
		t.Error(got)
	}
	if got := told(s.find("item* -text until:2026-11-20T12:02:01Z")); got != "2: [item]9999 of the other\n" {
		t.Error(got)
	}
	if got := told(s.find("zz*")); got != "" {
		t.Error(got)
	}
}

// A search that takes too long gives what it has, and a cursor with which the rest comes; one that comes to nothing says so.
func TestLongestSearch(t *testing.T) {
	s := newShelf(t)
	for n := range 6 {
		var texts []string
		for i := range 4000 {
			texts = append(texts, fmt.Sprintf("left %d %s", i, strings.Repeat("filler ", 30)), fmt.Sprintf("right %d", i))
		}
		s.put(meta(n), append(texts, "left right")...)
	}
	s.cfg.Longest = 30 * time.Millisecond
	q, err := ParseQuery("left right", day)
	must(t, err)
	var found []string
	stops := 0
	for from, tries := "", 0; ; {
		p, err := s.Search(context.Background(), q, from)
		if errors.Is(err, ErrTooWide) && tries < 50 {
			tries++
			s.cfg.Longest *= 2
			continue
		}
		must(t, err)
		for _, f := range p.Sessions {
			found = append(found, f.ID)
		}
		if p.Stopped {
			stops++
		}
		if from = p.Next; from == "" {
			break
		}
	}
	if want := []string{session(5), session(4), session(3), session(2), session(1), session(0)}; !slices.Equal(found, want) || stops == 0 {
		t.Errorf("found %q with %d stops", found, stops)
	}
	s.cfg.Longest = time.Nanosecond
	if _, err := s.Search(context.Background(), q, ""); !errors.Is(err, ErrTooWide) {
		t.Errorf("no time at all: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Search(ctx, q, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
}

// A full disk fails Put and nothing else, after a start too.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"))
	s := &shelf{t: t, dir: dir}
	s.reopen()
	defer func() {
		must(t, s.Close())
		must(t, syscall.Unmount(dir, 0))
	}()
	s.put(meta(1), "$ small", "some text")
	var texts []string
	for i := range 200_000 {
		texts = append(texts, fmt.Sprintf("text %d %x", i, i*7919))
	}
	if err := s.Put(context.Background(), meta(2), slices.Values(lines(texts...))); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("it was put: %v", err)
	}
	if got := told(s.find("text")); got != "1: some [text]\n" {
		t.Error(got)
	}
	s.put(meta(3), "more text")
	for i := range 2 {
		fill(t, filepath.Join(dir, fmt.Sprint("fill", i)))
		if err := s.Put(context.Background(), meta(4), slices.Values(lines(texts...))); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("it was put: %v", err)
		}
		if got := told(s.find("text")); got != "3: more [text]\n1: some [text]\n" {
			t.Error(got)
		}
		s.reopen()
	}
}

// fill takes every free byte of a file system.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	must(t, f.Close())
}

// What is kept of one session is bounded, and the search says that there was more.
func TestSessionIsBounded(t *testing.T) {
	s := newShelf(t)
	s.maxRows = 1000
	n := 0
	must(t, s.Put(context.Background(), meta(1), func(yield func(index.Row) bool) {
		for n = 0; yield(index.Row{Kind: index.KindOutput, Text: "x y"}); n++ {
			if n > s.maxRows {
				t.Fatal("it takes everything")
			}
		}
	}))
	f := s.find("x").Sessions[0]
	if n != s.maxRows || !f.Cut {
		t.Errorf("%d rows, cut %v", n, f.Cut)
	}
	if _, err := s.take(context.Background(), "2020-01", false); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
