package process

import (
	"context"
	"io"
	"sync"

	"gatehouse/bastion/shell/wire"
)

// readAhead is how much of the client's input is asked for at once. What is not used of it stays the door's.
const readAhead = 4 << 10

// clientInput is the client's input. The door keeps what was given but not used, so that a command reads on exactly where the shell
// stopped.
type clientInput struct {
	link *link

	mu   sync.Mutex
	used int64  // altogether
	told int64  // of that the door knows
	buf  []byte // given, not yet used
	back []byte // the last that was used, for unread
	end  bool
}

// read uses up to len(p) bytes, or is io.EOF.
func (c *clientInput) read(ctx context.Context, p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.buf) == 0 && !c.end {
		if err := c.more(ctx, max(len(p), readAhead)); err != nil {
			return 0, err
		}
	}
	if len(c.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.buf)
	c.buf = c.buf[n:]
	c.used += int64(n)
	c.back = append(c.back[:0], p[:n]...)
	return n, nil
}

// more asks the door. c.mu is held.
func (c *clientInput) more(ctx context.Context, want int) error {
	got, err := c.link.ask(ctx, wire.Ask{Op: wire.OpInput, Input: &wire.Input{Used: c.used, Want: min(want, wire.MaxData)}})
	if err != nil {
		return err
	}
	c.used = max(c.used, got.At) // what a command took meanwhile is used as well
	c.told = c.used
	c.buf, c.end = got.Data, len(got.Data) == 0
	return nil
}

// unread gives back the last n bytes.
func (c *clientInput) unread(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, len(c.back))
	c.buf = append(append([]byte(nil), c.back[len(c.back)-n:]...), c.buf...)
	c.used -= int64(n)
	c.back = c.back[:0]
}

// settle tells the door what was used, so that a command gets the rest, and forgets what it had in hand.
func (c *clientInput) settle(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf, c.end, c.back = nil, false, nil
	if c.told == c.used {
		return nil
	}
	if _, err := c.link.ask(ctx, wire.Ask{Op: wire.OpInput, Input: &wire.Input{Used: c.used}}); err != nil {
		return err
	}
	c.told = c.used
	return nil
}

// taken reports whether a command was sent input up to a place.
func (c *clientInput) taken(place int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return place > c.told
}
