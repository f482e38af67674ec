package vt

// selectStyle is SGR.
func (t *Terminal) selectStyle() {
	count := min(t.count, maxParams)
	if count == 0 {
		t.pen = style{}
	}
	for i := 0; i < count; {
		end := i + 1
		for end < count && t.params[end].sub {
			end++
		}
		i += t.selectOne(i, end)
	}
}

// selectOne does parameter i, whose subparameters end before end, and says how many parameters that took.
func (t *Terminal) selectOne(i, end int) int {
	switch n := t.arg(i, 0); n {
	case 38, 48, 58:
		c, taken, ok := t.extendedColor(i, end)
		if ok {
			t.setColor(n, c)
		}
		return taken
	case 4:
		t.pen.underline(1)
		if end > i+1 {
			t.pen.underline(t.arg(i+1, 0))
		}
	default:
		t.pen.apply(n)
	}
	return end - i
}

func (t *Terminal) setColor(n int, c color) {
	switch n {
	case 38:
		t.pen.fg = c
	case 48:
		t.pen.bg = c
	}
}

// extendedColor reads 5;INDEX or 2;R;G;B after 38, 48 or 58, with semicolons, or with colons (then there may be a colour space before R).
func (t *Terminal) extendedColor(i, end int) (c color, taken int, ok bool) {
	values, taken := i+2, end-i
	colons := taken > 1
	if !colons {
		end = min(t.count, maxParams)
	}
	switch t.arg(i+1, 0) {
	case 5:
		taken = max(taken, 3)
		ok = values < end
	case 2:
		if colons && end-values > 3 {
			values++
		}
		taken = max(taken, 5)
		ok = values+2 < end
	default:
		return 0, max(taken, 2), false
	}
	if !ok {
		return 0, taken, false
	}
	c, ok = t.colorAt(i+1, values)
	return c, taken, ok
}

// colorAt builds the colour of the kind that parameter kind names from the values that begin at parameter at.
func (t *Terminal) colorAt(kind, at int) (color, bool) {
	if t.arg(kind, 0) == 5 {
		n := t.arg(at, 0)
		return paletteColor | color(n&0xFF), n <= 255
	}
	r, g, b := t.arg(at, 0), t.arg(at+1, 0), t.arg(at+2, 0)
	return trueColor | color(r&0xFF)<<16 | color(g&0xFF)<<8 | color(b&0xFF), r <= 255 && g <= 255 && b <= 255
}

// underline sets the style of the underline, 0..5.
func (s *style) underline(n int) {
	if n > 5 {
		n = 1
	}
	s.attr = s.attr&^underlineMask | attr(n)*underlineUnit
}

// apply does one plain number of SGR.
func (s *style) apply(n int) {
	switch {
	case n == 0:
		*s = style{}
	case n >= 30 && n <= 37:
		s.fg = basicColor | color(n-30)
	case n >= 40 && n <= 47:
		s.bg = basicColor | color(n-40)
	case n >= 90 && n <= 97:
		s.fg = basicColor | color(n-90+8)
	case n >= 100 && n <= 107:
		s.bg = basicColor | color(n-100+8)
	case n == 39:
		s.fg = 0
	case n == 49:
		s.bg = 0
	case n == 21:
		s.underline(2)
	case n == 24:
		s.underline(0)
	default:
		s.attr = s.attr&^clearedBy(n) | setBy(n)
	}
}

func setBy(n int) attr {
	switch n {
	case 1:
		return bold
	case 2:
		return dim
	case 3:
		return italic
	case 5, 6:
		return blink
	case 7:
		return inverse
	case 8:
		return invisible
	case 9:
		return strike
	case 53:
		return overline
	}
	return 0
}

func clearedBy(n int) attr {
	switch n {
	case 22:
		return bold | dim
	case 23:
		return italic
	case 25:
		return blink
	case 27:
		return inverse
	case 28:
		return invisible
	case 29:
		return strike
	case 55:
		return overline
	}
	return 0
}
