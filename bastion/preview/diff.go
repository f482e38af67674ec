package preview

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// unified is the difference of two texts, at most maxDiff bytes of it, every invisible character spelled out. why says what hinders.
func unified(name, before, after string) (text, why string) {
	for _, t := range []string{before, after} {
		if !utf8.ValidString(t) || strings.Contains(t, "\x00") {
			return "", fmt.Sprintf("no text: %d bytes become %d", len(before), len(after))
		}
	}
	if len(after) > maxRead {
		return "", fmt.Sprintf("larger than %d MiB, so no difference is shown", maxRead>>20)
	}
	if before == after {
		return "", "what is written is what is there"
	}
	out := diff.Diff("there", []byte(before), "will be", []byte(after))
	_, out, _ = bytes.Cut(out, []byte("\n")) // the first line repeats the names
	text = Visible(string(out))
	if len(text) > maxDiff {
		end := strings.LastIndexByte(text[:maxDiff-100], '\n') + 1
		rest := strings.Count(text[end:], "\n")
		text = text[:end] + fmt.Sprintf("… %d more lines of the difference of %s\n", rest, cutName(name))
	}
	return text, ""
}

// cutName is a name of at most 40 bytes.
func cutName(name string) string { return Visible(strings.ToValidUTF8(name[:min(len(name), 40)], "")) }

// Visible spells out whatever a reader would not see or would see elsewhere: control, format and bidirectional characters, odd
// spaces and what is no character. Line feeds and tabs stay.
func Visible(text string) string {
	shown := func(r rune) bool {
		return r == '\n' || r == '\t' || r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Zs, r) && !unicode.Is(unicode.Cf, r) && !hidden(r)
	}
	if strings.IndexFunc(text, func(r rune) bool { return !shown(r) }) < 0 && utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case shown(r):
			out.WriteRune(r)
		default:
			fmt.Fprintf(&out, `\u{%x}`, r)
		}
	}
	return out.String()
}

// hidden are graphic characters without a picture of their own: fillers and variation selectors.
func hidden(r rune) bool {
	switch {
	case r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', r == '\u2800', r == '\u034f', r == '\u17b4', r == '\u17b5':
		return true
	case r >= '\ufe00' && r <= '\ufe0f', r >= 0xe0100 && r <= 0xe01ef, r >= '\u180b' && r <= '\u180f':
		return true
	}
	return false
}
