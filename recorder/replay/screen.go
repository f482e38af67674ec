package replay

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"gatehouse/recorder"
)

// Screen turns recorded output into what a terminal emulator is fed with: through the filter, always UTF-8, and without a pty
// with a carriage return before each line feed. It is not safe for concurrent use.
type Screen struct {
	pty     bool
	streams [2]shown // stdout, stderr
}

type shown struct {
	filter Filter
	cr     bool // a carriage return came last
}

// NewScreen returns the beginning of a recording with, or without, a pty.
func NewScreen(pty bool) *Screen {
	s := &Screen{pty: pty}
	for i := range s.streams {
		s.streams[i].filter.Screen = true
	}
	return s
}

// Text returns what an event shows; nothing for one that is no output. How output is cut into events does not change the whole.
func (s *Screen) Text(e recorder.Event) string {
	switch e.Code {
	case recorder.Output:
		return s.text(&s.streams[0], e.Data)
	case recorder.Stderr:
		return s.text(&s.streams[1], e.Data)
	}
	return ""
}

func (s *Screen) text(st *shown, data []byte) string {
	out := st.filter.Append(make([]byte, 0, len(data)+len(data)/16), data)
	if s.pty {
		return string(out)
	}
	return string(st.returns(out))
}

// returns puts a carriage return before each line feed that has none.
func (st *shown) returns(text []byte) []byte {
	out := make([]byte, 0, len(text)+len(text)/16)
	for _, c := range text {
		if c == '\n' && !st.cr {
			out = append(out, '\r')
		}
		st.cr = c == '\r'
		out = append(out, c)
	}
	return out
}

// ErrState is returned by Restore for what State did not return.
var ErrState = errors.New("not a state of a screen")

// State returns what Restore needs to go on from here: at most 250 bytes.
func (s *Screen) State() []byte {
	var b []byte
	for i := range s.streams {
		st := &s.streams[i]
		f := &st.filter
		b = append(b, byte(f.state), flags(f.osc, st.cr), byte(len(f.params)), byte(len(f.utf8)))
		b = binary.BigEndian.AppendUint16(b, uint16(f.length))
		b = append(append(b, f.params...), f.utf8...)
	}
	return b
}

func flags(osc, cr bool) (b byte) {
	if osc {
		b |= 1
	}
	if cr {
		b |= 2
	}
	return b
}

// Restore goes back, or on, to where State was called. It believes nothing.
func (s *Screen) Restore(b []byte) error {
	fresh := NewScreen(s.pty)
	for i := range fresh.streams {
		if len(b) < 6 {
			return ErrState
		}
		st, params, text := &fresh.streams[i], int(b[2]), int(b[3])
		f := &st.filter
		f.state, f.osc, st.cr = state(b[0]), b[1]&1 != 0, b[1]&2 != 0
		f.length = int(binary.BigEndian.Uint16(b[4:]))
		b = b[6:]
		if f.state > strEsc || params > maxParams || text >= utf8.UTFMax || f.length > maxString+1 || len(b) < params+text {
			return ErrState
		}
		f.params = append(f.params, b[:params]...)
		f.utf8 = append(f.utf8, b[params:params+text]...)
		b = b[params+text:]
	}
	if len(b) > 0 {
		return ErrState
	}
	*s = *fresh
	return nil
}
