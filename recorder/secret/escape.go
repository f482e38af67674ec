package secret

// maxParams bounds the parameters of a control sequence; maxString is how long a control string may hide what follows.
const (
	maxParams = 64
	maxString = 4 << 10
)

type state byte

const (
	ground state = iota
	escaped
	charset // after ESC and an intermediate byte
	sequence
	str
	strEnd // after ESC in a string
)

// escape reads escape sequences byte by byte. It is for bytes from an ESC on until state is ground again.
type escape struct {
	state  state
	params []byte
	length int
}

// next reads a byte. When it ends a sequence that may move the cursor, it returns the final byte and the parameters.
func (e *escape) next(c byte) (final byte, params []byte) {
	switch {
	case c == 0x1b && (e.state == str || e.state == strEnd):
		e.state = strEnd
		return 0, nil
	case c == 0x1b:
		e.state = escaped
		return 0, nil
	case c == 0x18 || c == 0x1a:
		e.state = ground
		return 0, nil
	}
	switch e.state {
	case strEnd:
		e.state = escaped
		if c == '\\' {
			e.state = ground
			return 0, nil
		}
		return e.begin(c)
	case escaped:
		return e.begin(c)
	case charset:
		if c >= 0x30 {
			e.state = ground
		}
	case sequence:
		return e.inSequence(c)
	case str:
		if e.length++; c == 0x07 || e.length > maxString {
			e.state = ground
		}
	}
	return 0, nil
}

func (e *escape) begin(c byte) (byte, []byte) {
	switch {
	case c == '[':
		e.state, e.params = sequence, e.params[:0]
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_' || c == 'k':
		e.state, e.length = str, 0
	case c >= 0x20 && c < 0x30:
		e.state = charset
	case c >= 0x20:
		e.state = ground
		if c == 'c' || c == 'M' {
			return c, nil
		}
		if c == 'D' || c == 'E' || c == '8' {
			return 'M', nil
		}
	}
	return 0, nil
}

func (e *escape) inSequence(c byte) (byte, []byte) {
	switch {
	case c >= 0x40 && c != 0x7f:
		e.state = ground
		if c == 'M' || c == 'c' { // delete lines, device attributes: not what ESC M and ESC c do
			return 0, nil
		}
		return c, e.params
	case c >= 0x20 && c < 0x40 && len(e.params) < maxParams:
		e.params = append(e.params, c)
	}
	return 0, nil
}
