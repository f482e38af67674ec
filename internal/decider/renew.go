package decider

import (
	"context"
	"errors"
	"strings"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/policy"
)

// maxRenewals bounds the certificates that one connection may ask for.
const maxRenewals = 16

// renew issues a certificate for the key that a connection has proven to hold: a registered key begins a new grant, a
// certificate goes on with its own, unchanged in everything but its time.
func (d *Decider) renew(ctx context.Context, in protocol.Renew) (protocol.Enrolled, error) {
	if in.TTL < 0 || len(in.Task) > maxID {
		return protocol.Enrolled{}, invalid("renew: the time is negative or the task too long")
	}
	c, who, err := d.live(in.Connection)
	if err != nil {
		return protocol.Enrolled{}, err
	}
	want := policy.CertificateRequest{Kind: c.kind, Name: c.name, Task: c.task, Trace: c.trace, TTL: in.TTL}
	if c.sources != "" { // what the certificate is bound to, a renewal is
		if want.Sources, err = prefixes(strings.Split(c.sources, ",")); err != nil {
			return protocol.Enrolled{}, err
		}
	}
	p := proof{actor: who.Principal(), by: c.grant.By, delegation: c.delegation, grant: c.grant, source: c.source.String(), conn: c.id,
		detail: map[string]any{"renewal": !c.renewOnly}}
	if c.renewOnly {
		want.Task, p.grant = in.Task, ca.Grant{}
	}
	p.deny = d.mayRenew(ctx, &c, in)
	issued, err := d.certify(ctx, want, c.keyWire, p)
	if err != nil {
		return protocol.Enrolled{}, err
	}
	return d.enrolled(ctx, who.Principal(), issued), nil
}

// mayRenew says what stands against a renewal besides the profile, the grant's end, and what ends connections.
func (d *Decider) mayRenew(ctx context.Context, c *connection, in protocol.Renew) error {
	if !d.countRenewal(c.id) {
		return refuse("this connection has renewed %d times; connect again", maxRenewals)
	}
	if c.grant.By == string(policy.ByKey) {
		if err := d.stillRegistered(ctx, c); err != nil {
			return err
		}
	}
	switch {
	case c.renewOnly:
		return d.currentPolicy().Enrols(c.name, policy.Proof{Method: policy.ByKey})
	case c.grant.ID == "":
		return refuse("this certificate has no grant that could go on; prove who you are again")
	case in.Task != "" && in.Task != c.task:
		return refuse("a renewal is for the same task, %q; for another prove who you are again", c.task)
	}
	return nil
}

// stillRegistered refuses to go on from a key that an administrator has removed since, or given to another agent.
func (d *Decider) stillRegistered(ctx context.Context, c *connection) error {
	known, err := d.facts.AgentKey(ctx, c.key)
	if errors.Is(err, registry.ErrNotFound) || err == nil && known.Agent != c.name {
		return refuse("the key %s is not registered for agent:%s any more; prove who you are again", c.key, c.name)
	}
	return err
}

func (d *Decider) countRenewal(conn string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.conns[conn]
	if c == nil || c.renewals >= maxRenewals {
		return false
	}
	c.renewals++
	return true
}
