package search

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A query that makes no sense is refused with the place and what would be right.
func TestQueryErrors(t *testing.T) {
	for _, c := range []struct {
		query, text string
		at          int
	}{
		{"", "nothing to look for", 0},
		{"   ", "nothing to look for", 0},
		{"-only", "that a line must have", 0},
		{"agent:bot", "nothing to look for", 0},
		{`&& "||"`, "that a line must have", 0},
		{`disk "full`, "not closed", 6},
		{`größe "`, "not closed", 7},
		{`dis"k`, "a quotation mark goes before and after", 4},
		{`"disk"full`, "a blank is missing", 7},
		{`""`, "nothing to look for", 1},
		{"x \"\u200b\"", "nothing to look for", 3},
		{`disk - full`, "goes right before", 6},
		{`disk -`, "goes right before", 6},
		{`di*sk`, "a star goes at the end", 3},
		{`*disk`, "a star goes at the end", 1},
		{`d*`, "at least two letters", 1},
		{`x verdict:perhaps`, "verdict: takes allow or deny", 11},
		{`x in:nowhere`, "in: takes commands or output", 6},
		{`x since:yesterday`, "since: takes a date as", 9},
		{`x since:-2h`, "since: takes a date as", 9},
		{`x since:0001-01-01`, "since: takes a date as", 9},
		{`x since:99999999w`, "since: takes a date as", 9},
		{`x since:2026-11-20 until:2026-11-19`, "before it begins", 0},
		{`x agent:`, "agent: is followed by a value", 9},
		{`x agent:a agent:b`, "agent: is given twice", 11},
		{`x -agent:a`, "a filter cannot be turned round", 3},
		{`x task:"a`, "not closed", 8},
		{`x task:"a"b`, "a blank is missing", 11},
		{"x \x00", "a control character", 3},
		{"x \xff", "not UTF-8", 3},
		{strings.Repeat("x", MaxQuery+1), "longer than", 0},
		{strings.Repeat("x ", maxTerms+1), "more than 16", 2*maxTerms + 1},
	} {
		_, err := ParseQuery(c.query, day)
		var query *QueryError
		if !errors.As(err, &query) || query.At != c.at || !strings.Contains(query.Text, c.text) {
			t.Errorf("%.40q: %v, want %q at %d", c.query, err, c.text, c.at)
		}
	}
}

func TestQueryTimes(t *testing.T) {
	now := time.Date(2026, 11, 28, 14, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"since:2026-11-20":                "2026-11-20T00:00:00Z",
		"since:2026-11-20T10:00:00+02:00": "2026-11-20T08:00:00Z",
		"since:30m":                       "2026-11-28T13:30:00Z",
		"since:1h30m":                     "2026-11-28T12:30:00Z",
		"since:3d":                        "2026-11-25T14:00:00Z",
		"since:2w":                        "2026-11-14T14:00:00Z",
		"until:2026-11-20":                "2026-11-21T00:00:00Z",
		"until:2h":                        "2026-11-28T12:00:00Z",
	} {
		q, err := ParseQuery("x "+text, now)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		at := q.Since
		if at.IsZero() {
			at = q.Until
		}
		if got := at.Format(time.RFC3339); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

// What Filter writes is read as it was meant.
func TestFilter(t *testing.T) {
	for _, value := range []string{"bot", "deploy 42", `say "hi" now`, `"quoted"`, "a:b", "-x", "größe", ""} {
		q, err := ParseQuery("x "+Filter("task", value), day)
		if value == "" {
			if err == nil {
				t.Error("an empty filter is taken")
			}
			continue
		}
		if err != nil || q.Task != value {
			t.Errorf("%q became %q: %v", value, q.Task, err)
		}
	}
}

// Folding a character twice changes nothing: a word and the text are folded once each.
func TestFold(t *testing.T) {
	for r := rune(0); r <= 0x10ffff; r++ {
		if f := foldRune(r); foldRune(f) != f || isWord(r) != isWord(f) {
			t.Fatalf("%U folds to %U, that to %U", r, f, foldRune(f))
		}
	}
	if got := fold("A\t B\u00a0\u200bC "); got != "a b c " {
		t.Errorf("%q", got)
	}
	if from := offsets("A\t ÄC"); len(from) != len(fold("A\t ÄC"))+1 || from[2] != 3 || from[4] != 5 {
		t.Errorf("%v", from)
	}
}
