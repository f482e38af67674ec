package vt

import "unicode/utf8"

// A decoder holds the character of UTF-8 that is not yet complete. An invalid sequence becomes one U+FFFD for each longest beginning of a
// valid one, as browsers do it, wherever the bytes are split.
type decoder struct {
	r        rune  // what is known of it
	need     uint8 // bytes that are still to come
	low, top byte  // the range that the next of them must be in
	bytes    [utf8.UTFMax]byte
	have     uint8 // of bytes
}

// decode takes one byte and hands on the character that it completes.
func (t *Terminal) decode(b byte) {
	d := &t.utf8
	if d.need > 0 {
		if b >= d.low && b <= d.top {
			t.continueRune(b)
			return
		}
		d.need = 0
		t.accept(utf8.RuneError)
	}
	if b < utf8.RuneSelf {
		t.accept(rune(b))
		return
	}
	if !d.start(b) {
		t.accept(utf8.RuneError)
	}
}

// continueRune takes a byte that continues the character.
func (t *Terminal) continueRune(b byte) {
	d := &t.utf8
	d.r = d.r<<6 | rune(b&0x3F)
	d.bytes[d.have] = b
	d.have++
	d.low, d.top = 0x80, 0xBF
	d.need--
	if d.need == 0 {
		t.accept(d.r)
	}
}

// start takes the first byte of a character of several bytes, and says whether b can be that.
func (d *decoder) start(b byte) bool {
	*d = decoder{low: 0x80, top: 0xBF, have: 1}
	d.bytes[0] = b
	switch {
	case b >= 0xC2 && b <= 0xDF:
		d.r, d.need = rune(b&0x1F), 1
	case b >= 0xE0 && b <= 0xEF:
		d.r, d.need = rune(b&0x0F), 2
	case b >= 0xF0 && b <= 0xF4:
		d.r, d.need = rune(b&0x07), 3
	}
	switch b { // no overlong forms, no surrogates, nothing above U+10FFFF
	case 0xE0:
		d.low = 0xA0
	case 0xED:
		d.top = 0x9F
	case 0xF0:
		d.low = 0x90
	case 0xF4:
		d.top = 0x8F
	}
	return d.need > 0
}

// pending gives the bytes of the character that is not yet complete.
func (d *decoder) pending() []byte {
	if d.need == 0 {
		return nil
	}
	return d.bytes[:d.have]
}
