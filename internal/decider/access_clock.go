package decider

import (
	"context"
	"time"

	"gatehouse/internal/decider/privilege"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// How long the watch sleeps: no longer than a second while something is open, as clocks step; otherwise until somebody nudges it.
const (
	accessSleep = time.Second
	accessIdle  = time.Hour
	accessDaily = 24 * time.Hour
)

// nudgeAccess wakes the watch: something is open that may not have been.
func (d *Decider) nudgeAccess() {
	select {
	case d.accessWake <- struct{}{}:
	default: // it is awake already
	}
}

// watchAccess ends what its time ends, until the context ends: requests, grants, and the live sessions whose window closed.
func (d *Decider) watchAccess(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var forgot time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-d.accessWake:
		}
		now := d.cfg.Now()
		d.tickAccess(ctx)
		if since := now.Sub(forgot); since >= accessDaily || since < 0 {
			forgot = now
			if err := d.access.Forget(ctx); err != nil {
				d.cfg.Log.Error("forget privileges that ended long ago", "error", err)
			}
		}
		timer.Reset(d.untilAccess())
	}
}

// tickAccess ends what is over now.
func (d *Decider) tickAccess(ctx context.Context) {
	now := d.cfg.Now()
	changed, err := d.access.Expire(ctx, privilege.By{Actor: "gatehouse"})
	if err != nil && ctx.Err() == nil {
		d.cfg.Log.Error("what is over could not be ended in the log", "error", err) // it is good for nothing all the same
	}
	d.endHeld(func(g access.Grant) string { return d.overBy(g, now) })
	if len(changed) > 0 {
		d.tellAccess(changed...)
	}
	if d.windows.passed(d.currentPolicy(), now) {
		d.endClosed()
	}
}

// overBy says why what runs by a grant must end now; empty if it may go on.
func (d *Decider) overBy(g access.Grant, now time.Time) string {
	if !now.Before(g.Ends) {
		return "its time is over"
	}
	if beat := d.access.Beaten(g); g.Scope.Beat > 0 && now.Sub(beat) > time.Duration(g.Scope.Beat)*time.Second {
		return "the heartbeat of its orchestrator was lost"
	}
	return ""
}

// untilAccess is how long there is nothing to do.
func (d *Decider) untilAccess() time.Duration {
	d.mu.RLock()
	live := len(d.sessions) > 0
	d.mu.RUnlock()
	next, ok := d.access.NextDeadline()
	if !live && !ok {
		return accessIdle
	}
	sleep := accessSleep
	if ok {
		sleep = min(sleep, max(0, next.Sub(d.cfg.Now())))
	}
	return max(sleep, time.Millisecond)
}

// endClosed ends the live sessions that the policy does not allow any more although it is the same: a role's window has closed, or a
// freeze has begun.
func (d *Decider) endClosed() {
	byReason := map[string][]string{}
	const why = "the time in which policy allows it is over"
	d.mu.Lock()
	for name, s := range d.sessions {
		if s.ended == "" && !d.allows(s) {
			s.ended = why
			byReason[why] = append(byReason[why], name)
		}
	}
	door := d.door
	d.mu.Unlock()
	d.tellRevoked(door, byReason)
}

// windows knows when what policy says may next change by itself. It belongs to the watch.
type windows struct {
	pol  *policy.Policy
	from time.Time
	next time.Time
	ok   bool
}

// windowSearch is how long a search that found nothing is good for.
const windowSearch = 24 * time.Hour

// passed reports whether a window or freeze has begun or ended since the last time; after another policy, or a step back of the clock,
// nobody knows, and it is so.
func (w *windows) passed(pol *policy.Policy, now time.Time) bool {
	if w.pol == pol && !now.Before(w.from) && (w.ok && now.Before(w.next) || !w.ok && now.Sub(w.from) < windowSearch) {
		return false
	}
	w.pol, w.from = pol, now
	w.next, w.ok = pol.NextChange(now)
	return true
}
