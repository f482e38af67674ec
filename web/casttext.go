package web

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// castText turns a stream's bytes into the text that the player reads: characters split across two reads are carried over,
// bytes that are no UTF-8 become U+FFFD, and without a pty a line feed gets its carriage return.
type castText struct {
	pty  bool
	tail []byte // the beginning of a character, at most 3 bytes
}

func (c *castText) next(p []byte) string {
	p = append(c.tail, p...)
	whole := len(p) - unfinished(p)
	c.tail = append([]byte(nil), p[whole:]...)
	text := strings.ToValidUTF8(string(p[:whole]), "\uFFFD")
	if !c.pty {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// unfinished is how many bytes at the end of p begin a character that is not there yet.
func unfinished(p []byte) int {
	for n := 1; n <= 3 && n <= len(p); n++ {
		if last := p[len(p)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}

func sizeText(cols, rows int) string { return fmt.Sprintf("%dx%d", cols, rows) }
