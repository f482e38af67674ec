package vt

// escape is an escape sequence that is no control sequence and no string.
func (t *Terminal) escape(final, intermediate byte) {
	switch intermediate {
	case 0:
		t.plainEscape(final)
	case '(', ')', '*', '+', '-', '.', '/':
		set := map[byte]int{'(': 0, ')': 1, '-': 1, '*': 2, '.': 2, '+': 3, '/': 3}[intermediate]
		t.charsets[set] = final == '0'
	case '#':
		if final == '8' {
			t.align()
		}
	case '%':
		t.charsets, t.shift = [4]bool{}, 0
	}
}

func (t *Terminal) plainEscape(final byte) {
	switch final {
	case '7':
		t.save()
	case '8':
		t.restore()
	case 'D':
		t.index()
		t.x = min(t.x, t.cols-1)
	case 'E':
		t.x = 0
		t.index()
	case 'H':
		if t.x < t.cols {
			t.tabs[t.x] = true
		}
	case 'M':
		t.reverseIndex()
	case 'c':
		t.leaveAll()
		t.reset()
	case 'n':
		t.shift = 2
	case 'o':
		t.shift = 3
	}
}

// align is DECALN: the screen full of E.
func (t *Terminal) align() {
	t.x, t.y = 0, 0
	for _, r := range t.screen.rows {
		r.fill(t.cols)
		r.wrapped = false
		for i := range r.cells {
			r.cells[i] = cell{char: 'E', width: 1}
		}
	}
}

// save is DECSC.
func (t *Terminal) save() {
	t.screen.saved = saved{t.x, t.y, t.pen, t.charsets, t.shift}
}

// restore is DECRC.
func (t *Terminal) restore() {
	s := t.screen.saved
	t.pen, t.charsets, t.shift = s.pen, s.charsets, s.shift
	t.x, t.y = min(s.x, t.cols-1), min(s.y, t.rows-1)
	if t.origin {
		t.y = min(max(t.y, t.screen.top), t.screen.bottom)
	}
}

// tab goes to the n-th tab stop to the right, and not beyond the last column.
func (t *Terminal) tab(n int) {
	for t.x < t.cols-1 && n > 0 {
		if t.x++; t.tabs[t.x] {
			n--
		}
	}
}

// backTab goes to the n-th tab stop to the left.
func (t *Terminal) backTab(n int) {
	t.x = min(t.x, t.cols-1)
	for t.x > 0 && n > 0 {
		if t.x--; t.tabs[t.x] {
			n--
		}
	}
}
