package vt

import "unicode/utf8"

// state is where in a sequence the parser is; after Paul Williams' parser for DEC's terminals.
type state byte

const (
	ground     state = iota
	escape           // after ESC
	escapeMore       // after ESC and an intermediate byte
	csi              // in a control sequence
	csiBad           // in one that means nothing
	str              // in a control string: OSC, DCS, SOS, PM, APC
)

// The bounds of a control sequence.
const (
	maxParams = 32
	maxNumber = 9999
)

// parser is what is known of an unfinished sequence.
type parser struct {
	state        state
	prefix       byte // of a control sequence: ?, >, <, =
	intermediate byte
	params       [maxParams]param
	n            int
	intro        rune    // of a control string, as in ESC ]
	bell         bool    // BEL ends it
	tail         [4]byte // the begin of a character
	tails        int
}

// param is one number of a control sequence.
type param struct {
	value int16 // -1: left out
	sub   bool  // it follows a colon
}

// Write shows what a program writes. It takes everything and returns no error.
func (t *Terminal) Write(p []byte) (int, error) {
	n := len(p)
	defer func() {
		if recover() != nil { // a mistake in here must not end whoever looks at recordings
			t.lost = true
			t.parser = parser{}
			t.reset()
		}
	}()
	for len(p) > 0 {
		if t.parser.state == ground && t.parser.tails == 0 {
			run := printable(p)
			if run > 0 {
				t.printRun(p[:run])
				p = p[run:]
				continue
			}
		}
		p = p[t.step(p):]
	}
	return n, nil
}

func printable(p []byte) int {
	for i, c := range p {
		if c < ' ' || c >= 0x7f {
			return i
		}
	}
	return len(p)
}

// step takes the next character and returns how many bytes of p it took.
func (t *Terminal) step(p []byte) int {
	ps := &t.parser
	if ps.tails == 0 && p[0] < utf8.RuneSelf {
		t.take(rune(p[0]))
		return 1
	}
	if ps.tails == 0 && utf8.FullRune(p) {
		r, n := utf8.DecodeRune(p)
		t.take(r)
		return n
	}
	// A character that began in an earlier write, or goes on in a later one.
	ps.tail[ps.tails] = p[0]
	ps.tails++
	if begun := ps.tail[:ps.tails]; utf8.FullRune(begun) {
		r, n := utf8.DecodeRune(begun)
		rest := ps.tails - n
		ps.tails = 0
		t.take(r)
		return 1 - rest // what is no part of it is read again
	}
	return 1
}

// take gives one character to the state that it belongs to.
func (t *Terminal) take(r rune) {
	ps := &t.parser
	switch {
	case r == 0x18 || r == 0x1a: // CAN and SUB end any sequence
		ps.state = ground
		t.last = 0
		return
	case r == 0x1b:
		ps.state, ps.intermediate = escape, 0
		return
	case r >= 0x80 && r < 0xa0:
		t.takeC1(r)
		return
	}
	switch ps.state {
	case ground:
		if r < ' ' {
			t.control(r)
		} else if r != 0x7f {
			t.print(r)
		}
	case escape, escapeMore:
		t.takeEscape(r)
	case csi, csiBad:
		t.takeCSI(r)
	case str:
		if r == 0x07 && ps.bell {
			ps.state = ground
		}
	}
}

// takeC1 is a control of the upper half, which is an escape sequence in one character.
func (t *Terminal) takeC1(r rune) {
	t.last = 0
	t.parser.state, t.parser.intermediate = escape, 0
	t.takeEscape(r - 0x40)
}

func (t *Terminal) takeEscape(r rune) {
	ps := &t.parser
	switch {
	case r < ' ':
		t.control(r)
	case r == 0x7f:
	case r < 0x30:
		if ps.state = escapeMore; ps.intermediate == 0 {
			ps.intermediate = byte(r)
		} else {
			ps.intermediate = 0xff // none that is known has two
		}
	case ps.state == escape && r == '[':
		ps.state, ps.prefix, ps.intermediate, ps.n = csi, 0, 0, 0
		ps.params[0] = param{value: -1}
	case ps.state == escape && (r == ']' || r == 'P' || r == 'X' || r == '^' || r == '_'):
		ps.state, ps.intro, ps.bell = str, r, r == ']'
	case r < 0x7f:
		ps.state = ground
		t.last = 0
		t.escape(byte(r), ps.intermediate)
	default:
		ps.state = ground
	}
}

func (t *Terminal) takeCSI(r rune) {
	ps := &t.parser
	switch {
	case r < ' ':
		t.control(r)
	case r == 0x7f:
	case r >= 0x80:
		ps.state = csiBad
	case r >= 0x40:
		bad := ps.state == csiBad
		ps.state = ground
		last := t.last
		t.last = 0
		if !bad {
			ps.n++
			t.csi(byte(r), last)
		}
	case r >= 0x3c:
		if ps.prefix != 0 || ps.n > 0 || ps.params[0].value >= 0 || ps.intermediate != 0 {
			ps.state = csiBad
		}
		ps.prefix = byte(r)
	case r < 0x30:
		if ps.intermediate != 0 {
			ps.state = csiBad
		}
		ps.intermediate = byte(r)
	case ps.intermediate != 0:
		ps.state = csiBad
	case r == ';' || r == ':':
		if ps.n++; ps.n == maxParams { // what follows is not looked at, as in xterm
			ps.n--
		}
		ps.params[ps.n] = param{value: -1, sub: r == ':'}
	default:
		p := &ps.params[ps.n]
		p.value = int16(min(max(int(p.value), 0)*10+int(r-'0'), maxNumber))
	}
}

// number returns parameter i, or the default if it was left out or is 0 where 0 means nothing.
func (t *Terminal) number(i, byDefault int) int {
	if i >= t.parser.n || t.parser.params[i].value <= 0 {
		return byDefault
	}
	return int(t.parser.params[i].value)
}

// control is a control character of the lower half.
func (t *Terminal) control(r rune) {
	t.last = 0
	switch r {
	case '\n', '\v', '\f':
		t.lineFeed()
	case '\r':
		t.x = 0
	case '\b':
		t.x = max(min(t.x, t.cols-1)-1, 0)
	case '\t':
		if t.x < t.cols {
			t.tab(1)
		}
	case 0x0e:
		t.shift = 1
	case 0x0f:
		t.shift = 0
	}
}
