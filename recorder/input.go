package recorder

import (
	"bytes"
	"crypto/rand"
	"sync"

	"gatehouse/recorder/seal"
)

// input is what a recording knows of the client's bytes. Its lock comes before the recording's.
type input struct {
	mu     sync.Mutex   // keeps sealed events in the order of their numbers
	sealer *seal.Sealer // nil until the first input, and for good where nothing is sealed
	buf    []byte       // of the last sealed event

	echo echo // guarded by the recording's mu
}

// sealedPiece is how much input one sealed event holds.
const sealedPiece = pieceSize - seal.Overhead

// writeInput records the client's bytes: sealed, where the recorder has somebody to seal them for, and as they are otherwise.
// What the terminal echoes of them is recorded in the clear as well, when the echo comes.
func (r *Recording) writeInput(data []byte) error {
	if r.rec == nil || r.rec.cfg.SealInput == nil {
		return r.writePieces(Input, data, pieceSize)
	}
	r.input.mu.Lock()
	defer r.input.mu.Unlock()
	if r.input.sealer == nil {
		sealer, wrapped, err := seal.New(rand.Reader, r.rec.cfg.SealInput, r.header.Session)
		if err != nil {
			r.fail(err)
			return r.writePieces(InputKey, nil, MaxEvent) // which says so
		}
		if err := r.writePieces(InputKey, wrapped, MaxEvent); err != nil {
			return err
		}
		r.input.sealer = sealer
	}
	for len(data) > 0 {
		piece := data[:min(len(data), sealedPiece)]
		data = data[len(piece):]
		r.input.buf = r.input.sealer.Seal(r.input.buf[:0], piece)
		if err := r.writeSealed(piece); err != nil {
			return err
		}
	}
	if cap(r.input.buf) > smallInput {
		r.input.buf = nil // an upload's; keys need little
	}
	return nil
}

// smallInput is what a recording keeps for the next key that is pressed.
const smallInput = 256

// writeSealed records the sealed event at hand, and waits for the echo of what is in it.
func (r *Recording) writeSealed(plain []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok, err := r.waitRoom(); !ok {
		return err
	}
	r.bytesIn += int64(len(plain))
	r.add(Sealed, r.input.buf)
	if r.header.PTY {
		r.input.echo.typed(plain)
	}
	return nil
}

// echoed records input whose echo this output ends, with mu held and the output recorded.
func (r *Recording) echoed(output []byte) {
	if !r.header.PTY || len(r.input.echo.waiting) == 0 {
		return
	}
	if shown := r.input.echo.shown(output); len(shown) > 0 {
		r.add(Input, shown)
	}
}

// maxEcho is how much input waits for its echo.
const maxEcho = 4 << 10

// echo tells input that the terminal shows from input that it does not. Input counts as shown when what comes next is the same
// characters, one after the other, escape sequences and line ends apart; so whatever is taken for shown is in the output
// anyway. It is a heuristic in the other direction: what an editor draws elsewhere on the screen is not recognised, and stays
// sealed.
type echo struct {
	waiting []byte
	found   int // of waiting, how much was shown so far
	escape  escape
}

// typed adds input that may be echoed.
func (e *echo) typed(p []byte) {
	if len(e.waiting)+len(p) > maxEcho {
		e.forget()
		p = p[max(0, len(p)-maxEcho):]
	}
	e.waiting = append(e.waiting, p...)
}

func (e *echo) forget() { e.waiting, e.found = e.waiting[:0], 0 }

// shown returns the input whose echo ends with this output; it is valid until the next call of typed.
func (e *echo) shown(output []byte) []byte {
	for _, c := range output {
		if e.escape.skips(c) || c == '\n' && e.found > 0 && e.waiting[e.found-1] == '\r' {
			continue
		}
		if c != e.waiting[e.found] {
			// Not the echo of what came. Of that, lines that were shown whole are known to be.
			shown := e.waiting[:1+bytes.LastIndexByte(e.waiting[:e.found], '\r')]
			e.forget()
			return shown
		}
		if e.found++; e.found == len(e.waiting) {
			shown := e.waiting
			e.forget()
			return shown
		}
	}
	return nil // the rest of the echo may still come
}

// escape is where in an escape sequence the output is.
type escape byte

const (
	text       escape = iota
	introduced        // after ESC
	control           // in a control sequence
	quoted            // in a control string
	quotedEsc         // after ESC in one
)

// skips reports whether a byte belongs to an escape sequence.
func (e *escape) skips(c byte) bool {
	switch {
	case *e == text && c != 0x1b:
		return false
	case *e == text:
		*e = introduced
	case *e == introduced && c == '[':
		*e = control
	case *e == introduced && bytes.IndexByte([]byte("]PX^_"), c) >= 0:
		*e = quoted
	case *e == quoted && c == 0x1b:
		*e = quotedEsc
	case *e == quoted && c != 0x07, *e == control && (c < 0x40 || c > 0x7e):
	case *e == quotedEsc && c != '\\':
		*e = quoted
	default:
		*e = text
	}
	return true
}
