// Package replay makes recorded output safe to show: on a reviewer's terminal, or as lines of text.
//
// It trusts nothing: output comes from hosts that may attack whoever looks at it (invariant 9). A Filter lets through
// text, line feeds, colours and attributes, cursor movement, erasing, scrolling and the alternate screen. It drops everything
// that makes a terminal answer (status and attribute reports, queries), store (clipboard, titles, hyperlinks), change its
// keyboard or mouse, or interpret strings (OSC, DCS, APC, PM, SOS), and shows C1 controls and bidirectional overrides as
// text. It is an allow-list: what it does not know is dropped. Its memory is bounded, and the split of the input into pieces
// does not change the output.
//
// Not faithful on a terminal: line-drawing character sets, double-width lines, and whatever depends on a dropped mode. A Screen
// is the same for what emulates a terminal of its own, the browser's player and package vt: it gets character sets and modes too.
package replay

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Reset brings a terminal back to order after output that was cut off: attributes, margins, cursor, main screen.
const Reset = "\x1b[0m\x1b[r\x1b[?25h\x1b[?1049l"

const (
	maxParams = 96      // bytes of parameters of one control sequence
	maxString = 4 << 10 // bytes of a control string; a longer one is broken off, so that it cannot hide what follows
	maxNumber = 9999    // of a parameter
	cutString = "<unterminated control string>"
)

type state byte

const (
	ground  state = iota
	escape        // after ESC
	charset       // after ESC and an intermediate byte
	csi           // after ESC [
	badCSI        // a control sequence that is too long or has intermediates
	str           // in OSC, DCS, APC, PM or SOS
	strEsc        // after ESC in one
)

// Filter is a streaming filter for one terminal. The zero value is ready. It is not safe for concurrent use.
type Filter struct {
	// Plain also drops the sequences that a terminal may be shown: what remains is text.
	Plain bool
	// Screen also lets through what only an emulator gets, never a reader's terminal: character sets, tab stops, resets and the
	// modes that change how text is drawn.
	Screen bool

	state  state
	params []byte // of a control sequence, or what follows ESC in a choice of character set
	length int    // of a control string
	osc    bool   // it may end with BEL
	utf8   []byte // the begin of a character
}

// Append appends what may be shown of src to dst.
func (f *Filter) Append(dst, src []byte) []byte {
	for len(src) > 0 {
		if f.state == ground && len(f.utf8) == 0 {
			n := printable(src)
			dst = append(dst, src[:n]...)
			if src = src[n:]; len(src) == 0 {
				break
			}
		}
		dst = f.step(dst, src[0])
		src = src[1:]
	}
	return dst
}

// Flush appends what is left of a character that was cut off.
func (f *Filter) Flush(dst []byte) []byte {
	if len(f.utf8) > 0 {
		f.utf8 = f.utf8[:0]
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	return dst
}

// printable counts the plain characters at the beginning of b.
func printable(b []byte) int {
	for i, c := range b {
		if c < ' ' || c >= 0x7f {
			return i
		}
	}
	return len(b)
}

func (f *Filter) step(dst []byte, c byte) []byte {
	switch {
	case c == 0x1b && (f.state == str || f.state == strEsc):
		f.state = strEsc
		return dst
	case c == 0x1b:
		dst = f.Flush(dst)
		f.state = escape
		return dst
	case c == 0x18 || c == 0x1a: // CAN and SUB end any sequence
		f.state = ground
		return f.Flush(dst)
	}
	switch f.state {
	case escape:
		return f.stepEscape(dst, c)
	case charset:
		return f.stepCharset(dst, c)
	case csi, badCSI:
		return f.stepCSI(dst, c)
	case str:
		return f.stepString(dst, c)
	case strEsc:
		f.state = escape
		if c == '\\' {
			f.state = ground
			return dst
		}
		return f.stepEscape(dst, c)
	}
	return f.text(dst, c)
}

func (f *Filter) stepEscape(dst []byte, c byte) []byte {
	f.state = ground
	switch {
	case c == '[':
		f.state, f.params = csi, f.params[:0]
	case c == ']', c == 'P', c == 'X', c == '^', c == '_', c == 'k':
		f.state, f.length, f.osc = str, 0, c == ']'
	case c >= 0x20 && c < 0x30:
		f.state, f.params = charset, append(f.params[:0], c)
	case c < 0x20:
		f.state = escape
		return f.control(dst, c)
	case bytes.IndexByte([]byte("78DEM"), c) >= 0 && !f.Plain:
		return append(dst, 0x1b, c)
	case f.Screen && (c == 'H' || c == 'c'):
		return append(dst, 0x1b, c)
	case c >= 0x80:
		return f.text(dst, c)
	}
	return dst
}

// stepCharset ends ESC and intermediate bytes. An emulator gets the choice of G0 or G1 and the screen full of E.
func (f *Filter) stepCharset(dst []byte, c byte) []byte {
	if c < 0x30 {
		if len(f.params) < maxParams {
			f.params = append(f.params, c)
		}
		return dst
	}
	f.state = ground
	set := string(f.params)
	if f.Screen && c < 0x7f && (set == "(" || set == ")" || set == "#" && c == '8') {
		return append(append(append(dst, 0x1b), set...), c)
	}
	return dst
}

func (f *Filter) stepCSI(dst []byte, c byte) []byte {
	switch {
	case c < 0x20:
		return f.control(dst, c)
	case c >= 0x80:
		f.state = ground
		return f.text(dst, c)
	case c == 0x7f:
		return dst
	case c >= 0x40:
		ok := f.state == csi && !f.Plain
		f.state = ground
		if ok {
			return f.appendCSI(dst, string(f.params), c)
		}
		return dst
	case c == '!' && len(f.params) == 0 && f.Screen: // a soft reset has it
	case c < 0x30 || len(f.params) >= maxParams:
		f.state = badCSI
		return dst
	}
	f.params = append(f.params, c)
	return dst
}

// stepString swallows a control string, and breaks it off when it is too long.
func (f *Filter) stepString(dst []byte, c byte) []byte {
	if f.length++; f.length > maxString {
		f.state = ground
		return append(dst, cutString...)
	}
	if c == 0x07 && f.osc {
		f.state = ground
	}
	return dst
}

// control passes the control characters that only move the cursor.
func (f *Filter) control(dst []byte, c byte) []byte {
	switch c {
	case '\n', '\r', '\t', '\b':
		return append(dst, c)
	case '\v', '\f':
		if f.Screen {
			return append(dst, '\n')
		}
	case 0x0e, 0x0f: // another character set
		if f.Screen {
			return append(dst, c)
		}
	}
	return dst
}

// text takes a byte of text, and puts characters together.
func (f *Filter) text(dst []byte, c byte) []byte {
	if c < 0x80 {
		dst = f.Flush(dst)
		if c < ' ' || c == 0x7f {
			return f.control(dst, c)
		}
		return append(dst, c)
	}
	f.utf8 = append(f.utf8, c)
	for len(f.utf8) > 0 && utf8.FullRune(f.utf8) {
		r, n := utf8.DecodeRune(f.utf8)
		f.utf8 = f.utf8[:copy(f.utf8, f.utf8[n:])]
		dst = AppendRune(dst, r)
	}
	return dst
}

// AppendRune appends a character; one that changes the reading of its neighbours, or is a C1 control, by its number.
func AppendRune(dst []byte, r rune) []byte {
	switch {
	case r >= 0x80 && r < 0xa0,
		r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069,
		r == 0x2028, r == 0x2029, r >= 0xe0000 && r <= 0xe007f:
		return fmt.Appendf(dst, "<U+%04X>", r)
	}
	return utf8.AppendRune(dst, r)
}

// appendCSI appends a control sequence if it is one of those that a reviewer's terminal may be shown.
func (f *Filter) appendCSI(dst []byte, params string, final byte) []byte {
	if final == 'h' || final == 'l' {
		return f.appendModes(dst, params, final)
	}
	if f.Screen && (final == 'g' && numbers(params) || final == 'p' && params == "!") {
		return append(append(append(dst, 0x1b, '['), params...), final)
	}
	if !numbers(params) {
		return dst
	}
	switch {
	case strings.IndexByte("mABCDEFGHIJKLMPSXZ@`abdefr", final) >= 0:
	case (final == 's' || final == 'u') && params == "":
	case final == 'T' && !strings.ContainsAny(params, ";:"): // with five it tracks the mouse
	default:
		return dst
	}
	dst = append(append(dst, 0x1b, '['), params...)
	return append(dst, final)
}

// appendModes lets through the alternate screen and the cursor's visibility, and for an emulator what changes how text is drawn,
// whatever else is set along with them.
func (f *Filter) appendModes(dst []byte, params string, final byte) []byte {
	list, private := strings.CutPrefix(params, "?")
	for mode := range strings.SplitSeq(list, ";") {
		switch {
		case private && slices.Contains(privateModes, mode), private && f.Screen && slices.Contains(drawingModes, mode):
			dst = append(append(append(dst, "\x1b[?"...), mode...), final)
		case !private && f.Screen && (mode == "4" || mode == "20"): // insert, new line
			dst = append(append(append(dst, "\x1b["...), mode...), final)
		}
	}
	return dst
}

var (
	privateModes = []string{"25", "47", "1047", "1048", "1049"}
	drawingModes = []string{"6", "7"} // origin, wrap
)

// numbers says whether params are small numbers.
func numbers(params string) bool {
	n := 0
	for i := range len(params) {
		switch c := params[i]; {
		case c == ';' || c == ':':
			n = 0
		case c >= '0' && c <= '9':
			if n = n*10 + int(c-'0'); n > maxNumber {
				return false
			}
		default:
			return false
		}
	}
	return true
}
