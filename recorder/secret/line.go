package secret

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

const (
	maxLine = 16 << 10 // bytes of text that are looked at in one piece
	overlap = 1 << 10  // of them that are looked at again with what follows
	maxSegs = 16 << 10 // pieces that a line may be made of
)

// seg says where a piece of a line's text came from: n bytes of event's data from byte from on.
type seg struct {
	text, event, from, n int
}

// row is one stream's current line as a terminal would show it, and where each of its bytes came from. What a carriage return
// alone begins anew is a line of its own; what the screen's width broke is one.
type row struct {
	d    *Detector
	cols int // of the screen; 0 without one
	hit  func(Hit)
	in   block // the private key that the lines may be in

	text   []byte
	at     int   // where the next character goes: before the end of text after a backspace
	segs   []seg // later ones may lie over the text of earlier ones
	begun  int   // where the screen's current row begins in text
	joints []int // where rows were joined
	cr     bool  // the last character was a carriage return
	escape escape
}

// write reads the data of an event.
func (r *row) write(event int, data []byte) {
	for i := 0; i < len(data); {
		c := data[i]
		if r.escape.state != ground || c == 0x1b {
			r.control(r.escape.next(c))
			i++
			continue
		}
		if c >= ' ' && c != 0x7f {
			n := printable(data[i:])
			r.put(event, i, data[i:i+n])
			i += n
			continue
		}
		r.c0(event, i, c)
		i++
	}
}

// printable counts what is no control character at the beginning of b.
func printable(b []byte) int {
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			return i
		}
	}
	return len(b)
}

func (r *row) c0(event, from int, c byte) {
	switch c {
	case '\n':
		r.newline()
	case '\r':
		r.cr = true
	case '\b':
		r.back(1)
	case '\t':
		r.put(event, from, []byte{c})
	}
}

// put adds text where the cursor stands.
func (r *row) put(event, from int, b []byte) {
	if r.cr {
		r.carriageReturn()
	}
	for len(b) > 0 {
		n := min(len(b), maxLine-r.at)
		if n == 0 || len(r.segs) >= maxSegs {
			r.cut()
			continue
		}
		r.segs = append(r.segs, seg{r.at, event, from, n})
		r.text = append(r.text[:r.at], append(b[:n:n], r.text[min(len(r.text), r.at+n):]...)...)
		r.at += n
		from, b = from+n, b[n:]
	}
}

// newline ends the line, unless it filled the screen's row to its last column.
func (r *row) newline() {
	r.cr = false
	if r.full() {
		r.join()
		return
	}
	r.end()
}

// carriageReturn is what a carriage return without a line feed does: the row is written anew.
func (r *row) carriageReturn() {
	r.cr = false
	if !r.wrapped() {
		r.end()
	}
}

// wrapped joins the screen's rows if the cursor was at the right edge and goes to the left one. Line editors and vim make the
// screen itself wrap, by one more character that they then write over: a blank, or the last one again.
func (r *row) wrapped() bool {
	if r.full() {
		r.join()
		return true
	}
	if r.cols == 0 || r.at != len(r.text) || r.at == r.begun {
		return false
	}
	_, n := utf8.DecodeLastRune(r.text[r.begun:])
	if !r.fills(r.text[r.begun : r.at-n]) {
		return false
	}
	r.text = r.text[:r.at-n]
	r.join()
	return true
}

func (r *row) join() {
	r.at = len(r.text)
	r.begun = r.at
	r.joints = append(r.joints, r.at)
}

func (r *row) full() bool { return r.cols > 0 && r.fills(r.text[r.begun:]) }

// fills says whether text takes whole rows of the screen.
func (r *row) fills(text []byte) bool {
	width := 0
	for i := 0; i < len(text); {
		c, n := rune(text[i]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRune(text[i:])
		}
		i += n
		if c == '\t' {
			width += 8 - width%8
			continue
		}
		width += cells(c)
	}
	return width > 0 && width%r.cols == 0
}

// cells is how wide a character is on a screen, roughly: East Asian and emoji take two.
func cells(c rune) int {
	switch {
	case c >= 0x300 && c < 0x370, c == 0x200b, c == 0x200d, c >= 0xfe00 && c < 0xfe10:
		return 0
	case c >= 0x1100 && c < 0x1160, c >= 0x2e80 && c < 0xa4d0, c >= 0xac00 && c < 0xd7a4, c >= 0xf900 && c < 0xfb00,
		c >= 0xfe30 && c < 0xfe70, c >= 0xff00 && c < 0xff61, c >= 0x1f300 && c < 0x1fb00, c >= 0x20000 && c < 0x40000:
		return 2
	}
	return 1
}

// back moves the cursor left by characters, at most to the row's beginning.
func (r *row) back(n int) {
	for ; n > 0 && r.at > r.begun; n-- {
		for r.at--; r.at > r.begun && !utf8.RuneStart(r.text[r.at]); r.at-- {
		}
	}
}

// control does what matters here of a control sequence.
func (r *row) control(final byte, params []byte) {
	switch final {
	case 'D':
		r.back(min(number(params, 0), maxLine))
	case 'C', 'A', 'B', 'd', 'G', '`':
		if final == 'C' && r.at < len(r.text) {
			r.at = min(len(r.text), r.at+min(number(params, 0), maxLine))
			return
		}
		r.end()
	case 'H', 'f', 'E':
		if final == 'E' || number(params, 1) != 1 || !r.wrapped() {
			r.end()
		}
	case 'c', 'M': // of ESC alone: reset, reverse index
		r.end()
	}
}

// number reads the nth parameter; 1 where there is none.
func number(params []byte, n int) int {
	for ; n > 0; n-- {
		_, params, _ = bytes.Cut(params, []byte(";"))
	}
	params, _, _ = bytes.Cut(params, []byte(";"))
	v, err := strconv.Atoi(string(params))
	if err != nil || v < 1 {
		return 1
	}
	return v
}

// end looks at the line and begins another.
func (r *row) end() {
	r.report(&r.in)
	r.text, r.segs, r.joints = r.text[:0], r.segs[:0], r.joints[:0]
	r.at, r.begun = 0, 0
	r.cr = false
}

// cut looks at the line as far as it goes and keeps its end as the beginning of the rest.
func (r *row) cut() {
	r.report(&r.in)
	drop := max(0, r.at-overlap)
	if len(r.segs) >= maxSegs {
		drop = r.at
	}
	var kept []seg
	for _, s := range r.segs {
		if skip := max(0, drop-s.text); skip < s.n {
			kept = append(kept, seg{max(0, s.text-drop), s.event, s.from + skip, s.n - skip})
		}
	}
	r.segs = kept
	r.text = append(r.text[:0], r.text[min(drop, len(r.text)):]...)
	r.at = min(r.at-drop, len(r.text))
	r.begun, r.joints = max(0, r.begun-drop), r.joints[:0]
}

// peek looks at the line as far as it goes, and takes what may be the beginning of a secret for one. The line will be looked
// at again when it ends.
func (r *row) peek() {
	in := r.in
	r.report(&in)
	r.hits(r.d.open(r.text))
}

// report hands on what is secret in the line.
func (r *row) report(in *block) {
	if len(r.text) == 0 {
		return
	}
	r.hits(r.d.joined(in, r.text, r.joints))
}

// hits hands on where spans of the text came from.
func (r *row) hits(spans []Span) {
	for _, s := range r.segs {
		for _, span := range spans {
			from, to := max(span.From, s.text), min(span.To, s.text+s.n)
			if from < to {
				r.hit(Hit{s.event, s.from + from - s.text, s.from + to - s.text, span.Rule})
			}
		}
	}
}

// first returns the number of the first event that the line has bytes of, or none.
func (r *row) first(none int) int {
	if len(r.segs) == 0 {
		return none
	}
	return r.segs[0].event
}
