package access

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shown is s on one line: whatever could end the line, drive a terminal, or hide or reorder text is written as \u{…}, and a byte that
// is no text as \x…. A backslash that would begin such an escape is written as one itself, so that no two texts are shown alike.
func shown(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case hidden(r), r == '\\' && (strings.HasPrefix(s[i+1:], "u{") || strings.HasPrefix(s[i+1:], "x")):
			fmt.Fprintf(&out, `\u{%x}`, r)
		default:
			out.WriteString(s[i : i+n])
		}
		i += n
	}
	return out.String()
}

// quoted is a value as it stands behind a fact's label: itself where it cannot be mistaken, "-" where there is none, and else in double
// quotes, in which " and \ have a \ before them.
func quoted(s string) string {
	switch {
	case s == "":
		return "-"
	case s != "-" && strings.IndexFunc(s, func(r rune) bool { return !unmistakable(r) }) < 0:
		return s
	}
	return literal(s)
}

// literal is a value in double quotes, whatever it is.
func literal(s string) string { return inQuotes(s, hidden) }

// exact is literal for what runs: in ASCII alone, so that no letter of one script can pass for one of another.
func exact(s string) string {
	return inQuotes(s, func(r rune) bool { return r >= utf8.RuneSelf || hidden(r) })
}

// inQuotes writes a value in double quotes, and escapes of it what escape says.
func inQuotes(s string, escape func(rune) bool) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case escape(r):
			fmt.Fprintf(&out, `\u{%x}`, r)
		case r == '"', r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		default:
			out.WriteString(s[i : i+n])
		}
		i += n
	}
	out.WriteByte('"')
	return out.String()
}

// unmistakable are the characters of names, paths, hashes and times.
func unmistakable(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@+=%>", r)
}

// hidden reports whether a rune is drawn as nothing or as a space that is none, controls something, or reorders text.
func hidden(r rune) bool {
	switch {
	case !unicode.IsPrint(r): // controls, formats (bidirectional, zero-width, tags), private use, unassigned, other spaces
		return true
	case r == 0x34f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x3164, r == 0xffa0: // fillers and joiners that count as letters or marks
		return true
	case r >= 0x180b && r <= 0x180f, r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef: // variation selectors
		return true
	}
	return unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) // marks that are drawn over what stands before them
}
