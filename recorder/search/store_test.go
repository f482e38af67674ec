//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/recorder/index"
)

// Put replaces, Forget deletes, and nothing of what was is found.
func TestPutReplacesAndForgetDeletes(t *testing.T) {
	s := newShelf(t)
	s.put(meta(1), "$ first", "old text")
	s.put(meta(2), "$ other", "old text")
	s.put(meta(1), "$ second", "new text", "more text")
	if got := told(s.find("text")); got != "2: old [text]\n1: new [text] | more [text]\n" {
		t.Error(got)
	}
	has := func(n int) bool {
		t.Helper()
		ok, err := s.Has(context.Background(), session(n))
		must(t, err)
		return ok
	}
	if !has(1) || has(3) {
		t.Error("Has is wrong")
	}
	must(t, s.Forget(context.Background(), session(1)))
	must(t, s.Forget(context.Background(), session(3)))
	must(t, s.Forget(context.Background(), sessionAt(day.AddDate(-1, 0, 0), 1)))
	if got := told(s.find("text")) + told(s.find("se*")); got != "2: old [text]\n" || has(1) {
		t.Error(got)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "2025-11.db")); err == nil {
		t.Error("to forget made a database")
	}
	s.reopen()
	if got := told(s.find("text")); got != "2: old [text]\n" {
		t.Error(got)
	}
}

// What was forgotten is not in the files any more: its text at once, its words after a purge.
func TestForgottenIsGone(t *testing.T) {
	s := newShelf(t)
	s.put(meta(1), "zqxword in Zqxtext")
	s.put(meta(2), "other words")
	holds := func(text string) bool {
		found := false
		files, err := os.ReadDir(s.dir)
		must(t, err)
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(s.dir, f.Name()))
			must(t, err)
			found = found || strings.Contains(string(b), text)
		}
		return found
	}
	if !holds("Zqxtext") || !holds("zqxtext") {
		t.Fatal("it was never there")
	}
	must(t, s.Forget(context.Background(), session(1)))
	if holds("Zqxtext") {
		t.Error("the text is still there")
	}
	must(t, s.Purge(context.Background(), "2026-11"))
	must(t, s.Purge(context.Background(), "2020-11"))
	if holds("zqxtext") || holds("zqxword") {
		t.Error("the words are still there")
	}
	if got := told(s.find("words")); got != "2: other [words]\n" {
		t.Error(got)
	}
}

// After an error, of rows or of the context, a session is as it was.
func TestPutIsWholeOrNot(t *testing.T) {
	s := newShelf(t)
	s.put(meta(1), "old text")
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Put(ctx, meta(1), func(yield func(index.Row) bool) {
		for i := range 1000 {
			if i == 500 {
				cancel()
			}
			if !yield(index.Row{Kind: index.KindOutput, Text: fmt.Sprint("new text ", i)}) {
				return
			}
		}
	})
	if err == nil {
		t.Error("it was put")
	}
	if got := told(s.find("text")); got != "1: old [text]\n" {
		t.Error(got)
	}
	if err := s.Put(context.Background(), index.Meta{Session: "ses_../../x"}, slices.Values(lines("x"))); err == nil {
		t.Error("a hostile id is taken")
	}
}

// A session with more hits than a page shows says so, and a search in it alone has all, page after page, each once and in order.
func TestPages(t *testing.T) {
	s := newShelf(t)
	var texts []string
	for i := range 450 {
		texts = append(texts, fmt.Sprintf("line %03d %s", i, strings.Repeat("filler ", i%60)))
		if i%9 == 0 {
			texts = append(texts, fmt.Sprintf("$ line of command %d", i))
		}
	}
	for n := range 45 {
		s.put(meta(n), texts...)
	}
	var sessions []string
	for from := ""; ; {
		p := s.page("line", from)
		for _, f := range p.Sessions {
			if len(f.Hits) != sessionHits || !f.More || f.Hits[0].Kind != Commands {
				t.Fatalf("%d hits of %s, %+v", len(f.Hits), f.ID, f.Hits[0])
			}
			sessions = append(sessions, f.ID)
		}
		if from = p.Next; from == "" {
			break
		}
	}
	want := make([]string, 0, 45)
	for n := 44; n >= 0; n-- {
		want = append(want, session(n))
	}
	if !slices.Equal(sessions, want) {
		t.Errorf("%d sessions: %q", len(sessions), sessions)
	}
	var hits []string
	pages := 0
	for from := ""; ; pages++ {
		p := s.page("line session:"+session(20), from)
		for _, h := range p.Sessions[0].Hits {
			hits = append(hits, h.Kind[:1]+h.Text)
		}
		if from = p.Next; from == "" {
			break
		}
	}
	want = want[:0]
	for _, kind := range []string{index.KindCommand, index.KindOutput} {
		for _, r := range lines(texts...) {
			if r.Kind == kind {
				want = append(want, kind[:1]+clip(r.Text))
			}
		}
	}
	if pages != 2 || !slices.Equal(hits, want) {
		t.Errorf("%d hits on %d pages, want %d", len(hits), pages+1, len(want))
	}
}

// clip is a long row as a hit has it, the match at its beginning.
func clip(text string) string {
	if len(text) > maxHitText {
		return text[:maxHitText] + ellipsis
	}
	return text
}

// A search goes through the months, and the files that are open are bounded.
func TestMonths(t *testing.T) {
	s := newShelf(t)
	for n := range 14 {
		m := meta(n)
		m.Started = day.AddDate(0, -n, 0)
		m.Session = sessionAt(m.Started, n)
		s.put(m, fmt.Sprintf("monthly text %d", n))
	}
	want := ""
	for n := range 14 {
		want += fmt.Sprintf("%d: monthly [text] %d\n", n, n)
	}
	if got := told(s.find("text")); got != want {
		t.Error(got)
	}
	if got := told(s.find("text since:" + day.AddDate(0, -1, -1).Format(time.DateOnly))); got != "0: monthly [text] 0\n1: monthly [text] 1\n" {
		t.Error(got)
	}
	if got := told(s.find("text until:2025-11-01")); got != "13: monthly [text] 13\n" {
		t.Error(got)
	}
	s.mu.Lock()
	if len(s.open) > maxOpen {
		t.Errorf("%d months are open", len(s.open))
	}
	s.mu.Unlock()
	must(t, s.DropMonth(context.Background(), "2026-10"))
	must(t, s.DropMonth(context.Background(), "2020-01"))
	if err := s.DropMonth(context.Background(), "../2026-09"); err == nil {
		t.Error("a hostile month is dropped")
	}
	if got := told(s.find("text")); got != strings.Replace(want, "1: monthly [text] 1\n", "", 1) {
		t.Error(got)
	}
}

// A database that is not one, is another's, or breaks while it is open is moved aside and said to be lost; the others are found,
// and it is filled again.
func TestBrokenDatabases(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"no database": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("spoilt ", 1000)), 0o600) },
		"another's": func(path string) error {
			return errors.Join(os.Remove(path), exec(path, "CREATE TABLE x (y); PRAGMA user_version = 7"))
		},
		"of another version": func(path string) error { return exec(path, "PRAGMA user_version = 2") },
		"a block":            func(path string) error { return exec(path, "UPDATE output_blocks SET rows = x'09ff'") },
		"a session":          func(path string) error { return exec(path, "DELETE FROM sessions") },
		"the words": func(path string) error {
			return exec(path, "UPDATE outputs_data SET block = x'00ff00ff00ff' WHERE id > 10")
		},
		"a page": func(path string) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte(strings.Repeat("\xff", 8192)), 4096)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			old := meta(2)
			old.Started = day.AddDate(0, -1, 0)
			old.Session = sessionAt(old.Started, 2)
			s.put(meta(1), "some text")
			s.put(old, "older text")
			must(t, s.Close())
			must(t, spoil(filepath.Join(s.dir, "2026-11.db")))
			s.Store = nil
			s.reopen()
			if got := told(s.find("text")); got != "2: older [text]\n" {
				t.Errorf("found %q", got)
			}
			if !slices.Equal(s.lost, []string{"2026-11"}) {
				t.Errorf("lost %q", s.lost)
			}
			if has, err := s.Has(context.Background(), session(1)); has || err != nil {
				t.Errorf("it has what was lost: %v", err)
			}
			s.put(meta(1), "some text")
			if got := told(s.find("text")); got != "1: some [text]\n2: older [text]\n" {
				t.Errorf("found %q", got)
			}
			if _, err := os.Stat(filepath.Join(s.dir, "2026-11.db.aside")); err != nil {
				t.Error(err)
			}
		})
	}
}

// Searches, writes and deletions go on at once.
func TestAtOnce(t *testing.T) {
	s := newShelf(t)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 25 {
				n := worker*25 + i
				m := meta(n)
				m.Started = day.AddDate(0, -i%12, 0)
				m.Session = sessionAt(m.Started, n)
				if err := s.Put(context.Background(), m, slices.Values(lines("$ command", "output text"))); err != nil {
					t.Error(err)
				}
				q, err := ParseQuery("text*", day)
				if err != nil {
					t.Error(err)
				}
				if _, err := s.Search(context.Background(), q, ""); err != nil {
					t.Error(err)
				}
				if i%5 == 0 {
					err = errors.Join(s.Forget(context.Background(), m.Session), s.DropMonth(context.Background(), m.Started.Format(monthLayout)))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
