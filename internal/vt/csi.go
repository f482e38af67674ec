package vt

// csi is a control sequence; last is the character right before it.
func (t *Terminal) csi(final byte, last rune) {
	ps := &t.parser
	switch {
	case ps.prefix == '?' && ps.intermediate == 0 && (final == 'h' || final == 'l'):
		for i := range ps.n {
			t.privateMode(t.number(i, 0), final == 'h')
		}
	case ps.prefix == '?' && ps.intermediate == 0 && (final == 'J' || final == 'K'): // DECSED, DECSEL; nothing is protected
		t.erasing(final)
	case ps.prefix != 0:
	case ps.intermediate == '!' && final == 'p':
		t.softReset()
	case ps.intermediate != 0:
	case !t.moving(final) && !t.erasing(final):
		t.other(final, last)
	}
}

// moving moves the cursor.
func (t *Terminal) moving(final byte) bool {
	n := t.number(0, 1)
	top, bottom := 0, t.rows-1
	if t.y >= t.screen.top {
		top = t.screen.top
	}
	if t.y <= t.screen.bottom {
		bottom = t.screen.bottom
	}
	x := min(t.x, t.cols-1)
	switch final {
	case 'A', 'k':
		t.x, t.y = x, max(t.y-n, top)
	case 'B':
		t.x, t.y = x, min(t.y+n, bottom)
	case 'C', 'a':
		t.x = min(x+n, t.cols-1)
	case 'D', 'j':
		t.x = max(x-n, 0)
	case 'E':
		t.x, t.y = 0, min(t.y+n, bottom)
	case 'F':
		t.x, t.y = 0, max(t.y-n, top)
	case 'G', '`':
		t.x = min(n-1, t.cols-1)
	case 'H', 'f':
		t.moveTo(t.number(1, 1)-1, n-1)
	case 'd':
		t.moveTo(x, n-1)
	case 'e':
		t.x, t.y = x, min(t.y+n, t.lowest())
	case 'I':
		t.tab(n)
	case 'Z':
		t.backTab(n)
	default:
		return false
	}
	return true
}

// lowest is the last row that the cursor may be in.
func (t *Terminal) lowest() int {
	if t.origin {
		return t.screen.bottom
	}
	return t.rows - 1
}

// moveTo goes to a place that counts from the region's begin in origin mode.
func (t *Terminal) moveTo(x, y int) {
	if t.origin {
		y += t.screen.top
	}
	t.x, t.y = min(x, t.cols-1), min(y, t.lowest())
}

// erasing erases, and inserts and deletes cells and rows.
func (t *Terminal) erasing(final byte) bool {
	s, n, bg := t.screen, t.number(0, 1), t.pen.bg
	switch final {
	case 'J':
		t.eraseScreen(t.number(0, 0))
	case 'K':
		t.eraseRow(t.number(0, 0))
	case 'X':
		x := min(t.x, t.cols-1)
		s.rows[t.y].erase(x, min(x+n, t.cols), t.cols, bg)
	case '@', 'P':
		t.x = min(t.x, t.cols-1)
		s.rows[t.y].fill(t.cols)
		if final == '@' {
			t.shiftRight(s.rows[t.y], n)
		} else {
			t.shiftLeft(s.rows[t.y], n)
		}
	case 'L', 'M':
		if t.y < s.top || t.y > s.bottom {
			return true
		}
		if t.x = 0; final == 'L' {
			s.down(t.y, s.bottom, n, t.cols, bg)
		} else {
			s.up(t.y, s.bottom, n, t.cols, bg)
		}
	case 'S':
		s.up(s.top, s.bottom, n, t.cols, bg)
	case 'T':
		if t.parser.n <= 1 { // with more it is about the mouse
			s.down(s.top, s.bottom, n, t.cols, bg)
		}
	default:
		return false
	}
	return true
}

// eraseScreen is ED.
func (t *Terminal) eraseScreen(how int) {
	s, bg := t.screen, t.pen.bg
	switch how {
	case 0:
		if t.x == 0 && t.y == 0 {
			t.leaveAll()
		}
		t.eraseRow(0)
		for _, r := range s.rows[t.y+1:] {
			r.wrapped = false
			r.erase(0, t.cols, t.cols, bg)
		}
	case 1:
		for _, r := range s.rows[:t.y] {
			r.wrapped = false
			r.erase(0, t.cols, t.cols, bg)
		}
		t.eraseRow(1)
		if t.x+1 >= t.cols && t.y+1 < t.rows {
			s.rows[t.y+1].wrapped = false
		}
	case 2:
		t.leaveAll()
		s.clear(t.cols, bg)
	}
}

// eraseRow is EL.
func (t *Terminal) eraseRow(how int) {
	r, bg := t.screen.rows[t.y], t.pen.bg
	switch how {
	case 0:
		r.wrapped = r.wrapped && t.x > 0
		r.erase(t.x, t.cols, t.cols, bg)
	case 1:
		r.erase(0, min(t.x+1, t.cols), t.cols, bg)
	case 2:
		r.wrapped = false
		r.erase(0, t.cols, t.cols, bg)
	}
}

// shiftLeft deletes n cells at the cursor.
func (t *Terminal) shiftLeft(r *row, n int) {
	n = min(n, t.cols-t.x)
	t.uncover(r, t.x, t.x+n)
	copy(r.cells[t.x:], r.cells[t.x+n:t.cols])
	blank := cell{pen: pen{bg: t.pen.bg}}
	for i := t.cols - n; i < t.cols; i++ {
		r.cells[i] = blank
	}
}

// other is everything else.
func (t *Terminal) other(final byte, last rune) {
	switch final {
	case 'm':
		t.sgr()
	case 'r':
		top, bottom := t.number(0, 1)-1, min(t.number(1, t.rows), t.rows)-1
		if bottom > top {
			t.screen.top, t.screen.bottom = top, bottom
			t.moveTo(0, 0)
		}
	case 's':
		t.save()
	case 'u':
		t.restore()
	case 'h', 'l':
		for i := range t.parser.n {
			t.mode(t.number(i, 0), final == 'h')
		}
	case 'g':
		t.clearTabs(t.number(0, 0))
	case 'b':
		if last != 0 {
			for range min(t.number(0, 1), t.cols*t.rows) {
				t.print(last)
			}
		}
		t.last = last
	}
}

func (t *Terminal) clearTabs(how int) {
	switch {
	case how == 0 && t.x < t.cols:
		t.tabs[t.x] = false
	case how == 3:
		clear(t.tabs)
	}
}

func (t *Terminal) mode(n int, on bool) {
	switch n {
	case 4:
		t.insert = on
	case 20:
		t.newline = on
	}
}

func (t *Terminal) privateMode(n int, on bool) {
	switch n {
	case 6:
		t.origin = on
		t.moveTo(0, 0)
	case 7:
		t.noWrap = !on
	case 25:
		t.hidden = !on
	case 1048:
		t.cursorKept(on)
	case 1049:
		if on {
			t.save()
		}
		t.alternate(on)
		if !on {
			t.restore()
		}
	case 47, 1047:
		t.alternate(on)
	}
}

func (t *Terminal) cursorKept(on bool) {
	if on {
		t.save()
	} else {
		t.restore()
	}
}

// alternate shows the alternate screen, blank, or the main one again.
func (t *Terminal) alternate(on bool) {
	switch {
	case on && t.screen == t.main:
		t.screen = t.alt
		t.alt.clear(t.cols, t.pen.bg)
		t.alt.top, t.alt.bottom = 0, t.rows-1
	case !on && t.screen == t.alt:
		t.alt.clear(t.cols, 0)
		t.alt.saved = saved{}
		t.screen = t.main
	}
}
