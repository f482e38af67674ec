package bastion

import (
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/store"
)

// handlersMore is how many channels of a connection may be on their way besides those that are open: answers that a client does not
// take wait for it, and each holds a goroutine.
const handlersMore = 64

// armour puts what every channel and every global request has in common before their handlers: they are counted, and a fault in one
// ends its connection and no other.
func (s *Server) armour() {
	for name, next := range s.glider.ChannelHandlers {
		s.glider.ChannelHandlers[name] = s.armourChannel(next)
	}
	for name, next := range s.glider.RequestHandlers {
		s.glider.RequestHandlers[name] = s.armourRequest(next)
	}
	s.glider.ConnectionFailedCallback = noteFailure
}

func (s *Server) armourChannel(next gliderssh.ChannelHandler) gliderssh.ChannelHandler {
	return func(glider *gliderssh.Server, sc *ssh.ServerConn, ch ssh.NewChannel, ctx gliderssh.Context) {
		c := connOf(ctx)
		defer c.isolate("a channel")
		defer c.handling.Add(-1)
		if int(c.handling.Add(1)) > c.limits().Channels+handlersMore {
			c.flood(limitChannels, "too many channels on one connection")
			return
		}
		if c.spend() {
			next(glider, sc, &meteredNewChannel{ch, c}, ctx)
		}
	}
}

func (s *Server) armourRequest(next gliderssh.RequestHandler) gliderssh.RequestHandler {
	return func(ctx gliderssh.Context, glider *gliderssh.Server, req *ssh.Request) (ok bool, payload []byte) {
		c := connOf(ctx)
		defer c.isolate("a global request")
		if !c.spend() {
			return false, nil
		}
		return next(ctx, glider, req)
	}
}

func (c *conn) limits() *Limits { return &c.server.limits.limits }

// spend counts one channel or request of a client. false: it was too much, and the connection is being closed.
func (c *conn) spend() bool {
	if !c.asked.AllowN(time.Now(), 1) {
		c.flood(limitRequests, "too many requests a second")
		return false
	}
	c.unread.take(requestSize)
	return true
}

// spendOn is spend for the nth request of a channel.
func (c *conn) spendOn(n int) bool {
	if n > c.limits().PerChannel {
		c.flood(limitPerChannel, "too many requests on one channel")
		return false
	}
	return c.spend()
}

// flood ends a connection that asks for more than it may: its sessions are told why, its source gets the points. It does not wait.
func (c *conn) flood(which limit, why string) {
	if !c.flooded.CompareAndSwap(false, true) {
		return
	}
	c.server.met(c.log, which, "reason", why)
	c.punish(offenceFlood)
	cause := &ended{state: store.Killed, by: "door", reason: why}
	c.doom(cause)
	c.server.apart("the end of a flood", func() { c.server.endSockets(map[*conn]bool{c.outermost(): true}, cause) })
}
