package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
)

// TestLines: the lines of a place are those of its own prompts, oldest first, bounded in number and bytes, and go with their recordings.
func TestLines(t *testing.T) {
	s := openSQLite(t, filepath.Join(t.TempDir(), "gatehouse.db"))
	place := func(id string) store.Session {
		return store.Session{ID: id, Identity: "agent:bot", Owner: "person:ann", Target: "web-1", Login: "deploy"}
	}
	put := func(session store.Session, lines ...string) {
		t.Helper()
		if err := s.PutLines(t.Context(), session, lines); err != nil {
			t.Fatal(err)
		}
	}
	lines := func(session store.Session) []string {
		t.Helper()
		got, err := s.Lines(t.Context(), session)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	put(place("ses_1"), "a", "b")
	put(place("ses_2"), "c")
	if got := lines(place("ses_9")); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%q", got)
	}
	for what, change := range map[string]func(*store.Session){
		"identity": func(s *store.Session) { s.Identity = "agent:other" }, "owner": func(s *store.Session) { s.Owner = "person:ben" },
		"target": func(s *store.Session) { s.Target = "web-2" }, "login": func(s *store.Session) { s.Login = "root" },
	} {
		other := place("ses_9")
		if change(&other); len(lines(other)) != 0 {
			t.Errorf("another %s has %q", what, lines(other))
		}
	}
	if err := s.PutFate(t.Context(), store.Fate{Session: "ses_1", Kind: store.Shredded, Why: "w", At: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	put(place("ses_1"), "late")
	if got := lines(place("ses_9")); !slices.Equal(got, []string{"c"}) {
		t.Errorf("%q are there without their recording", got)
	}
	var many []string
	for i := range 2 * store.MaxLines {
		many = append(many, fmt.Sprint(i))
	}
	put(place("ses_3"), many...)
	if got := lines(place("ses_9")); len(got) != store.MaxLines || got[len(got)-1] != "999" || got[0] != "500" {
		t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
	}
	long := strings.Repeat("é", 10<<10)
	put(place("ses_4"), long, long)
	put(place("ses_5"), long, long)
	if got := lines(place("ses_9")); !slices.Equal(got, []string{long, long, long}) {
		t.Errorf("%d lines", len(got))
	}
	put(place("ses_6"), long, long, long, long)
	if got := lines(place("ses_9")); len(got) != 3 {
		t.Errorf("%d lines", len(got))
	}
}
