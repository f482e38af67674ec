package vt

import (
	"fmt"
	"strings"
)

// Snapshot returns what, written to a fresh terminal of this size, makes it equal to this one: what is on both screens, where
// the cursor is and was, how it draws, and the modes that matter to what comes. xterm and asciinema-player read it too. The
// character that REP would repeat is not in it.
func (t *Terminal) Snapshot() string {
	w := &writer{t: t}
	if w.tabs(); t.screen == t.alt {
		// The main screen waits below the alternate one.
		w.screen(t.main)
		w.saved(t.main.saved)
		w.region(t.main)
		w.text("\x1b[m\x1b[?1047h")
		w.pen = pen{}
	}
	w.screen(t.screen)
	w.saved(t.screen.saved)
	w.region(t.screen)
	w.cursor()
	w.modes()
	w.sequence()
	return w.b.String()
}

type writer struct {
	t   *Terminal
	b   strings.Builder
	pen pen // what the reader's is
}

func (w *writer) text(s string)                     { w.b.WriteString(s) }
func (w *writer) format(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }
func (w *writer) move(x, y int)                     { w.format("\x1b[%d;%dH", y+1, x+1) }

// screen writes what is on a screen. Rows that go on from the one before are written on from it, so that they do so again.
func (w *writer) screen(s *screen) {
	for y, r := range s.rows {
		goesOn := y+1 < len(s.rows) && s.rows[y+1].wrapped
		end := w.t.cols
		if !goesOn {
			end = r.end()
		}
		if end == 0 && !r.wrapped {
			continue
		}
		if !r.wrapped || y == 0 {
			w.move(0, y)
		}
		if r.wrapped && end == 0 {
			end = 1 // one character at least makes it go on
		}
		for x := 0; x < end; x++ {
			if x < len(r.cells) {
				w.cell(&r.cells[x])
			} else {
				w.cell(&cell{})
			}
		}
	}
}

// end is behind the last cell that shows something.
func (r *row) end() int {
	end := len(r.cells)
	for end > 0 && r.cells[end-1].blank() && r.cells[end-1].pen == (pen{}) {
		end--
	}
	return end
}

func (w *writer) cell(c *cell) {
	if c.right {
		return
	}
	w.setPen(c.pen)
	c.write(&w.b)
}

func (w *writer) setPen(p pen) {
	if p == w.pen {
		return
	}
	w.pen = p
	w.text("\x1b[0")
	for i, n := range []int{1, 2, 3, 5, 7, 8, 9, 53} {
		if p.style&(1<<i) != 0 {
			w.format(";%d", n)
		}
	}
	if u := p.style & underlines >> underlineShift; u == 1 {
		w.text(";4")
	} else if u > 1 {
		w.format(";4:%d", u)
	}
	w.color(p.fg, 38)
	w.color(p.bg, 48)
	w.text("m")
}

func (w *writer) color(c color, code int) {
	switch n := c & 0xffffff; {
	case c == 0:
	case c&indexed != 0 && n < 8:
		w.format(";%d", code-8+int(n))
	case c&indexed != 0 && n < 16:
		w.format(";%d", code+52+int(n)-8)
	case c&indexed != 0:
		w.format(";%d;5;%d", code, n)
	default:
		w.format(";%d;2;%d;%d;%d", code, n>>16, n>>8&0xff, n&0xff)
	}
}

// saved makes the reader save a cursor like ours.
func (w *writer) saved(s saved) {
	if s == (saved{}) {
		return
	}
	w.move(min(s.x, w.t.cols-1), s.y)
	w.setPen(s.pen)
	w.charsets(s.charsets, s.shift)
	w.text("\x1b7")
	if s.charsets != ([4]bool{}) || s.shift != 0 {
		w.text("\x1b(B\x1b)B\x1b*B\x1b+B\x0f")
	}
}

func (w *writer) charsets(sets [4]bool, shift int) {
	for i, special := range sets {
		if special {
			w.format("\x1b%c0", "()*+"[i])
		}
	}
	w.text([]string{"", "\x0e", "\x1bn", "\x1bo"}[shift])
}

func (w *writer) region(s *screen) {
	if s.top != 0 || s.bottom != w.t.rows-1 {
		w.format("\x1b[%d;%dr", s.top+1, s.bottom+1)
	}
}

func (w *writer) tabs() {
	custom := false
	for i, set := range w.t.tabs {
		custom = custom || set != (i > 0 && i%8 == 0)
	}
	if !custom {
		return
	}
	w.text("\x1b[3g")
	for i, set := range w.t.tabs {
		if set {
			w.move(i, 0)
			w.text("\x1bH")
		}
	}
}

// cursor puts the cursor where it is. Where the next character begins a new row, the last one of this row is written again.
func (w *writer) cursor() {
	t, y := w.t, w.t.y
	if t.origin {
		w.text("\x1b[?6h")
		y -= t.screen.top
	}
	if t.x < t.cols {
		w.move(t.x, y)
		return
	}
	r, x := t.screen.rows[t.y], t.cols-1
	if x < len(r.cells) && r.cells[x].right {
		x--
	}
	w.move(x, y)
	if x < len(r.cells) {
		w.cell(&r.cells[x])
	} else {
		w.cell(&cell{})
	}
}

func (w *writer) modes() {
	t := w.t
	w.setPen(t.pen)
	w.charsets(t.charsets, t.shift)
	for _, m := range []struct {
		on   bool
		text string
	}{{t.noWrap, "\x1b[?7l"}, {t.insert, "\x1b[4h"}, {t.newline, "\x1b[20h"}, {t.hidden, "\x1b[?25l"}} {
		if m.on {
			w.text(m.text)
		}
	}
}

// sequence writes what there is of an unfinished sequence.
func (w *writer) sequence() {
	ps := &w.t.parser
	switch ps.state {
	case escape:
		w.text("\x1b")
	case escapeMore:
		w.format("\x1b%c", max(ps.intermediate, ' ')&0x2f)
		if ps.intermediate == 0xff {
			w.text("!")
		}
	case csi, csiBad:
		w.text("\x1b[")
		if ps.prefix != 0 {
			w.b.WriteByte(ps.prefix)
		}
		for i, p := range ps.params[:ps.n+1] {
			if i > 0 {
				w.b.WriteByte(map[bool]byte{true: ':', false: ';'}[p.sub])
			}
			if p.value >= 0 {
				w.format("%d", p.value)
			}
		}
		if ps.intermediate != 0 {
			w.b.WriteByte(ps.intermediate)
		}
		if ps.state == csiBad {
			w.text("!!")
		}
	case str:
		w.format("\x1b%c", ps.intro)
	}
	w.b.Write(ps.tail[:ps.tails])
}
