package lend

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"gatehouse/internal/decider/protocol"
)

// maxReason bounds what the door says about a failure.
const maxReason = 256

// stream is one borrowed stream. The user holds one end of a pipe, the door's bytes go in and out at the other.
type stream struct {
	// Immutable.
	b       *Borrower
	id      uint64
	address string
	outer   *conn    // the user's end
	inner   net.Conn // our end
	opened  chan struct{}
	ended   chan struct{}

	lifetime time.Duration
	maxIn    int
	credit   *credit // nil: it is not a long one

	turn     sync.Mutex // held while a request of the door is answered
	isOpen   bool       // guarded by turn
	received int        // guarded by turn

	once sync.Once
	err  error // why it ended; readable once ended is closed
}

func newStream(b *Borrower, id uint64, address string) *stream {
	outer, inner := net.Pipe()
	s := &stream{b: b, id: id, address: address, inner: inner, opened: make(chan struct{}), ended: make(chan struct{}),
		lifetime: b.cfg.Lifetime, maxIn: b.cfg.MaxBytes}
	s.outer = &conn{Conn: outer, s: s}
	return s
}

// carry asks the door to dial, carries what the user writes until the stream ends, and hangs up.
func (s *stream) carry() {
	late := time.AfterFunc(s.lifetime, func() { s.end(ErrTooLong) })
	defer late.Stop()
	if err := s.b.cfg.Tell(protocol.EventDial, protocol.DialEvent{Stream: s.id, Address: s.address, Long: s.credit != nil}); err != nil {
		s.end(errors.Join(ErrClosed, err))
		return
	}
	s.end(s.send())
	<-s.ended                                                                  // by whoever was first
	_ = s.b.cfg.Tell(protocol.EventHangUp, protocol.HangUpEvent{Stream: s.id}) // where it fails there is no door
}

func (s *stream) send() error {
	buf := make([]byte, protocol.MaxStreamData/2)
	for sent := 0; ; {
		n, err := s.inner.Read(buf)
		if err != nil {
			return io.EOF // the user has closed, or the stream has ended already
		}
		switch {
		case s.credit != nil:
			if !s.credit.take(n, s.ended) {
				return io.EOF // it has ended already
			}
		default:
			if sent += n; sent > s.b.cfg.MaxBytes {
				return ErrTooMuch
			}
		}
		if err := s.b.cfg.Tell(protocol.EventSend, protocol.SendEvent{Stream: s.id, Data: buf[:n]}); err != nil {
			return errors.Join(ErrClosed, err)
		}
	}
}

// end ends the stream; the first reason counts. io.EOF is the regular end.
func (s *stream) end(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.ended)
		_ = s.inner.Close()
		_ = s.outer.Conn.Close()
	})
}

func (s *stream) cause() error {
	<-s.ended
	if errors.Is(s.err, io.EOF) {
		return fmt.Errorf("%s: %w", s.address, io.ErrUnexpectedEOF)
	}
	return s.err
}

func (s *stream) hearOpened(in protocol.StreamOpened) error {
	if s.isOpen {
		return fmt.Errorf("%w: it opened a stream twice", ErrDoor)
	}
	if in.Error != "" {
		return &DialError{Address: s.address, Reason: cut(in.Error)}
	}
	s.isOpen = true
	close(s.opened)
	return nil
}

// hearData gives bytes to the user and returns when they have been read.
func (s *stream) hearData(in protocol.StreamData) error {
	if !s.isOpen || len(in.Data) == 0 || len(in.Data) > protocol.MaxStreamData {
		return fmt.Errorf("%w: %d bytes, open: %t", ErrDoor, len(in.Data), s.isOpen)
	}
	if s.received += len(in.Data); s.received > s.maxIn {
		return ErrTooMuch
	}
	if _, err := s.inner.Write(in.Data); err != nil {
		return io.EOF // the user has closed
	}
	return nil
}

// hearEnd ends the stream; all its bytes have been read, as each answer waits for that.
func (s *stream) hearEnd(in protocol.StreamEnd) error {
	switch {
	case in.Error != "":
		s.end(&DialError{Address: s.address, Reason: cut(in.Error)})
	default:
		s.end(io.EOF)
	}
	return nil
}

func cut(text string) string { return text[:min(len(text), maxReason)] }

// conn is the user's end. Its deadlines are those of net.Pipe; its errors say why the stream has ended.
type conn struct {
	net.Conn
	s *stream
}

// Read reads what the door brought; io.EOF is the host's regular end of the stream.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.why(err)
}

// Write gives bytes to the door.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.s.credit != nil {
		c.s.credit.wrote(n)
	}
	return n, c.why(err)
}

// Close ends the stream and tells the door to hang up, without waiting for it.
func (c *conn) Close() error {
	c.s.end(net.ErrClosed)
	return nil
}

// why replaces a pipe's error by the reason of the stream's end.
func (c *conn) why(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	select {
	case <-c.s.ended:
		return c.s.err
	default:
		return err
	}
}
