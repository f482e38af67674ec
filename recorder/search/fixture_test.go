package search

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"go.uber.org/goleak"

	"gatehouse/recorder/index"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// day is when the sessions of tests begin.
var day = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// shelf is a Store in a folder of its own.
type shelf struct {
	t testing.TB
	*Store
	dir  string
	lost []string
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	s := &shelf{t: t, dir: t.TempDir()}
	s.reopen()
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func (s *shelf) reopen() {
	s.t.Helper()
	if s.Store != nil {
		must(s.t, s.Close())
	}
	var err error
	s.Store, err = New(Config{Dir: s.dir, Longest: time.Minute, Lost: func(month string) { s.lost = append(s.lost, month) }})
	must(s.t, err)
}

// session is the id of the nth session, which begins n minutes after the day's noon.
func session(n int) string { return sessionAt(day.Add(time.Duration(n)*time.Minute), n) }

func sessionAt(at time.Time, n int) string {
	id := ulid.ULID{15: byte(n), 14: byte(n >> 8)}
	_ = id.SetTime(ulid.Timestamp(at)) // fits until the year 10889
	return "ses_" + id.String()
}

func meta(n int) index.Meta {
	return index.Meta{Session: session(n), Identity: "agent:bot", Owner: "group:web", Task: "T-1", Target: "web-1", Login: "deploy", Verdict: "allow", Started: day.Add(time.Duration(n) * time.Minute)}
}

// lines makes rows of output, a second apart; one that begins with "$ " is a command.
func lines(texts ...string) []index.Row {
	var rows []index.Row
	command := 0
	for i, text := range texts {
		r := index.Row{At: time.Duration(i) * time.Second, Kind: index.KindOutput, Text: text}
		if line, ok := strings.CutPrefix(text, "$ "); ok {
			command++
			r.Kind, r.Text = index.KindCommand, line
		}
		r.Command = command
		rows = append(rows, r)
	}
	return rows
}

func (s *shelf) put(m index.Meta, texts ...string) {
	s.t.Helper()
	must(s.t, s.Put(context.Background(), m, slices.Values(lines(texts...))))
}

func (s *shelf) find(text string) Page {
	s.t.Helper()
	return s.page(text, "")
}

func (s *shelf) page(text, from string) Page {
	s.t.Helper()
	q, err := ParseQuery(text, day.Add(24*time.Hour))
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	p, err := s.Search(context.Background(), q, from)
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return p
}

// told writes a page down: a line a session, "n: hit | hit", with matches in brackets.
func told(p Page) string {
	var out strings.Builder
	for _, s := range p.Sessions {
		id := ulid.MustParse(strings.TrimPrefix(s.ID, "ses_"))
		var hits []string
		for _, h := range s.Hits {
			hits = append(hits, marked(h))
		}
		fmt.Fprintf(&out, "%d: %s", int(id[14])<<8|int(id[15]), strings.Join(hits, " | "))
		if s.More {
			out.WriteString(" | more")
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func marked(h Hit) string {
	var b strings.Builder
	if h.Kind == Commands {
		b.WriteString("$ ")
	}
	last := 0
	for _, m := range h.Marks {
		b.WriteString(h.Text[last:m[0]] + "[" + h.Text[m[0]:m[1]] + "]")
		last = m[1]
	}
	return b.String() + h.Text[last:]
}
