// Package storetest holds the contracts of package store as tests that every implementation must pass.
//
// A test calls RunSessions or RunBlobs with a function that opens the implementation on a folder. Opening the same folder
// again must show what was durable before. The kill test starts the calling test binary again as a child, which enters
// through the same test, so RunSessions must be called from a top-level test.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/store"
)

// OpenSessions opens the implementation on a folder and closes it when the test ends.
type OpenSessions func(t *testing.T, dir string) store.Sessions

var start = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)

// RunSessions runs the contract of store.Sessions.
func RunSessions(t *testing.T, open OpenSessions) {
	if runChild(t, open) {
		return
	}
	t.Run("round trip", func(t *testing.T) { roundTrip(t, open(t, t.TempDir())) })
	t.Run("prefixes", func(t *testing.T) { prefixes(t, open(t, t.TempDir())) })
	t.Run("paging", func(t *testing.T) { paging(t, open(t, t.TempDir())) })
	t.Run("filters", func(t *testing.T) { filters(t, open(t, t.TempDir())) })
	t.Run("final", func(t *testing.T) { final(t, open(t, t.TempDir())) })
	t.Run("interrupt", func(t *testing.T) { interrupt(t, open(t, t.TempDir())) })
	t.Run("hostile", func(t *testing.T) { hostile(t, open(t, t.TempDir())) })
	t.Run("invalid", func(t *testing.T) { invalid(t, open(t, t.TempDir())) })
	t.Run("concurrency", func(t *testing.T) { concurrency(t, open(t, t.TempDir())) })
	t.Run("context", func(t *testing.T) { cancelled(t, open(t, t.TempDir())) })
	t.Run("reopen", func(t *testing.T) { reopen(t, open) })
	t.Run("kill", func(t *testing.T) { killed(t, open) })
	t.Run("full disk", func(t *testing.T) { fullDisk(t, open) })
}

// session is the i-th session; ids sort by i.
func session(i int) store.Session {
	return store.Session{ID: fmt.Sprintf("ses_%026d", i), State: store.Live, Started: start.Add(time.Duration(i) * time.Second)}
}

func roundTrip(t *testing.T, s store.Sessions) {
	status := 3
	full := store.Session{
		ID: "ses_1", Connection: "con_1", Identity: "agent:bot", Owner: "group:web", Task: "CHG-1", Target: "web-1", Login: "deploy",
		Source: "192.0.2.1", Mode: "plain", Exactness: "via-shell", PTY: true, Command: "uptime", Verdict: "allow", Code: "c", Rule: "r",
		Reason: "why", State: store.Ended, Exit: &status, Signal: "KILL", Remote: "ended", Started: start, EndedAt: start.Add(time.Minute),
		BytesIn: 1, BytesOut: 1 << 40, Residue: "process 7: sleep 9", Recording: strings.Repeat("ab", 32),
	}
	v := reflect.ValueOf(full)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("this test does not cover %s", v.Type().Field(i).Name)
		}
	}
	bare := store.Session{ID: "ses_2", State: store.Live}
	for _, want := range []store.Session{full, bare} {
		put(t, s, want)
		if got, err := s.Get(context.Background(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
	put(t, s, store.Session{ID: "ses_1", State: store.Killed, Started: start}) // replaced as a whole
	if got, err := s.Get(context.Background(), "ses_1"); err != nil || got.Identity != "" || got.Exit != nil || got.State != store.Killed {
		t.Errorf("after the second Put: %+v, %v", got, err)
	}
}

func prefixes(t *testing.T, s store.Sessions) {
	for _, id := range []string{"ses_AA", "ses_AB", "ses_AB1", "ses_B"} {
		put(t, s, store.Session{ID: id, State: store.Live})
	}
	cases := []struct {
		prefix, want string
		err          error
	}{
		{"ses_AA", "ses_AA", nil}, {"ses_B", "ses_B", nil}, {"ses_AB", "ses_AB", nil}, {"ses_AB1", "ses_AB1", nil},
		{"ses_A", "", store.ErrAmbiguous}, {"s", "", store.ErrAmbiguous}, {"", "", store.ErrNotFound},
		{"ses_C", "", store.ErrNotFound}, {"ses_AA1", "", store.ErrNotFound}, {"%", "", store.ErrNotFound}, {"ses?", "", store.ErrNotFound},
		{"ses_a", "", store.ErrNotFound}, {"ses_A_", "", store.ErrNotFound}, {strings.Repeat("s", 1000), "", store.ErrNotFound},
	}
	for _, c := range cases {
		if got, err := s.Get(context.Background(), c.prefix); got.ID != c.want || !errors.Is(err, c.err) {
			t.Errorf("Get(%.20q) = %q, %v; want %q, %v", c.prefix, got.ID, err, c.want, c.err)
		}
	}
}

func paging(t *testing.T, s store.Sessions) {
	const n = 1000
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { put(t, s, session(i)) })
	}
	wg.Wait()
	if page := list(t, s, store.Filter{}); len(page) != store.DefaultLimit {
		t.Errorf("%d without a limit", len(page))
	}
	if page := list(t, s, store.Filter{Limit: n}); len(page) != store.MaxLimit {
		t.Errorf("%d with a limit of %d", len(page), n)
	}
	next, before := n-1, ""
	for next >= 0 {
		page := list(t, s, store.Filter{Before: before, Limit: 77})
		for _, got := range page {
			if got.ID != session(next).ID {
				t.Fatalf("got %s, want %s", got.ID, session(next).ID)
			}
			next--
		}
		if len(page) == 0 {
			t.Fatalf("the pages end with %d to come", next+1)
		}
		before = page[len(page)-1].ID
	}
	if page := list(t, s, store.Filter{Before: before}); len(page) != 0 {
		t.Errorf("%d beyond the last", len(page))
	}
}

func filters(t *testing.T, s store.Sessions) {
	for i := range 24 {
		session := session(i)
		session.State = []store.State{store.Live, store.Ended, store.Denied}[i%3]
		session.Identity = []string{"agent:a", "agent:b"}[i%2]
		session.Target = []string{"web-1", "web-2", "db-1", "db-2"}[i%4]
		session.Verdict = []string{"allow", "deny"}[i/12]
		put(t, s, session)
	}
	cases := []struct {
		f    store.Filter
		keep func(i int) bool
	}{
		{store.Filter{State: store.Ended}, func(i int) bool { return i%3 == 1 }},
		{store.Filter{Identity: "agent:b"}, func(i int) bool { return i%2 == 1 }},
		{store.Filter{Target: "db-1"}, func(i int) bool { return i%4 == 2 }},
		{store.Filter{Verdict: "deny"}, func(i int) bool { return i >= 12 }},
		{store.Filter{Since: start.Add(5 * time.Second)}, func(i int) bool { return i >= 5 }},
		{store.Filter{Since: start.Add(5*time.Second + 1)}, func(i int) bool { return i >= 6 }},
		{store.Filter{Before: session(7).ID}, func(i int) bool { return i < 7 }},
		{store.Filter{State: store.Live, Identity: "agent:a", Target: "web-1", Verdict: "deny", Since: start}, func(i int) bool { return i == 12 }},
		{store.Filter{Target: "web"}, func(int) bool { return false }},
	}
	for _, c := range cases {
		var want []string
		for i := 23; i >= 0; i-- {
			if c.keep(i) {
				want = append(want, session(i).ID)
			}
		}
		if got := ids(list(t, s, c.f)); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v:\ngot  %v\nwant %v", c.f, got, want)
		}
	}
}

func final(t *testing.T, s store.Sessions) {
	ended := session(1)
	put(t, s, ended)
	ended.State = store.Ended
	put(t, s, ended)
	if err := s.Put(context.Background(), session(1)); !errors.Is(err, store.ErrFinal) {
		t.Errorf("an ended session lives again: %v", err)
	}
	ended.State, ended.Remote = store.Killed, "unconfirmed" // a final state may be corrected
	put(t, s, ended)
	if got, err := s.Get(context.Background(), ended.ID); err != nil || got.State != store.Killed {
		t.Errorf("got %+v, %v", got, err)
	}
}

func interrupt(t *testing.T, s store.Sessions) {
	for i := range 6 {
		session := session(i)
		if i%2 == 1 {
			session.State, session.EndedAt = store.Ended, start
		}
		put(t, s, session)
	}
	at := start.Add(time.Hour)
	got, err := s.Interrupt(context.Background(), at)
	if err != nil || !reflect.DeepEqual(ids(got), []string{session(4).ID, session(2).ID, session(0).ID}) {
		t.Fatalf("Interrupt: %v, %v", ids(got), err)
	}
	for _, g := range got {
		stored, err := s.Get(context.Background(), g.ID)
		if err != nil || !reflect.DeepEqual(stored, g) || g.State != store.Interrupted || !g.EndedAt.Equal(at) {
			t.Errorf("returned %+v, stored %+v, %v", g, stored, err)
		}
	}
	if again, err := s.Interrupt(context.Background(), at); err != nil || len(again) != 0 {
		t.Errorf("the second Interrupt: %v, %v", ids(again), err)
	}
	if other, err := s.Get(context.Background(), session(1).ID); err != nil || other.State != store.Ended {
		t.Errorf("an ended session: %+v, %v", other, err)
	}
}

func put(t *testing.T, s store.Sessions, session store.Session) {
	t.Helper()
	if err := s.Put(context.Background(), session); err != nil {
		t.Errorf("Put %s: %v", session.ID, err)
	}
}

func list(t *testing.T, s store.Sessions, f store.Filter) []store.Session {
	t.Helper()
	found, err := s.List(context.Background(), f)
	if err != nil {
		t.Fatalf("List %+v: %v", f, err)
	}
	return found
}

func ids(sessions []store.Session) []string {
	var all []string
	for _, s := range sessions {
		all = append(all, s.ID)
	}
	return all
}
