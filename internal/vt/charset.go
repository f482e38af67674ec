package vt

// A charset maps the bytes of one of G0 to G3 to characters.
type charset uint8

const (
	ascii charset = iota
	british
	graphics // DEC special graphics: lines and corners
)

// graphicRunes are the characters of DEC special graphics from 0x5F to 0x7E.
var graphicRunes = [...]rune{
	' ', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼',
	'⎺', '⎻', '─', '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
}

func (c charset) translate(r rune) rune {
	switch {
	case c == british && r == '#':
		return '£'
	case c == graphics && r >= 0x5F && r <= 0x7E:
		return graphicRunes[r-0x5F]
	}
	return r
}

// final is what designates the set; a set that is not known counts as ASCII.
func (c charset) final() byte { return "BA0"[c] }

func charsetOf(final byte) charset {
	switch final {
	case '0':
		return graphics
	case 'A':
		return british
	}
	return ascii
}
