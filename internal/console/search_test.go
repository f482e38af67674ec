package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/recorder/search"
)

// shelf answers searches with what a test has put on it, and remembers the queries.
type shelf struct {
	page    search.Page
	err     error
	queries []string
	from    string
}

func (s *shelf) Search(_ context.Context, q *search.Query, from string) (search.Page, error) {
	s.queries, s.from = append(s.queries, q.Text), from
	return s.page, s.err
}

func searchDesk(t *testing.T) (*desk, *shelf, store.Session) {
	t.Helper()
	d := newDesk(t)
	_, ended, _ := d.some()
	s := &shelf{page: search.Page{Next: "2026-11.a.0.b.0", Sessions: []search.Session{{ID: ended.ID, Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Verdict: "allow",
		Started: ended.Started, More: true, Hits: []search.Hit{
			{At: 0, Command: 1, Kind: search.Commands, Text: "journalctl -n 5 | grep x", Marks: [][2]int{{0, 10}}},
			{At: 3141592 * time.Microsecond, Command: 1, Kind: search.Output, Text: "größe: one \u202e\x1b", Marks: [][2]int{{0, 7}, {9, 12}}},
		}}}}}
	d.cfg.Search = s
	return d, s, ended
}

// What a search finds is masked, like everything else: the task that an agent named, and lines that were kept before a secret was known.
func TestSearchIsMasked(t *testing.T) {
	d, s, _ := searchDesk(t)
	secret := "token=" + "ghp_" + strings.Repeat("k3Y9", 9)
	found := &s.page.Sessions[0]
	found.Task, found.Hits[1].Text = secret, "größe "+secret
	for _, args := range [][]string{{"sessions", "search", "one"}, {"sessions", "search", "one", "--json"}} {
		out, errs, code := d.run(args...)
		if code != 0 || !strings.Contains(out, "****") || strings.Contains(out, "k3Y9") {
			t.Errorf("%q: exit %d %s%s", args, code, out, errs)
		}
	}
}

func TestSearchAnswers(t *testing.T) {
	d, s, ended := searchDesk(t)
	out, errs, code := d.run("sessions", "search", "one", "--page", "2026-11.z.0.z.0")
	for _, want := range []string{
		ended.ID + "  2026-11-22 19:00:00Z  agent:release-bot  deploy@web-1  allow\n",
		"  2026-11-22 19:00:00Z  +0:00  #1 $ journalctl -n 5 | grep x\n    /sessions/" + ended.ID + "?t=0\n",
		"  2026-11-22 19:00:03Z  +0:03  #1   größe: one \\u202e\\x1b\n    /sessions/" + ended.ID + "?t=3.142\n",
		"  more: add session:" + ended.ID, "Older ones: add --page 2026-11.a.0.b.0",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("does not say %q:\n%s%s", want, out, errs)
		}
	}
	if code != 0 || s.from != "2026-11.z.0.z.0" {
		t.Errorf("exit %d, cursor %q", code, s.from)
	}
	out, _, _ = d.run("sessions", "search", "one", "--json")
	var found Found
	if err := json.Unmarshal([]byte(out), &found); err != nil || found.Query != "one" || len(found.Sessions) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	hit := found.Sessions[0].Hits[1]
	if !slices.Equal(hit.Marks, [][2]int{{0, 5}, {7, 10}}) || hit.Kind != "output" || hit.Seconds != 3.141592 || hit.Time.Format(time.RFC3339) != "2026-11-22T19:00:03Z" {
		t.Errorf("hit %+v", hit)
	}
	s.page = search.Page{}
	if out, errs, code := d.run("sessions", "search", "one"); code != 1 || out != "" || !strings.Contains(errs, "nothing found") {
		t.Errorf("nothing: exit %d %q %q", code, out, errs)
	}
	s.page = search.Page{Stopped: true, Next: "x"}
	if out, _, code := d.run("sessions", "search", "one"); code != 0 || !strings.Contains(out, "stopped after its time") {
		t.Errorf("stopped: exit %d %q", code, out)
	}
}

// The shell takes quotation marks away and hands over arguments; what they mean stays.
func TestSearchArguments(t *testing.T) {
	d, s, ended := searchDesk(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"disk", "full"}, "disk full"},
		{[]string{"disk full", "-x"}, `"disk full" -x`},
		{[]string{"-disk full", "xy*"}, `-"disk full" xy*`},
		{[]string{"disk fu*"}, `"disk fu"*`},
		{[]string{`disk "is full" -x`}, `disk "is full" -x`},
		{[]string{"task:deploy 42", "x"}, `task:"deploy 42" x`},
		{[]string{"--", "--force", "-x"}, "--force -x"},
		{[]string{"x", "--in=output", "-y", "--agent", "bot", "z", "--", "-a", "--b"}, "x -y z -a --b agent:bot in:output"},
		{[]string{"x", "--task", "a b", "--since", "2h", "--in", "output", "--verdict=deny", "--session", strings.ToLower(ended.ID[:20])}, `x task:"a b" session:` + strings.ToLower(ended.ID[:20]) + " verdict:deny in:output since:2h"},
	} {
		s.queries = nil
		d.took()
		_, errs, code := d.run(append([]string{"sessions", "search"}, c.args...)...)
		if code != 0 || !slices.Equal(s.queries, []string{c.want}) {
			t.Errorf("%q: exit %d, asked for %q, want %q: %s", c.args, code, s.queries, c.want, errs)
		}
		if got := d.took(); len(got) != 1 || got[0] != (asked{SessionsSearch, c.want, ""}) {
			t.Errorf("%q: authorised %+v", c.args, got)
		}
	}
}

func TestSearchMistakes(t *testing.T) {
	d, s, _ := searchDesk(t)
	for _, c := range []struct {
		args string
		err  error
		code int
		says string
	}{
		{"x agent:", nil, 2, "at character 9"},
		{"x --agent a agent:b", nil, 2, "given twice"},
		{"x session:ses_zz!", nil, 2, "names no session"},
		{"x session:ses_00000000000000000000000000", nil, 1, "not found"},
		{"", nil, 2, "expected"},
		{"x", search.ErrOff, 75, "off in this build"},
		{"x", search.ErrTooWide, 2, "add a word"},
		{"x", fmt.Errorf("x: %w", search.ErrCursor), 2, "no cursor"},
		{"x", errors.New("disk on fire"), 75, "disk on fire"},
	} {
		s.err = c.err
		if out, errs, code := d.run(append([]string{"sessions", "search"}, strings.Fields(c.args)...)...); code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%q, %v: exit %d %q", c.args, c.err, code, errs)
		}
	}
	d.cfg.Search = nil
	if _, errs, code := d.run("sessions", "search", "x"); code != 75 || !strings.Contains(errs, "off in this build") {
		t.Errorf("without a search: exit %d %s", code, errs)
	}
	d.rights = nil
	d.took()
	s.queries = nil
	d.cfg.Search = s
	if out, errs, code := d.run("sessions", "search", "secret words"); code != 1 || out != "" || len(s.queries) != 0 || !strings.Contains(errs, "not permitted") {
		t.Errorf("without the right: exit %d %s%s", code, out, errs)
	}
	if got := d.took(); len(got) != 1 || got[0].Object != `"secret words"` {
		t.Errorf("authorised %+v", got)
	}
}
