package prompt

import (
	"context"
	"unicode/utf8"
)

// key is a key that was pressed: a character, a control character, or one of the names below. literal is what was pasted.
type key struct {
	r       rune
	literal bool
}

// The keys that are no characters.
const (
	keyNone rune = -1 - iota
	keyUp
	keyDown
	keyLeft
	keyRight
	keyHome
	keyEnd
	keyDelete
	keyWordLeft
	keyWordRight
	keyWordDelete // forwards
	keyWordErase  // backwards
)

// badByte plus a byte stands in a line for a byte that is no UTF-8.
const badByte = utf8.MaxRune + 1

// maxSequence is how long an escape sequence may be; what is longer is ignored up to there.
const maxSequence = 32

const escape = 0x1b

// decoder makes keys of the client's bytes.
type decoder struct {
	src     *source
	pasting bool
	cr      bool // the last pasted byte was a carriage return
}

// key takes the next key.
func (d *decoder) key(ctx context.Context) (key, error) {
	b, err := d.src.next(ctx)
	if err != nil {
		return key{r: keyNone}, err
	}
	if b == escape {
		r, err := d.escape(ctx)
		return key{r: r, literal: false}, err
	}
	r, err := d.char(ctx, b)
	if !d.pasting {
		if opens, known := controls[r]; known && err == nil {
			r, err = d.opened(ctx, opens)
		}
		return key{r: r}, err
	}
	after := d.cr
	d.cr = r == '\r'
	switch {
	case r == '\n' && after:
		r = keyNone
	case r == '\r':
		r = '\n'
	}
	return key{r: r, literal: r != keyNone}, err
}

// char completes a character that begins with b.
func (d *decoder) char(ctx context.Context, b byte) (rune, error) {
	if b < utf8.RuneSelf {
		return rune(b), nil
	}
	buf := []byte{b}
	for !utf8.FullRune(buf) {
		c, err := d.src.within(ctx)
		if err != nil {
			return badByte + rune(b), err
		}
		buf = append(buf, c)
	}
	r, n := utf8.DecodeRune(buf)
	if r == utf8.RuneError && n == 1 {
		for i := len(buf) - 1; i > 0; i-- {
			d.src.back(buf[i])
		}
		return badByte + rune(b), nil
	}
	return r, nil
}

// escape takes what follows an escape character.
func (d *decoder) escape(ctx context.Context) (rune, error) {
	b, err := d.src.within(ctx)
	switch {
	case err != nil:
		return keyNone, err
	case b == '[':
		return d.sequence(ctx)
	case d.pasting:
		d.src.back(b)
		return keyNone, nil
	case b == ']' || b == 'P' || b == '_':
		return d.opened(ctx, b)
	case b == 'O':
		b, err = d.src.within(ctx)
		return finals[b], err
	case b < ' ' && b != '\b':
		d.src.back(b)
		return keyNone, nil
	}
	return altered[b], nil
}

// sequence takes a control sequence: its parameters and its final byte. A control character ends it and is a key of its own.
func (d *decoder) sequence(ctx context.Context) (rune, error) {
	var seq []byte
	for len(seq) < maxSequence {
		b, err := d.src.within(ctx)
		switch {
		case err != nil:
			return keyNone, err
		case b < ' ':
			d.src.back(b)
			return keyNone, nil
		}
		seq = append(seq, b)
		if len(seq) == 1 && b == 'M' && !d.pasting {
			return d.skip(ctx, 3) // of a mouse: the button and where it was pressed, as three characters
		}
		if b >= 0x40 && b <= 0x7e {
			return d.named(string(seq)), nil
		}
	}
	return keyNone, nil
}

// named gives the key of a control sequence.
func (d *decoder) named(seq string) rune {
	switch seq {
	case "200~":
		d.pasting, d.cr = true, false
		return keyNone
	case "201~":
		d.pasting = false
		return keyNone
	}
	if d.pasting {
		return keyNone
	}
	if r, ok := sequences[seq]; ok {
		return r
	}
	if len(seq) == 1 {
		return finals[seq[0]]
	}
	return keyNone
}

// finals are the keys of sequences without parameters, and of those that begin with ESC O.
var finals = func() (table [256]rune) {
	for i := range table {
		table[i] = keyNone
	}
	for b, r := range map[byte]rune{'A': keyUp, 'B': keyDown, 'C': keyRight, 'D': keyLeft, 'H': keyHome, 'F': keyEnd} {
		table[b] = r
	}
	return table
}()

// altered are the keys with Alt.
var altered = func() (table [256]rune) {
	for i := range table {
		table[i] = keyNone
	}
	for b, r := range map[byte]rune{'b': keyWordLeft, 'f': keyWordRight, 'd': keyWordDelete, 0x7f: keyWordErase, '\b': keyWordErase} {
		table[b] = r
	}
	return table
}()

// sequences are the keys of sequences with parameters.
var sequences = map[string]rune{
	"1~": keyHome, "7~": keyHome, "4~": keyEnd, "8~": keyEnd, "3~": keyDelete,
	"1;5C": keyWordRight, "1;5D": keyWordLeft, "1;3C": keyWordRight, "1;3D": keyWordLeft,
}
