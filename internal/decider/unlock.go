package decider

import (
	"context"
	"slices"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/lockfile"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy/access"
)

// localRoot is root on this machine to those who lift locks, whatever name root gives itself.
const localRoot = "local:root"

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
	was, lifted, err := d.liftLock(by, r)
	if err != nil {
		d.noteAlways(ctx, lockEntry(r.Lock, "deny", by.name, by.conn, err.Error(), d.PolicyHash(), map[string]any{"reason": in.Words}))
		return access.Lock{}, refusal(err)
	}
	if !lifted {
		return d.wantLift(ctx, by, i, was, in.Words)
	}
	if err := d.append(ctx, lockEntry(was, "lifted", by.name, by.conn, in.Words, d.PolicyHash(), nil)); err != nil {
		return access.Lock{}, err
	}
	if err := d.replaceLocks(slices.Delete(slices.Clone(d.locks.records), i, i+1)); err != nil {
		return access.Lock{}, err
	}
	d.cfg.Log.Warn("lock lifted", "id", was.ID, "what", was.What.String(), "by", by.name, "reason", in.Words)
	return was, nil
}

// wantLift keeps the first of two words.
func (d *Decider) wantLift(ctx context.Context, by caller, i int, after access.Lock, reason string) (access.Lock, error) {
	records := slices.Clone(d.locks.records)
	records[i].Lock = after
	if err := d.append(ctx, lockEntry(after, "wanted", by.name, by.conn, reason, d.PolicyHash(), nil)); err != nil {
		return access.Lock{}, err
	}
	return after, d.replaceLocks(records)
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

// liftLock is the lock after one more wants it lifted. Of people, those with the right; who is concerned, and how many it takes, the lock
// says itself.
func (d *Decider) liftLock(by caller, r lockfile.Record) (after access.Lock, lifted bool, err error) {
	pol := d.currentPolicy()
	if by.who.Name == "" {
		return r.Lock.Lift(pol, localRoot, r.Whose...)
	}
	need, ok := permits(string(console.LockLift), pol.Rights(by.who))
	if !ok {
		return r.Lock, false, refuse("to lift a lock needs the right %q, which no role of %s has", need, by.name)
	}
	return r.Lock.Lift(pol, by.name, r.Whose...)
}

// maxWhose bounds the requesters that a record names.
const maxWhose = 20

// whose are those behind what is live of a session, a connection or a task, who are not known from its name later.
func (d *Decider) whose(what access.Subject) []access.Requester {
	if !slices.Contains([]access.LockKind{access.LockSession, access.LockConnection, access.LockTask}, what.Kind) {
		return nil
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []access.Requester
	s := d.sessions[what.Value]
	for name, c := range d.conns {
		meant := what.Kind == access.LockTask && c.task == what.Value || what.Kind == access.LockConnection && name == what.Value || what.Kind == access.LockSession && s != nil && s.conn == name
		if by := c.question(d.ownerOf(c)).By; meant && len(out) < maxWhose && !slices.Contains(out, by) {
			out = append(out, by)
		}
	}
	return out
}
