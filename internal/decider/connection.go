package decider

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// maxConnections bounds what the decider keeps of the door's live connections.
const maxConnections = 100_000

// connection is a client connection whose certificate the decider has verified.
type connection struct {
	id       string
	kind     policy.Kind
	name     string
	task     string
	source   netip.Addr
	serial   ca.Serial
	notAfter time.Time

	delegation string
	grant      ca.Grant
	key, ca    string // fingerprints
	keyWire    []byte // the key that the client has proven to hold
	trace      string
	outer      string // the connection around this one, under -J
	sources    string // where its certificate works, prefixes joined by ","; empty: anywhere

	renewOnly bool // by a registered key: it may renew and nothing else
	renewals  int

	target    string // that it is for; empty: the console
	emergency bool   // it is good for what stops something, and nothing else

	ended string // why it may ask for nothing more; empty while it may
}

// authenticate verifies a certificate. Proven registers the connection: the door says that the client holds the key, which
// the door alone can know.
func (d *Decider) authenticate(ctx context.Context, in protocol.Authenticate) (protocol.Authenticated, error) {
	source, err := netip.ParseAddr(in.Source)
	if err != nil || !id.Valid(id.Connection, in.Connection) {
		return protocol.Authenticated{}, invalid("authenticate needs a connection id and a source address")
	}
	if len(in.Key) > 0 {
		return d.authenticateKey(ctx, in, source)
	}
	v, identity, err := d.identify(in.Certificate, source)
	if err != nil {
		if in.Proven {
			return protocol.Authenticated{}, d.refuseConnection(ctx, in, err)
		}
		return protocol.Authenticated{}, refuse("%s", clientLine(err))
	}
	out := protocol.Authenticated{Identity: identity, NotAfter: v.NotAfter}
	if protocol.IsSelector(in.Target) {
		if out.Target, err = d.choose(identity, in.Target, in.Login); err != nil && in.Proven {
			return protocol.Authenticated{}, d.refuseConnection(ctx, in, err)
		} else if err != nil {
			return protocol.Authenticated{}, err
		}
		in.Target = out.Target
	}
	if in.Target != "" {
		out.Reaches = d.reaches(d.currentPolicy(), identity, in.Target, d.labels(in.Target), in.Login) && d.refuseLocked(held(v, source).asks(identity, "", in.Target, nil)) == nil
	}
	if !in.Proven {
		return out, nil
	}
	cert, err := ca.ParseCertificate(in.Certificate)
	if err != nil {
		return protocol.Authenticated{}, err // identify has parsed it
	}
	c := held(v, source)
	c.id, c.keyWire, c.target = in.Connection, cert.Key.Marshal(), in.Target
	return out, d.register(ctx, in, c, identity, v.KeyID)
}

// identify turns a certificate into an identity: the only place in this process that does.
func (d *Decider) identify(wire []byte, source netip.Addr) (ca.Verified, policy.Identity, error) {
	cert, err := ca.ParseCertificate(wire)
	if err != nil {
		return ca.Verified{}, policy.Identity{}, err
	}
	v, err := d.cas.Agent.Verify(cert, source)
	if err != nil {
		return ca.Verified{}, policy.Identity{}, err
	}
	pol := d.currentPolicy()
	if why := d.objection(pol, held(v, source)); why != "" {
		return ca.Verified{}, policy.Identity{}, refuse("%s", why)
	}
	identity, _ := pol.Identity(v.Kind, v.Name, v.Task) // known: nothing stands against it
	identity.Delegation = v.Delegation
	return v, identity, nil
}

// held is the connection of whoever holds a certificate, not open yet.
func held(v ca.Verified, source netip.Addr) *connection {
	return &connection{kind: v.Kind, name: v.Name, task: v.Task, source: source, serial: v.Serial, notAfter: v.NotAfter,
		delegation: v.Delegation, grant: v.Grant, key: v.Key, ca: v.CA, trace: v.Trace, sources: v.Sources, ended: notOpen}
}

// register keeps the connection. It may ask for nothing until the log has it.
func (d *Decider) register(ctx context.Context, in protocol.Authenticate, c *connection, who policy.Identity, keyID string) error {
	c.outer, c.ended = in.Outer, notOpen
	if err := d.keepConnection(c, in.Outer); err != nil {
		return d.refuseConnection(ctx, in, err)
	}
	open := audit.Entry{Type: audit.ConnOpen, Actor: who.Principal(), Owner: who.Owner, Task: who.Task, Conn: c.id,
		Outcome: "allow", Serial: c.serial.String(), Policy: d.PolicyHash(),
		Data: data(map[string]any{"source": in.Source, "outer": in.Outer, "key_id": keyID, "key": c.key})}
	err := d.append(ctx, open)
	if err != nil && d.mayStop(in, c, who) {
		d.setEmergency(c)
		d.noteAlways(ctx, open)
		err = nil
	}
	if err != nil {
		d.forget(c.id)
		return err
	}
	if why := d.openConnection(c); why != "" {
		d.forget(c.id)
		return d.refuseConnection(ctx, in, refuse("%s", why))
	}
	return nil
}

// openConnection lets a connection ask for things, unless a kill, a revocation or another policy came while it was being
// registered: whoever ended the live ones then may not have seen it.
func (d *Decider) openConnection(c *connection) (why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.ended != notOpen {
		return c.ended
	}
	if why := d.objection(d.policy, c); why != "" {
		return why
	}
	if o := d.conns[c.outer]; c.outer != "" && (o == nil || o.ended != "") {
		return "the connection around a jump is not open"
	}
	c.ended = ""
	return ""
}

// keepConnection adds a connection to those that are live. One inside a jump must be by the same identity, from the same
// address, as the one around it, which must be live itself.
func (d *Decider) keepConnection(c *connection, outer string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, twice := d.conns[c.id]; twice {
		return invalid("connection %s exists", c.id)
	}
	if len(d.conns) >= maxConnections {
		return refuse("too many connections")
	}
	if outer != "" {
		o, ok := d.conns[outer]
		if !ok || o.ended != "" || o.renewOnly || !d.cfg.Now().Before(o.notAfter) {
			return refuse("the connection around a jump is not open")
		}
		if o.kind != c.kind || o.name != c.name || o.source != c.source {
			return refuse("the connection inside a jump must be by the same identity as the one around it")
		}
	}
	d.conns[c.id] = c
	return nil
}

func (d *Decider) refuseConnection(ctx context.Context, in protocol.Authenticate, why error) error {
	err := d.append(ctx, audit.Entry{Type: audit.ConnRefused, Conn: in.Connection, Outcome: "deny", Reason: why.Error(),
		Data: data(map[string]any{"source": in.Source, "outer": cut(in.Outer, maxID)})})
	if err != nil {
		return err
	}
	var own *protocol.Error
	if errors.As(why, &own) {
		return own
	}
	return refuse("%s", clientLine(why))
}

// clientLine is the one line for the client: our own refusals as they are, the CA's with what to do.
func clientLine(err error) string {
	var own *protocol.Error
	if errors.As(err, &own) {
		return own.Msg
	}
	return ca.ClientLine(err)
}

// forget drops a connection.
func (d *Decider) forget(conn string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, conn)
}

// connected returns a registered connection that may still ask for things, with its identity under the policy of now.
func (d *Decider) connected(conn string) (connection, policy.Identity, error) {
	return d.connectedFor(conn, false)
}

// connectedFor is connected; within says that it is for a session that goes on, for which it does not matter that the certificate has
// expired meanwhile.
func (d *Decider) connectedFor(conn string, within bool) (connection, policy.Identity, error) {
	c, who, err := d.alive(conn, within)
	if err == nil && c.renewOnly {
		return connection{}, policy.Identity{}, refuse("%s", onlyRenews)
	}
	if err == nil && c.emergency {
		return connection{}, policy.Identity{}, refuse("%s", onlyStops)
	}
	return c, who, err
}

// live is connected for the one thing that a registered key is for as well.
func (d *Decider) live(conn string) (connection, policy.Identity, error) { return d.alive(conn, false) }

func (d *Decider) alive(conn string, within bool) (connection, policy.Identity, error) {
	d.mu.RLock()
	c, ok := d.conns[conn]
	var copied connection
	if ok {
		copied = *c
	}
	d.mu.RUnlock()
	if ok && copied.ended != "" { // a program is told by the word
		if err := d.endedByLock(&copied); err != nil {
			return connection{}, policy.Identity{}, err
		}
	}
	switch {
	case !ok:
		return connection{}, policy.Identity{}, refuse("no such connection")
	case copied.ended != "":
		return connection{}, policy.Identity{}, refuse("%s", copied.ended)
	case within: // as its session goes on
	case !d.cfg.Now().Before(copied.notAfter):
		return connection{}, policy.Identity{}, refuse("the certificate has expired; connect again with a new one")
	}
	pol := d.currentPolicy()
	if why := d.objection(pol, &copied); why != "" {
		return connection{}, policy.Identity{}, refuse("%s", why)
	}
	identity, _ := pol.Identity(copied.kind, copied.name, copied.task)
	identity.Delegation = copied.delegation
	return copied, identity, nil
}

// close forgets a connection that is over.
func (d *Decider) close(ctx context.Context, in protocol.Close) (protocol.Empty, error) {
	d.mu.RLock()
	c, ok := d.conns[in.Connection]
	d.mu.RUnlock()
	if !ok {
		return protocol.Empty{}, nil
	}
	d.forget(in.Connection)
	d.waits.endConnection(in.Connection)
	return protocol.Empty{}, d.append(ctx, audit.Entry{Type: audit.ConnClose, Actor: string(c.kind) + ":" + c.name, Conn: c.id, Outcome: "ok", Reason: cut(in.Reason, maxText)})
}
