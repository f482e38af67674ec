package bastion

import (
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"
)

// keepaliveRequest is OpenSSH's: whoever is there answers it, with a failure as well as with a success (RFC 4254 section 4).
const keepaliveRequest = "keepalive@openssh.com"

// startPulse is called with mu held, once the client is known.
func (c *conn) startPulse() {
	c.quietSince = time.Now()
	c.pulse = time.AfterFunc(c.beatTime(), c.beat)
}

func (c *conn) beatTime() time.Duration { return min(c.limits().Keepalive, c.limits().Idle) }

// beat looks whether the client is still there and wants anything.
func (c *conn) beat() {
	defer c.isolate("a keepalive")
	l := c.limits()
	silent := time.Since(time.Unix(0, c.heard.Load()))
	switch {
	case c.idleFor() >= l.Idle:
		c.closeFor(limitIdle)
		return
	case c.outer != nil: // the outer connection's pulse is the client's
	case silent >= l.Keepalive*time.Duration(l.Missed) && c.asking.Load(): // a clock that was set forward is no silence
		c.closeFor(limitKeepalive)
		return
	case silent >= l.Keepalive:
		c.askAlive()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.finished {
		c.pulse.Reset(c.beatTime())
	}
}

// closeFor closes a connection that nobody uses; that is ordinary.
func (c *conn) closeFor(which limit) {
	c.server.numbers.hits.WithLabelValues(string(which)).Inc()
	c.log.Info("connection closed", "limit", string(which))
	_ = c.Close()
}

// idleFor is how long the connection has had no channel.
func (c *conn) idleFor() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels > 0 {
		return 0
	}
	return time.Since(c.quietSince)
}

// askAlive asks the client to answer; that it does is seen as bytes from it. One question at a time waits for its answer.
func (c *conn) askAlive() {
	sc, ok := c.glider.Value(gliderssh.ContextKeyConn).(*ssh.ServerConn)
	if !ok || !c.asking.CompareAndSwap(false, true) {
		return
	}
	c.server.apart("a keepalive", func() {
		defer c.asking.Store(false)
		_, _, _ = sc.SendRequest(keepaliveRequest, true, nil) // ends with the connection at the latest
	})
}
