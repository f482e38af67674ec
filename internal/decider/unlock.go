package decider

import (
	"context"
	"slices"
	"strings"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/lockfile"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// localRoot is root on this machine among those who want a lock lifted: one voice, whatever names root gives itself.
const localRoot = "local:"

// unlockAsked lifts a lock at the word of a person with the right whom it does not concern.
func (d *Decider) unlockAsked(ctx context.Context, in protocol.AccessName) (access.Lock, error) {
	by, err := d.locker(in.Who, in.By)
	if err != nil {
		return access.Lock{}, err
	}
	return d.unlock(ctx, by, in)
}

// unlockLocal lifts one at the word of root on this machine.
func (d *Decider) unlockLocal(ctx context.Context, in protocol.AccessName) (access.Lock, error) {
	by, err := localRevoker(in.Who, in.By)
	if err != nil {
		return access.Lock{}, err
	}
	return d.unlock(ctx, by, in)
}

// unlock notes, and then makes it true: after a crash in the middle, and while the audit log cannot be written, what is locked stays
// locked. What needs two people has the first one's word noted, and stands.
func (d *Decider) unlock(ctx context.Context, by caller, in protocol.AccessName) (access.Lock, error) {
	ctx = context.WithoutCancel(ctx)
	if err := checkReason(in.Words); err != nil {
		return access.Lock{}, invalid("to lift a lock needs a reason: one line of at most %d characters", maxRevokeReason)
	}
	d.locks.making.Lock()
	defer d.locks.making.Unlock()
	i, err := d.locks.find(in.ID)
	if err != nil {
		return access.Lock{}, err
	}
	r := d.locks.records[i]
	if why := d.hindersLift(by, r); why != "" {
		d.noteAlways(ctx, lockEntry(r.Lock, "deny", by.name, by.conn, why, d.PolicyHash(), map[string]any{"reason": in.Words}))
		return access.Lock{}, refuse("%s", why)
	}
	lifts := append(slices.Clone(r.Lock.Lifts), by.name)
	if len(lifts) < wanted(r.Lock) {
		return d.wantLift(ctx, by, i, lifts, in.Words)
	}
	was := r.Lock
	was.Lifts = lifts
	if err := d.append(ctx, lockEntry(was, "lifted", by.name, by.conn, in.Words, d.PolicyHash(), nil)); err != nil {
		return access.Lock{}, err
	}
	if err := d.replaceLocks(slices.Delete(slices.Clone(d.locks.records), i, i+1)); err != nil {
		return access.Lock{}, err
	}
	d.cfg.Log.Warn("lock lifted", "id", was.ID, "what", lockText(was.What), "by", by.name, "reason", in.Words)
	return was, nil
}

// wanted is how many distinct people must want a lock lifted.
func wanted(l access.Lock) int {
	if l.What.Kind == access.LockEverything {
		return 2
	}
	return 1
}

// wantLift keeps the first of two words.
func (d *Decider) wantLift(ctx context.Context, by caller, i int, lifts []string, reason string) (access.Lock, error) {
	records := slices.Clone(d.locks.records)
	records[i].Lock.Lifts = lifts
	l := records[i].Lock
	if err := d.append(ctx, lockEntry(l, "wanted", by.name, by.conn, reason, d.PolicyHash(), nil)); err != nil {
		return access.Lock{}, err
	}
	return l, d.replaceLocks(records)
}

// replaceLocks makes other records durable, and then true. Called with making held.
func (d *Decider) replaceLocks(records []lockfile.Record) error {
	if err := d.locks.file.Write(records); err != nil {
		return &protocol.Error{Code: protocol.CodeUnavailable, Msg: "what is locked stays locked: the lock file cannot be written: " + err.Error()}
	}
	d.locks.records = records
	d.locks.enforce()
	return nil
}

// hindersLift says why somebody may not lift a lock; empty if they may. Nobody lifts what concerns themselves or an agent that they
// own; everything concerns everybody, and for that two are needed instead.
func (d *Decider) hindersLift(by caller, r lockfile.Record) string {
	if d.hasWanted(by, r.Lock) {
		return by.name + " wants " + r.Lock.ID + " lifted already; somebody else must want it too"
	}
	if by.who.Name == "" { // root
		return ""
	}
	pol := d.currentPolicy()
	if need, ok := permits(string(console.LockLift), pol.Rights(by.who)); by.who.Kind != policy.Person || !ok {
		return "to lift a lock needs a person with the right \"" + string(need) + "\", which " + by.name + " is not"
	}
	if slices.Contains(d.concerned(r), by.who.Name) {
		return lockText(r.Lock.What) + " concerns " + by.name + ", and nobody lifts their own; ask somebody else with the right, or root on the machine"
	}
	return ""
}

func (d *Decider) hasWanted(by caller, l access.Lock) bool {
	return slices.ContainsFunc(l.Lifts, func(who string) bool {
		return who == by.name || strings.HasPrefix(who, localRoot) && strings.HasPrefix(by.name, localRoot)
	})
}

// concerned are the people whom a lock is about, as the policy says now and as was known when it was made.
func (d *Decider) concerned(r lockfile.Record) []string {
	return append(d.concernedBy(r.Lock.What), r.Concerns...)
}

// concernedBy are the people of a subject's own name.
func (d *Decider) concernedBy(what access.Subject) []string {
	pol := d.currentPolicy()
	switch what.Kind {
	case access.LockPerson:
		return []string{what.Value}
	case access.LockAgent:
		return pol.Owners(what.Value)
	case access.LockOwner:
		return pol.OwnersOf(what.Value)
	case access.LockGroup:
		return pol.Members(what.Value)
	}
	return nil
}

// maxConcerned bounds the people that a record names.
const maxConcerned = 50

// concernedNow are the people behind what is live of a session, a connection or a task, who are not known from its name later.
func (d *Decider) concernedNow(what access.Subject) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []string
	for _, c := range d.conns {
		s := d.sessions[what.Value]
		if !(what.Kind == access.LockTask && c.task == what.Value || what.Kind == access.LockConnection && c.id == what.Value ||
			what.Kind == access.LockSession && s != nil && s.conn == c.id) {
			continue
		}
		if c.kind == policy.Person {
			out = append(out, c.name)
		} else {
			out = append(out, d.policy.Owners(c.name)...)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxConcerned)]
}
