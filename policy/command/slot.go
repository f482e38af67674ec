package command

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// defaultText is the longest word, in bytes, that a text slot without a length takes.
const defaultText = 4096

// slotTypes are the slots there are, as an error lists them.
const slotTypes = "int, text, enum, unit, glob"

// parseSlot reads what stands between < and >; at is its offset in the pattern.
func parseSlot(text string, at int) (value, error) {
	kind, arg, hasArg := strings.Cut(text, ":")
	if hasArg && arg == "" {
		return nil, &SyntaxError{Column: at + 1, Message: fmt.Sprintf("the slot <%s:> has nothing after the colon", kind)}
	}
	var v value
	var err error
	switch kind {
	case "int":
		v, err = parseInt(arg)
	case "text":
		v, err = parseText(arg)
	case "enum":
		v, err = parseEnum(arg)
	case "unit":
		v, err = parseUnit(arg)
	case "glob":
		v, err = parseGlob(arg)
	default:
		err = fmt.Errorf("%q is not a slot type: it is one of %s", kind, slotTypes)
	}
	if err != nil {
		return nil, &SyntaxError{Column: at + 1, Message: err.Error()}
	}
	return v, nil
}

// intSlot is a whole number in decimal, without sign or leading zeros, from low to high.
type intSlot struct{ low, high int64 }

func parseInt(arg string) (value, error) {
	if arg == "" {
		return intSlot{0, 1<<63 - 1}, nil
	}
	from, to, ok := strings.Cut(arg, "..")
	low, okLow := decimal(from)
	high, okHigh := decimal(to)
	if !ok || !okLow || !okHigh || low > high {
		return nil, fmt.Errorf("%q is not a range: write <int:1..5000>, without signs or leading zeros, the smaller number first", arg)
	}
	return intSlot{low, high}, nil
}

func (s intSlot) admits(word string, _ bool) bool {
	n, ok := decimal(word)
	return ok && n >= s.low && n <= s.high
}

// decimal reads a number that has only one spelling.
func decimal(word string) (int64, bool) {
	n, err := strconv.ParseInt(word, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == word
}

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

func (s textSlot) admits(word string, lenient bool) bool {
	return lenient || word != "" && len(word) <= s.max && word[0] != '-' && printable(word)
}

// printable reports whether a word is UTF-8 without control, format and line separator characters.
func printable(word string) bool {
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
