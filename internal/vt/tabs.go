package vt

// defaultTabs makes the stops fit cols columns: those that there are stay, new ones are every eight columns.
func defaultTabs(tabs []bool, cols int) []bool {
	tabs = tabs[:min(len(tabs), cols)]
	for x := len(tabs); x < cols; x++ {
		tabs = append(tabs, x > 0 && x%8 == 0)
	}
	return tabs
}

// tab goes n tab stops right, at most to the last column.
func (t *Terminal) tab(n int) {
	for ; n > 0 && t.x < t.cols-1; n-- {
		t.x++
		for t.x < t.cols-1 && !t.tabs[t.x] {
			t.x++
		}
	}
}

// backTab goes n tab stops left, at most to the first column.
func (t *Terminal) backTab(n int) {
	t.unwrap()
	for ; n > 0 && t.x > 0; n-- {
		t.x--
		for t.x > 0 && !t.tabs[t.x] {
			t.x--
		}
	}
}

// clearTabs is TBC.
func (t *Terminal) clearTabs(what int) {
	switch {
	case what == 3:
		clear(t.tabs)
	case what == 0 && t.x < t.cols:
		t.tabs[t.x] = false
	}
}
