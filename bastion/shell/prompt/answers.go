package prompt

import "context"

// What a target prints can ask the client's terminal something: for a colour, its title, what it is called. The answer comes as if it were
// typed, and has words of the target's choice. So nothing of an answer is ever a line's: neither a control sequence that is no key, nor a
// control string (OSC, DCS, APC), however long.

// controls are the C1 characters that open a sequence or a string, with what follows an escape character in their place.
var controls = map[rune]byte{0x90: 'P', 0x9b: '[', 0x9d: ']', 0x9f: '_', badByte + 0x90: 'P', badByte + 0x9b: '[', badByte + 0x9d: ']', badByte + 0x9f: '_'}

// opened takes what a control character opened.
func (d *decoder) opened(ctx context.Context, by byte) (rune, error) {
	if by == '[' {
		return d.sequence(ctx)
	}
	return d.str(ctx)
}

// str passes over a control string up to its end, or up to Ctrl-C or Ctrl-D, which are keys of their own: somebody waits who typed its beginning.
// It keeps nothing, so that it needs no bound.
func (d *decoder) str(ctx context.Context) (rune, error) {
	for before := byte(0); ; {
		b, err := d.src.within(ctx)
		switch {
		case err != nil:
			return keyNone, err
		case b == '\a', b == '\\' && before == escape, b == 0x9c && (before < 0x80 || before == 0xc2): // not within a character
			return keyNone, nil
		case b == keyInterrupt, b == 'D'&31:
			d.src.back(b)
			return keyNone, nil
		}
		before = b
	}
}

// skip passes over n characters, but for Ctrl-C.
func (d *decoder) skip(ctx context.Context, n int) (rune, error) {
	for range n {
		b, err := d.src.within(ctx)
		if err == nil && b == keyInterrupt {
			d.src.back(b)
			break
		}
		if err == nil {
			_, err = d.char(ctx, b)
		}
		if err != nil {
			return keyNone, err
		}
	}
	return keyNone, nil
}
