package look

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// inFlight is how many requests may wait for their answers at once.
const inFlight = 64

// client speaks SFTP on one stream. What goes wrong on the stream, and every wait that is given up, ends the client: an answer
// that comes late must never be taken for another's.
type client struct {
	stream io.ReadWriteCloser
	out    chan []byte
	slots  chan struct{} // one for each request that waits
	done   chan struct{} // closed when err is set
	tasks  sync.WaitGroup

	mu      sync.Mutex
	next    uint32
	waiting map[uint32]chan packet // each has room for its answer
	err     error
}

// errClosed is what a closed client says.
var errClosed = errors.New("the SFTP stream is closed")

// dial begins the protocol (section 4).
func dial(ctx context.Context, stream io.ReadWriteCloser) (*client, error) {
	c := &client{stream: stream, out: make(chan []byte), slots: make(chan struct{}, inFlight), done: make(chan struct{}), waiting: map[uint32]chan packet{}}
	hello := make(chan error, 1)
	c.tasks.Go(func() { c.read(hello) })
	c.tasks.Go(c.write)
	err := c.hand(ctx, seal(request(packetInit, version)))
	if err == nil {
		select {
		case err = <-hello:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		c.fail(err)
		c.tasks.Wait()
		return nil, fmt.Errorf("begin SFTP: %w", err)
	}
	return c, nil
}

// fail ends the client; the first reason stays.
func (c *client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	c.tasks.Go(func() { _ = c.stream.Close() })
}

func (c *client) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// close ends the client and waits until the stream's reads and writes have returned.
func (c *client) close() {
	c.fail(errClosed)
	c.tasks.Wait()
}

// write sends what is handed to it.
func (c *client) write() {
	for {
		select {
		case b := <-c.out:
			if _, err := c.stream.Write(b); err != nil {
				c.fail(fmt.Errorf("write to the target: %w", err))
				return
			}
		case <-c.done:
			return
		}
	}
}

// hand gives a packet to the writer.
func (c *client) hand(ctx context.Context, b []byte) error {
	select {
	case c.out <- b:
		return nil
	case <-c.done:
		return c.failure()
	case <-ctx.Done():
		c.fail(context.Cause(ctx))
		return context.Cause(ctx)
	}
}

// read takes the version and then the answers.
func (c *client) read(hello chan<- error) {
	kind, rest, err := readPacket(c.stream)
	if err == nil && (kind != packetVersion || binary.BigEndian.Uint32(rest) < version) {
		err = fmt.Errorf("%w: it begins with packet %d", ErrProtocol, kind)
	}
	hello <- err
	for err == nil {
		if kind, rest, err = readPacket(c.stream); err == nil {
			err = c.deliver(binary.BigEndian.Uint32(rest), packet{kind, rest[4:]})
		}
	}
	c.fail(fmt.Errorf("read from the target: %w", err))
}

// deliver gives an answer to whoever waits for it.
func (c *client) deliver(id uint32, p packet) error {
	c.mu.Lock()
	answer, ok := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if !ok {
		return fmt.Errorf("%w: an answer that nobody asked for", ErrProtocol)
	}
	answer <- p
	<-c.slots
	return nil
}

// call is a request on its way.
type call struct {
	client *client
	answer chan packet
}

// start sends a request, when there is room: fields come after its number.
func (c *client) start(ctx context.Context, kind byte, fields func([]byte) []byte) (call, error) {
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return call{}, c.failure()
	case <-ctx.Done():
		c.fail(context.Cause(ctx))
		return call{}, context.Cause(ctx)
	}
	answer := make(chan packet, 1)
	c.mu.Lock()
	id := c.next
	c.next++
	c.waiting[id] = answer
	c.mu.Unlock()
	return call{c, answer}, c.hand(ctx, seal(fields(request(kind, id))))
}

// wait takes the answer. It is called once.
func (q call) wait(ctx context.Context) (packet, error) {
	select {
	case p := <-q.answer:
		return p, nil
	case <-q.client.done:
		return packet{}, q.client.failure()
	case <-ctx.Done():
		q.client.fail(context.Cause(ctx))
		return packet{}, context.Cause(ctx)
	}
}

// ask is start and wait.
func (c *client) ask(ctx context.Context, kind byte, fields func([]byte) []byte) (packet, error) {
	q, err := c.start(ctx, kind, fields)
	if err != nil {
		return packet{}, err
	}
	return q.wait(ctx)
}

// text is the one field of most requests: a path or a handle.
func text(s string) func([]byte) []byte {
	return func(b []byte) []byte { return appendText(b, s) }
}
