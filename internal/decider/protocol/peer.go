package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
)

// The bounds of what a server works on at once: requests, and the bytes of their bodies, as a body takes many times its size
// once it is decoded. Further frames wait in the socket.
const (
	maxInFlight      = 1024
	maxInFlightBytes = 16 << 20
)

// writeTimeout is how long the other end may leave an answer or an event unread. One that never reads must not be able to
// hold this end up: a policy that is being put in force tells the door before the next can be.
const writeTimeout = 30 * time.Second

// ErrClosed is returned by calls on a connection that has ended: the other process is gone.
var ErrClosed = errors.New("the decider connection is closed")

// Client is the asking end: the door's, or a local administrator's. Safe for concurrent use.
type Client struct {
	rw    io.ReadWriteCloser
	event func(Op, json.RawMessage)

	wmu sync.Mutex // guards writes; never held together with mu

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan Frame
	err     error
	done    chan struct{}
}

// NewClient begins to read answers and events from rw. event may be nil; it is called from one goroutine, in order.
func NewClient(rw io.ReadWriteCloser, event func(Op, json.RawMessage)) *Client {
	c := &Client{rw: rw, event: event, waiting: map[uint64]chan Frame{}, done: make(chan struct{})}
	go c.read()
	return c
}

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the connection; waiting calls return ErrClosed.
func (c *Client) Close() error { return c.rw.Close() }

// Call sends one request and waits for its answer, which is decoded into out (nil: ignored). The decider's own refusals
// are *Error.
func (c *Client) Call(ctx context.Context, op Op, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode %s: %w", op, err)
	}
	answer := make(chan Frame, 1)
	id, err := c.register(answer)
	if err != nil {
		return err
	}
	defer c.forget(id)
	c.wmu.Lock()
	err = WriteFrame(c.rw, Frame{ID: id, Op: op, Body: body})
	c.wmu.Unlock()
	if err != nil {
		return fmt.Errorf("ask the decider: %w", err)
	}
	select {
	case f := <-answer:
		return finish(f, op, out)
	case <-c.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func finish(f Frame, op Op, out any) error {
	if f.Error != nil {
		return f.Error
	}
	if out == nil {
		return nil
	}
	if err := Decode(f.OK, out); err != nil {
		return fmt.Errorf("decode answer to %s: %w", op, err)
	}
	return nil
}

func (c *Client) register(answer chan Frame) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, ErrClosed
	}
	c.next++
	c.waiting[c.next] = answer
	return c.next, nil
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *Client) read() {
	for {
		f, err := ReadFrame(c.rw)
		if err != nil {
			c.fail(err)
			return
		}
		if f.ID == 0 {
			if c.event != nil {
				c.event(f.Op, f.Body)
			}
			continue
		}
		c.mu.Lock()
		answer := c.waiting[f.ID]
		delete(c.waiting, f.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- f // buffered, one frame an id
		}
	}
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
	_ = c.rw.Close()
	close(c.done)
}

// Handler answers one request. The value it returns is encoded as the answer; an *Error crosses as it is, any other error
// as CodeInternal without its text.
type Handler func(ctx context.Context, op Op, body json.RawMessage) (any, error)

// Server is the answering end of one connection.
type Server struct {
	rw     io.ReadWriteCloser
	handle Handler
	report func(op Op, err error) // told of internal errors, whose text stays here

	patience time.Duration // writeTimeout
	room     int64         // maxInFlightBytes
	gone     func()        // called when nothing more can be read, before waiting for requests; nil: nothing

	wmu    sync.Mutex
	failed error // why write closed the connection
}

// NewServer prepares to answer on rw. report may be nil.
func NewServer(rw io.ReadWriteCloser, handle Handler, report func(Op, error)) *Server {
	return &Server{rw: rw, handle: handle, report: report, patience: writeTimeout, room: maxInFlightBytes}
}

// OnGone sets what is called when the other end is gone, before Serve waits for the requests that are under way: what they wait
// for from the other end will not come. It must be set before Serve.
func (s *Server) OnGone(f func()) { s.gone = f }

// Serve answers until the other end closes (nil), the context ends, or a frame is malformed. Requests run concurrently;
// Serve returns when all of them have.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.rw.Close() })
	defer stop()
	var work sync.WaitGroup
	defer work.Wait()
	if s.gone != nil {
		defer s.gone()
	}
	slots, room := make(chan struct{}, maxInFlight), semaphore.NewWeighted(s.room)
	for {
		f, err := ReadFrame(s.rw)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return s.why(err)
		}
		if f.ID == 0 || f.Op == "" || f.OK != nil || f.Error != nil {
			return fmt.Errorf("%w: not a request", ErrFrame)
		}
		slots <- struct{}{}
		size := int64(len(f.Body))
		if err := room.Acquire(ctx, size); err != nil {
			return nil // the context ended
		}
		work.Go(func() {
			defer func() { room.Release(size); <-slots }()
			s.answer(ctx, f)
		})
	}
}

// Event tells the other end something unasked.
func (s *Server) Event(op Op, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", op, err)
	}
	return s.write(Frame{Op: op, Body: data})
}

func (s *Server) answer(ctx context.Context, f Frame) {
	out, err := s.handle(ctx, f.Op, f.Body)
	reply := Frame{ID: f.ID}
	if err == nil {
		reply.OK, err = json.Marshal(out)
	}
	if err != nil {
		reply.OK, reply.Error = nil, s.wireError(f.Op, err)
	}
	_ = s.write(reply) // a failure ends Serve
}

func (s *Server) wireError(op Op, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if s.report != nil {
		s.report(op, err)
	}
	return &Error{Code: CodeInternal, Msg: "internal error in the decider"}
}

// write sends a frame. Where it fails the connection is closed, as half a frame may be out; the reader ends and with it Serve.
func (s *Server) write(f Frame) error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if d, ok := s.rw.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = d.SetWriteDeadline(time.Now().Add(s.patience)) // a closed connection says so at the write
	}
	err := WriteFrame(s.rw, f)
	if err != nil {
		if s.failed == nil {
			s.failed = err
		}
		_ = s.rw.Close()
	}
	return err
}

// why is Serve's answer to a read that failed: where a write had failed before it, that is the reason, and a write to an end that
// has closed is its close.
func (s *Server) why(read error) error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	switch {
	case s.failed == nil:
		return read
	case errors.Is(s.failed, io.ErrClosedPipe), errors.Is(s.failed, syscall.EPIPE), errors.Is(s.failed, syscall.ECONNRESET):
		return nil
	}
	return s.failed
}
