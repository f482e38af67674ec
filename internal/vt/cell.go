package vt

import "unicode/utf8"

// A color is 0 for the terminal's default, else one of the kinds below with its value. The first 16 of the palette may be set in two ways,
// which some terminals show differently in bold.
type color uint32

const (
	basicColor   color = 1 << 24 // | 0..15, as SGR 30 and so on set them
	paletteColor color = 2 << 24 // | 0..255
	trueColor    color = 4 << 24 // | 0xRRGGBB
)

// An attr is a set of the properties of a cell that are not its colours. Three bits hold the style of the underline.
type attr uint16

const (
	bold attr = 1 << iota
	dim
	italic
	blink
	inverse
	invisible
	strike
	overline
	underlineUnit // the lowest of three bits: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed

	underlineMask = 7 * underlineUnit
)

// A style is how a cell looks: what SGR sets.
type style struct {
	fg, bg color
	attr   attr
}

// maxCombining is how many combining characters a cell keeps, as xterm does by default; more are dropped.
const maxCombining = 2

// A cell is one place of the screen. It has no pointers, so a screen costs the garbage collector nothing.
type cell struct {
	r    rune               // what stands there; a blank is ' ', whether written or erased
	comb [maxCombining]rune // 0 when there is none
	style
	width uint8 // 1, 2 for the left half of a wide character, 0 for its right half (r is then 0)
}

// blank is an erased cell: it keeps the background of the pen, as xterm does, and nothing else.
func blank(pen style) cell {
	return cell{r: ' ', style: style{bg: pen.bg}, width: 1}
}

// empty says that there is nothing to see of the cell.
func (c *cell) empty() bool {
	return c.r == ' ' && c.comb[0] == 0
}

// appendText appends the characters of the cell in UTF-8.
func (c *cell) appendText(to []byte) []byte {
	if c.r < utf8.RuneSelf && c.comb[0] == 0 && c.width == 1 {
		return append(to, byte(c.r))
	}
	return c.appendLong(to)
}

func (c *cell) appendLong(to []byte) []byte {
	if c.width == 0 {
		return to
	}
	to = utf8.AppendRune(to, c.r)
	for _, r := range c.comb {
		if r != 0 {
			to = utf8.AppendRune(to, r)
		}
	}
	return to
}
