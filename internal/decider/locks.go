package decider

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/decider/lockfile"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// reasonLocked is the word for programs in a refusal that a lock is the reason of.
const reasonLocked = "locked"

// locks are what stands, in the file and in force.
type locks struct {
	lockSet // asked on every path, without waiting

	making  sync.Mutex // serialises changes; taken before Decider.mu
	file    *lockfile.File
	records []lockfile.Record
	rules   map[string][]string // the ids of the policy's rules, by what they say
}

// openLocks puts in force what stands in the file, before anything else is opened: whoever is locked meets no moment without it.
func (d *Decider) openLocks() error {
	file, records, err := lockfile.Open(d.cfg.Dir)
	if errors.Is(err, lockfile.ErrDamaged) {
		return errors.Join(err, errors.New("which locks stand is not known, so nothing starts; put the file back from a backup, or move it away and lock anew what must stay locked (docs/incident-response.md)"))
	}
	if err != nil {
		return err
	}
	if file.Repaired != "" {
		d.cfg.Log.Error("LOCK FILE DAMAGED, its other copy is used and both are written anew", "damage", file.Repaired)
	}
	d.locks.file, d.locks.records = file, records
	d.locks.enforce()
	for _, l := range d.locks.standing(d.cfg.Now) {
		d.cfg.Log.Warn("locked", "id", l.ID, "what", l.What.String(), "by", l.By, "reason", l.Reason)
	}
	return nil
}

// enforce makes the records true. Called with making held, or before anybody asks.
func (l *locks) enforce() {
	var all []access.Lock
	named := map[string][]access.Subject{}
	for _, r := range l.records {
		all = append(all, r.Lock)
		if r.Rule != "" {
			named[r.Lock.ID] = l.named(r.Lock.What, r.Rule)
		}
	}
	l.setNamed(all, named)
}

// lockedLine says why a lock keeps a connection from beginning or going on; empty if none does. People's connections go on under a lock of
// everything: somebody must be able to lift it, and what they may do is little (permittedUnderAll).
func (d *Decider) lockedLine(pol *policy.Policy, c *connection, owner string) string {
	find := d.locks.against
	if c.kind == policy.Person {
		find = d.locks.besides
	}
	if l, found := find(pol, d.cfg.Now, c.question(owner)); found {
		return lockLine(l)
	}
	return ""
}

// question is all of a connection that can be locked. Its target is none of it: what is asked of that is answered one by one.
func (c *connection) question(owner string) access.Question {
	return access.Question{By: access.Requester{Principal: string(c.kind) + ":" + c.name, Owner: owner, Task: c.task, Delegation: c.delegation}, Connection: c.id}
}

// asks is all that can be locked of what is asked over a connection, of a target.
func (c *connection) asks(who policy.Identity, session, target string, rules []string) access.Question {
	q := c.question(who.Owner)
	q.Session, q.Target, q.Rules = session, target, rules
	return q
}

// question is all of a live session that can be locked. Called with mu held, or on a copy without its shell.
func (s *session) question(name string) access.Question {
	return access.Question{By: requester(s.request.Identity), Connection: s.conn, Session: name, Target: s.request.Target, Rules: s.allRules()}
}

// lockedOut replaces a decision by a denial where a lock, or a pause, stands against what it is about. It is asked before all that a
// decision does.
func (d *Decider) lockedOut(pol *policy.Policy, q access.Question, dec *policy.Decision) (locked bool) {
	l, found := d.locks.against(pol, d.cfg.Now, q)
	code, line := policy.CodeLocked, lockLine(l)
	if !found {
		if l, found = d.pauses.against(pol, d.cfg.Now, q); !found {
			return false
		}
		code, line = policy.CodePaused, pauseLine(l)
	}
	hash := dec.PolicyHash
	if hash == "" && pol != nil {
		hash = pol.Hash()
	}
	*dec = policy.Decision{Verdict: policy.Deny, Code: code, Reason: line, PolicyHash: hash}
	return true
}

// endedByLock is the refusal of a connection that a lock has ended; nil if none stands against it.
func (d *Decider) endedByLock(c *connection) error {
	pol := d.currentPolicy()
	who, _ := pol.Identity(c.kind, c.name, c.task)
	q := c.question(who.Owner)
	q.Target = c.target
	if l, found := d.locks.besides(pol, d.cfg.Now, q); found {
		return refuseFor(reasonLocked, "%s", lockLine(l))
	}
	if l, found := d.locks.everything(d.cfg.Now); found && c.kind == policy.Agent {
		return refuseFor(reasonLocked, "%s", lockLine(l))
	}
	return nil
}

// refuseLocked is the refusal of anything else that a lock stands against; nil if none does.
func (d *Decider) refuseLocked(q access.Question) error {
	if l, found := d.locks.against(d.currentPolicy(), d.cfg.Now, q); found {
		return refuseFor(reasonLocked, "%s", lockLine(l))
	}
	return nil
}

// lockedRequest is the refusal of a request that a lock stands against: of its requester, one of its rules, or one of its targets.
func (d *Decider) lockedRequest(r access.Request) error {
	q := access.Question{By: r.By, Session: r.Session, Rules: r.Rules}
	for _, q.Target = range append([]string{""}, r.Scope.Targets...) {
		if err := d.refuseLocked(q); err != nil {
			return err
		}
	}
	return nil
}

// mayAsk is the refusal where a lock keeps an identity from asking for privileges, or from answering who asks: that of everything too.
func (d *Decider) mayAsk(who policy.Identity) error {
	return d.refuseLocked(access.Question{By: requester(who)})
}

// lockedCertificate says why no certificate is issued; empty if no lock stands against it. A person gets one under a lock of
// everything: it opens the console, where the lock is lifted, and nothing else.
func (d *Decider) lockedCertificate(pol *policy.Policy, who policy.Identity, delegation string) string {
	return d.lockedLine(pol, &connection{kind: who.Kind, name: who.Name, task: who.Task, delegation: delegation}, who.Owner)
}

// personLocked says why a person may not sign in or stay signed in.
func (d *Decider) personLocked(pol *policy.Policy, name string) string {
	return d.lockedLine(pol, &connection{kind: policy.Person, name: name}, "")
}

// lockedSessions are the live sessions that a lock stands against.
func (d *Decider) lockedSessions() (names []string, by map[string]string) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	by = map[string]string{}
	for name, s := range d.sessions {
		if l, found := d.locks.against(d.policy, d.cfg.Now, s.question(name)); found {
			names, by[name] = append(names, name), lockLine(l)
		}
	}
	slices.Sort(names)
	return names, by
}

// endLocked ends what a lock stands against: connections, sessions on connections that may go on, and sign-ins.
func (d *Decider) endLocked(what access.Subject) (connections, sessions int, named []string) {
	names, why := d.lockedSessions() // before the door ends the first of them
	d.endTargeted(what)
	ended := d.endUnfit()
	d.mu.RLock()
	door := d.door
	d.mu.RUnlock()
	if door != nil {
		byLine := map[string][]string{}
		for _, name := range names {
			byLine[why[name]] = append(byLine[why[name]], name)
		}
		d.tellRevoked(door, byLine)
	}
	d.endStrangers()
	return ended.Connections, len(names), names[:min(len(names), maxNamed)]
}

// endTargeted makes connections to a locked target unable to ask for anything more: what they have open to it must close.
func (d *Decider) endTargeted(what access.Subject) {
	if what.Kind != access.LockTarget {
		return
	}
	l, found := d.locks.first(d.cfg.Now, what)
	if !found {
		return
	}
	var gone []string
	d.mu.Lock()
	for name, c := range d.conns {
		if c.target == what.Value && (c.ended == "" || c.ended == notOpen) {
			c.ended = lockLine(l)
			gone = append(gone, name)
		}
	}
	door := d.door
	d.mu.Unlock()
	if door != nil && len(gone) > 0 {
		d.tellEnded(door, map[string][]string{lockLine(l): gone})
	}
}

// tendEvery is how often what waits for the audit log is tried again, and locks whose time is over are noted.
const tendEvery = time.Second

// tendLocks writes what the audit log could not take, until stop is called.
func (d *Decider) tendLocks(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(tendEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			d.noteKept(ctx)
			d.noteLocks(ctx)
		}
	})
	return func() { cancel(); work.Wait() }
}

// noteLocks notes the locks that the audit log does not have, and drops those whose time is over once it has that.
func (d *Decider) noteLocks(ctx context.Context) {
	d.locks.making.Lock()
	defer d.locks.making.Unlock()
	now, changed := d.cfg.Now(), false
	var kept []lockfile.Record
	for _, r := range d.locks.records {
		if !r.Noted {
			if d.append(ctx, lockEntry(r.Lock, "locked", r.Lock.By, "", r.Lock.Reason, d.PolicyHash(), map[string]any{"noted": "later"})) != nil {
				return
			}
			r.Noted, changed = true, true
		}
		if !stands(r.Lock, now) {
			if d.append(ctx, lockEntry(r.Lock, "lifted", "", "", "its time is over", d.PolicyHash(), nil)) != nil {
				return
			}
			changed = true
			continue
		}
		kept = append(kept, r)
	}
	if !changed {
		return
	}
	if err := d.locks.file.Write(kept); err != nil {
		d.cfg.Log.Error("lock file", "error", err)
		return
	}
	d.locks.records = kept
	d.locks.enforce()
}

// lockEntry is what the log says of a lock.
func lockEntry(l access.Lock, outcome, actor, conn, reason, policyHash string, more map[string]any) audit.Entry {
	details := map[string]any{"lock": l}
	for k, v := range more {
		details[k] = v
	}
	return audit.Entry{Type: audit.AccessLock, Actor: actor, Conn: conn, Object: l.ID, Outcome: outcome, Reason: reason, Policy: policyHash, Data: data(details)}
}

// findLock is the record of an id or of a unique beginning. Called with making held.
func (l *locks) find(id string) (int, error) {
	id = strings.TrimSpace(id)
	at := -1
	for i, r := range l.records {
		rest, isID := strings.CutPrefix(r.Lock.ID, id)
		if !isID || len(id) < len("lck_")+1 {
			continue
		}
		if rest == "" {
			return i, nil
		}
		if at >= 0 {
			return 0, invalid("more than one lock begins with %q", cut(id, maxID))
		}
		at = i
	}
	if at < 0 {
		return 0, invalid("no lock %q stands; locks lists them", cut(cmp.Or(id, "?"), maxID))
	}
	return at, nil
}
