package bastion

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// The library keeps what a client sends until somebody reads it: up to 2 MiB a channel by its window, but a packet of one byte costs
// far more than a byte. A meter therefore counts what came from the socket and takes off what was read of channels, with overhead
// for what came in packets of sensible size, something for each request, and something with time for keepalives and keystrokes.
const (
	overheadShare  = 4        // one byte of overhead for so many that were read
	requestSize    = 1024     // taken off for each request
	drainPerSecond = 16 << 10 // taken off with time
)

// meter is about how much of what a client sent nobody has read.
type meter struct {
	mu    sync.Mutex
	level int64
	at    time.Time
}

// add counts n bytes from the socket and returns the level.
func (m *meter) add(n int, now time.Time) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.level > 0 {
		m.level = max(0, m.level-int64(now.Sub(m.at).Seconds()*drainPerSecond))
	}
	m.at = now
	m.level += int64(n)
	return m.level
}

// take takes off what was read.
func (m *meter) take(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.level = max(0, m.level-int64(n))
}

// Read reads the client's bytes for the SSH library.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.take(b)
	if n == 0 {
		return n, err
	}
	now := time.Now()
	c.heard.Store(now.UnixNano())
	c.traffic.Add(int64(n))
	if most := c.limits().Unread; c.unread.add(n, now) > int64(most) {
		c.flood(limitUnread, "more was sent than anything reads")
		return 0, net.ErrClosed
	}
	return n, err
}

// Write writes to the client, who must take it in time: a client that reads nothing pins what waits for it. Under -J the outer
// connection's own deadline counts.
func (c *conn) Write(b []byte) (int, error) {
	if c.outer == nil {
		if err := c.SetWriteDeadline(time.Now().Add(c.limits().Stalled)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Write(b)
	c.traffic.Add(int64(n))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.server.met(c.log, limitStalled)
		_ = c.Close()
	}
	return n, err
}

// meteredNewChannel is a channel that is asked for, and counts what is read of it once it is open.
type meteredNewChannel struct {
	ssh.NewChannel
	c *conn
}

func (m *meteredNewChannel) Accept() (ssh.Channel, <-chan *ssh.Request, error) {
	ch, requests, err := m.NewChannel.Accept()
	if err != nil {
		return nil, nil, err
	}
	return &meteredChannel{ch, m.c}, requests, nil
}

type meteredChannel struct {
	ssh.Channel
	c *conn
}

func (m *meteredChannel) Read(b []byte) (int, error) {
	n, err := m.Channel.Read(b)
	m.c.unread.take(n + n/overheadShare)
	return n, err
}

// SetDeadline does nothing: the library in between takes deadlines away with every read and write, Write's own among them.
func (c *conn) SetDeadline(time.Time) error { return nil }
