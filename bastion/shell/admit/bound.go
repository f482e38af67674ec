package admit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/bastion/shell/wire"
)

// bound refuses what the parser must not see: too much, too deep, or bytes that deceive whoever reads the text. It knows no quotes, so
// that nothing can be hidden from it; what could begin something nested is counted wherever it stands.
func bound(text string) *wire.Refused {
	if len(text) > MaxText {
		return refuse(MaxText, longText)
	}
	if refused := characters(text); refused != nil {
		return refused
	}
	open := 0
	for i := 0; i < len(text); i++ {
		if opens(text, i) {
			if open++; open > MaxOpen {
				return refuse(i, denseText)
			}
		}
	}
	return nil
}

// openers are the words that the parser descends for.
var openers = []string{"if", "elif", "while", "until", "for", "case", "select", "function", "time", "coproc", "do", "then"}

// opens reports whether the parser may descend at i.
func opens(text string, i int) bool {
	switch text[i] {
	case '(', '{', '[', '`', '!', '?':
		return true
	}
	if i > 0 && letter(text[i-1]) {
		return false
	}
	for _, word := range openers {
		if strings.HasPrefix(text[i:], word) && (i+len(word) == len(text) || !letter(text[i+len(word)])) {
			return true
		}
	}
	return false
}

func letter(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// characters looks at every character, quoted or not.
func characters(text string) *wire.Refused {
	for i, r := range text {
		switch {
		case r == '\t' || r == '\n':
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			return refuse(i, invalidUTF8)
		case r == '\r':
			return refuse(i, carriageReturn)
		case unicode.IsControl(r):
			return refuse(i, controlCharacter)
		case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			return refuse(i, invisibleCharacter)
		}
	}
	return nil
}
