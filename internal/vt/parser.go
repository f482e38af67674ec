package vt

// A state is where the parser stands within a control sequence.
type state uint8

const (
	ground        state = iota
	escape              // after ESC
	escapeInter         // after ESC and an intermediate
	csiEntry            // after CSI
	csiParam            // within the numbers of a CSI sequence
	csiInter            // after its intermediates
	csiIgnore           // a CSI sequence that is none: read over up to its end
	oscString           // operating system command: read over up to BEL or ST
	controlString       // DCS, SOS, PM, APC: read over up to ST
)

const (
	maxParams = 32   // of one sequence; those after it are read over
	maxParam  = 9999 // greater numbers count as this
	missing   = -1   // a parameter that was left out
)

// The characters that end or begin a sequence wherever they come.
const (
	bel = 0x07
	can = 0x18
	sub = 0x1A
	esc = 0x1B
	del = 0x7F
	dcs = 0x90
	sos = 0x98
	csi = 0x9B
	st  = 0x9C
	osc = 0x9D
	pm  = 0x9E
	apc = 0x9F
)

// A parser splits a stream of characters into printable ones, controls and sequences, in the way of the state machine of DEC's terminals.
// It keeps the numbers of the sequence it is in and nothing of any string.
type parser struct {
	utf8   decoder
	state  state
	prefix byte // one of < = > ? before the parameters, else 0
	inter  byte // the intermediate, 0 when there is none, 0xFF when there are several
	opener byte // what began the control string: P X ^ _
	params [maxParams]param
	count  int // of params in use, the one being read included; 0 before the first
}

// A param is one number of a sequence.
type param struct {
	n   int16 // 0..9999 or missing
	sub bool  // it followed a colon: it belongs to the one before it
}

// feed parses bytes. Runs of printable ASCII, most of what there is, go straight to the screen.
func (t *Terminal) feed(p []byte) {
	for len(p) > 0 {
		if t.state == ground && t.utf8.need == 0 && p[0] >= ' ' && p[0] < del {
			n := 1
			for n < len(p) && p[n] >= ' ' && p[n] < del {
				n++
			}
			t.printASCII(p[:n])
			p = p[n:]
			continue
		}
		t.decode(p[0])
		p = p[1:]
	}
}

// accept parses one character.
func (t *Terminal) accept(r rune) {
	if t.anywhere(r) {
		return
	}
	if r < ' ' {
		t.control(r)
		return
	}
	switch t.state {
	case ground:
		if r != del {
			t.print(r)
		}
	case escape:
		t.escapeRune(r)
	case escapeInter:
		t.escapeInterRune(r)
	case csiEntry, csiParam, csiInter, csiIgnore:
		t.csiRune(r)
	}
}

// anywhere handles what means the same in every state, and says whether r was that.
func (t *Terminal) anywhere(r rune) bool {
	switch {
	case r == esc:
		t.begin(escape)
	case r == can || r == sub:
		t.state, t.repeatable = ground, false
	case r >= 0x80 && r < 0xA0:
		t.begin(escape)
		t.escapeRune(r - 0x40)
	default:
		return false
	}
	return true
}

// begin enters a state with no parameters read. REP still repeats what was printed before: only what it does may end that.
func (t *Terminal) begin(s state) {
	t.state, t.prefix, t.inter, t.count = s, 0, 0, 0
}

// control does a C0 control: also in the middle of a sequence, but not within a string.
func (t *Terminal) control(r rune) {
	switch t.state {
	case oscString:
		if r == bel {
			t.state = ground
		}
	case controlString:
	default:
		t.repeatable = false
		t.execute(r)
	}
}

func (t *Terminal) escapeRune(r rune) {
	switch {
	case r < '0':
		t.inter, t.state = byte(r), escapeInter
	case r == '[':
		t.begin(csiEntry)
	case r == ']':
		t.begin(oscString)
	case r == 'P' || r == 'X' || r == '^' || r == '_':
		t.begin(controlString)
		t.opener = byte(r)
	case r < del:
		t.state = ground
		t.escapeFinal(byte(r))
	case r != del:
		t.state = ground
	}
}

func (t *Terminal) escapeInterRune(r rune) {
	switch {
	case r < '0':
		t.inter = severalInter
	case r < del:
		t.state = ground
		t.escapeFinal(byte(r))
	case r != del:
		t.state = ground
	}
}

// severalInter stands for more than one intermediate: no sequence that is known here has that.
const severalInter = 0xFF

func (t *Terminal) csiRune(r rune) {
	switch {
	case r == del:
	case r > del:
		t.state = ground
	case r >= '@':
		if t.state != csiIgnore {
			t.csiFinal(byte(r))
		}
		t.state = ground
	case t.state == csiIgnore:
	case r < '0':
		t.csiIntermediate(byte(r))
	case t.state == csiInter:
		t.state = csiIgnore
	case r >= '<':
		t.csiPrefix(byte(r))
	default:
		t.state = csiParam
		t.csiParameter(byte(r))
	}
}

func (t *Terminal) csiIntermediate(b byte) {
	if t.inter != 0 {
		b = severalInter
	}
	t.inter, t.state = b, csiInter
}

func (t *Terminal) csiPrefix(b byte) {
	if t.state != csiEntry {
		t.state = csiIgnore
		return
	}
	t.prefix, t.state = b, csiParam
}

// csiParameter reads a digit, a semicolon or a colon.
func (t *Terminal) csiParameter(b byte) {
	if t.count == 0 {
		t.params[0], t.count = param{n: missing}, 1
	}
	if b >= '0' && b <= '9' {
		t.digit(int16(b - '0'))
		return
	}
	t.count++
	if t.count <= maxParams {
		t.params[t.count-1] = param{n: missing, sub: b == ':'}
		return
	}
	t.count = maxParams + 1
}

func (t *Terminal) digit(d int16) {
	if t.count > maxParams {
		return
	}
	p := &t.params[t.count-1]
	p.n = int16(min(int(max(p.n, 0))*10+int(d), maxParam))
}

// arg gives parameter i, or def when it was left out or is 0.
func (t *Terminal) arg(i, def int) int {
	if i >= min(t.count, maxParams) || t.params[i].n <= 0 {
		return def
	}
	return int(t.params[i].n)
}

// dropSubs takes out the parameters that belong to another: only SGR has such.
func (t *Terminal) dropSubs() {
	kept := 0
	for _, p := range t.params[:min(t.count, maxParams)] {
		if !p.sub {
			t.params[kept] = p
			kept++
		}
	}
	t.count = kept
}
