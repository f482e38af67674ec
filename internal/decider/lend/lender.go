package lend

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/decider/protocol"
)

// The Lender's own bounds. The Borrower's are tighter: these hold where it does not keep to them.
const (
	dialTimeout  = 5 * time.Second
	lentLifetime = Lifetime + 5*time.Second
	longLifetime = LongLifetime + 5*time.Second
	maxLent      = 2 * (MaxStreams + MaxLong)
	maxQueue     = 64 // frames of one stream that wait to be sent to the host
)

// Decider is what a Lender tells of its streams.
type Decider interface {
	// Each waits for the decider's answer and may be called concurrently; an error means that the stream is not wanted.
	StreamOpened(ctx context.Context, in protocol.StreamOpened) error
	StreamData(ctx context.Context, in protocol.StreamData) error
	StreamEnd(ctx context.Context, in protocol.StreamEnd) error
	StreamSent(ctx context.Context, in protocol.StreamSent) error
}

var _ Decider = protocol.Door{}

// LenderConfig is what a Lender needs. Decider is required.
type LenderConfig struct {
	Decider Decider
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: TCP
	Log     hclog.Logger                                                         // nil: none
}

// Lender is the door's end: it dials what the decider asks for and carries bytes. Dial, Send and HangUp never wait.
type Lender struct {
	cfg    LenderConfig
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex
	lent   map[uint64]*lent
	closed bool
}

// lent is one stream.
type lent struct {
	queue  chan []byte // closed never; what waits to be sent to the host
	ctx    context.Context
	cancel context.CancelCauseFunc // with a brokenError: this end gave up
}

// brokenError is why this end gave a stream up: the decider is to know.
type brokenError struct{ why string }

func (e brokenError) Error() string { return e.why }

// NewLender prepares to lend.
func NewLender(cfg LenderConfig) *Lender {
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Lender{cfg: cfg, ctx: ctx, cancel: cancel, lent: map[uint64]*lent{}}
}

// Dial begins a stream. A number that is in use, or one stream too many, is left unanswered: the decider's own timer ends it.
func (l *Lender) Dial(e protocol.DialEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.lent[e.Stream] != nil || len(l.lent) >= maxLent {
		l.cfg.Log.Error("stream is not lent", "stream", e.Stream, "lent", len(l.lent))
		return
	}
	lifetime := lentLifetime
	if e.Long {
		lifetime = longLifetime
	}
	ctx, cancel := context.WithCancelCause(l.ctx)
	late := time.AfterFunc(lifetime, func() { cancel(context.DeadlineExceeded) })
	s := &lent{queue: make(chan []byte, maxQueue), ctx: ctx, cancel: cancel}
	l.lent[e.Stream] = s
	l.work.Go(func() {
		defer l.forget(e.Stream)
		defer late.Stop()
		l.run(e, s)
	})
}

// Send queues bytes for a stream's host. A full queue ends the stream.
func (l *Lender) Send(e protocol.SendEvent) {
	l.mu.Lock()
	s := l.lent[e.Stream]
	l.mu.Unlock()
	if s == nil {
		return // it has ended meanwhile
	}
	select {
	case s.queue <- e.Data:
	default:
		l.cfg.Log.Warn("the host does not read what the decider sends", "stream", e.Stream)
		s.cancel(brokenError{"it does not read what it is sent"})
	}
}

// HangUp ends a stream.
func (l *Lender) HangUp(e protocol.HangUpEvent) {
	l.mu.Lock()
	s := l.lent[e.Stream]
	l.mu.Unlock()
	if s != nil {
		s.cancel(nil)
	}
}

// Close ends all streams and waits for them.
func (l *Lender) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	l.work.Wait()
}

func (l *Lender) forget(stream uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lent[stream].cancel(nil)
	delete(l.lent, stream)
}

// run is the life of one stream: dial, say so, carry both ways, say that it ended.
func (l *Lender) run(e protocol.DialEvent, s *lent) {
	host, err := l.dial(s.ctx, e.Address)
	if err != nil {
		l.cfg.Log.Warn("host for the decider is not reached", "address", e.Address, "error", err)
		_ = l.cfg.Decider.StreamOpened(s.ctx, protocol.StreamOpened{Stream: e.Stream, Error: cut(err.Error())})
		return
	}
	stop := context.AfterFunc(s.ctx, func() { _ = host.Close() })
	defer stop()
	defer host.Close()
	if err := l.cfg.Decider.StreamOpened(s.ctx, protocol.StreamOpened{Stream: e.Stream}); err != nil {
		return
	}
	var sending sync.WaitGroup
	wrote := func(int) error { return nil }
	if e.Long {
		wrote = func(n int) error {
			return l.cfg.Decider.StreamSent(s.ctx, protocol.StreamSent{Stream: e.Stream, Bytes: int64(n)})
		}
	}
	sending.Go(func() { s.send(host, wrote) })
	end, told := l.receive(e.Stream, s.ctx, host)
	if told {
		_ = l.cfg.Decider.StreamEnd(s.ctx, end) // an error: it has hung up
	}
	s.cancel(nil)
	sending.Wait()
	var broken brokenError
	if errors.As(context.Cause(s.ctx), &broken) {
		_ = l.cfg.Decider.StreamEnd(l.ctx, protocol.StreamEnd{Stream: e.Stream, Error: cut(broken.why)}) // likewise
	}
}

func (l *Lender) dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return l.cfg.Dial(ctx, "tcp", address)
}

// send writes the queue to the host until the stream ends, and says so after each write.
func (s *lent) send(host net.Conn, wrote func(n int) error) {
	for {
		select {
		case data := <-s.queue:
			n, err := host.Write(data)
			if err != nil {
				s.cancel(brokenError{err.Error()})
				return
			}
			if wrote(n) != nil { // it is not wanted any more
				s.cancel(nil)
				return
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// receive brings the host's bytes to the decider, one request at a time. It says how the stream ended, and whether the decider
// is to be told.
func (l *Lender) receive(stream uint64, ctx context.Context, host net.Conn) (end protocol.StreamEnd, tell bool) {
	buf := make([]byte, protocol.MaxStreamData)
	for {
		n, err := host.Read(buf)
		if n > 0 {
			if err := l.cfg.Decider.StreamData(ctx, protocol.StreamData{Stream: stream, Data: buf[:n]}); err != nil {
				return protocol.StreamEnd{}, false
			}
		}
		if err == nil {
			continue
		}
		end := protocol.StreamEnd{Stream: stream}
		if !errors.Is(err, io.EOF) {
			end.Error = cut(err.Error())
		}
		return end, ctx.Err() == nil
	}
}
