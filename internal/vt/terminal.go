package vt

import "slices"

// The bounds of a terminal's size.
const maxSize = 1000

// Line is one line that left the screen.
type Line struct {
	Text    string // without blanks at its end
	Wrapped bool   // it goes on in the next line: the terminal broke it, not the program
	Mark    int64  // what SetMark was last given before something was printed in it; 0 if nothing was since it was blank
}

// Terminal is what a program that writes to it has on its screen. Make it with New.
type Terminal struct {
	cols, rows int
	main, alt  *screen
	screen     *screen // one of the two
	parser     parser
	onLine     func(Line)
	mark       int64
	lost       bool

	x, y     int // x is cols when the next character begins a new row
	pen      pen
	charsets [4]bool // DEC special graphics in G0 to G3
	shift    int     // which of them is in use
	tabs     []bool
	last     rune // the character that REP repeats; 0 after anything else

	origin, noWrap, insert, newline, hidden bool
}

// New returns a blank terminal. Sizes are brought into 1..1000.
func New(cols, rows int) *Terminal {
	t := &Terminal{cols: clampSize(cols), rows: clampSize(rows)}
	t.reset()
	return t
}

func clampSize(n int) int { return min(max(n, 1), maxSize) }

// reset is RIS.
func (t *Terminal) reset() {
	t.main, t.alt = newScreen(t.rows), newScreen(t.rows)
	t.screen = t.main
	t.tabs = defaultTabs(t.cols)
	t.x, t.y, t.hidden = 0, 0, false
	t.softReset()
}

// softReset is DECSTR.
func (t *Terminal) softReset() {
	t.pen, t.charsets, t.shift, t.last = pen{}, [4]bool{}, 0, 0
	t.origin, t.noWrap, t.insert, t.newline, t.hidden = false, false, false, false, false
	t.screen.top, t.screen.bottom, t.screen.saved = 0, t.rows-1, saved{}
}

func defaultTabs(cols int) []bool {
	tabs := make([]bool, cols)
	for i := 8; i < cols; i += 8 {
		tabs[i] = true
	}
	return tabs
}

// OnLine sets what is called with each line that leaves the main screen: at its top, or because the whole screen is cleared.
func (t *Terminal) OnLine(f func(Line)) { t.onLine = f }

// SetMark sets what the lines that are printed in from now on are marked with.
func (t *Terminal) SetMark(mark int64) { t.mark = mark }

// Size returns columns and rows.
func (t *Terminal) Size() (cols, rows int) { return t.cols, t.rows }

// Cursor returns where the cursor is, both from 0.
func (t *Terminal) Cursor() (x, y int) { return min(t.x, t.cols-1), t.y }

// Alternate reports whether the alternate screen is shown, as by full-screen programs.
func (t *Terminal) Alternate() bool { return t.screen == t.alt }

// Lost reports whether something went wrong in here that made the screen unreliable; it stays so.
func (t *Terminal) Lost() bool { return t.lost }

// Lines returns the visible screen as text, one line a row, without blanks at their ends.
func (t *Terminal) Lines() []string {
	lines := make([]string, len(t.screen.rows))
	for i, r := range t.screen.rows {
		lines[i] = r.text()
	}
	return lines
}

// Screen returns the visible screen with what Lines leaves out: which rows go on in the next.
func (t *Terminal) Screen() []Line {
	lines := make([]Line, len(t.screen.rows))
	for i, r := range t.screen.rows {
		lines[i] = Line{r.text(), i+1 < t.rows && t.screen.rows[i+1].wrapped, r.mark}
	}
	return lines
}

// Resize changes the size. Lines are not broken anew: what is beyond the right edge is gone. Rows that do not fit leave at
// the top as long as the cursor would be outside, otherwise at the bottom.
func (t *Terminal) Resize(cols, rows int) {
	cols, rows = clampSize(cols), clampSize(rows)
	if cols == t.cols && rows == t.rows {
		return
	}
	mainY, altY := t.y, t.y
	if t.screen == t.alt {
		mainY = t.main.saved.y
	}
	mainY = t.main.resize(cols, rows, mainY, func(r *row) { t.left(r, t.main.rows[min(1, len(t.main.rows)-1)].wrapped) })
	altY = t.alt.resize(cols, rows, altY, func(*row) {})
	t.y = mainY
	if t.screen == t.alt {
		t.main.saved.y, t.y = mainY, altY
	}
	t.x = min(t.x, cols-1)
	if cols > len(t.tabs) {
		t.tabs = append(t.tabs, defaultTabs(cols)[len(t.tabs):]...)
	}
	t.tabs = slices.Clone(t.tabs[:cols])
	t.cols, t.rows = cols, rows
	t.last = 0
}

// left tells of a line that leaves the main screen.
func (t *Terminal) left(r *row, goesOn bool) {
	if t.onLine != nil {
		t.onLine(Line{r.text(), goesOn, r.mark})
	}
}

// leaveAll tells of everything on the main screen, down to the last line that is not blank, before it is cleared.
func (t *Terminal) leaveAll() {
	if t.onLine == nil || t.screen != t.main {
		return
	}
	lines := t.Screen()
	for len(lines) > 0 && lines[len(lines)-1].Text == "" {
		lines = lines[:len(lines)-1]
	}
	for _, l := range lines {
		t.onLine(l)
	}
}
