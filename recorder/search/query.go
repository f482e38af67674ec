package search

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The bounds of a query.
const (
	MaxQuery = 1024 // bytes
	maxTerms = 16
)

// QueryError says what is wrong with a query, and where.
type QueryError struct {
	At   int // the character, from 1; 0 if it is no single place
	Text string
}

func (e *QueryError) Error() string {
	if e.At == 0 {
		return "the query " + e.Text
	}
	return fmt.Sprintf("the query, at character %d: %s", e.At, e.Text)
}

// The kinds of rows that a query may be confined to.
const (
	Commands = "commands"
	Output   = "output"
)

// Query is a query that makes sense. ParseQuery makes one.
type Query struct {
	// Text is the query as it was written.
	Text string

	Agent, Person, Owner, Target, Task, Login, Verdict, Session string
	In                                                          string    // Commands, Output, or empty for both
	Since, Until                                                time.Time // of the rows; until is not included

	terms []term
}

// ParseQuery reads a query: words, "phrases" and prefix*es that a row must all have, -words that it must not have, and filters
// as agent:release-bot. Times that are not absolute count from now. The error is a *QueryError.
func ParseQuery(text string, now time.Time) (*Query, error) {
	if len(text) > MaxQuery {
		return nil, &QueryError{0, fmt.Sprintf("is longer than %d bytes", MaxQuery)}
	}
	p := &parser{rest: text, q: &Query{Text: text}, now: now, given: map[string]bool{}}
	if err := p.check(); err != nil {
		return nil, err
	}
	for p.skipBlanks(); p.rest != ""; p.skipBlanks() {
		if err := p.item(); err != nil {
			return nil, err
		}
	}
	return p.q, p.whole()
}

// parser reads a query from left to right.
type parser struct {
	rest  string
	at    int // characters read
	q     *Query
	now   time.Time
	given map[string]bool // filters
}

func (p *parser) errorf(at int, format string, a ...any) error {
	return &QueryError{at + 1, fmt.Sprintf(format, a...)}
}

// check refuses what nobody means to write.
func (p *parser) check() error {
	n := 0
	for i, r := range p.rest {
		if _, size := utf8.DecodeRuneInString(p.rest[i:]); r == utf8.RuneError && size == 1 {
			return p.errorf(n, "this is not UTF-8")
		}
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return p.errorf(n, "a control character")
		}
		n++
	}
	return nil
}

// take removes n bytes.
func (p *parser) take(n int) string {
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	p.at += utf8.RuneCountInString(taken)
	return taken
}

func (p *parser) skipBlanks() {
	p.take(len(p.rest) - len(strings.TrimLeftFunc(p.rest, unicode.IsSpace)))
}

// item reads one word, phrase or filter.
func (p *parser) item() error {
	begin := p.at
	not := strings.HasPrefix(p.rest, "-") && !strings.HasPrefix(p.rest, "--")
	if not {
		p.take(1)
		if p.rest == "" || unicode.IsSpace(firstRune(p.rest)) {
			return p.errorf(begin, "- goes right before what a line must not have")
		}
	}
	if strings.HasPrefix(p.rest, `"`) {
		return p.phrase(begin, not)
	}
	if key, _, ok := strings.Cut(p.rest, ":"); ok && filters[key] != nil {
		if not {
			return p.errorf(begin, "a filter cannot be turned round: leave out the -, or put it in quotation marks to look for it")
		}
		return p.filter(begin, key)
	}
	return p.word(begin, not)
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// word reads up to the next blank.
func (p *parser) word(begin int, not bool) error {
	at := p.at
	text := p.take(wordEnd(p.rest))
	if i := strings.IndexByte(text, '"'); i >= 0 {
		return p.errorf(at+utf8.RuneCountInString(text[:i]), `a quotation mark goes before and after a whole phrase; in one, write \" for the mark itself`)
	}
	text, prefix := strings.CutSuffix(text, "*")
	if i := strings.IndexByte(text, '*'); i >= 0 {
		return p.errorf(at+utf8.RuneCountInString(text[:i]), "a star goes at the end of a word; to look for the character, put the word in quotation marks")
	}
	return p.add(begin, text, prefix, not)
}

func wordEnd(s string) int {
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return i
	}
	return len(s)
}

// phrase reads from a quotation mark to the next, and a star after it.
func (p *parser) phrase(begin int, not bool) error {
	text, err := p.quoted()
	if err != nil {
		return err
	}
	prefix := strings.HasPrefix(p.rest, "*")
	if prefix {
		p.take(1)
	}
	if p.rest != "" && !unicode.IsSpace(firstRune(p.rest)) {
		return p.errorf(p.at, "a blank is missing after the quotation mark")
	}
	return p.add(begin, text, prefix, not)
}

// quoted reads what stands between quotation marks; \" is the mark itself.
func (p *parser) quoted() (string, error) {
	begin := p.at
	p.take(1)
	var text strings.Builder
	for {
		i := strings.IndexByte(p.rest, '"')
		if i < 0 {
			return "", p.errorf(begin, "this quotation mark is not closed")
		}
		part := p.take(i + 1)
		if !strings.HasSuffix(part, `\"`) {
			text.WriteString(part[:i])
			return text.String(), nil
		}
		text.WriteString(part[:i-1] + `"`)
	}
}

// add takes a term.
func (p *parser) add(begin int, text string, prefix, not bool) error {
	t := newTerm(text, prefix, not)
	switch {
	case t.text == "":
		return p.errorf(begin, "there is nothing to look for")
	case len(p.q.terms) == maxTerms:
		return p.errorf(begin, "more than %d words and phrases", maxTerms)
	case t.tail && !not && utf8.RuneCountInString(t.parts[len(t.parts)-1]) < 2:
		return p.errorf(begin, "write at least two letters or digits before the star")
	}
	p.q.terms = append(p.q.terms, t)
	return nil
}

// whole says what is wrong with the query as a whole.
func (p *parser) whole() error {
	for _, t := range p.q.terms {
		if !t.not && len(t.parts) > 0 {
			return p.q.times()
		}
	}
	if len(p.q.terms) == 0 {
		return &QueryError{0, "has nothing to look for: write a word, or list sessions instead"}
	}
	return &QueryError{0, "needs a word with a letter or a digit that a line must have"}
}

func (q *Query) times() error {
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return &QueryError{0, "ends (until:) before it begins (since:)"}
	}
	return nil
}
