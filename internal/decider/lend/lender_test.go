package lend

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
)

// TestLenderBounds: what the decider sends to a host that does not read ends the stream; a number that is in use is not dialled
// again; too many streams are not lent; nothing of it waits.
func TestLenderBounds(t *testing.T) {
	d := &told{opened: make(chan protocol.StreamOpened, 100), end: make(chan protocol.StreamEnd, 100)}
	var mu sync.Mutex
	dialled := 0
	l := NewLender(LenderConfig{Decider: d, Dial: func(context.Context, string, string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		dialled++
		near, _ := net.Pipe() // nobody reads at the other end
		return near, nil
	}})
	defer l.Close()
	for i := range uint64(2 * maxLent) {
		l.Dial(protocol.DialEvent{Stream: i})
		l.Dial(protocol.DialEvent{Stream: i})
	}
	for range maxLent {
		if o := <-d.opened; o.Error != "" {
			t.Errorf("%+v", o)
		}
	}
	mu.Lock()
	if dialled != maxLent {
		t.Errorf("dialled %d times", dialled)
	}
	mu.Unlock()
	for range maxQueue + 2 {
		l.Send(protocol.SendEvent{Stream: 0, Data: []byte("x")})
	}
	l.Send(protocol.SendEvent{Stream: 999, Data: []byte("x")})
	l.HangUp(protocol.HangUpEvent{Stream: 999})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		gone := l.lent[0] == nil
		l.mu.Unlock()
		if gone {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a full queue ended nothing")
		}
	}
}

// told is a decider that takes everything.
type told struct {
	opened chan protocol.StreamOpened
	end    chan protocol.StreamEnd
}

func (d *told) StreamOpened(_ context.Context, in protocol.StreamOpened) error {
	d.opened <- in
	return nil
}
func (d *told) StreamData(context.Context, protocol.StreamData) error    { return nil }
func (d *told) StreamEnd(_ context.Context, in protocol.StreamEnd) error { d.end <- in; return nil }
func (d *told) StreamSent(context.Context, protocol.StreamSent) error    { return nil }
