package vt

// execute does a C0 control; those that are not known here do nothing.
func (t *Terminal) execute(r rune) {
	switch r {
	case '\b':
		t.x = max(min(t.x, t.cols-1)-1, 0)
	case '\t':
		t.tab(1)
	case '\n', '\v', '\f':
		t.lineFeed()
	case '\r':
		t.x = 0
	case 0x0E:
		t.gl = 1
	case 0x0F:
		t.gl = 0
	}
}

func (t *Terminal) lineFeed() {
	t.index()
	if t.newline {
		t.x = 0
	}
}

// index is IND: one line down, or scroll at the bottom margin.
func (t *Terminal) index() {
	t.unwrap()
	switch {
	case t.y == t.bottom:
		t.scroll(1)
	case t.y < t.rows-1:
		t.y++
	}
}

// reverseIndex is RI: one line up, or scroll back at the top margin.
func (t *Terminal) reverseIndex() {
	t.unwrap()
	switch {
	case t.y == t.top:
		t.scrollDown(t.top, t.bottom, 1, t.blank())
	case t.y > 0:
		t.y--
	}
}

// unwrap drops the wrap that is still to come.
func (t *Terminal) unwrap() { t.x = min(t.x, t.cols-1) }

// scroll moves the scroll region up by n lines; those that pass the top of the screen are reported.
func (t *Terminal) scroll(n int) {
	n = min(n, t.bottom-t.top+1)
	if t.top == 0 {
		t.leave(n)
	}
	t.scrollUp(t.top, t.bottom, n, t.blank())
}

// escapeFinal does an escape sequence by its final character.
func (t *Terminal) escapeFinal(final byte) {
	t.repeatable = false
	switch t.inter {
	case 0:
		t.escapePlain(final)
	case '(', ')', '*', '+':
		t.sets[t.inter-'('] = charsetOf(final)
	case '#':
		if final == '8' {
			t.alignment()
		}
	}
}

func (t *Terminal) escapePlain(final byte) {
	switch final {
	case '7':
		t.save()
	case '8':
		t.restore()
	case 'D':
		t.index()
	case 'E':
		t.index()
		t.x = 0
	case 'H':
		if t.x < t.cols {
			t.tabs[t.x] = true
		}
	case 'M':
		t.reverseIndex()
	case 'c':
		t.leaveAll()
		t.reset()
	case 'n', 'o':
		t.gl = final - 'n' + 2
	}
}

// alignment is DECALN: the screen full of E, no margins.
func (t *Terminal) alignment() {
	t.top, t.bottom = 0, t.rows-1
	t.origin, t.x, t.y = false, 0, 0
	t.clear(0, t.rows, cell{r: 'E', width: 1})
}

// save is DECSC.
func (t *Terminal) save() { t.saved[t.which()] = t.cursor }

// restore is DECRC; without a save it gives what a new terminal has.
func (t *Terminal) restore() {
	t.cursor = t.saved[t.which()]
	if t.origin {
		t.y = min(max(t.y, t.top), t.bottom)
	}
}

func (t *Terminal) which() int {
	if t.alt {
		return 1
	}
	return 0
}

// setAlt shows the alternate screen, empty, or the main one again.
func (t *Terminal) setAlt(on bool) {
	if t.alt == on {
		return
	}
	t.alt = on
	if !on {
		t.screen, t.saved[1] = t.main, cursor{}
		return
	}
	if t.other == nil {
		t.other = newScreen(t.cols, t.rows)
	}
	t.other.clear(0, t.rows, blank(style{}))
	t.screen = t.other
}
