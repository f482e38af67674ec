package bastion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"gatehouse/bastion/target"
	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// channelsPerTarget is stock sshd's MaxSessions: more at once get a connection more.
const channelsPerTarget = 10

// running is a started command, and how to let go of what carries it when it has ended by itself.
type running struct {
	process
	release func()
}

// launch is a decided command that has not been started.
type launch struct {
	start   func(ctx context.Context) (*running, error)
	abandon func() // instead of start
}

// poolKey says which target connections a session may use: the same target, login and pty permission, and, as pools belong
// to one client connection, the same identity.
type poolKey struct {
	target, login string
	pty           bool
}

// pool is a client connection's open connections to one target as one login.
type pool struct {
	mu    sync.Mutex
	conns []*pooled
}

type pooled struct {
	conn *target.Conn
	used int
}

// lease returns a connection with room for one more channel, or nil.
func (p *pool) lease() *pooled {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		if c.used < channelsPerTarget {
			c.used++
			return c
		}
	}
	return nil
}

// add puts a new connection in, leased once, and watches for its end.
func (p *pool) add(conn *target.Conn) *pooled {
	c := &pooled{conn: conn, used: 1}
	p.mu.Lock()
	p.conns = append(p.conns, c)
	p.mu.Unlock()
	go func() {
		_ = conn.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.conns = slices.DeleteFunc(p.conns, func(other *pooled) bool { return other == c })
	}()
	return c
}

func (p *pool) release(c *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.used--
}

func (c *conn) pool(key poolKey) *pool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.pools[key]
	if !ok {
		p = &pool{}
		c.pools[key] = p
	}
	return p
}

// closePools closes what is open to targets. The sessions have ended.
func (c *conn) closePools() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pools {
		p.mu.Lock()
		for _, pc := range p.conns {
			_ = pc.conn.Close()
		}
		p.mu.Unlock()
	}
}

// decide asks the decider with what the way to the target needs: nothing where a connection is open, a fresh key where one
// must be made, a permit for this machine.
func (s *session) decide(t protocol.Target, known bool, a asked) (protocol.Decided, launch, error) {
	req := protocol.Decide{Connection: s.conn.id, Session: s.id, Target: s.row.Target, Login: s.row.Login, Plan: a.plan, Text: a.text, Refusal: a.refusal(), Env: s.env, PTY: s.pty != nil, Unrecorded: a.unrecorded != nil, Wait: s.wait, Await: s.awaits, Step: a.step, Ended: a.over}
	nothing := launch{abandon: func() {}}
	if !known || t.Gatehouse {
		d, err := s.conn.server.cfg.Gate.Decide(s.ctx, req)
		return d, nothing, err
	}
	if a.step != nil && a.step.Any && s.pty != nil && !t.Local {
		return s.decideAny(t, req)
	}
	if t.Local {
		d, err := s.ask(t, &req)
		if a.step != nil && a.step.Any && !d.Decision.PTY { // it can do without
			s.pty = nil
		}
		nothing.start = func(ctx context.Context) (*running, error) { return s.startLocal(ctx, d) }
		return d, nothing, err
	}
	key := poolKey{target: t.Name, login: s.row.Login, pty: s.pty != nil}
	p := s.conn.pool(key)
	if leased := p.lease(); leased != nil {
		d, err := s.ask(t, &req)
		if err == nil && !d.NeedsKey {
			return d, s.launchOn(p, leased, d), nil
		}
		p.release(leased)
		if err != nil {
			return d, nothing, err
		}
	}
	return s.decideFresh(t, key, p, req)
}

// pendingFor is the connection that was dialled ahead, if there is one that still lives, or a new one.
func (s *session) pendingFor(t protocol.Target, key poolKey) (*target.Pending, error) {
	if pending := s.conn.takeAhead(key); pending != nil {
		if !pending.Dead() {
			return pending, nil
		}
		pending.Close()
	}
	return s.conn.server.dial(s.conn.ctx, t, s.row.Login)
}

// decideFresh decides with a new key, on the connection that was dialled ahead if there is one.
func (s *session) decideFresh(t protocol.Target, key poolKey, p *pool, req protocol.Decide) (protocol.Decided, launch, error) {
	pending, err := s.pendingFor(t, key)
	if err != nil {
		return protocol.Decided{}, launch{}, err
	}
	req.PublicKey = pending.PublicKey().Marshal()
	d, err := s.ask(t, &req)
	if err != nil {
		pending.Close()
		return d, launch{}, err
	}
	return d, launch{
		abandon: func() { s.conn.keepAhead(key, pending) },
		start:   func(ctx context.Context) (*running, error) { return s.startFresh(ctx, p, pending, d) },
	}, nil
}

// keepAhead keeps a connection that a denied command did not use, for the next one.
func (c *conn) keepAhead(key poolKey, pending *target.Pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ahead != nil || c.ctx.Err() != nil {
		pending.Close()
		return
	}
	c.ahead = &aheadDial{key: key, pending: pending}
}

// launchOn starts on a connection that is open.
func (s *session) launchOn(p *pool, leased *pooled, d protocol.Decided) launch {
	release := func() { p.release(leased) }
	return launch{
		abandon: release,
		start: func(ctx context.Context) (*running, error) {
			proc, err := leased.conn.Start(ctx, d.Line, s.pty)
			if err != nil {
				release()
				return nil, err
			}
			return &running{process: proc, release: func() { _ = proc.Close(); release() }}, nil
		},
	}
}

// startFresh authenticates with the decision's certificate and starts. A pinned command's connection is its own and ends
// with it; a plain one stays for the next session of this client connection.
func (s *session) startFresh(ctx context.Context, p *pool, pending *target.Pending, d protocol.Decided) (*running, error) {
	cert, err := ca.ParseCertificate(d.Certificate)
	if err != nil {
		pending.Close()
		return nil, fmt.Errorf("target certificate: %w", err)
	}
	conn, err := pending.Authenticate(ctx, cert)
	if err != nil {
		return nil, err
	}
	if d.Decision.Mode != policy.Pinned {
		l := s.launchOn(p, p.add(conn), d)
		return l.start(ctx)
	}
	proc, err := conn.Start(ctx, d.Line, s.pty)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &running{process: proc, release: func() { _ = proc.Close(); _ = conn.Close() }}, nil
}

// startLocal hands the permit to the supervisor.
func (s *session) startLocal(ctx context.Context, d protocol.Decided) (*running, error) {
	proc, err := s.conn.server.cfg.Local.Start(ctx, d.Permit, s.pty)
	if err != nil {
		return nil, err
	}
	_ = s.recording.Write(recorder.Note, event(map[string]any{"note": proc.Note()})) // a failed recording ends the session
	return &running{process: proc, release: func() { _ = proc.Close() }}, nil
}
