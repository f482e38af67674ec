package command

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// defaultText is the longest word, in bytes, that a text slot without a length takes.
const defaultText = 4096

// textSlot is any word of 1 to max bytes, without characters that do not show.
type textSlot struct{ max int }

func parseText(arg string) (value, error) {
	if arg == "" {
		return textSlot{defaultText}, nil
	}
	n, ok := decimal(arg)
	if !ok || n == 0 || n > 1<<16 {
		return nil, fmt.Errorf("%q is not a length: write <text:80>, from 1 to 65536 bytes", arg)
	}
	return textSlot{int(n)}, nil
}

func (s textSlot) admits(m *matcher, word string, free bool) bool {
	return m.lenient || len(word) <= s.max && showsAndNoOption(word, free)
}

// showsAndNoOption reports what every wide slot asks of a word: that it is not empty, shows, and is no option. Free words
// stand after the end of options and may begin with "-".
func showsAndNoOption(word string, free bool) bool {
	return word != "" && (free || word[0] != '-') && printable(word)
}

// printable reports whether a word is UTF-8 without control, format and line separator characters. Unknown is printable:
// each slot decides by itself whether it takes what nobody knows.
func printable(word string) bool {
	for i := 0; i < len(word); i++ {
		if word[i] < 0x20 || word[i] == 0x7f {
			return false
		}
		if word[i] >= utf8.RuneSelf {
			return printableRunes(word[i:])
		}
	}
	return true
}

func printableRunes(word string) bool {
	for _, r := range word {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return false
		}
	}
	return utf8.ValidString(word)
}

// parseEnum reads the words of an enum slot.
func parseEnum(arg string) (value, error) {
	var words anyOf
	for word := range strings.SplitSeq(arg, ",") {
		if word == "" || word[0] == '-' || strings.IndexFunc(word, func(r rune) bool { return r >= 0x80 || !plainByte(byte(r)) }) >= 0 {
			return nil, fmt.Errorf("%q is not a word of an enum: write <enum:start,stop>, plain words that do not begin with -", word)
		}
		words = append(words, literal(word))
	}
	return words, nil
}
