// Package prompt makes TCP connections fast to begin: what arrives first is acknowledged at once.
//
// A program that sends two small packets in a row, as OpenSSH does several times in a handshake and before a session, has
// the second held back by its kernel until the first is acknowledged (Nagle's algorithm, RFC 9293 section 3.7.4), and the
// receiving kernel waits 40 ms before it acknowledges what is not answered. Package prompt trusts nothing that it reads and
// changes no byte.
package prompt

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// reads is how many reads of a connection are acknowledged at once: more than a handshake and a first request take.
const reads = 64

// conn is a TCP connection. Only one goroutine reads at a time.
type conn struct {
	net.Conn
	raw  syscall.RawConn
	left int
}

// Conn returns c, with prompt acknowledgements of its first reads if it is TCP. Only one goroutine at a time may read.
func Conn(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c // closed already: the first read says so
	}
	return &conn{Conn: c, raw: raw, left: reads}
}

// Read reads, and sends the acknowledgement that is due. The kernel forgets the option with the next segment, so it is set
// again each time; without it the connection is slower and nothing else.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.left > 0 && err == nil {
		c.left--
		_ = c.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	}
	return n, err
}
