package vt

// sgr changes the pen.
func (t *Terminal) sgr() {
	ps := t.parser.params[:t.parser.n]
	for len(ps) > 0 {
		n := max(int(ps[0].value), 0)
		subs := 1
		for subs < len(ps) && ps[subs].sub {
			subs++
		}
		switch {
		case n == 38 || n == 48 || n == 58:
			c, ok, used := colorOf(ps, subs)
			if ok && n == 38 {
				t.pen.fg = c
			} else if ok && n == 48 {
				t.pen.bg = c
			}
			ps = ps[used:]
			continue
		case n == 4 && subs > 1:
			t.underline(style(max(int(ps[1].value), 0)))
		default:
			t.attribute(n)
		}
		ps = ps[subs:]
	}
}

// colorOf reads the colour after 38, 48 or 58, in any of its forms: 38;5;n 38:5:n 38;2;r;g;b 38:2:r:g:b 38:2::r:g:b. It returns
// how many parameters it took.
func colorOf(ps []param, subs int) (c color, ok bool, used int) {
	rest, colon := ps[1:], subs > 1
	used = len(ps)
	if colon {
		rest, used = ps[1:subs], subs
	}
	if len(rest) == 0 {
		return 0, false, used
	}
	at := func(i int) int { return max(int(rest[i].value), 0) }
	switch at(0) {
	case 5:
		if len(rest) < 2 {
			return 0, false, used
		}
		if !colon {
			used = 3
		}
		return indexed | color(at(1)&0xff), at(1) < 256, used
	case 2:
		if colon && len(rest) >= 5 {
			rest = append([]param{rest[0]}, rest[2:]...) // a colour space is named
		}
		if len(rest) < 4 {
			return 0, false, used
		}
		if !colon {
			used = 5
		}
		return direct | color(at(1)&0xff)<<16 | color(at(2)&0xff)<<8 | color(at(3)&0xff), true, used
	}
	if !colon {
		used = 2
	}
	return 0, false, used
}

func (t *Terminal) underline(how style) {
	if how > 5 {
		how = 1
	}
	t.pen.style = t.pen.style&^underlines | how<<underlineShift
}

func (t *Terminal) attribute(n int) {
	switch {
	case n == 0:
		t.pen = pen{}
	case n == 4:
		t.underline(1)
	case n == 21:
		t.underline(2)
	case n == 24:
		t.underline(0)
	case n < 10 || n == 53:
		t.pen.style |= styleOf(n)
	case n == 22:
		t.pen.style &^= bold | dim
	case n == 55:
		t.pen.style &^= overline
	case n >= 23 && n <= 29:
		t.pen.style &^= styleOf(n - 20)
	case n >= 30 && n <= 37:
		t.pen.fg = indexed | color(n-30)
	case n == 39:
		t.pen.fg = 0
	case n >= 40 && n <= 47:
		t.pen.bg = indexed | color(n-40)
	case n == 49:
		t.pen.bg = 0
	case n >= 90 && n <= 97:
		t.pen.fg = indexed | color(n-90+8)
	case n >= 100 && n <= 107:
		t.pen.bg = indexed | color(n-100+8)
	}
}

func styleOf(n int) style {
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
