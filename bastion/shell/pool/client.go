package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"gatehouse/internal/packet"
)

// takeTimeout is how long the supervisor may take to answer.
const takeTimeout = 10 * time.Second

// ErrUnavailable is returned where there is no process to be had, with the reason.
var ErrUnavailable = errors.New("no shell can be started")

// Client takes processes. It belongs to the door. Safe for concurrent use.
type Client struct {
	conn *net.UnixConn

	wmu sync.Mutex // serialises packets

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan given
	taken   map[uint64]*Shell
	numbers Numbers
	err     error
}

type given struct {
	conn net.Conn
	err  error
}

// NewClient takes the door's end of a Socketpair.
func NewClient(f *os.File) (*Client, error) {
	conn, err := packet.Use(f)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, waiting: map[uint64]chan given{}, taken: map[uint64]*Shell{}}
	go c.read()
	return c, nil
}

// Close gives the socket up; every process is ended by the supervisor.
func (c *Client) Close() error { return c.conn.Close() }

// Take gives a session a process of its own.
func (c *Client) Take(ctx context.Context, session string) (*Shell, error) {
	answer := make(chan given, 1)
	c.mu.Lock()
	c.next++
	sh := &Shell{client: c, id: c.next, done: make(chan struct{})}
	err := c.err
	if err == nil {
		c.waiting[sh.id], c.taken[sh.id] = answer, sh
	}
	c.mu.Unlock()
	if err == nil {
		err = c.send(message{Op: "take", ID: sh.id, Session: session})
	}
	if err != nil {
		c.forget(sh.id)
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	select {
	case g := <-answer:
		if g.err != nil {
			c.forget(sh.id)
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, g.err)
		}
		sh.Conn = g.conn
		return sh, nil
	case <-ctx.Done():
		c.forget(sh.id)
		select {
		case g := <-answer: // it came just now
			if g.conn != nil {
				_ = g.conn.Close()
			}
		default:
		}
		_ = c.send(message{Op: "kill", ID: sh.id})
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
	delete(c.taken, id)
}

func (c *Client) send(m message) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return packet.Send(c.conn, maxPacket, m)
}

// read delivers what the supervisor says until it is gone.
func (c *Client) read() {
	buf := make([]byte, maxPacket)
	for {
		var m message
		files, err := packet.Receive(c.conn, buf, &m)
		if err != nil {
			c.fail(err)
			return
		}
		c.deliver(m, files)
	}
}

func (c *Client) deliver(m message, files []*os.File) {
	defer packet.CloseAll(files)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Numbers != nil {
		c.numbers = *m.Numbers
	}
	answer, sh := c.waiting[m.ID], c.taken[m.ID]
	switch {
	case m.Op == "given" && answer != nil && len(files) == 1:
		delete(c.waiting, m.ID)
		conn, err := net.FileConn(files[0])
		answer <- given{conn, err} // it has room
	case m.Op == "refused" && answer != nil:
		delete(c.waiting, m.ID)
		answer <- given{err: errors.New(m.How)}
	case m.Op == "ended" && sh != nil:
		delete(c.taken, m.ID)
		sh.end(m.How)
	}
}

// Numbers says how many processes there are and were, as the supervisor said last.
func (c *Client) Numbers() Numbers {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.numbers
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	c.err = errors.Join(errors.New("the supervisor is gone"), err)
	waiting, taken := c.waiting, c.taken
	c.waiting, c.taken = map[uint64]chan given{}, map[uint64]*Shell{}
	c.mu.Unlock()
	for _, answer := range waiting {
		answer <- given{err: c.err}
	}
	for _, sh := range taken {
		sh.end("the supervisor is gone")
	}
}

// Shell is a process that is a session's, and the connection to it.
type Shell struct {
	net.Conn
	client *Client
	id     uint64
	done   chan struct{}
	how    string // once done is closed
}

func (s *Shell) end(how string) {
	s.how = how
	close(s.done)
}

// Kill ends the process.
func (s *Shell) Kill() { _ = s.client.send(message{Op: "kill", ID: s.id}) } // a supervisor that is gone has ended it

// Done is closed when the process has ended.
func (s *Shell) Done() <-chan struct{} { return s.done }

// How says how it ended, once Done is closed: "signal: killed", "exit status 2: fatal error: stack overflow". The second part is the
// process's own word.
func (s *Shell) How() string { return s.how }
