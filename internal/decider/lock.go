package decider

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/lockfile"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// endingTime is how long a lock's answer waits for the end of requests and grants, and killTime how long a kill's does, after which
// sessions end.
const (
	endingTime = 3 * time.Second
	killTime   = 50 * time.Millisecond
)

// lockAsked makes a lock at the word of somebody at the door.
func (d *Decider) lockAsked(ctx context.Context, in protocol.Lock) (console.LockReport, error) {
	by, err := d.locker(in.Who, in.By)
	if err != nil {
		return console.LockReport{}, err
	}
	l, err := d.readLock(by, in.Order)
	if err != nil {
		return console.LockReport{}, err
	}
	if !slices.Contains(d.currentPolicy().Rights(by.who), policy.Operate) && !d.own(by, l.What) {
		why := refuse("to lock %s needs the right %q, which no role of %s has; without it one locks what is one's own: an agent its task and its sessions, a person their agents", l.What.String(), policy.Operate, by.name)
		d.noteAlways(ctx, lockEntry(l, "deny", by.name, by.conn, why.Error(), d.PolicyHash(), nil))
		return console.LockReport{}, why
	}
	return d.makeLock(ctx, by, l)
}

// lockLocal makes one at the word of root on this machine.
func (d *Decider) lockLocal(ctx context.Context, in protocol.Lock) (console.LockReport, error) {
	by, err := localRevoker(in.Who, in.By)
	if err != nil {
		return console.LockReport{}, err
	}
	l, err := d.readLock(by, in.Order)
	if err != nil {
		return console.LockReport{}, err
	}
	return d.makeLock(ctx, by, l)
}

// locker is who asks at the door, as this process verified it.
func (d *Decider) locker(who protocol.Credential, by string) (caller, error) {
	if by != "" {
		return caller{}, invalid("the door does not speak for this machine's root")
	}
	person, conn, err := d.stopper(who)
	return caller{who: person, name: person.Principal(), conn: conn}, err
}

// readLock checks everything about an order: whoever sent it.
func (d *Decider) readLock(by caller, in console.LockOrder) (access.Lock, error) {
	now := d.cfg.Now().UTC()
	l := access.Lock{ID: id.New(id.Lock, now), What: d.wholeSubject(in.What), Reason: strings.TrimSpace(in.Reason), By: by.name, At: now.Truncate(time.Second)}
	if !in.Until.IsZero() {
		l.Until = in.Until.UTC().Truncate(time.Second)
	}
	return l, checkLock(l, now)
}

// wholeSubject writes a live session or connection whose id's unique beginning is given out.
func (d *Decider) wholeSubject(what access.Subject) access.Subject {
	var names []string
	d.mu.RLock()
	defer d.mu.RUnlock()
	switch what.Kind {
	case access.LockSession:
		names = beginning(d.sessions, what.Value)
	case access.LockConnection:
		names = beginning(d.conns, what.Value)
	}
	if len(names) == 1 {
		what.Value = names[0]
	}
	return what
}

// minBeginning is how much of an id must be given: its prefix, and some of its time.
const minBeginning = 8

func beginning[V any](all map[string]V, text string) (names []string) {
	if len(text) < minBeginning {
		return nil
	}
	for name := range all {
		if strings.HasPrefix(name, text) {
			names = append(names, name)
		}
	}
	return names
}

// checkLock refuses what names nothing that can be locked, or could not be shown as it is.
func checkLock(l access.Lock, now time.Time) error {
	what := l.What.Value
	switch {
	case console.Visible(what) != what || strings.TrimSpace(what) != what:
		return invalid("cannot lock %q: it has characters that do not show", cut(what, maxID))
	case l.What.Kind == access.LockSession && !id.Valid(id.Session, what), l.What.Kind == access.LockConnection && !id.Valid(id.Connection, what):
		return invalid("cannot lock %q: want the whole id, or the beginning of a live one's", cut(l.What.String(), maxID))
	case console.Visible(l.Reason) != l.Reason || utf8.RuneCountInString(l.Reason) > maxRevokeReason:
		return invalid("a reason is one line of at most %d characters", maxRevokeReason)
	}
	if err := l.Validate(now); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// own reports whether something is the caller's own to lock: an agent itself, its task, its sessions and connections; of a person
// themself, and the same of their agents.
func (d *Decider) own(by caller, what access.Subject) bool {
	pol := d.currentPolicy()
	mine := func(kind policy.Kind, name string) bool {
		return kind == by.who.Kind && name == by.who.Name || kind == policy.Agent && by.who.Kind == policy.Person && slices.Contains(pol.Owners(name), by.who.Name)
	}
	switch what.Kind {
	case access.LockAgent, access.LockPerson:
		return mine(policy.Kind(what.Kind), what.Value)
	case access.LockOwner:
		return by.who.Kind == policy.Person && what.Value == by.name
	case access.LockTask:
		return by.who.Kind == policy.Agent && by.who.Task == what.Value
	case access.LockSession:
		d.mu.RLock()
		defer d.mu.RUnlock()
		s := d.sessions[what.Value]
		return s != nil && mine(s.request.Identity.Kind, s.request.Identity.Name)
	case access.LockConnection:
		d.mu.RLock()
		defer d.mu.RUnlock()
		c := d.conns[what.Value]
		return c != nil && mine(c.kind, c.name)
	}
	return false
}

// makeLock makes a lock: durable in the file, in force, what it stands against ended, requests and grants ended, noted; in this order.
// What fails after the first step does not undo it: a lock stands though the audit log cannot be written.
func (d *Decider) makeLock(ctx context.Context, by caller, l access.Lock) (console.LockReport, error) {
	ctx = context.WithoutCancel(ctx) // who asked may be ended by it
	out := console.LockReport{Lock: l, Sessions: []string{}, Unknown: d.unknown(l.What)}
	end := d.ender(l.What, by.name, access.CauseLock, lockLine(l))
	ferr := d.storeLock(l)
	if errors.Is(ferr, lockfile.ErrFull) {
		return out, refuse("%v", ferr)
	}
	out.Connections, out.SessionsAll, out.Sessions = d.endLocked(l.What)
	d.cfg.Log.Warn("LOCKED", "id", l.ID, "what", l.What.String(), "by", l.By, "reason", l.Reason, "connections", out.Connections, "sessions", out.SessionsAll)
	out.Requests, out.Grants = d.endPrivileges(ctx, endingTime, end)
	out.Noted = d.noteLock(ctx, by, l, out)
	if ferr != nil {
		return out, &protocol.Error{Code: protocol.CodeUnavailable, Msg: l.ID + " is in force, and ends with the decider: the lock file cannot be written: " + ferr.Error()}
	}
	return out, nil
}

// storeLock makes a lock durable, and then true. Where the file cannot be written, it is true all the same.
func (d *Decider) storeLock(l access.Lock) error {
	d.locks.making.Lock()
	defer d.locks.making.Unlock()
	records := append(lockfile.Live(d.locks.records, d.cfg.Now()), lockfile.Record{Lock: l, Whose: d.whose(l.What), Rule: d.ruleSaid(l.What)})
	for _, r := range d.locks.records { // over, and the log does not have it yet
		if !stands(r.Lock, d.cfg.Now()) {
			records = append(records, r)
		}
	}
	err := d.locks.file.Write(records)
	if errors.Is(err, lockfile.ErrFull) {
		return err
	}
	d.locks.records = records
	d.locks.enforce()
	return err
}

// noteLock puts a lock into the audit log, or leaves that to tendLocks.
func (d *Decider) noteLock(ctx context.Context, by caller, l access.Lock, out console.LockReport) (noted bool) {
	entry := lockEntry(l, "locked", by.name, by.conn, l.Reason, d.PolicyHash(), map[string]any{"connections": out.Connections, "sessions": out.SessionsAll, "requests": out.Requests, "grants": out.Grants})
	d.locks.making.Lock()
	defer d.locks.making.Unlock()
	i, err := d.locks.find(l.ID)
	if err != nil || d.locks.records[i].Noted || d.append(ctx, entry) != nil {
		return err == nil && d.locks.records[i].Noted
	}
	d.locks.records[i].Noted = true
	if err := d.locks.file.Write(d.locks.records); err != nil {
		d.cfg.Log.Error("lock file", "error", err) // it is noted once more at the next start
	}
	return true
}

// unknown reports whether neither policy nor inventory knows what is locked: a name that has left them can be locked, and so can a
// mistyped one.
func (d *Decider) unknown(what access.Subject) bool {
	pol := d.currentPolicy()
	switch what.Kind {
	case access.LockAgent, access.LockPerson:
		_, known := pol.Profile(policy.Kind(what.Kind), what.Value)
		return !known
	case access.LockTarget:
		_, known := d.target(what.Value)
		return !known
	case access.LockGroup:
		return len(pol.Members(what.Value)) == 0
	case access.LockOwner:
		return len(pol.OwnersOf(what.Value)) == 0
	}
	return false
}

// locksAsked lists what stands for somebody with a right; reading is an action, and its entry does not hold the answer up.
func (d *Decider) locksAsked(ctx context.Context, in protocol.AccessName) (protocol.Locks, error) {
	by, err := d.locker(in.Who, in.By)
	if err != nil {
		return protocol.Locks{}, err
	}
	entry := audit.Entry{Type: audit.Read, Actor: by.name, Owner: by.who.Owner, Conn: by.conn, Outcome: "allow", Policy: d.PolicyHash(), Data: data(map[string]any{"verb": string(console.LockList)})}
	need, allowed := permits(string(console.LockList), d.currentPolicy().Rights(by.who))
	if !allowed {
		entry.Outcome = "deny"
	}
	d.noteAlways(ctx, entry)
	if !allowed {
		return protocol.Locks{}, refuse("%q needs the right %q, which no role of %s has", console.LockList, need, by.name)
	}
	return protocol.Locks{List: d.locks.standing(d.cfg.Now)}, nil
}

// locksLocal lists for root on this machine.
func (d *Decider) locksLocal(_ context.Context, in protocol.AccessName) (protocol.Locks, error) {
	if _, err := localRevoker(in.Who, in.By); err != nil {
		return protocol.Locks{}, err
	}
	return protocol.Locks{List: d.locks.standing(d.cfg.Now)}, nil
}
