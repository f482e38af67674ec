package vt

// saved is what DECSC keeps.
type saved struct {
	x, y     int
	pen      pen
	charsets [4]bool
	shift    int
}

// screen is the main or the alternate screen, with what belongs to it alone.
type screen struct {
	rows        []*row
	top, bottom int // the scroll region, both within
	saved       saved
}

func newScreen(rows int) *screen {
	s := &screen{rows: make([]*row, rows), bottom: rows - 1}
	for i := range s.rows {
		s.rows[i] = &row{}
	}
	return s
}

// clear blanks everything.
func (s *screen) clear(cols int, bg color) {
	for _, r := range s.rows {
		r.wrapped = false
		r.erase(0, cols, cols, bg)
	}
}

// up moves the rows from..to up by n; the lowest become blank. The rows that leave are used again.
func (s *screen) up(from, to, n, cols int, bg color) {
	for range min(n, to-from+1) {
		gone := s.rows[from]
		copy(s.rows[from:to], s.rows[from+1:to+1])
		s.rows[to] = gone
		gone.reuse(cols, bg)
	}
}

// down moves the rows from..to down by n; the highest become blank.
func (s *screen) down(from, to, n, cols int, bg color) {
	for range min(n, to-from+1) {
		gone := s.rows[to]
		copy(s.rows[from+1:to+1], s.rows[from:to])
		s.rows[from] = gone
		gone.reuse(cols, bg)
	}
}

// reuse blanks a row and keeps its memory.
func (r *row) reuse(cols int, bg color) {
	r.wrapped, r.mark = false, 0
	if bg == 0 {
		clear(r.cells)
		r.cells = r.cells[:0]
		return
	}
	r.erase(0, cols, cols, bg)
}

// resize brings the screen to a size. Where rows are taken away the cursor's stays; gone gets what leaves at the top.
func (s *screen) resize(cols, rows int, y int, gone func(*row)) (newY int) {
	for len(s.rows) > rows && y >= rows {
		gone(s.rows[0])
		s.rows = append(s.rows[:0], s.rows[1:]...)
		y--
	}
	s.rows = s.rows[:min(len(s.rows), rows)]
	for len(s.rows) < rows {
		s.rows = append(s.rows, &row{})
	}
	for _, r := range s.rows {
		r.resize(cols)
	}
	s.top, s.bottom = 0, rows-1
	s.saved.x, s.saved.y = min(s.saved.x, cols-1), min(s.saved.y, rows-1)
	return min(y, rows-1)
}

func (r *row) resize(cols int) {
	if len(r.cells) > cols {
		if r.cells[cols].right {
			r.cells[cols-1] = cell{}
		}
		r.cells = append([]cell(nil), r.cells[:cols]...)
	} else if len(r.cells) > 0 {
		r.fill(cols)
	}
}
