// Package sftp speaks SFTP version 3 strictly: the packets, and a client that pipelines requests on one stream.
//
// It trusts neither end: every length is bounded before it is believed, every field is read within its packet, and an answer that
// nobody asked for ends the client. It guarantees that an answer is never taken for another's, that at most InFlight requests wait
// at once, and that names and contents are passed on byte for byte. What the answers mean for policy is its users' business.
//
// It is used in the place of a general client because it has to hand on packets without copying them, to bound what a hostile
// target can make it keep, and to keep names that are not UTF-8 (docs/adr/0019-sftp-packet-by-packet.md).
package sftp

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// InFlight is how many requests may wait for their answers at once.
const InFlight = 64

// Client speaks SFTP on one stream. What goes wrong on the stream, and every wait that is given up, ends the client: an answer
// that comes late must never be taken for another's. Safe for concurrent use.
type Client struct {
	stream io.ReadWriteCloser
	out    chan outgoing
	slots  chan struct{} // one for each request that waits
	done   chan struct{} // closed when err is set
	tasks  sync.WaitGroup

	mu      sync.Mutex
	next    uint32
	waiting map[uint32]func(Packet)
	err     error
}

// outgoing is a packet for the writer.
type outgoing struct {
	b    []byte
	sent func() // may be nil
}

// ErrClosed is what a closed client says.
var ErrClosed = errors.New("the SFTP stream is closed")

// Dial begins the protocol (section 4) on a stream whose Close must end its reads and writes. The client owns it from then on, also
// when this fails.
func Dial(ctx context.Context, stream io.ReadWriteCloser) (*Client, error) {
	c := &Client{stream: stream, out: make(chan outgoing), slots: make(chan struct{}, InFlight), done: make(chan struct{}), waiting: map[uint32]func(Packet){}}
	hello := make(chan error, 1)
	c.task(func() { c.read(hello) })
	c.task(c.write)
	err := c.hand(ctx, outgoing{b: Seal(Request(PacketInit, Version))})
	if err == nil {
		select {
		case err = <-hello:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		c.Fail(err)
		c.tasks.Wait()
		return nil, fmt.Errorf("begin SFTP: %w", err)
	}
	return c, nil
}

// Fail ends the client; the first reason stays.
func (c *Client) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	c.tasks.Go(func() { _ = c.stream.Close() })
}

// Err is why the client has ended, or nil.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when the client has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the client and waits until the stream's reads and writes have returned. What waited for an answer gets none.
func (c *Client) Close() {
	c.Fail(ErrClosed)
	c.tasks.Wait()
}

// write sends what is handed to it.
func (c *Client) write() {
	for {
		select {
		case o := <-c.out:
			_, err := c.stream.Write(o.b)
			if o.sent != nil {
				o.sent()
			}
			if err != nil {
				c.Fail(fmt.Errorf("write to the target: %w", err))
				return
			}
		case <-c.done:
			return
		}
	}
}

// hand gives a packet to the writer.
func (c *Client) hand(ctx context.Context, o outgoing) error {
	select {
	case c.out <- o:
		return nil
	case <-c.done:
		return c.Err()
	case <-ctx.Done():
		c.Fail(context.Cause(ctx))
		return context.Cause(ctx)
	}
}

// read takes the version and then the answers.
func (c *Client) read(hello chan<- error) {
	stream := bufio.NewReaderSize(c.stream, 4<<10) // heads; big packets are read past it
	p, err := ReadPacket(stream)
	if err == nil && (p.Kind != PacketVersion || p.ID() < Version) {
		err = fmt.Errorf("%w: it begins with packet %d", ErrProtocol, p.Kind)
	}
	hello <- err
	for err == nil {
		if p, err = ReadPacket(stream); err == nil {
			err = c.deliver(p)
		}
	}
	c.Fail(fmt.Errorf("read from the target: %w", err))
}

// deliver gives an answer to whoever waits for it.
func (c *Client) deliver(p Packet) error {
	c.mu.Lock()
	answered, ok := c.waiting[p.ID()]
	delete(c.waiting, p.ID())
	c.mu.Unlock()
	if !ok {
		return fmt.Errorf("%w: an answer that nobody asked for", ErrProtocol)
	}
	answered(p)
	<-c.slots
	return nil
}

// Send sends a request when there is room: fields come after its number. answered is called with the answer, in the order of the
// answers; nothing more is read of the target until it returns. It is not called when the client ends first.
func (c *Client) Send(ctx context.Context, kind byte, fields func([]byte) []byte, answered func(Packet)) error {
	id, err := c.expect(ctx, answered)
	if err != nil {
		return err
	}
	return c.hand(ctx, outgoing{b: Seal(fields(Request(kind, id)))})
}

// SendFrame is Send of a whole packet, whose number is overwritten. sent is called when its memory may be used again, unless the
// client has ended.
func (c *Client) SendFrame(ctx context.Context, p Packet, sent func(), answered func(Packet)) error {
	id, err := c.expect(ctx, answered)
	if err != nil {
		return err
	}
	return c.hand(ctx, outgoing{p.Frame(id), sent})
}

// expect takes a slot and a number for a request.
func (c *Client) expect(ctx context.Context, answered func(Packet)) (id uint32, err error) {
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return 0, c.Err()
	case <-ctx.Done():
		c.Fail(context.Cause(ctx))
		return 0, context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	id = c.next
	c.next++
	c.waiting[id] = answered
	return id, nil
}

// Call is a request on its way.
type Call struct {
	client *Client
	answer chan Packet
}

// Start is Send for one who waits.
func (c *Client) Start(ctx context.Context, kind byte, fields func([]byte) []byte) (Call, error) {
	answer := make(chan Packet, 1)
	return Call{c, answer}, c.Send(ctx, kind, fields, func(p Packet) { answer <- p })
}

// Wait takes the answer. It is called once.
func (q Call) Wait(ctx context.Context) (Packet, error) {
	select {
	case p := <-q.answer:
		return p, nil
	case <-q.client.done:
		select {
		case p := <-q.answer: // it came just before
			return p, nil
		default:
		}
		return Packet{}, q.client.Err()
	case <-ctx.Done():
		q.client.Fail(context.Cause(ctx))
		return Packet{}, context.Cause(ctx)
	}
}

// Ask is Start and Wait.
func (c *Client) Ask(ctx context.Context, kind byte, fields func([]byte) []byte) (Packet, error) {
	q, err := c.Start(ctx, kind, fields)
	if err != nil {
		return Packet{}, err
	}
	return q.Wait(ctx)
}

// ReadAt are the fields of a read.
func ReadAt(handle string, offset uint64, n int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = binary.BigEndian.AppendUint64(AppendText(b, handle), offset)
		return binary.BigEndian.AppendUint32(b, uint32(n))
	}
}
