package prompt

import (
	"fmt"
	"strings"
)

// cell is one character on the terminal, with the combining marks that follow it.
type cell struct {
	text     string
	width    int
	row, col int // from where the prompt begins
}

// view is what a terminal shows of a prompt and its line. Everything is written relative to where the prompt began, as nobody can ask a
// terminal where that is: programs that drive a prompt do not answer.
type view struct {
	cols, rows int
	shown      []cell
	row, col   int // of the cursor; col may be cols, where the next character wraps
	out        strings.Builder
}

// layout places a prompt and a line, and says where the position pos of the line is.
func layout(prompt string, text []rune, pos, cols int) (cells []cell, row, col int) {
	p := page{cols: cols}
	for _, r := range prompt {
		p.put(r)
	}
	for _, r := range text[:pos] {
		p.put(r)
	}
	row, col = p.row, p.col
	for _, r := range text[pos:] {
		p.put(r)
	}
	if col >= cols {
		row, col = row+1, 0
	}
	return p.cells, row, col
}

// page is what layout fills.
type page struct {
	cells          []cell
	cols, row, col int
}

func (p *page) put(r rune) {
	shown, width := picture(r)
	if width != len(shown) {
		p.place(shown, width)
		return
	}
	for i := range shown { // what is spelt out breaks anywhere
		p.place(shown[i:i+1], 1)
	}
}

func (p *page) place(shown string, width int) {
	if width == 0 && len(p.cells) > 0 {
		p.cells[len(p.cells)-1].text += shown
		return
	}
	if p.col+width > p.cols {
		p.row, p.col = p.row+1, 0
	}
	p.cells = append(p.cells, cell{shown, width, p.row, p.col})
	p.col += width
}

// draw brings the terminal from what it shows to prompt and text with the cursor at pos, and returns what to write for that. Of what has
// more rows than the terminal it shows those around the cursor.
func (v *view) draw(prompt string, text []rune, pos int) string {
	cells, row, col := layout(prompt, text, pos, v.cols)
	if row >= v.rows {
		top := row - v.rows + 1
		cells, row = window(cells, top, v.rows), v.rows-1
	} else {
		cells = window(cells, 0, v.rows)
	}
	same := 0
	for same < len(cells) && same < len(v.shown) && cells[same] == v.shown[same] {
		same++
	}
	if same < len(cells) || same < len(v.shown) {
		v.rewrite(cells, same)
	}
	v.move(row, col)
	drawn := v.out.String()
	v.out.Reset()
	return drawn
}

// window is the cells of the rows from top on, counted from there.
func window(cells []cell, top, rows int) []cell {
	var in []cell
	for _, c := range cells {
		if c.row >= top && c.row < top+rows {
			c.row -= top
			in = append(in, c)
		}
	}
	return in
}

// rewrite writes the cells from the first that differs on, and clears what was behind them.
func (v *view) rewrite(cells []cell, from int) {
	longer := from < len(v.shown)
	switch {
	case from > 0 && from < len(cells) && cells[from].row > cells[from-1].row:
		v.moveBehind(cells[from-1]) // in what a wide character leaves free something may stand
	case from < len(cells):
		v.move(cells[from].row, cells[from].col)
	case from > 0:
		v.moveBehind(cells[from-1])
	default:
		v.move(0, 0)
	}
	if longer {
		v.out.WriteString("\x1b[J")
	}
	for _, c := range cells[from:] {
		if c.row > v.row && v.col < v.cols {
			v.out.WriteString(strings.Repeat(" ", v.cols-v.col)) // a wide character did not fit
		}
		v.out.WriteString(c.text)
		v.row, v.col = c.row, c.col+c.width
	}
	switch {
	case v.col < v.cols:
	case v.row == v.rows-1: // the next row is not shown: nothing is to scroll
		v.out.WriteString("\r")
		v.col = 0
	default:
		v.wrap()
	}
	v.shown = cells
}

// moveBehind puts the cursor behind a cell.
func (v *view) moveBehind(c cell) {
	if c.col+c.width >= v.cols {
		v.move(c.row+1, 0)
		return
	}
	v.move(c.row, c.col+c.width)
}

// wrap takes the cursor from behind a full row to the next one, which scrolls into view.
func (v *view) wrap() {
	v.out.WriteString(" \r")
	v.row, v.col = v.row+1, 0
}

func (v *view) move(row, col int) {
	switch {
	case row < v.row:
		fmt.Fprintf(&v.out, "\x1b[%dA", v.row-row)
	case row > v.row:
		fmt.Fprintf(&v.out, "\x1b[%dB", row-v.row)
	}
	switch {
	case col == v.col:
	case col == 0:
		v.out.WriteString("\r")
	case col < v.col && v.col-col < 4:
		v.out.WriteString(strings.Repeat("\b", v.col-col))
	case col < v.col:
		fmt.Fprintf(&v.out, "\x1b[%dD", v.col-col)
	default:
		fmt.Fprintf(&v.out, "\x1b[%dC", col-v.col)
	}
	v.row, v.col = row, col
}

// forget is for a terminal that shows nothing of it any more, and whose cursor is in the first column.
func (v *view) forget() { v.shown, v.row, v.col = nil, 0, 0 }

// resize is for a terminal that has another size: it may have moved what it shows. What it returns takes the cursor to where the prompt
// begins, if the terminal wraps as it did before, and clears from there.
func (v *view) resize(prompt string, text []rune, pos, cols, rows int) string {
	v.cols, v.rows = cols, rows
	_, row, _ := layout(prompt, text, pos, cols)
	v.row, v.col = min(row, rows-1), 1
	v.move(0, 0)
	v.forget()
	out := v.out.String() + "\x1b[J"
	v.out.Reset()
	return out
}
