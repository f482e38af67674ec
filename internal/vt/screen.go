package vt

// A screen is what is written on the main or the alternate screen.
type screen struct {
	cols, rows int
	lines      []*line
}

func newScreen(cols, rows int) *screen {
	s := &screen{cols: cols, rows: rows, lines: make([]*line, rows)}
	lines := make([]line, rows)
	for y := range lines {
		s.lines[y] = &lines[y]
	}
	s.clear(0, rows, blank(style{}))
	return s
}

// clear makes every cell of the lines from..to-1 like c.
func (s *screen) clear(from, to int, c cell) {
	for y := from; y < to; y++ {
		s.lines[y].reset(c)
	}
}

// scrollUp moves the lines top..bottom up by n; blank ones come in at the bottom.
func (s *screen) scrollUp(top, bottom, n int, c cell) {
	n = min(n, bottom-top+1)
	s.cut(top - 1)
	s.cut(bottom)
	rotate(s.lines[top:bottom+1], n)
	s.clear(bottom+1-n, bottom+1, c)
}

// scrollDown moves the lines top..bottom down by n; blank ones come in at the top.
func (s *screen) scrollDown(top, bottom, n int, c cell) {
	height := bottom - top + 1
	n = min(n, height)
	s.cut(top - 1)
	rotate(s.lines[top:bottom+1], height-n)
	s.clear(top, top+n, c)
	s.cut(bottom)
}

// cut says that line y does not go on in the next one, which is another now.
func (s *screen) cut(y int) {
	if y >= 0 {
		s.lines[y].wrap = wrapNone
	}
}

// rotate moves the first n lines behind the others.
func rotate(lines []*line, n int) {
	if n == 1 {
		first := lines[0]
		copy(lines, lines[1:])
		lines[len(lines)-1] = first
		return
	}
	moved := append([]*line(nil), lines[:n]...)
	copy(lines, lines[n:])
	copy(lines[len(lines)-n:], moved)
}

// resized gives a screen of another size that has what this one has, without the first lines, which are gone. This one is used up.
func (s *screen) resized(cols, rows, gone int) *screen {
	to := newScreen(cols, rows)
	kept := min(rows, s.rows-gone)
	copy(to.lines, s.lines[gone:gone+kept])
	for _, l := range to.lines[:kept] {
		l.resize(s.cols, cols)
	}
	to.cut(kept - 1)
	return to
}

// resize cuts the line or makes it longer by blank cells.
func (l *line) resize(from, to int) {
	if from == to {
		return
	}
	l.wrap = wrapNone
	if to > from {
		l.truncate(from, blank(style{}))
		return
	}
	l.split(to)
	l.cells = l.cells[:min(to, len(l.cells)):min(to, cap(l.cells))]
}
