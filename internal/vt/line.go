package vt

// A wrap says whether a line goes on in the next one.
type wrap uint8

const (
	wrapNone wrap = iota
	wrapFull      // it was full
	wrapWide      // a wide character did not fit into its last cell, which is blank and no part of the text
)

// A line is one row of a screen. Cells beyond those that it holds are all like rest, so that to clear a line costs nothing.
type line struct {
	cells []cell // never more than the screen has columns
	rest  cell   // of width 1
	wrap  wrap
	mark  int64 // SetMark, when something was last printed in it
}

// reset makes every cell of the line like rest.
func (l *line) reset(rest cell) {
	l.cells, l.rest, l.wrap, l.mark = l.cells[:0], rest, wrapNone, 0
}

// at gives cell x.
func (l *line) at(x int) cell {
	if x < len(l.cells) {
		return l.cells[x]
	}
	return l.rest
}

// hold makes the line hold at least n cells.
func (l *line) hold(n int) {
	for len(l.cells) < n {
		l.cells = append(l.cells, l.rest)
	}
}

// split blanks both halves of a wide character that lies across the border before cell x, so that each side may be changed alone.
func (l *line) split(x int) {
	if x <= 0 || x >= len(l.cells) || l.cells[x].width != 0 {
		return
	}
	for half := x - 1; half <= x; half++ {
		l.cells[half] = cell{r: ' ', style: l.cells[half].style, width: 1}
	}
}

// erase blanks the cells from..to-1 of a line of cols cells. Half of a wide character cannot stay: its other half goes with it.
func (l *line) erase(from, to, cols int, c cell) {
	if from >= to {
		return
	}
	l.split(from)
	if to == cols {
		l.truncate(from, c)
		l.wrap = wrapNone
		return
	}
	l.hold(to)
	l.split(to)
	setAll(l.cells[from:to], c)
}

// truncate makes the cells from x on like c.
func (l *line) truncate(x int, c cell) {
	if l.rest != c {
		l.hold(x)
	}
	l.cells, l.rest = l.cells[:min(x, len(l.cells))], c
}

// insert moves the cells from x on to the right by n and puts c in their place; what passes the edge is lost. Whether the line goes on does
// not change: shells that edit a long command write it again up to the edge.
func (l *line) insert(x, n, cols int, c cell) {
	n = min(n, cols-x)
	if x >= len(l.cells) && l.rest == c {
		return
	}
	l.split(x)
	l.split(cols - n)
	l.hold(x)
	kept := min(len(l.cells), cols-n)
	l.hold(kept + n)
	copy(l.cells[x+n:], l.cells[x:kept])
	l.cells = l.cells[:kept+n]
	setAll(l.cells[x:x+n], c)
}

// remove takes n cells out at x, moves the rest of the line left and puts c at its end.
func (l *line) remove(x, n, cols int, c cell) {
	n = min(n, cols-x)
	l.split(x)
	l.split(x + n)
	if l.rest != c {
		l.hold(cols)
	}
	if x < len(l.cells) {
		l.cells = append(l.cells[:x], l.cells[min(x+n, len(l.cells)):]...)
	}
	l.rest = c
}

// fill repeats the first n cells over all of them.
func fill(cells []cell, n int) {
	for ; n < len(cells); n *= 2 {
		copy(cells[n:], cells[:n])
	}
}

// setAll makes every cell like c.
func setAll(cells []cell, c cell) {
	if len(cells) > 0 {
		cells[0] = c
		fill(cells, 1)
	}
}

// end is behind the last cell where there is something to see, in a line of cols cells.
func (l *line) end(cols int) int {
	if !l.rest.empty() {
		return cols
	}
	return l.written()
}

// written is behind the last cell where there is text: what DECALN fills the screen with is none.
func (l *line) written() int {
	end := len(l.cells)
	for end > 0 && l.cells[end-1].empty() {
		end--
	}
	return end
}

// appendText appends the characters of the first n cells in UTF-8.
func (l *line) appendText(to []byte, n int) []byte {
	held := min(n, len(l.cells))
	for x := range l.cells[:held] {
		to = l.cells[x].appendText(to)
	}
	for range n - held {
		to = l.rest.appendText(to)
	}
	return to
}
