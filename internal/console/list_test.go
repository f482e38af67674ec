package console

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// The table keeps to the width, whatever it is, and at 80 columns says what matters.
func TestTableKeepsToTheWidth(t *testing.T) {
	d := newDesk(t)
	live, ended, denied := d.some()
	d.add(store.Session{Identity: "agent:" + strings.Repeat("n", 60), Target: strings.Repeat("t", 60), Login: "deploy", Command: strings.Repeat("c ", 200),
		State: store.Failed, Started: d.now.Add(-72 * time.Hour)}, policy.Decision{Verdict: policy.Allow}, "")
	for _, cols := range []int{80, 100, 132, 200} {
		out, _, code := d.runAt(cols, "sessions", "list")
		for _, line := range strings.Split(out, "\n") {
			if n := utf8.RuneCountInString(line); n > cols || code != 0 {
				t.Errorf("%d columns at width %d: %q", n, cols, line)
			}
		}
	}
	out, _, _ := d.run("sessions", "list")
	lines := strings.Split(out, "\n")
	for i, want := range []string{"ID", live.ID[:14], denied.ID[:14], ended.ID[:14]} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %s: live first, then newest", i, lines[i], want)
		}
	}
	for _, want := range []string{"live", "denied", "exit 0", "release-bot", "deploy@web-1", "rm -rf /"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table at 80 columns does not say %q:\n%s", want, out)
		}
	}
}

// The id that a table shows finds the session again, also beside others of the same millisecond.
func TestShortIDsAreUnique(t *testing.T) {
	d := newDesk(t)
	for range 20 {
		d.add(store.Session{Identity: "agent:a", Target: "t", Login: "l", State: store.Ended, Started: d.now}, policy.Decision{Verdict: policy.Allow}, "")
	}
	list, err := d.List(t.Context(), ann, store.Filter{})
	must(t, err)
	for _, s := range list.Sessions {
		if got, err := d.store.Get(t.Context(), s.Short); err != nil || got.ID != s.ID || len(s.Short) > 24 {
			t.Errorf("%s for %s: %v", s.Short, s.ID, err)
		}
	}
}

func TestPagesHaveEverySessionOnce(t *testing.T) {
	d := newDesk(t)
	d.some()
	for i := range 9 {
		d.add(store.Session{Identity: "agent:a", Target: "t", Login: "l", State: store.Ended, Started: d.now.Add(time.Duration(-i) * 20 * time.Minute)},
			policy.Decision{Verdict: policy.Allow}, "")
	}
	seen := map[string]int{}
	for next := ""; ; {
		list, err := d.List(t.Context(), ann, store.Filter{Limit: 4, Before: next})
		must(t, err)
		for _, s := range list.Sessions {
			seen[s.ID]++
		}
		if next = list.Next; next == "" {
			break
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d sessions over all pages, want 12", len(seen))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

func TestFilters(t *testing.T) {
	d := newDesk(t)
	live, ended, denied := d.some()
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--live", []string{live.ID}},
		{"--denied", []string{denied.ID}},
		{"--state ended", []string{ended.ID}},
		{"--agent release-bot", []string{live.ID, ended.ID}},
		{"--agent agent:triage-bot", []string{denied.ID}},
		{"--person release-bot", nil},
		{"--target web-2", []string{denied.ID}},
		{"--since 45m", []string{denied.ID}},
		{"--since 3h --state live", []string{live.ID}},
	} {
		out, errs, _ := d.run(append([]string{"sessions", "list", "--json"}, strings.Fields(c.args)...)...)
		var got Listing
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%s: %v %s", c.args, err, errs)
		}
		var ids []string
		for _, s := range got.Sessions {
			ids = append(ids, s.ID)
		}
		if strings.Join(ids, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: %v, want %v", c.args, ids, c.want)
		}
	}
}

func TestOverviewCounts(t *testing.T) {
	d := newDesk(t)
	d.some()
	d.add(store.Session{Identity: "agent:a", Target: "t", State: store.Denied, Started: d.now.Add(-25 * time.Hour)}, policy.Decision{Verdict: policy.Deny}, "")
	o, err := d.Overview(t.Context(), ann)
	must(t, err)
	if o.Live != 1 || o.Denied != 1 || o.Started != 3 || o.Agents != 2 || o.Targets != 2 || len(o.Running) != 1 || len(o.Recent) != 3 || len(o.Refusals) != 1 {
		t.Errorf("%+v", o)
	}
}
