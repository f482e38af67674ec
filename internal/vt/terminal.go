package vt

// maxSize is the largest number of columns and of rows.
const maxSize = 1000

// A Line is one line of a screen.
type Line struct {
	Text    string // without the blanks at its end, unless it goes on
	Wrapped bool   // it goes on in the next line, without a gap: the terminal broke it, not the program
	Mark    int64  // what SetMark was last given before something was printed in it; 0 if nothing was since it was blank
}

// A cursor is what DECSC saves and DECRC brings back. x may be one past the last column: the next character then wraps first.
type cursor struct {
	x, y   int
	pen    style
	sets   [4]charset // G0 to G3
	gl     uint8      // the one of them that is in use
	origin bool       // DECOM: rows count from the top margin
}

// modes are the switches that change what is shown and are no part of a saved cursor.
type modes struct {
	insert     bool  // IRM
	newline    bool  // LNM: line feed returns the carriage too
	noWrap     bool  // DECAWM is off
	hidden     bool  // DECTCEM is off: no cursor
	reverse    bool  // DECSCNM: the whole screen is inverse
	cursorLook uint8 // DECSCUSR, 0..6
}

// A Terminal is the state of one terminal.
type Terminal struct {
	onLine func(Line)
	mark   int64
	lost   bool

	*screen             // the one that is shown
	main, other *screen // the main screen and the alternate one, which is there once it was shown
	alt         bool    // the alternate screen is shown

	cursor
	modes
	saved       [2]cursor // DECSC, for the main and the alternate screen
	repeatable  bool      // the last thing written was a character at the left of the cursor: REP repeats it
	top, bottom int       // the scroll region, inclusive
	tabs        []bool    // tab stops by column

	parser
	text []byte // reused to turn a line into text
}

// New makes a blank terminal. Both sizes are clamped to 1..1000.
func New(cols, rows int) *Terminal {
	t := &Terminal{main: newScreen(clampSize(cols), clampSize(rows))}
	t.reset()
	return t
}

func clampSize(n int) int { return min(max(n, 1), maxSize) }

// reset is RIS: everything but the callback, the mark and Lost is as in a new terminal. The memory is used again.
func (t *Terminal) reset() {
	*t = Terminal{onLine: t.onLine, mark: t.mark, lost: t.lost, text: t.text, main: t.main, other: t.other, tabs: t.tabs[:0]}
	t.screen = t.main
	t.clear(0, t.rows, blank(style{}))
	t.bottom = t.rows - 1
	t.tabs = defaultTabs(t.tabs, t.cols)
}

// Write feeds bytes to the terminal. It takes all of them and never fails.
func (t *Terminal) Write(p []byte) (n int, err error) {
	defer func() {
		if recover() != nil { // a mistake in here must not end whoever looks at recordings
			t.lost = true
			t.main, t.other = newScreen(t.main.cols, t.main.rows), nil
			t.reset()
		}
	}()
	n = len(p)
	t.feed(p)
	return n, nil
}

// Lost says that the emulator failed on what it was given and began again from an empty screen: what it shows may be wrong. It stays so.
func (t *Terminal) Lost() bool { return t.lost }

// Size gives the number of columns and of rows.
func (t *Terminal) Size() (cols, rows int) { return t.cols, t.rows }

// Cursor gives where the cursor is, both from 0.
func (t *Terminal) Cursor() (x, y int) { return min(t.x, t.cols-1), t.y }

// Alternate says whether the alternate screen is shown, as full-screen programs have it.
func (t *Terminal) Alternate() bool { return t.alt }

// SetMark sets what the lines that are printed in from now on are marked with.
func (t *Terminal) SetMark(mark int64) { t.mark = mark }

// OnLine sets what is called, from within Write or Resize, with each line that leaves the main screen, in order: by its top, or because
// the whole screen is cleared (ED or RIS), down to the last line that is not blank. It must not use the terminal.
func (t *Terminal) OnLine(f func(Line)) { t.onLine = f }

// Lines gives the visible screen as text, one string a row, without the blanks at their ends.
func (t *Terminal) Lines() []string {
	lines := make([]string, t.rows)
	for y, l := range t.lines {
		lines[y] = t.textOf(l, l.end(t.cols))
	}
	return lines
}

// Screen gives the visible screen as lines. What DECALN filled it with is no text.
func (t *Terminal) Screen() []Line {
	lines := make([]Line, t.rows)
	for y, l := range t.lines {
		lines[y] = t.exported(l)
	}
	return lines
}

func (t *Terminal) textOf(l *line, cells int) string {
	t.text = l.appendText(t.text[:0], cells)
	return string(t.text)
}

// exported gives what others see of a line. One that goes on keeps the blanks at its end, less the cell that was too narrow.
func (t *Terminal) exported(l *line) Line {
	end := t.cols
	last := l.at(t.cols - 1)
	switch {
	case l.wrap == wrapNone:
		end = l.written()
	case l.wrap == wrapWide && last.empty():
		end--
	}
	return Line{Text: t.textOf(l, end), Wrapped: l.wrap != wrapNone, Mark: l.mark}
}

// leave reports that the first n lines leave the screen, if that is the main one.
func (t *Terminal) leave(n int) {
	if !t.alt {
		t.report(t.lines[:n])
	}
}

func (t *Terminal) report(lines []*line) {
	if t.onLine == nil {
		return
	}
	for _, l := range lines {
		t.onLine(t.exported(l))
	}
}

// leaveAll reports all lines down to the last one that is not blank.
func (t *Terminal) leaveAll() {
	n := t.rows
	for n > 0 && t.lines[n-1].written() == 0 {
		n--
	}
	t.leave(n)
}
