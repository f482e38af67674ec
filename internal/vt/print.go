package vt

import "github.com/mattn/go-runewidth"

// widths is of a terminal outside East Asia: ambiguous characters are narrow.
var widths = &runewidth.Condition{}

func widthOf(r rune) int {
	if r < 0x300 {
		return 1
	}
	return widths.RuneWidth(r)
}

// graphics is what DEC special graphics has for ` to ~.
var graphics = [...]rune{'◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─', '⎼', '⎽',
	'├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·'}

// printRun prints characters from space to ~, which is most of what comes.
func (t *Terminal) printRun(p []byte) {
	for len(p) > 0 {
		if t.insert || t.charsets[t.shift] {
			t.print(rune(p[0]))
			p = p[1:]
			continue
		}
		if t.x >= t.cols {
			t.wrap()
		}
		n := min(len(p), t.cols-t.x)
		r := t.screen.rows[t.y]
		r.fill(t.cols)
		r.mark = t.mark
		t.uncover(r, t.x, t.x+n)
		cells := r.cells[t.x : t.x+n]
		for i := range cells {
			cells[i] = cell{char: rune(p[i]), pen: t.pen, width: 1}
		}
		t.last = rune(p[n-1])
		t.x += n
		p = p[n:]
	}
}

// wrap goes to the next row because this one is full, or back to its last place where the terminal does not wrap.
func (t *Terminal) wrap() {
	if t.noWrap {
		t.x = t.cols - 1
		return
	}
	t.x = 0
	t.index()
	t.screen.rows[t.y].wrapped = true
}

// print prints one character that is no control.
func (t *Terminal) print(r rune) {
	if t.charsets[t.shift] && r >= '`' && r <= '~' {
		r = graphics[r-'`']
	}
	width := widthOf(r)
	if width == 0 {
		t.combine(r)
		return
	}
	if width > t.cols {
		return
	}
	if t.x+width > t.cols {
		if t.noWrap && width == 2 {
			t.x = t.cols - 1
			return // there is no room, and none is made
		}
		t.wrap()
	}
	line := t.screen.rows[t.y]
	line.fill(t.cols)
	line.mark = t.mark
	if t.insert {
		t.shiftRight(line, width)
	}
	t.uncover(line, t.x, t.x+width)
	line.cells[t.x] = cell{char: r, pen: t.pen, width: uint8(width)}
	if width == 2 {
		line.cells[t.x+1] = cell{pen: t.pen, right: true}
	}
	t.x += width
	t.last = r
}

// uncover blanks the halves of wide characters that stay when the cells from..to are written.
func (t *Terminal) uncover(r *row, from, to int) {
	if r.cells[from].right && from > 0 {
		r.cells[from-1] = cell{char: ' ', pen: r.cells[from-1].pen, width: 1}
	}
	if to < t.cols && r.cells[to].right {
		r.cells[to] = cell{char: ' ', pen: r.cells[to].pen, width: 1}
	}
}

// combine adds a combining character to the one before the cursor.
func (t *Terminal) combine(r rune) {
	line, x := t.screen.rows[t.y], t.x-1
	if x < 0 || x >= len(line.cells) {
		return
	}
	if line.cells[x].right && x > 0 {
		x--
	}
	c := &line.cells[x]
	if c.char == 0 {
		c.char, c.width = ' ', 1
	}
	if c.more == nil {
		c.more = &[]rune{r}
	} else if len(*c.more) < maxCombining {
		*c.more = append(*c.more, r)
	}
}

// shiftRight makes room for n cells at the cursor.
func (t *Terminal) shiftRight(r *row, n int) {
	n = min(n, t.cols-t.x)
	if r.cells[t.x].right && t.x > 0 {
		r.cells[t.x-1] = cell{pen: pen{bg: r.cells[t.x-1].bg}}
		r.cells[t.x] = cell{pen: pen{bg: r.cells[t.x].bg}}
	}
	copy(r.cells[t.x+n:], r.cells[t.x:t.cols-n])
	blank := cell{pen: pen{bg: t.pen.bg}}
	for i := t.x; i < t.x+n; i++ {
		r.cells[i] = blank
	}
	if last := &r.cells[t.cols-1]; last.width == 2 { // its right half went over the edge
		*last = cell{pen: pen{bg: last.bg}}
	}
}

// index goes one row down and scrolls at the end of the region.
func (t *Terminal) index() {
	s := t.screen
	switch {
	case t.y == s.bottom:
		if s.top == 0 && s == t.main {
			t.left(s.rows[0], len(s.rows) > 1 && s.rows[1].wrapped)
		}
		s.up(s.top, s.bottom, 1, t.cols, t.pen.bg)
	case t.y < t.rows-1:
		t.y++
	}
}

// reverseIndex goes one row up and scrolls at the begin of the region.
func (t *Terminal) reverseIndex() {
	if t.y == t.screen.top {
		t.screen.down(t.screen.top, t.screen.bottom, 1, t.cols, t.pen.bg)
	} else if t.y > 0 {
		t.y--
	}
	t.x = min(t.x, t.cols-1)
}

// lineFeed is LF, VT and FF.
func (t *Terminal) lineFeed() {
	if t.newline {
		t.x = 0
	}
	at := t.y
	t.index()
	if t.y != at {
		t.screen.rows[t.y].wrapped = false
	}
	t.x = min(t.x, t.cols-1)
}
