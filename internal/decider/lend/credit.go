package lend

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// window is how many bytes of a long stream may be on their way to the host: the decider may write more than a host reads, for
// as long as it likes, and neither the door's queue nor the socket between the processes fills up.
const window = 256 << 10

// credit counts the bytes of a long stream that the door has written to the host.
type credit struct {
	mu                       sync.Mutex
	written, told, confirmed int64         // by the user, to the door, by the door
	changed                  chan struct{} // closed at the next confirmation
}

func newCredit() *credit { return &credit{changed: make(chan struct{})} }

// wait waits until have says yes or one of the two is closed, and reports which.
func (c *credit) wait(ended, done <-chan struct{}, have func() bool) bool {
	for {
		c.mu.Lock()
		ok, changed := have(), c.changed
		c.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-ended:
			return false
		case <-done:
			return false
		}
	}
}

// take waits until n bytes more may be told to the door.
func (c *credit) take(n int, ended <-chan struct{}) bool {
	return c.wait(ended, nil, func() bool {
		if c.told-c.confirmed+int64(n) > window {
			return false
		}
		c.told += int64(n)
		return true
	})
}

// confirm takes the door's word that it has written n bytes.
func (c *credit) confirm(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n < 1 || n > c.told-c.confirmed {
		return fmt.Errorf("%w: it wrote %d bytes, of %d", ErrDoor, n, c.told-c.confirmed)
	}
	c.confirmed += n
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

func (c *credit) wrote(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written += int64(n)
}

// LongConn is a long stream.
type LongConn struct {
	net.Conn
	s *stream
}

// Flush waits until the door has given everything that was written to the host's connection. That is the door's word, and says
// nothing about whether the host has read it.
func (c *LongConn) Flush(ctx context.Context) error {
	credit := c.s.credit
	if credit.wait(c.s.ended, ctx.Done(), func() bool { return credit.confirmed >= credit.written }) {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.s.cause()
}
