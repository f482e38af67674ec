package vt

import "strings"

// color is 0 for the default, indexed|n for one of 256, or direct|rrggbb.
type color uint32

const (
	indexed color = 1 << 24
	direct  color = 2 << 24
)

// style is a set of attributes.
type style uint16

const (
	bold style = 1 << iota
	dim
	italic
	blink
	inverse
	invisible
	strike
	overline
	underlineShift = iota // three bits follow: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed
	underlines     = style(7) << underlineShift
)

// pen is how characters are drawn.
type pen struct {
	fg, bg color
	style  style
}

// maxCombining bounds what one cell carries beside its character.
const maxCombining = 8

// cell is one place on the screen. The zero cell is blank.
type cell struct {
	char rune    // 0: nothing was written
	more *[]rune // combining characters, nil mostly
	pen
	width uint8 // 2 for a wide character; 0 for its right half, and for the zero cell
	right bool  // the right half of the wide character before it
}

func (c *cell) blank() bool { return c.char == 0 && !c.right || c.char == ' ' && c.more == nil }

// row is one line of the screen. Without cells it is blank.
type row struct {
	cells   []cell
	wrapped bool // it goes on from the row before
	mark    int64
}

// text is the row as characters, without blanks at its end.
func (r *row) text() string {
	end := len(r.cells)
	for end > 0 && r.cells[end-1].blank() {
		end--
	}
	var b strings.Builder
	b.Grow(end)
	for i := range r.cells[:end] {
		r.cells[i].write(&b)
	}
	return b.String()
}

func (c *cell) write(b *strings.Builder) {
	switch {
	case c.right:
	case c.char == 0:
		b.WriteByte(' ')
	default:
		b.WriteRune(c.char)
		if c.more != nil {
			for _, r := range *c.more {
				b.WriteRune(r)
			}
		}
	}
}

// erase blanks cells from..to with a background, and the other halves of wide characters that are cut.
func (r *row) erase(from, to, cols int, bg color) {
	if from >= to || r.cells == nil && bg == 0 {
		return
	}
	if from == 0 && to >= cols && bg == 0 {
		r.cells = nil
		return
	}
	r.fill(cols)
	if from > 0 && r.cells[from].right {
		r.cells[from-1] = cell{pen: pen{bg: r.cells[from-1].bg}}
	}
	if to < cols && r.cells[to].right {
		r.cells[to] = cell{pen: pen{bg: r.cells[to].bg}}
	}
	blank := cell{pen: pen{bg: bg}}
	for i := from; i < to; i++ {
		r.cells[i] = blank
	}
}

// fill gives the row its cells.
func (r *row) fill(cols int) {
	if len(r.cells) < cols {
		r.cells = append(r.cells, make([]cell, cols-len(r.cells))...)
	}
}
