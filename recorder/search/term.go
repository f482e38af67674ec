package search

import (
	"strings"
	"unicode/utf8"
)

// term is something that a row has or has not.
type term struct {
	text   string // folded
	prefix bool   // it may go on
	not    bool
	parts  []string
	tail   bool // the last part may go on
}

func newTerm(text string, prefix, not bool) term {
	t := term{text: strings.TrimSpace(fold(clean(text))), prefix: prefix, not: not}
	parts(t.text, func(p string) { t.parts = append(t.parts, p) })
	last, _ := utf8.DecodeLastRuneInString(t.text)
	t.tail = prefix && isWord(last)
	return t
}

// at finds the term in folded text from a byte on: where it begins, and where it ends; -1 if it is not there.
func (t term) at(folded string, from int) (begin, end int) {
	for from <= len(folded) {
		i := strings.Index(folded[from:], t.text)
		if i < 0 {
			return -1, -1
		}
		begin, end = from+i, from+i+len(t.text)
		if t.fits(folded, begin, end) {
			return begin, end
		}
		_, size := utf8.DecodeRuneInString(folded[begin:])
		from = begin + size
	}
	return -1, -1
}

// fits says whether a place is not in the middle of a word.
func (t term) fits(folded string, begin, end int) bool {
	first, _ := utf8.DecodeRuneInString(folded[begin:])
	before, size := utf8.DecodeLastRuneInString(folded[:begin])
	if size > 0 && joined(before, first) {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(folded[:end])
	after, size := utf8.DecodeRuneInString(folded[end:])
	return t.prefix || size == 0 || !joined(last, after)
}

// in says whether the row with this folded text is as the term wants it.
func (t term) in(folded string) bool {
	begin, _ := t.at(folded, 0)
	return begin >= 0 != t.not
}
