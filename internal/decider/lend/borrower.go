package lend

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"gatehouse/internal/decider/protocol"
)

// BorrowerConfig is what a Borrower needs. Tell and Allow are required.
type BorrowerConfig struct {
	Tell     func(op protocol.Op, body any) error // sends an event to the door
	Allow    func(host string, port uint16) bool  // which hosts the door may be asked to dial; called concurrently
	Lifetime time.Duration                        // of a stream; 0: the constant
	MaxBytes int                                  // each way on a stream; 0: the constant
}

// Borrower is the decider's end: it makes connections out of what the door carries. Safe for concurrent use.
type Borrower struct {
	cfg   BorrowerConfig
	slots chan struct{}  // one for each stream, until nothing of it runs any more
	long  chan struct{}  // the same for long streams
	work  sync.WaitGroup // the streams' goroutines
	done  chan struct{}  // closed by Close

	mu      sync.Mutex
	closed  bool
	next    uint64
	streams map[uint64]*stream
}

// NewBorrower prepares to borrow. There is one for each connection to a door.
func NewBorrower(cfg BorrowerConfig) *Borrower {
	if cfg.Lifetime == 0 {
		cfg.Lifetime = Lifetime
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = MaxBytes
	}
	return &Borrower{cfg: cfg, slots: make(chan struct{}, MaxStreams), long: make(chan struct{}, MaxLong), done: make(chan struct{}), streams: map[uint64]*stream{}}
}

// DialContext borrows a stream to a host on the list. It waits while all streams are lent out. The connection's deadlines work;
// it has no half-close. What is read from it was brought by the door: run TLS over it.
func (b *Borrower) DialContext(ctx context.Context, host string, port uint16) (net.Conn, error) {
	s, err := b.dial(ctx, host, port, b.slots, nil)
	if err != nil {
		return nil, err
	}
	return s.outer, nil
}

// DialLong borrows a stream of the long kind, as DialContext does.
func (b *Borrower) DialLong(ctx context.Context, host string, port uint16) (*LongConn, error) {
	s, err := b.dial(ctx, host, port, b.long, newCredit())
	if err != nil {
		return nil, err
	}
	return &LongConn{Conn: s.outer, s: s}, nil
}

// dial borrows a stream; one with credit is a long one.
func (b *Borrower) dial(ctx context.Context, host string, port uint16, slots chan struct{}, c *credit) (*stream, error) {
	if !b.cfg.Allow(host, port) {
		return nil, fmt.Errorf("%s: %w", address(host, port), ErrNotAllowed)
	}
	select {
	case slots <- struct{}{}:
	case <-b.done:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s, err := b.open(address(host, port), slots, c)
	if err != nil {
		<-slots
		return nil, err
	}
	select {
	case <-s.opened:
		return s, nil
	case <-s.ended:
		return nil, s.cause()
	case <-ctx.Done():
		s.end(context.Cause(ctx))
		return nil, context.Cause(ctx)
	}
}

// open registers a stream and starts it; it gives its slot back when it has ended.
func (b *Borrower) open(address string, slots chan struct{}, c *credit) (*stream, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrClosed
	}
	b.next++
	s := newStream(b, b.next, address)
	if s.credit = c; c != nil {
		s.lifetime, s.maxIn = LongLifetime, longBytes
	}
	b.streams[s.id] = s
	b.work.Go(func() {
		s.carry()
		b.mu.Lock()
		delete(b.streams, s.id)
		b.mu.Unlock()
		<-slots
	})
	return s, nil
}

// Close ends all streams and waits for them; no more can be borrowed. The door must be gone, or reading what it is told.
func (b *Borrower) Close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.done)
	}
	live := make([]*stream, 0, len(b.streams))
	for _, s := range b.streams {
		live = append(live, s)
	}
	b.mu.Unlock()
	for _, s := range live {
		s.end(ErrClosed)
	}
	b.work.Wait()
}

// Handle answers the door's requests about streams.
func (b *Borrower) Handle(op protocol.Op, body json.RawMessage) (protocol.Empty, error) {
	switch op {
	case protocol.OpStreamOpened:
		return answer(b, body, func(in protocol.StreamOpened) uint64 { return in.Stream }, (*stream).hearOpened)
	case protocol.OpStreamData:
		return answer(b, body, func(in protocol.StreamData) uint64 { return in.Stream }, (*stream).hearData)
	case protocol.OpStreamEnd:
		return answer(b, body, func(in protocol.StreamEnd) uint64 { return in.Stream }, (*stream).hearEnd)
	case protocol.OpStreamSent:
		return b.sent(body)
	}
	return protocol.Empty{}, invalid("unknown operation %q", op)
}

// answer decodes a request and gives it to its stream. Two at once about one stream end it: the door is to wait for the answer.
func answer[In any](b *Borrower, body json.RawMessage, id func(In) uint64, hear func(*stream, In) error) (protocol.Empty, error) {
	var in In
	if err := protocol.Decode(body, &in); err != nil {
		return protocol.Empty{}, invalid("malformed body: %v", err)
	}
	b.mu.Lock()
	s := b.streams[id(in)]
	b.mu.Unlock()
	if s == nil {
		return protocol.Empty{}, refuse("there is no such stream")
	}
	if !s.turn.TryLock() {
		s.end(fmt.Errorf("%w: it did not wait for an answer", ErrDoor))
		return protocol.Empty{}, refuse("the stream has ended: one request at a time")
	}
	defer s.turn.Unlock()
	if err := hear(s, in); err != nil {
		s.end(err)
		return protocol.Empty{}, refuse("the stream has ended: %v", err)
	}
	return protocol.Empty{}, nil
}

// sent hears how much of a long stream the door has written. It comes between the others: they wait for the user to read.
func (b *Borrower) sent(body json.RawMessage) (protocol.Empty, error) {
	var in protocol.StreamSent
	if err := protocol.Decode(body, &in); err != nil {
		return protocol.Empty{}, invalid("malformed body: %v", err)
	}
	b.mu.Lock()
	s := b.streams[in.Stream]
	b.mu.Unlock()
	if s == nil || s.credit == nil {
		return protocol.Empty{}, refuse("there is no such long stream")
	}
	if err := s.credit.confirm(in.Bytes); err != nil {
		s.end(err)
		return protocol.Empty{}, refuse("the stream has ended: %v", err)
	}
	return protocol.Empty{}, nil
}

func refuse(format string, args ...any) error {
	return &protocol.Error{Code: protocol.CodeRefused, Msg: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &protocol.Error{Code: protocol.CodeInvalid, Msg: fmt.Sprintf(format, args...)}
}
