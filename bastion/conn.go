package bastion

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"
	"golang.org/x/time/rate"

	"gatehouse/bastion/target"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// conn is one client connection, from accept to teardown. Under -J an outer connection carries inner ones, each with a
// handshake and an id of its own.
type conn struct {
	net.Conn // what gliderlabs reads and writes

	// Immutable.
	id     string
	server *Server
	source netip.Addr
	outer  *conn  // under -J
	face   string // the target that an inner connection is for
	slot   *slot  // outer connections
	timer  *time.Timer
	log    hclog.Logger
	ctx    context.Context
	cancel context.CancelCauseFunc

	// Set by the handshake's goroutine, before any channel exists.
	banner   ssh.ServerPreAuthConn
	refusal  string // why the last certificate was refused
	told     bool   // what opens the door
	identity policy.Identity
	notAfter time.Time
	route    route

	excused    bool // what keeps it out is Gatehouse's own fault
	renewOnly  bool // by a registered key: renew and nothing else
	registered bool // the decider keeps it until it is told of its end

	refusals atomic.Int32

	glider      gliderssh.Context // set before the handshake begins
	failure     error             // why the handshake failed; for judge
	late        atomic.Bool       // it had no more time to authenticate
	heard       atomic.Int64      // when the client's last byte came, in nanoseconds since 1970
	traffic     atomic.Int64      // bytes, both ways
	unread      meter
	asked       *rate.Limiter // channels and requests
	exchanges   *rate.Limiter // key exchanges; with exchangedAt owned by the library's goroutine for them
	exchangedAt int64
	signed      atomic.Bool   // the first key exchange is through
	gate        chan struct{} // closed when authentication begins, or never will
	gateOnce    sync.Once
	early       int          // bytes let in between the two; owned by the library's reader, as is kept
	kept        []byte       // what came before it might be let in
	closing     atomic.Bool  // the socket is closed, or about to be
	handling    atomic.Int32 // handlers of channels
	asking      atomic.Bool  // a keepalive waits for its answer
	flooded     atomic.Bool

	mu         sync.Mutex
	proven     bool // authenticated: the fields above do not change any more
	sessions   map[string]*session
	channels   int
	expired    bool
	retiring   bool   // the door drains: nothing new may begin, and the connection ends with its last channel
	finished   bool   // nothing new may begin
	doomed     *ended // the decider ended it; nothing new may begin
	expiry     *time.Timer
	pulse      *time.Timer
	quietSince time.Time // without a channel
	inner      map[*conn]struct{}
	pools      map[poolKey]*pool
	ahead      *aheadDial
	holds      string // the target whose place among the dialled ahead this connection has

	lookers  lookers
	forwards atomic.Int32 // that are open
	waiting  atomic.Int32 // sessions under this socket that wait for people
	hints    hints        // guarded by mu

	work sync.WaitGroup // open channels: sessions and inner connections
}

type connKey struct{}

func newConn(s *Server, raw net.Conn, outer *conn, face string, slot *slot) *conn {
	c := &conn{Conn: raw, id: id.New(id.Connection, s.cfg.Now()), server: s, source: sourceOf(raw.RemoteAddr()), outer: outer, face: face, slot: slot,
		sessions: map[string]*session{}, inner: map[*conn]struct{}{}, pools: map[poolKey]*pool{}, gate: make(chan struct{})}
	c.asked = rate.NewLimiter(rate.Limit(c.limits().PerSecond), c.limits().Burst)
	parent := context.Background()
	if outer != nil {
		parent = outer.ctx
	}
	c.ctx, c.cancel = context.WithCancelCause(parent)
	c.log = s.cfg.Log.With("conn_id", c.id, "source", c.source.String())
	c.timer = time.AfterFunc(c.limits().Authentication, func() {
		c.late.Store(true)
		s.met(c.log, limitAuthentication)
		_ = c.Close()
	})
	return c
}

// attach lets the handlers find their conn: gliderlabs hands them only its own context.
func attach(ctx gliderssh.Context, raw net.Conn) net.Conn {
	ctx.SetValue(connKey{}, raw)
	connOf(ctx).glider = ctx
	return raw
}

func connOf(ctx gliderssh.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// outermost is the connection that holds the client's socket.
func (c *conn) outermost() *conn {
	for c.outer != nil {
		c = c.outer
	}
	return c
}

// authenticated notes that the client has proven who it is; an error says that the decider has ended the connection meanwhile.
func (c *conn) authenticated(identity policy.Identity, notAfter time.Time, r route) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doomed != nil {
		return c.doomed
	}
	c.timer.Stop()
	if c.slot != nil {
		c.slot.authenticated()
	}
	c.identity, c.notAfter, c.route, c.proven = identity, notAfter, r, true
	c.leavePlace()
	c.log = c.log.With("identity", identity.Principal())
	c.startPulse()
	c.expiry = time.AfterFunc(notAfter.Sub(c.server.cfg.Now()), c.expire)
	return nil
}

// leavePlace is called with mu held.
func (c *conn) leavePlace() {
	c.server.ahead.give(c.holds)
	c.holds = ""
}

// expire is called when the certificate's time is over: no new channels, and the end with the last one.
func (c *conn) expire() {
	defer c.isolate("the certificate's end")
	c.mu.Lock()
	c.expired = true
	idle := c.channels == 0
	c.mu.Unlock()
	if idle {
		c.log.Info("certificate expired, connection closed")
		_ = c.Close()
	}
}

// drop ends a connection; what still begins on it ends with the cause.
func (c *conn) drop(cause *ended) {
	c.cancel(cause)
	_ = c.Close()
}

// openChannel counts a channel in; why says what stands against it. If nothing does, closeChannel is called at its end.
func (c *conn) openChannel() (why string) { return c.open(false) }

func (c *conn) open(retiring bool) (why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.finished:
		return "the connection has ended"
	case c.doomed != nil:
		return c.doomed.reason
	case c.expired || c.server.cfg.Now().After(c.notAfter):
		return "the certificate has expired; connect again with a new one"
	case c.retiring && !retiring:
		return stopping
	case c.channels >= c.limits().Channels:
		c.server.met(c.log, limitChannels)
		return "too many channels on one connection"
	}
	c.channels++
	c.work.Add(1)
	return ""
}

func (c *conn) closeChannel() {
	defer c.work.Done()
	c.mu.Lock()
	c.channels--
	c.quietSince = time.Now()
	last := (c.expired || c.retiring) && c.channels == 0
	c.mu.Unlock()
	if last {
		_ = c.Close()
	}
}

// finish is the one teardown path of a connection, in this order: nothing new, sessions end, targets close, the log knows.
func (c *conn) finish() {
	defer c.isolate("the end of a connection")
	c.timer.Stop()
	c.cancel(errClientGone)
	c.mu.Lock()
	c.finished = true
	c.mu.Unlock()
	c.work.Wait()
	c.mu.Lock()
	if c.expiry != nil {
		c.expiry.Stop()
		c.pulse.Stop()
	}
	ahead := c.ahead
	c.ahead = nil
	c.leavePlace()
	c.mu.Unlock()
	if ahead != nil {
		ahead.close()
	}
	c.closePools()
	c.lookers.closeAll()
	_ = c.Close()
	if c.slot != nil {
		c.slot.release()
	}
	ctx, cancel := context.WithTimeout(context.Background(), evidenceTime)
	defer cancel()
	var err error
	switch {
	case c.registered:
		err = c.server.cfg.Evidence.CloseConnection(ctx, protocol.Close{Connection: c.id})
	case c.refusal != "":
		err = c.server.cfg.Evidence.Refuse(ctx, protocol.Refuse{Connection: c.id, What: "connection from " + c.source.String(), Code: "not_authenticated", Why: c.refusal})
	}
	if err != nil {
		c.log.Error("note the connection's end", "error", err)
	}
}

// errClientGone is the cause when the client left by itself.
var errClientGone = errors.New("the client left")

// ended is the cause of everything that somebody else ended: what the session is recorded as, and what the client is told.
type ended struct {
	state   store.State
	reason  string
	by      string // principal, for kills
	sibling bool   // ended only because its connection had to go

	said chan struct{} // closed when all that end with it have been told, and cut off; nil: nobody waits for that
}

func (e *ended) Error() string { return e.reason }

// ofSibling is the cause for what shares the connection of what was meant.
func (e *ended) ofSibling() *ended {
	c := *e
	c.sibling, c.reason = true, "connection killed: "+e.reason
	return &c
}

// aheadDial is a connection to a target that is opened while the client still authenticates.
type aheadDial struct {
	key     poolKey
	pending *target.Pending
}

func (a *aheadDial) close() { a.pending.Close() }
