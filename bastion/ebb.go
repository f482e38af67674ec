package bastion

import (
	"io"
	"sync"
)

// The sizes of a stream's buffer. The big one takes two of x/crypto's channel packets; the small one is all that a stream has
// while little comes, which is most of the life of most sessions.
const (
	bufferSize  = 64 << 10
	smallBuffer = 4 << 10
)

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// ebb is what one stream is read into: a small buffer of its own, and a big one from the pool as long as reads fill the small one.
type ebb struct {
	small []byte
	big   *[]byte // nil while little comes
}

func newEbb() *ebb { return &ebb{small: make([]byte, smallBuffer)} }

// read reads once. What it returns is good until the next read.
func (e *ebb) read(from io.Reader) ([]byte, error) {
	if e.big == nil {
		n, err := from.Read(e.small)
		if n == len(e.small) {
			e.big = buffers.Get().(*[]byte)
		}
		return e.small[:n], err
	}
	n, err := from.Read(*e.big)
	if n > len(e.small) {
		return (*e.big)[:n], err
	}
	copy(e.small, (*e.big)[:n])
	e.done()
	return e.small[:n], err
}

// done gives the big buffer back.
func (e *ebb) done() {
	if e.big != nil {
		buffers.Put(e.big)
		e.big = nil
	}
}
