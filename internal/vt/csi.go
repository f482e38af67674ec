package vt

// csiFinal does a control sequence by its final character.
func (t *Terminal) csiFinal(final byte) {
	if final != 'm' {
		t.dropSubs()
	}
	t.dispatch(final)
	t.repeatable = false
}

func (t *Terminal) dispatch(final byte) {
	switch {
	case t.prefix == 0 && t.inter == 0:
		if !t.move(final) && !t.edit(final) {
			t.setup(final)
		}
	case t.prefix == '?' && t.inter == 0:
		t.private(final)
	case t.prefix == 0 && t.inter == '!' && final == 'p':
		t.softReset()
	case t.prefix == 0 && t.inter == ' ' && final == 'q':
		if look := t.arg(0, 0); look <= 6 {
			t.cursorLook = uint8(look)
		}
	}
}

// private does a sequence that begins with a question mark.
func (t *Terminal) private(final byte) {
	switch final {
	case 'h', 'l':
		for i := range min(t.count, maxParams) {
			t.privateMode(t.arg(i, 0), final == 'h')
		}
	case 'J': // selective erase: there are no protected cells here
		t.eraseDisplay(t.arg(0, 0))
	case 'K':
		t.eraseLine(t.arg(0, 0))
	}
}

// move does the sequences that move the cursor, and says whether it was one.
func (t *Terminal) move(final byte) bool {
	n := t.arg(0, 1)
	switch final {
	case 'A':
		t.up(n)
	case 'B', 'e':
		t.down(n)
	case 'C', 'a':
		t.unwrap()
		t.x = min(t.x+n, t.cols-1)
	case 'D':
		t.unwrap()
		t.x = max(t.x-n, 0)
	case 'E':
		t.down(n)
		t.x = 0
	case 'F':
		t.up(n)
		t.x = 0
	case 'G', '`':
		t.x = min(n, t.cols) - 1
	case 'H', 'f':
		t.moveTo(t.arg(1, 1)-1, n-1)
	case 'I':
		t.tab(n)
	case 'Z':
		t.backTab(n)
	case 'd':
		t.moveTo(min(t.x, t.cols-1), n-1)
	default:
		return false
	}
	return true
}

// up stops at the top margin, when it begins below it.
func (t *Terminal) up(n int) {
	t.unwrap()
	limit := 0
	if t.y >= t.top {
		limit = t.top
	}
	t.y = max(t.y-n, limit)
}

// down stops at the bottom margin, when it begins above it.
func (t *Terminal) down(n int) {
	t.unwrap()
	limit := t.rows - 1
	if t.y <= t.bottom {
		limit = t.bottom
	}
	t.y = min(t.y+n, limit)
}

// moveTo goes to a place, counted from 0: on the screen, or in origin mode within the scroll region.
func (t *Terminal) moveTo(x, y int) {
	first, last := 0, t.rows-1
	if t.origin {
		first, last = t.top, t.bottom
	}
	t.x, t.y = min(x, t.cols-1), min(first+y, last)
}

// edit does the sequences that change the screen, and says whether it was one.
func (t *Terminal) edit(final byte) bool {
	n := t.arg(0, 1)
	switch final {
	case '@':
		t.unwrap()
		t.lines[t.y].insert(t.x, n, t.cols, t.blank())
	case 'J':
		t.eraseDisplay(t.arg(0, 0))
	case 'K':
		t.eraseLine(t.arg(0, 0))
	case 'L':
		t.insertLines(n)
	case 'M':
		t.deleteLines(n)
	case 'P':
		t.unwrap()
		t.lines[t.y].remove(t.x, n, t.cols, t.blank())
	case 'S':
		t.scroll(n)
	case 'T':
		if t.count <= 1 { // with more it tracks the mouse
			t.scrollDown(t.top, t.bottom, n, t.blank())
		}
	case 'X':
		t.unwrap()
		t.erase(t.x, t.x+n)
	case 'b':
		t.repeat(n)
	default:
		return false
	}
	return true
}

// setup does the sequences that change modes, margins, tab stops and the pen.
func (t *Terminal) setup(final byte) {
	switch final {
	case 'g':
		t.clearTabs(t.arg(0, 0))
	case 'h', 'l':
		for i := range min(t.count, maxParams) {
			t.mode(t.arg(i, 0), final == 'h')
		}
	case 'm':
		t.selectStyle()
	case 'r':
		t.margins(t.arg(0, 1)-1, min(t.arg(1, t.rows), t.rows)-1)
	case 's':
		t.save()
	case 'u':
		t.restore()
	}
}

func (t *Terminal) margins(top, bottom int) {
	if top >= bottom {
		return
	}
	t.top, t.bottom = top, bottom
	t.moveTo(0, 0)
}

// eraseDisplay is ED: 0 from the cursor on, 1 up to it, 2 all; 3 means lines that scrolled away, of which there are none here.
func (t *Terminal) eraseDisplay(what int) {
	switch what {
	case 0:
		if t.x == 0 && t.y == 0 {
			t.leaveAll()
		}
		t.eraseLine(0)
		t.clear(t.y+1, t.rows, t.blank())
	case 1:
		t.clear(0, t.y, t.blank())
		t.eraseLine(1)
	case 2:
		t.leaveAll()
		t.clear(0, t.rows, t.blank())
	}
}

// eraseLine is EL: 0 from the cursor on, 1 up to it, 2 all. When a wrap is to come, there is nothing right of the cursor.
func (t *Terminal) eraseLine(what int) {
	switch what {
	case 0:
		t.erase(t.x, t.cols)
	case 1:
		t.erase(0, t.x+1)
	case 2:
		t.erase(0, t.cols)
	}
}

// erase blanks the cells from..to-1 of the cursor's line.
func (t *Terminal) erase(from, to int) {
	t.lines[t.y].erase(from, min(to, t.cols), t.cols, t.blank())
}

func (t *Terminal) insertLines(n int) {
	if t.y < t.top || t.y > t.bottom {
		return
	}
	t.scrollDown(t.y, t.bottom, n, t.blank())
	t.x = 0
}

func (t *Terminal) deleteLines(n int) {
	if t.y < t.top || t.y > t.bottom {
		return
	}
	t.scrollUp(t.y, t.bottom, n, t.blank())
	t.x = 0
}
