package vt

// setStyle brings the reader's pen to a style.
func (w *writer) setStyle(s style) {
	if s == w.pen {
		return
	}
	w.pen = s
	w.writePen()
}

// styleNumbers are the numbers of SGR for the bits of attr, from the lowest.
var styleNumbers = [...]int{1, 2, 3, 5, 7, 8, 9, 53}

// writePen writes the SGR that makes any pen that of the writer.
func (w *writer) writePen() {
	numbers := append(make([]int, 0, 24), 0)
	for bit, n := range styleNumbers {
		if w.pen.attr&(1<<bit) != 0 {
			numbers = append(numbers, n)
		}
	}
	underline := int(w.pen.attr & underlineMask / underlineUnit)
	if underline == 1 {
		numbers = append(numbers, 4)
	}
	numbers = appendColor(numbers, w.pen.fg, 30)
	numbers = appendColor(numbers, w.pen.bg, 40)
	w.sequence("m", numbers...)
	if underline > 1 { // by itself, as some would take 4:3 for 4;3
		w.text("\x1b[4:" + string(rune('0'+underline)) + "m")
	}
}

// appendColor appends the numbers that set a colour; base is 30 for the foreground, 40 for the background.
func appendColor(to []int, c color, base int) []int {
	n := int(c & 0xFFFFFF)
	switch {
	case c == 0:
		return to
	case c&trueColor != 0:
		return append(to, base+8, 2, n>>16, n>>8&0xFF, n&0xFF)
	case c&paletteColor != 0:
		return append(to, base+8, 5, n)
	case n < 8:
		return append(to, base+n)
	}
	return append(to, base+60+n-8)
}
