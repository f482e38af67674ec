package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxPart bounds a part in bytes, for the database. What is longer is indexed and asked for by its beginning.
const maxPart = 64

// clean makes text comparable: valid UTF-8, composed (NFC).
func clean(text string) string { return norm.NFC.String(strings.ToValidUTF8(text, "\ufffd")) }

// foldRune brings a character to one case; fold(fold(r)) is fold(r).
func foldRune(r rune) rune {
	switch {
	case r < 'A' || r > 'Z' && r < 0x80:
		return r
	case r <= 'Z':
		return r + 'a' - 'A'
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// unseen says whether a character takes no room: words with such in them are found without.
func unseen(r rune) bool { return r >= 0x80 && unicode.Is(unicode.Cf, r) }

// fold brings text to one case, runs blanks together into one space, and leaves out what takes no room.
func fold(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	blank := false
	for _, r := range text {
		if unicode.IsSpace(r) {
			blank = true
			continue
		}
		if unseen(r) {
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(foldRune(r))
	}
	if blank {
		b.WriteByte(' ')
	}
	return b.String()
}

// offsets returns, for each byte of fold(text) and the end, the byte of text that it comes from.
func offsets(text string) []int {
	var from []int
	blank := -1
	for at, r := range text {
		if unicode.IsSpace(r) {
			if blank < 0 {
				blank = at
			}
			continue
		}
		if unseen(r) {
			continue
		}
		if blank >= 0 {
			from = append(from, blank)
			blank = -1
		}
		for range utf8.RuneLen(foldRune(r)) {
			from = append(from, at)
		}
	}
	if blank >= 0 {
		from = append(from, blank)
	}
	return append(from, len(text))
}

// alone lists the scripts that write words without blanks between them: each character is a part.
var alone = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

func isWord(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r))
}

// joined says whether two neighbours are in one part.
func joined(a, b rune) bool {
	if !isWord(a) || !isWord(b) {
		return false
	}
	if a < 0x80 && b < 0x80 || unicode.IsMark(b) {
		return true
	}
	return !unicode.In(a, alone...) && !unicode.In(b, alone...)
}

// parts yields the parts of folded text, runs of letters, digits and marks, as the database has them.
func parts(folded string, yield func(string)) {
	last, begin := ' ', -1
	for at, r := range folded {
		if joined(last, r) {
			last = r
			continue
		}
		if begin >= 0 {
			yield(cut(folded[begin:at], maxPart))
		}
		if begin = -1; isWord(r) {
			begin = at
		}
		last = r
	}
	if begin >= 0 {
		yield(cut(folded[begin:], maxPart))
	}
}

// cut returns at most n bytes of text, whole characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
