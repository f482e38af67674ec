package bastion

import (
	"bytes"
	"io"
	"sync"
)

// maxTyped is how much is kept of what a person types while a command waits; more stays in the client's window.
const maxTyped = 1024

// interruptKey is Ctrl-C as a terminal in raw mode sends it.
const interruptKey = 0x03

// typed is a terminal's input while its command waits: it is read, so that Ctrl-C is heard, and kept, so that nothing is lost. Once
// let go of, it reads as the whole input.
type typed struct {
	from      io.Reader
	interrupt func() // called at the first Ctrl-C

	mu      sync.Mutex
	changed sync.Cond
	kept    []byte
	err     error
	free    bool // the command reads now: no more is read ahead
	reading bool // a read that began before that is still under way
}

func newTyped(from io.Reader, interrupt func()) *typed {
	t := &typed{from: from, interrupt: interrupt}
	t.changed.L = &t.mu
	return t
}

// listen reads ahead until letGo, Ctrl-C, the input's end, or maxTyped bytes; its last read may end long after letGo. It is called
// once.
func (t *typed) listen() {
	buffer := make([]byte, 256)
	for t.begin() {
		n, err := t.from.Read(buffer)
		if t.end(buffer[:n], err) {
			t.interrupt()
			return
		}
	}
}

// begin reports whether there is to be another read.
func (t *typed) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reading = !t.free && t.err == nil && len(t.kept) < maxTyped
	return t.reading
}

// end keeps what came, and reports whether it is an interruption.
func (t *typed) end(b []byte, err error) (interrupted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reading, t.err = false, err
	t.kept = append(t.kept, b...)
	t.changed.Broadcast()
	if t.free {
		return false // it is the command's
	}
	return bytes.IndexByte(b, interruptKey) >= 0
}

// letGo makes the input the command's.
func (t *typed) letGo() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free = true
}

// Read returns what was kept first.
func (t *typed) Read(b []byte) (int, error) {
	t.mu.Lock()
	for len(t.kept) == 0 && t.reading {
		t.changed.Wait()
	}
	if n := copy(b, t.kept); n > 0 {
		t.kept = t.kept[n:]
		t.mu.Unlock()
		return n, nil
	}
	err := t.err
	t.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return t.from.Read(b)
}
