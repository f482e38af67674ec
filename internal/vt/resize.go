package vt

// Resize changes the size, clamped as in New. As in xterm, what does not fit into fewer columns is cut and text is not broken anew; with
// fewer rows, lines leave the top as far as the cursor needs it, and the rest is cut at the bottom. The scroll region is the whole screen again.
func (t *Terminal) Resize(cols, rows int) {
	cols, rows = clampSize(cols), clampSize(rows)
	if cols == t.cols && rows == t.rows {
		return
	}
	gone := [2]int{max(t.y-(rows-1), 0), max(t.y-(rows-1), 0)}
	if t.alt {
		gone[0] = max(t.saved[0].y-(rows-1), 0) // where the cursor of the main screen waits
	}
	t.report(t.main.lines[:gone[0]])
	t.main = t.main.resized(cols, rows, gone[0])
	if t.other != nil {
		t.other = t.other.resized(cols, rows, gone[1])
	}
	t.screen = t.main
	if t.alt {
		t.screen = t.other
	}
	t.top, t.bottom = 0, rows-1
	t.tabs = defaultTabs(t.tabs, cols)
	t.repeatable = false
	t.cursor.fit(cols, rows, gone[t.which()])
	for i := range t.saved {
		t.saved[i].fit(cols, rows, gone[i])
	}
}

// fit brings the cursor into a new size.
func (c *cursor) fit(cols, rows, gone int) {
	c.x = min(c.x, cols-1)
	c.y = min(max(c.y-gone, 0), rows-1)
}
