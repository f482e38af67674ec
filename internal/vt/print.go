package vt

import (
	"slices"

	"github.com/mattn/go-runewidth"
)

// widths is the width table: ambiguous characters are narrow, as xterm has it outside of East Asian locales.
var widths = runewidth.Condition{StrictEmojiNeutral: true}

// runeWidth gives the cells that a printable character takes: 0, 1 or 2.
func runeWidth(r rune) int {
	switch {
	case r < 0x300: // the soft hyphen too
		return 1
	case r >= 0x1160 && r <= 0x11FF: // the vowels and finals of Hangul join the consonant before them
		return 0
	}
	return widths.RuneWidth(r)
}

// print shows one printable character at the cursor.
func (t *Terminal) print(r rune) {
	r = t.sets[t.gl].translate(r)
	switch width := runeWidth(r); {
	case width == 0:
		t.combine(r)
	case width <= t.cols:
		t.put(cell{r: r, style: t.pen, width: uint8(width)})
	}
}

// printASCII shows a run of printable ASCII.
func (t *Terminal) printASCII(p []byte) {
	if t.insert || t.sets[t.gl] != ascii {
		for _, b := range p {
			t.print(rune(b))
		}
		return
	}
	for len(p) > 0 {
		if t.x >= t.cols {
			t.makeRoom(1)
		}
		n := min(len(p), t.cols-t.x)
		t.putASCII(p[:n])
		p = p[n:]
	}
	t.repeatable = true
}

// putASCII writes cells of one line, from the cursor on, where there is room for all of p.
func (t *Terminal) putASCII(p []byte) {
	l := t.lines[t.y]
	end := t.x + len(p)
	l.prepare(t.x, end)
	l.mark = t.mark
	c := cell{style: t.pen, width: 1}
	row := l.cells[t.x:end]
	for i, b := range p {
		c.r = rune(b)
		row[i] = c
	}
	t.x = end
}

// prepare makes the line hold the cells from..to-1, to be written over.
func (l *line) prepare(from, to int) {
	l.split(from)
	l.split(to)
	l.hold(from)
	if n := to - len(l.cells); n > 0 {
		l.cells = slices.Grow(l.cells, n)[:to]
	}
}

// put shows a character of one or two cells, wrapping first where it must.
func (t *Terminal) put(c cell) {
	width := int(c.width)
	if t.x+width > t.cols && !t.makeRoom(width) {
		return
	}
	l := t.lines[t.y]
	if t.insert {
		l.insert(t.x, width, t.cols, t.blank())
	}
	l.prepare(t.x, t.x+width)
	l.mark = t.mark
	l.cells[t.x] = c
	if width == 2 {
		l.cells[t.x+1] = cell{style: c.style}
	}
	t.x += width
	t.repeatable = true
}

// blank is what erasing leaves.
func (t *Terminal) blank() cell { return blank(t.pen) }

// makeRoom brings the cursor to where a character of this width fits: to the next line, or, without autowrap, back to the last column.
// It says whether there is such a place.
func (t *Terminal) makeRoom(width int) bool {
	if t.noWrap {
		if width == 1 {
			t.x = t.cols - 1
		}
		return width == 1
	}
	w := wrapFull
	if t.x < t.cols {
		w = wrapWide
		t.erase(t.x, t.cols)
	}
	t.wrapLine(w)
	return true
}

// wrapLine goes to the beginning of the next line and marks this one as going on there.
func (t *Terminal) wrapLine(w wrap) {
	t.x = 0
	l := t.lines[t.y]
	l.wrap = w
	switch {
	case t.y == t.bottom:
		t.scroll(1)
		if t.y > t.top {
			l.wrap = w
		}
	case t.y < t.rows-1:
		t.y++
	default: // below the scroll region: the line is written over
		l.wrap = wrapNone
	}
}

// combine adds a character without a width to the one at the left of the cursor.
func (t *Terminal) combine(r rune) {
	if t.x == 0 {
		return
	}
	l := t.lines[t.y]
	l.hold(t.x)
	c := &l.cells[t.left()]
	for i := range c.comb {
		if c.comb[i] == 0 {
			c.comb[i] = r
			return
		}
	}
}

// left is where the character at the left of the cursor begins.
func (t *Terminal) left() int {
	x := t.x - 1
	if t.lines[t.y].at(x).width == 0 {
		x--
	}
	return x
}

// repeat is REP: the character that was just printed n more times.
func (t *Terminal) repeat(n int) {
	if !t.repeatable {
		return
	}
	c := t.lines[t.y].at(t.left())
	perLine := t.cols / int(c.width)
	if all := perLine * t.rows; n > all { // as many more as it takes to end in the same column
		n = all + (n-all)%perLine
	}
	if t.insert || t.noWrap {
		for range n {
			t.put(c)
		}
		return
	}
	for n > 0 {
		n -= t.putMany(c, n)
	}
}

// putMany shows a character up to n times, as often as there is room in the line, and says how often. That is at least once.
func (t *Terminal) putMany(c cell, n int) int {
	t.put(c)
	width := int(c.width)
	from, n := t.x-width, min(n-1, (t.cols-t.x)/width)
	t.x += n * width
	l := t.lines[t.y]
	l.prepare(from+width, t.x)
	fill(l.cells[from:t.x], width)
	return n + 1
}
