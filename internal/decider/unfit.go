package decider

import (
	"maps"
	"slices"
	"strconv"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
)

// notOpen is why a connection may ask for nothing before the log has it.
const notOpen = "the connection is not open yet"

// objection says why a connection may not begin or go on: policy does not know its name, take its proof or its address any
// more, its CA's key was retired, or something of it is revoked. Empty if nothing stands against it. It is asked when a certificate is shown, when the
// connection is registered, at every question, after every revocation and every change of policy.
func (d *Decider) objection(pol *policy.Policy, c *connection) string {
	if c.ca != "" && !d.cas.Agent.Trusts(c.ca) {
		return "the agent CA's key that signed this certificate was retired; ask for a new certificate"
	}
	if why := pol.Admits(c.kind, c.name, c.grant.By, c.source); why != "" {
		return why
	}
	if why := pol.HandedOn(c.name, c.delegation); why != "" {
		return why
	}
	who, known := pol.Identity(c.kind, c.name, c.task)
	if !known {
		return "the policy does not know " + string(c.kind) + ":" + c.name + " with that task"
	}
	if why := d.lockedLine(pol, c, who.Owner); why != "" {
		return why
	}
	return d.revokedLine(c.subject(who.Owner))
}

// subject is all of a connection that can be revoked.
func (c *connection) subject(owner string) revoke.Subject {
	return revoke.Subject{Kind: c.kind, Name: c.name, Owner: owner, Task: c.task, Delegation: c.delegation, Key: c.key, CA: c.ca, Serial: uint64(c.serial)}
}

// revokedLine says that something of a subject is revoked; empty if nothing is.
func (d *Decider) revokedLine(s revoke.Subject) string {
	if r, by, found := d.revoked.Against(s); found {
		return r.Line(by)
	}
	return ""
}

// refuseRevoked is what stands against a certificate that is asked for.
func (d *Decider) refuseRevoked(who policy.Identity, key ssh.PublicKey, delegation string) string {
	return d.revokedLine(revoke.Subject{Kind: who.Kind, Name: who.Name, Owner: who.Owner, Task: who.Task, Delegation: delegation,
		Key: ssh.FingerprintSHA256(key), CA: ssh.FingerprintSHA256(d.cas.Agent.PublicKey())})
}

// endUnfit makes the live connections that something stands against unable to ask for anything more, whatever the door does,
// and tells the door to close them.
func (d *Decider) endUnfit() protocol.Revoked {
	d.mu.Lock()
	byReason := map[string][]string{}
	gone := map[string]bool{}
	for name, c := range d.conns {
		if c.ended != "" && c.ended != notOpen {
			continue
		}
		if why := d.objection(d.policy, c); why != "" {
			c.ended, gone[name] = why, true
			byReason[why] = append(byReason[why], name)
		}
	}
	for name, c := range d.conns { // what is inside a jump ends with it
		if gone[c.outer] && !gone[name] && (c.ended == "" || c.ended == notOpen) {
			c.ended, gone[name] = "the connection around it has ended: "+d.conns[c.outer].ended, true
		}
	}
	out := protocol.Revoked{Connections: len(gone), Sessions: []string{}}
	for name, s := range d.sessions {
		if gone[s.conn] {
			out.SessionsAll++
			out.Sessions = append(out.Sessions, name)
		}
	}
	door := d.door
	d.mu.Unlock()
	slices.Sort(out.Sessions)
	out.Sessions = out.Sessions[:min(len(out.Sessions), maxNamed)]
	if door != nil {
		d.tellEnded(door, byReason)
	}
	return out
}

// tellEnded tells the door which connections are over.
func (d *Decider) tellEnded(door *protocol.Server, byReason map[string][]string) {
	for _, why := range slices.Sorted(maps.Keys(byReason)) {
		for names := range slices.Chunk(byReason[why], protocol.MaxEnding) {
			if err := door.Event(protocol.EventEnd, protocol.EndEvent{Connections: names, Reason: why}); err != nil {
				d.cfg.Log.Error("tell the door of ended connections", "error", err, "connections", strconv.Itoa(len(names)))
			}
		}
	}
}

// endSignIns ends the browsers' sign-ins and open links of the people among handles, and those by a link that one of the handles
// stands against.
func (d *Decider) endSignIns(handles []revoke.Handle) (n int) {
	for _, h := range handles {
		if h.Kind == revoke.Person {
			n += d.endPerson(h.Value)
		}
	}
	return n + d.endStrangers()
}

// personRevoked says that a person is revoked or locked; empty if not.
func (d *Decider) personRevoked(name string) string {
	if why := d.personLocked(d.currentPolicy(), name); why != "" {
		return why
	}
	return d.revokedLine(revoke.Subject{Kind: policy.Person, Name: name})
}
