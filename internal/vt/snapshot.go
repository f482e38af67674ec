package vt

import "strconv"

// Snapshot gives what makes a new terminal of this size equal to this one when it is written to it: both screens, which lines go on, the
// cursor, saved cursors, pen, margins, modes, character sets, tab stops, and the beginning of a sequence or of a character that was not yet
// complete (so that it is valid UTF-8 only between two characters). xterm and the avt of asciinema-player understand it too.
//
// Nothing of it comes from what a program sent but the printable characters on the screens and numbers.
func (t *Terminal) Snapshot() string {
	w := &writer{t: t}
	w.writeTabs()
	w.writeScreen(t.main)
	w.writeSaved(t.saved[0])
	if t.alt {
		w.setStyle(style{})
		w.text("\x1b[?1047h")
		w.writeScreen(t.other)
		w.writeSaved(t.saved[1])
	}
	w.writeModes()
	w.writeCursor(t.cursor, writing{t.top, t.insert, t.repeatable})
	w.writeUnfinished()
	return string(w.b)
}

// A writer collects a snapshot.
type writer struct {
	t   *Terminal
	b   []byte
	pen style // what the reader has

	lines []*line // of the screen that the reader shows
}

func (w *writer) text(s string) { w.b = append(w.b, s...) }

// sequence writes a control sequence of numbers.
func (w *writer) sequence(final string, numbers ...int) {
	w.text("\x1b[")
	for i, n := range numbers {
		if i > 0 {
			w.text(";")
		}
		w.b = strconv.AppendInt(w.b, int64(n), 10)
	}
	w.text(final)
}

func (w *writer) moveTo(x, y int) { w.sequence("H", y+1, x+1) }

// writeScreen writes what is on a screen. The reader's is blank.
func (w *writer) writeScreen(s *screen) {
	w.lines = s.lines
	for y, l := range s.lines {
		if l.wrap != wrapNone {
			w.writeWrap(l.wrap, y)
		}
		if end := l.styledEnd(s.cols); end > 0 {
			w.moveTo(0, y)
			w.writeCells(l, end)
		}
	}
}

// writeWrap makes line y go on: a character is written beyond its end, and leaves nothing in the next line.
func (w *writer) writeWrap(how wrap, y int) {
	w.setStyle(style{})
	w.moveTo(w.t.cols-1, y)
	if how == wrapFull {
		w.text("  ")
		return
	}
	w.text("\u3000\r\x1b[2X")
}

// styledEnd is behind the last cell that is not as in a new terminal.
func (l *line) styledEnd(cols int) int {
	none := blank(style{})
	if l.rest != none {
		return cols
	}
	end := len(l.cells)
	for end > 0 && l.cells[end-1] == none {
		end--
	}
	return end
}

func (w *writer) writeCells(l *line, to int) {
	for x := range to {
		w.writeCell(l.at(x))
	}
}

func (w *writer) writeCell(c cell) {
	if c.width == 0 {
		return
	}
	w.setStyle(c.style)
	w.b = c.appendText(w.b)
}

// writeTabs sets the tab stops, unless they are as in a new terminal.
func (w *writer) writeTabs() {
	custom := false
	for x, set := range w.t.tabs {
		custom = custom || set != (x > 0 && x%8 == 0)
	}
	if !custom {
		return
	}
	w.text("\x1b[3g")
	for x, set := range w.t.tabs {
		if set {
			w.moveTo(x, 0)
			w.text("\x1bH")
		}
	}
}

// writeSaved makes the reader save a cursor, unless it is as in a new terminal.
func (w *writer) writeSaved(c cursor) {
	if c == (cursor{}) {
		return
	}
	w.writeCursor(c, writing{})
	w.text("\x1b7")
	w.writeSets(cursor{}, c)
	if c.origin {
		w.text("\x1b[?6l")
	}
}

// A writing is what else matters to how the cursor comes to its place.
type writing struct {
	top        int // the top margin
	insert     bool
	repeatable bool
}

// writeCursor puts the cursor where it is, with all that belongs to it. Where the next character wraps, and where REP may repeat the last
// one, that one is written once more, as nothing else brings a terminal there.
func (w *writer) writeCursor(c cursor, how writing) {
	if c.origin {
		w.text("\x1b[?6h")
	} else {
		how.top = 0
	}
	again := c.x == w.t.cols || how.repeatable
	if how.repeatable {
		w.writeSets(c, cursor{})
	}
	if again {
		w.writeAgain(c, how)
	} else {
		w.moveTo(c.x, c.y-how.top)
	}
	if !how.repeatable {
		w.writeSets(c, cursor{})
		w.pen = c.pen
		w.writePen()
	}
}

// writeAgain writes the character at the left of the cursor over itself. In insert mode it is first taken out.
func (w *writer) writeAgain(c cursor, how writing) {
	l := w.lines[c.y]
	x := c.x - 1
	if l.at(x).width == 0 {
		x--
	}
	w.moveTo(x, c.y-how.top)
	w.setStyle(l.at(x).style)
	if how.insert {
		w.sequence("P", c.x-x)
	}
	w.writeCell(l.at(x))
}

// writeSets brings the character sets from those of one cursor to those of another.
func (w *writer) writeSets(to, from cursor) {
	for i := range to.sets {
		if to.sets[i] != from.sets[i] {
			w.text("\x1b" + string("()*+"[i]) + string(to.sets[i].final()))
		}
	}
	if to.gl != from.gl {
		w.text([]string{"\x0f", "\x0e", "\x1bn", "\x1bo"}[to.gl])
	}
}

// writeModes sets the margins and the modes that are not as in a new terminal.
func (w *writer) writeModes() {
	t := w.t
	if t.top != 0 || t.bottom != t.rows-1 {
		w.sequence("r", t.top+1, t.bottom+1)
	}
	for _, m := range []struct {
		on   bool
		text string
	}{
		{t.insert, "\x1b[4h"}, {t.newline, "\x1b[20h"}, {t.reverse, "\x1b[?5h"}, {t.noWrap, "\x1b[?7l"}, {t.hidden, "\x1b[?25l"},
	} {
		if m.on {
			w.text(m.text)
		}
	}
	if t.cursorLook != 0 {
		w.sequence(" q", int(t.cursorLook))
	}
}

// writeUnfinished writes the beginning of what was not yet complete.
func (w *writer) writeUnfinished() {
	p := &w.t.parser
	switch p.state {
	case escape:
		w.text("\x1b")
	case escapeInter:
		w.text("\x1b" + p.interText())
	case csiEntry, csiParam, csiInter:
		w.text("\x1b[")
		w.writeParams(p)
		w.text(p.interText())
	case csiIgnore:
		w.text("\x1b[0?")
	case oscString:
		w.text("\x1b]")
	case controlString:
		w.text("\x1b" + string(p.opener))
	}
	w.b = append(w.b, p.utf8.pending()...)
}

// interText gives the intermediates that bring a parser to where this one is.
func (p *parser) interText() string {
	switch p.inter {
	case 0:
		return ""
	case severalInter:
		return "  "
	}
	return string(p.inter)
}

func (w *writer) writeParams(p *parser) {
	if p.prefix != 0 {
		w.b = append(w.b, p.prefix)
	}
	for i := range p.count {
		if i > 0 {
			w.text(p.separator(i))
		}
		if i < maxParams && p.params[i].n != missing {
			w.text(strconv.Itoa(int(p.params[i].n)))
		}
	}
}

// separator gives what stands before parameter i.
func (p *parser) separator(i int) string {
	if i < maxParams && p.params[i].sub {
		return ":"
	}
	return ";"
}
