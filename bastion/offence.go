package bastion

import (
	"errors"
	"io"
	"net"
	"strings"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/source"
)

// ownAddr lets what has only the library's connection find ours.
type ownAddr struct {
	net.Addr
	c *conn
}

// LocalAddr is the door's end of the connection.
func (c *conn) LocalAddr() net.Addr { return ownAddr{c.Conn.LocalAddr(), c} }

// noteFailure is told why a handshake failed.
func noteFailure(raw net.Conn, err error) {
	if own, ok := raw.LocalAddr().(ownAddr); ok {
		own.c.failure = err
	}
}

// judge gives the source of a connection that has ended the points for how it ended.
func (c *conn) judge() {
	if c.server.isClosing() {
		return
	}
	c.mu.Lock()
	proven, doomed := c.proven, c.doomed != nil
	c.mu.Unlock()
	switch {
	case doomed: // its end was not its own, or a flood, which has been counted
	case !proven && c.excused: // with the fault gone, good clients must not be shut out for having tried
	case !proven:
		c.punish(c.offence())
	default:
		if sc, ok := c.glider.Value(gliderssh.ContextKeyConn).(*ssh.ServerConn); ok && isMalformed(sc.Wait()) {
			c.punish(offenceMalformed)
		}
	}
}

// offence is how a connection ended that did not authenticate.
func (c *conn) offence() offence {
	var auth *ssh.ServerAuthError
	switch {
	case c.late.Load():
		return offenceLate
	case c.traffic.Load() == 0 || c.heard.Load() == 0:
		return offenceSilent
	case errors.As(c.failure, &auth) && len(auth.Errors) > 1: // the first is a query for methods
		return offenceRefused
	case isMalformed(c.failure):
		return offenceMalformed
	}
	return offenceUnfinished
}

// isMalformed reports whether the library gave up on what came, as against a client that left. It has no type for it.
func isMalformed(err error) bool {
	var network net.Error
	var auth *ssh.ServerAuthError
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, &network) || errors.As(err, &auth) {
		return false
	}
	return !strings.Contains(err.Error(), "ssh: disconnect, reason")
}

func (c *conn) punish(o offence) {
	c.server.numbers.penalties.WithLabelValues(o.why).Inc()
	c.server.limits.penalties.add(source.Of(c.source), o)
}
