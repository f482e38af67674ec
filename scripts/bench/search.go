package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/id"
	"gatehouse/recorder/index"
	"gatehouse/recorder/search"
)

// The searches that are timed. What is common is in most blocks of the text; "needle" is in one session of a hundred, and
// "haystack" right before it in one of those.
var searches = []struct {
	name, query string
	free        bool // priced without a goal
}{
	{name: "a rare word", query: "needle"},
	{name: "a common word", query: "error"},
	{name: "two common words, side by side", query: `"connection refused"`},
	{name: "a phrase of common words that is in one session", query: `"refused error connection"`},
	{name: "a path", query: "/var/log/app/needle.log"},
	{name: "the end of a path", query: "needle.log"},
	{name: "a word and a prefix", query: "needle conn*"},
	{name: "a common prefix", query: "con*"},
	{name: "a common word of a rare agent", query: "error agent:rare"},
	{name: "a common word, the newest hour", query: "error since:1h"},
	{name: "a command", query: "systemctl in:commands"},
	{name: "nothing", query: "nowhere error"},
	{name: "two common words that share no line", query: "refused permission", free: true},
}

// measureSearch fills a search with as much text as -search-mb says, and times the first page of searches, warm.
func measureSearch(ctx context.Context, w *world) (out []result, err error) {
	dir := filepath.Join(w.dir, "search")
	store, err := search.New(search.Config{Dir: dir, Longest: time.Minute})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	text, took, err := fillSearch(ctx, store, w.searchMB)
	if err != nil {
		return nil, err
	}
	size, err := folderSize(dir)
	if err != nil {
		return nil, err
	}
	out = append(out, priced(fmt.Sprintf("search: indexing, %d MB", w.searchMB), "MB/s", float64(text)/1e6/took.Seconds(), nil, nil),
		priced("search: databases, of the text", "×", float64(size)/float64(text), nil, nil))
	for _, s := range searches {
		q, err := search.ParseQuery(s.query, time.Now())
		if err != nil {
			return nil, err
		}
		var samples []float64
		for i := range w.n(20) + 2 {
			begin := time.Now()
			page, err := store.Search(ctx, q, "")
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.query, err)
			}
			if i >= 2 { // warm
				samples = append(samples, float64(time.Since(begin).Microseconds())/1000)
			}
			if (len(page.Sessions) == 0) != (s.name == "nothing" || s.free) {
				return nil, fmt.Errorf("%s: %d sessions", s.query, len(page.Sessions))
			}
		}
		r := absolute("search: "+s.name, "ms", median(samples), nil, nil, atMost(100))
		if s.free {
			r = priced("search: "+s.name, "ms", median(samples), nil, nil)
		}
		out = append(out, r)
	}
	return out, nil
}

func folderSize(dir string) (size int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, err
}

// fillSearch makes sessions of a megabyte each, one a minute, the last of them now.
func fillSearch(ctx context.Context, store *search.Store, megabytes int) (text int64, took time.Duration, err error) {
	t := newTranscripts()
	now := time.Now().UTC()
	if now.Day() == 1 { // so that all are in one month
		now = now.AddDate(0, 0, -1)
	}
	for i := range megabytes {
		started := now.Add(-time.Duration(megabytes-i) * time.Minute)
		m := index.Meta{Session: id.New(id.Session, started), Identity: fmt.Sprintf("agent:bot-%d", i%20), Owner: "group:web", Target: fmt.Sprintf("web-%d", i%50), Login: "deploy", Verdict: "allow", Started: started}
		if i == megabytes/3 {
			m.Identity = "agent:rare"
		}
		lines := t.session(i%100 == 7%max(1, megabytes), i == megabytes/2)
		for _, l := range lines {
			text += int64(len(l.Text))
		}
		begin := time.Now()
		if err := store.Put(ctx, m, rowsOf(lines)); err != nil {
			return 0, 0, err
		}
		took += time.Since(begin)
	}
	return text, took, nil
}

func rowsOf(lines []index.Row) iter.Seq[index.Row] {
	return func(yield func(index.Row) bool) {
		for _, l := range lines {
			if !yield(l) {
				return
			}
		}
	}
}

// transcripts makes text as services log it: times, hosts, numbers and identifiers, and words of which some are common.
type transcripts struct {
	random *rand.Rand
	words  []string
	common *rand.Zipf
}

func newTranscripts() *transcripts {
	random := rand.New(rand.NewPCG(1, 2))
	t := &transcripts{random: random, words: []string{"error", "connection", "refused", "failed", "started", "service", "request", "config"}}
	for len(t.words) < 40_000 {
		var word strings.Builder
		for range 2 + random.IntN(4) {
			word.WriteByte("bcdfghklmnprstvw"[random.IntN(16)])
			word.WriteByte("aeiou"[random.IntN(5)])
		}
		t.words = append(t.words, word.String())
	}
	t.common = rand.NewZipf(random, 1.15, 3, uint64(len(t.words)-1))
	return t
}

// session makes a session's rows.
func (t *transcripts) session(needle, phrase bool) []index.Row {
	var rows []index.Row
	at, command := time.Duration(0), 0
	for size := 0; size < 1_000_000; {
		at += time.Duration(t.random.IntN(5000)) * time.Microsecond
		r := index.Row{At: at, Command: command, Kind: index.KindOutput, Text: t.line(at)}
		switch {
		case len(rows)%500 == 0:
			command++
			r = index.Row{At: at, Command: command, Kind: index.KindCommand, Text: "systemctl restart " + t.word()}
		case needle && len(rows) == 4321:
			r.Text = "opened /var/log/app/needle.log for connection 7"
		case phrase && len(rows) == 4444:
			r.Text += " refused error connection"
		case len(rows)%211 == 0:
			r.Text = "permission " + r.Text[:30]
		}
		rows = append(rows, r)
		size += len(r.Text)
	}
	return rows
}

func (t *transcripts) word() string { return t.words[t.common.Uint64()] }

func (t *transcripts) line(at time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Nov 28 12:%02d:%09.6f host-%02d app[%d]: ", int(at.Minutes())%60, (at % time.Minute).Seconds(), t.random.IntN(50), 1000+t.random.IntN(9000))
	switch t.random.IntN(6) {
	case 0:
		fmt.Fprintf(&b, "/srv/%s/%s.log ", t.word(), t.word())
	case 1:
		fmt.Fprintf(&b, "id=%08x ", t.random.Uint32())
	}
	for range 5 + t.random.IntN(10) {
		b.WriteString(t.word())
		b.WriteByte(' ')
	}
	if t.random.IntN(40) == 0 {
		b.WriteString("connection refused")
	}
	return strings.TrimRight(b.String(), " ")
}
