package prompt

import (
	"slices"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"

	"gatehouse/bastion/preview"
)

// maxLine is how many characters a line may have. A longer one is not run.
const maxLine = 64 << 10

// line is a line that is edited.
type line struct {
	text   []rune
	pos    int
	killed []rune // by the last key that killed
	over   bool   // characters were lost
}

// widths is the table of internal/vt: ambiguous characters are narrow, as xterm has it.
var widths = runewidth.Condition{StrictEmojiNeutral: true}

// picture is how a character is shown, and how many cells that takes: what a reader would not see, or would see elsewhere, is spelt out.
func picture(r rune) (string, int) {
	switch {
	case r >= badByte:
		return `\x` + string("0123456789abcdef"[(r-badByte)>>4&15]) + string("0123456789abcdef"[(r-badByte)&15]), 4
	case r == '\n':
		return "⏎", 1
	case r < ' ':
		return "^" + string(r+'@'), 2
	case r < 0x7f:
		return string(r), 1
	case r == 0x7f:
		return "^?", 2
	}
	shown := preview.Visible(string(r))
	if len(shown) > 2 && shown[0] == '\\' {
		return shown, len(shown)
	}
	if r < 0x300 {
		return shown, 1
	}
	return shown, widths.RuneWidth(r)
}

// encode gives the bytes of a line.
func encode(text []rune) string {
	var out strings.Builder
	for _, r := range text {
		if r >= badByte {
			out.WriteByte(byte(r - badByte))
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// decode is the inverse of encode.
func decode(s string) []rune {
	text := make([]rune, 0, len(s))
	for i, r := range s {
		if r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(unicode.ReplacementChar)) {
			r = badByte + rune(s[i])
		}
		text = append(text, r)
	}
	return text
}

func (l *line) set(text []rune) {
	l.text = slices.Clone(text[:min(len(text), maxLine)])
	l.pos, l.over = len(l.text), len(text) > maxLine
}

func (l *line) insert(text ...rune) {
	if len(l.text)+len(text) > maxLine {
		l.over = true
		return
	}
	l.text = slices.Insert(l.text, l.pos, text...)
	l.pos += len(text)
}

// left is the position one character before pos, combining marks included.
func (l *line) left(pos int) int {
	for pos > 0 {
		pos--
		if _, width := picture(l.text[pos]); width > 0 {
			break
		}
	}
	return pos
}

func (l *line) right(pos int) int {
	for pos < len(l.text) {
		pos++
		if pos == len(l.text) {
			break
		}
		if _, width := picture(l.text[pos]); width > 0 {
			break
		}
	}
	return pos
}

// wordLeft is the beginning of the word before the cursor; inside says what belongs to words.
func (l *line) wordLeft(inside func(rune) bool) int {
	pos := l.pos
	for pos > 0 && !inside(l.text[pos-1]) {
		pos--
	}
	for pos > 0 && inside(l.text[pos-1]) {
		pos--
	}
	return pos
}

func (l *line) wordRight() int {
	pos := l.pos
	for pos < len(l.text) && !inWord(l.text[pos]) {
		pos++
	}
	for pos < len(l.text) && inWord(l.text[pos]) {
		pos++
	}
	return pos
}

func inWord(r rune) bool  { return unicode.IsLetter(r) || unicode.IsDigit(r) || r >= badByte }
func noSpace(r rune) bool { return !unicode.IsSpace(r) }

// remove deletes from one position to another.
func (l *line) remove(from, to int) {
	l.text = slices.Delete(l.text, from, to)
	l.pos = from
}

// kill deletes, and keeps what was deleted for yank.
func (l *line) kill(from, to int) {
	if from < to {
		l.killed = slices.Clone(l.text[from:to])
		l.remove(from, to)
	}
}

// swap exchanges the two characters before the cursor, or around it.
func (l *line) swap() {
	if len(l.text) < 2 || l.pos == 0 {
		return
	}
	l.pos = min(l.pos, len(l.text)-1)
	l.text[l.pos-1], l.text[l.pos] = l.text[l.pos], l.text[l.pos-1]
	l.pos++
}

// edit does what a key does to the line alone, and reports whether it does anything.
func (l *line) edit(r rune) bool {
	switch r {
	case keyLeft, 'B' & 31:
		l.pos = l.left(l.pos)
	case keyRight, 'F' & 31:
		l.pos = l.right(l.pos)
	case keyHome, 'A' & 31:
		l.pos = 0
	case keyEnd, 'E' & 31:
		l.pos = len(l.text)
	case keyWordLeft:
		l.pos = l.wordLeft(inWord)
	case keyWordRight:
		l.pos = l.wordRight()
	default:
		return l.cut(r)
	}
	return true
}

// cut is edit for what deletes, and brings back.
func (l *line) cut(r rune) bool {
	switch r {
	case 0x7f, 'H' & 31:
		l.remove(l.left(l.pos), l.pos)
	case keyDelete, 'D' & 31:
		l.remove(l.pos, l.right(l.pos))
	case 'K' & 31:
		l.kill(l.pos, len(l.text))
	case 'U' & 31:
		l.kill(0, l.pos)
	case 'W' & 31:
		l.kill(l.wordLeft(noSpace), l.pos)
	case keyWordErase:
		l.kill(l.wordLeft(inWord), l.pos)
	case keyWordDelete:
		l.kill(l.pos, l.wordRight())
	case 'Y' & 31:
		l.insert(l.killed...)
	case 'T' & 31:
		l.swap()
	default:
		return false
	}
	return true
}
