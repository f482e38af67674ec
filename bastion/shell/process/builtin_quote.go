package process

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// quoteWord is %q: a word that the shell reads as the text.
func quoteWord(text string) string {
	if text == "" {
		return "''"
	}
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return ansiC(text)
		}
		if strings.ContainsRune(" !\"#$&'()*,;<>?[\\]^`{|}", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	out := b.String()
	if out[0] == '~' {
		out = "\\" + out
	}
	return out
}

func ansiC(text string) string {
	letters := map[byte]string{7: `\a`, 8: `\b`, 9: `\t`, 10: `\n`, 11: `\v`, 12: `\f`, 13: `\r`, 27: `\E`, '\'': `\'`, '\\': `\\`}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(text) {
		c := text[i]
		switch {
		case letters[c] != "":
			b.WriteString(letters[c])
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}
