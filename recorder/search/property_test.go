//go:build sqlite_fts5 || fts5

package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"gatehouse/recorder/index"
)

// words are what texts and queries of the properties are made of, so that they meet.
var words = []string{"disk", "Disk", "full", "/etc/ssh", "sshd_config", "host-07", "host", "07", "größe", "GRÖẞE", "日本", "日", "a\u0301b", "áb", "\u200b", "&&", "-rf", "*", "\"", "ab", "abc", "x", "NEAR", "AND", "words", ":", "(", strings.Repeat("long", 30), strings.Repeat("long", 31)}

func text(max int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(0, max).Draw(t, "words") {
			b.WriteString(rapid.SampledFrom(words).Draw(t, "word"))
			b.WriteString(rapid.SampledFrom([]string{" ", "  ", "", "/", "-", "."}).Draw(t, "gap"))
		}
		return b.String()
	})
}

// plainly compares as the package comment says, by characters and without any of the package's means.
func plainly(row, term string, prefix bool) bool {
	norm := func(s string) []rune {
		var out []rune
		for _, r := range clean(s) {
			switch {
			case unicode.Is(unicode.Cf, r):
			case unicode.IsSpace(r):
				if len(out) == 0 || out[len(out)-1] != ' ' {
					out = append(out, ' ')
				}
			default:
				out = append(out, unicode.ToLower(unicode.ToUpper(r)))
			}
		}
		return out
	}
	have, want := norm(row), []rune(strings.Trim(string(norm(term)), " "))
	inside := func(i int) bool { // in the middle of a word
		if i <= 0 || i >= len(have) {
			return false
		}
		word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }
		han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
		a, b := have[i-1], have[i]
		return word(a) && word(b) && (unicode.IsMark(b) || !han(a) && !han(b))
	}
	for i := 0; i+len(want) <= len(have); i++ {
		if slices.Equal(have[i:i+len(want)], want) && !inside(i) && (prefix || !inside(i+len(want))) {
			return true
		}
	}
	return false
}

// A row that has all words and phrases of a query, and none that it must not have, is found; one that lacks one is not.
func TestFindsWhatIsThere(t *testing.T) {
	s := newShelf(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		rows := rapid.SliceOfN(text(6), 1, 40).Draw(t, "rows")
		must(s.t, s.Put(context.Background(), meta(n), slices.Values(lines(rows...))))
		var query []string
		var terms []term
		for range rapid.IntRange(1, 3).Draw(t, "terms") {
			one := text(3).Draw(t, "term")
			x := term{text: one, prefix: rapid.Bool().Draw(t, "prefix"), not: len(terms) > 0 && rapid.Bool().Draw(t, "not")}
			terms = append(terms, x)
			q := `"` + strings.ReplaceAll(one, `"`, `\"`) + `"`
			if x.prefix {
				q += "*"
			}
			if x.not {
				q = "-" + q
			}
			query = append(query, q)
		}
		line := strings.Join(query, " ") + " session:" + session(n)
		q, err := ParseQuery(line, day)
		if err != nil { // of words without a letter, say
			return
		}
		page, err := s.Search(context.Background(), q, "")
		must(s.t, err)
		var got, want []string
		for _, f := range page.Sessions {
			for _, h := range f.Hits {
				got = append(got, fmt.Sprint(h.At, h.Text))
			}
		}
		for _, kind := range []string{index.KindCommand, index.KindOutput} {
			for _, r := range lines(rows...) {
				fits := r.Kind == kind && r.Text != ""
				for _, x := range terms {
					fits = fits && plainly(r.Text, x.text, x.prefix) != x.not
				}
				if fits {
					want = append(want, fmt.Sprint(r.At, clean(r.Text)))
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s\nfound %q\nwant  %q", line, got, want)
		}
	})
}

// Whatever is written, FTS5 gets it as words: a query is refused with a place, or answered.
func FuzzQuery(f *testing.F) {
	s := newShelf(f)
	s.put(meta(1), "$ disk AND full", "words NEAR(disk full, 2) ^x {words} : y*", "größe 日本")
	for _, seed := range []string{`disk full`, `"disk"* -x`, `words : disk`, `disk AND full`, `NEAR(disk full)`, `"disk" + "full"`, `disk^ {x}: *`, `ab\"c`, `"a\"b"`, `agent:"x\"y" disk`, "disk\u0000", `disk" OR whose : "x`, `日* ß ǅ ﷺ`, `since:2h until:1h x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQuery(text, day)
		var query *QueryError
		if errors.As(err, &query) && query.At <= len(text)+1 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if q.Session != "" {
			q.Session = session(1)
		}
		page, err := s.Search(ctx, q, "")
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, found := range page.Sessions {
			for _, h := range found.Hits {
				for _, m := range h.Marks {
					if m[0] < 0 || m[1] <= m[0] || m[1] > len(h.Text) {
						t.Fatalf("%q: marks %v of %q", text, h.Marks, h.Text)
					}
				}
			}
		}
	})
}

// A cursor that no page has given is refused, or harmless.
func FuzzCursor(f *testing.F) {
	s := newShelf(f)
	s.put(meta(1), "$ one", "one two")
	f.Add("2026-11.1.0.1.0")
	f.Add("2026-11.zzzzzzzzzzzz.1.1y2p0ij32e8e7.9")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQuery("one", day)
		must(t, err)
		if _, err := s.Search(context.Background(), q, text); err != nil && !errors.Is(err, ErrCursor) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
