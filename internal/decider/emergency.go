package decider

import (
	"slices"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// Verbs of the console, by when they work.
var (
	// stoppingVerbs are what must not wait for the audit log, nor for anything else: entries that it cannot take are kept in memory.
	stoppingVerbs = []string{"kill", "pause", "lock", "locks"}
	// underAllVerbs are what a person may do while everything is locked: see what there is, end it, and lift the lock.
	underAllVerbs = []string{"whoami", "help", "sessions.list", "sessions.show", "sessions.tail", "kill", "pause", "lock", "locks", "unlock", "revoke", "revocations", "web-login"}
)

// onlyStops is why a connection may do nothing but stop things.
const onlyStops = "the audit log could not be written when this connection began, so it is good for lock, locks, kill and pause alone; make room on the disk, and connect again"

// mayStop reports whether somebody is let in although the log cannot take their connection's entry: a person with the right to stop
// things, for the console, and for nothing but that.
func (d *Decider) mayStop(in protocol.Authenticate, c *connection, who policy.Identity) bool {
	return who.Kind == policy.Person && in.Target == "" && in.Outer == "" && !c.renewOnly && slices.Contains(d.currentPolicy().Rights(who), policy.Operate)
}

// setEmergency makes a connection good for that and nothing else, before it is open.
func (d *Decider) setEmergency(c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.emergency = true
}

// stopper is actor for what stops something.
func (d *Decider) stopper(c protocol.Credential) (policy.Identity, string, error) {
	if c.Connection == "" || c.SignIn != "" {
		return d.actor(c)
	}
	conn, who, err := d.live(c.Connection)
	if err == nil && conn.renewOnly {
		err = refuse("%s", onlyRenews)
	}
	return who, conn.id, err
}

// refuseUnderAll is the refusal of a verb while everything is locked; nil if it works then, or if nothing of the kind is.
func (d *Decider) refuseUnderAll(verb string) error {
	l, all := d.locks.everything(d.cfg.Now)
	if !all || l.What.Kind != access.LockEverything || slices.Contains(underAllVerbs, verb) {
		return nil
	}
	return refuseFor(reasonLocked, "%s; %q does not work until it is lifted: gatehouse unlock %s", lockLine(l), verb, l.ID)
}
