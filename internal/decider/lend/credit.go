package lend

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// window and maxFrames are how much of a long stream may be on its way to the host: the decider may write more than a host reads,
// for as long as it likes, and neither the door's queue nor the socket between the processes fills up.
const (
	window    = 256 << 10    // bytes
	maxFrames = maxQueue / 2 // frames, which may be small
)

// credit counts the bytes of a long stream that the door has written to the host.
type credit struct {
	mu                 sync.Mutex
	written, confirmed int64         // by the user, by the door
	told               []int         // sizes of the frames that the door was given and has not confirmed, oldest first
	ahead              int           // their sum
	changed            chan struct{} // closed at the next confirmation
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
		if c.ahead+n > window || len(c.told) >= maxFrames {
			return false
		}
		c.told, c.ahead = append(c.told, n), c.ahead+n
		return true
	})
}

// confirm takes the door's word that it has written the next frame, of n bytes.
func (c *credit) confirm(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.told) == 0 || int64(c.told[0]) != n {
		return fmt.Errorf("%w: it wrote %d bytes that it was not given", ErrDoor, n)
	}
	c.told, c.ahead = c.told[1:], c.ahead-c.told[0]
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
