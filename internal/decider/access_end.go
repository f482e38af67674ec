package decider

import (
	"context"
	"slices"

	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// tellAccess tells the door, and whoever sleeps until the next deadline, that something about requests has changed.
func (d *Decider) tellAccess(requests ...string) {
	d.nudgeAccess()
	d.mu.RLock()
	door := d.door
	d.mu.RUnlock()
	if door == nil || len(requests) == 0 {
		return
	}
	for names := range slices.Chunk(requests, protocol.MaxEnding) {
		if err := door.Event(protocol.EventAccess, protocol.AccessEvent{Requests: names}); err != nil {
			d.cfg.Log.Error("tell the door of requests", "error", err)
		}
	}
}

// endGrants ends the live grants that match, and the sessions that run by one that matches, ended or not: a command that has used its
// grant up still runs by it.
func (d *Decider) endGrants(ctx context.Context, match func(access.Grant) bool, cause access.Cause, why string, by privilege.By) (ended []access.Grant, err error) {
	ctx = context.WithoutCancel(ctx) // who asked may be ended by it
	ended, err = d.access.EndGrants(ctx, match, cause, why, by)
	d.endHeld(func(g access.Grant) string {
		if match(g) {
			return why
		}
		return ""
	})
	d.nudgeAccess()
	return ended, err
}

// endRequests voids the pending requests that match.
func (d *Decider) endRequests(ctx context.Context, match func(access.Request) bool, why string, by privilege.By) (ended []string, err error) {
	ctx = context.WithoutCancel(ctx)
	ended, err = d.access.Void(ctx, match, why, by)
	d.tellAccess(ended...)
	return ended, err
}

// endAccess ends the pending requests and the grants whose requester and scope match, with what runs by them.
func (d *Decider) endAccess(ctx context.Context, match func(by access.Requester, s access.Scope) bool, cause access.Cause, why string) (requests, grants int) {
	by := privilege.By{Actor: "gatehouse"}
	ended, err := d.endRequests(ctx, func(r access.Request) bool { return match(r.By, r.Scope) }, why, by)
	if err != nil {
		d.cfg.Log.Error("requests could not be ended", "error", err)
	}
	gone, err := d.endGrants(ctx, func(g access.Grant) bool { return match(g.By, g.Scope) }, cause, why, by)
	if err != nil {
		d.cfg.Log.Error("grants could not be ended", "error", err)
	}
	return len(ended), len(gone)
}

// endHeld ends the live sessions that run, or wait for people, by a grant for which why is not empty: their client is told that line.
func (d *Decider) endHeld(why func(access.Grant) string) (n int) {
	byReason := map[string][]string{}
	d.mu.Lock()
	for name, s := range d.sessions {
		if s.ended != "" {
			continue
		}
		for g := range s.byGrants() {
			if reason := why(g); reason != "" {
				s.ended = "the grant " + g.ID + " has ended: " + reason
				byReason[s.ended] = append(byReason[s.ended], name)
				break
			}
		}
	}
	door := d.door
	d.mu.Unlock()
	d.endWaits(why)
	return d.tellRevoked(door, byReason)
}

// tellRevoked tells the door which sessions must end, and why.
func (d *Decider) tellRevoked(door *protocol.Server, byReason map[string][]string) (n int) {
	for why, gone := range byReason {
		n += len(gone)
		if door == nil {
			continue
		}
		slices.Sort(gone)
		for names := range slices.Chunk(gone, protocol.MaxEnding) {
			if err := door.Event(protocol.EventRevoke, protocol.RevokeEvent{Sessions: names, Reason: why}); err != nil {
				d.cfg.Log.Error("tell the door of ended sessions", "error", err)
			}
		}
	}
	return n
}

// recheckAccess ends what policy does not bear any more: requests whose terms are others now, grants of whoever may not ask for them
// so any more, and all of who is revoked. Called after every change of policy and every revocation.
func (d *Decider) recheckAccess(ctx context.Context) {
	pol := d.currentPolicy()
	by := privilege.By{Actor: "gatehouse"}
	voided := map[string][]string{}
	for _, r := range d.access.PendingRequests(nil) {
		if why, _ := d.unfounded(pol, r.By, r); why != "" {
			voided[why] = append(voided[why], r.ID)
		}
	}
	for why, ids := range voided {
		if _, err := d.endRequests(ctx, func(r access.Request) bool { return slices.Contains(ids, r.ID) }, why, by); err != nil {
			d.cfg.Log.Error("requests could not be ended", "error", err)
		}
	}
	for _, g := range d.grantsInUse() {
		r, err := d.access.Request(ctx, g.Request)
		if err != nil {
			d.cfg.Log.Error("the request of a grant cannot be read", "grant", g.ID, "error", err)
			continue
		}
		if why, cause := d.unfounded(pol, g.By, r); why != "" {
			if _, err := d.endGrants(ctx, func(x access.Grant) bool { return x.ID == g.ID }, cause, why, by); err != nil {
				d.cfg.Log.Error("a grant could not be ended", "grant", g.ID, "error", err)
			}
		}
	}
}

// grantsInUse are the live grants, and those that live sessions run by, each once.
func (d *Decider) grantsInUse() []access.Grant {
	list := d.access.LiveGrants(nil)
	d.mu.RLock()
	for _, s := range d.sessions {
		list = append(list, s.heldGrants()...)
	}
	d.mu.RUnlock()
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(g access.Grant) bool {
		twice := seen[g.ID]
		seen[g.ID] = true
		return twice
	})
}

// unfounded says why a request, or what it led to, does not stand any more; empty if it does.
func (d *Decider) unfounded(pol *policy.Policy, by access.Requester, r access.Request) (why string, cause access.Cause) {
	who, known := identityOf(pol, by)
	switch {
	case !known || who.Owner != by.Owner:
		return "a change of policy: " + by.Principal + " is not known any more as it was, or may not act", access.CausePolicy
	case pol.HandedOn(who.Name, by.Delegation) != "" && who.Kind == policy.Agent:
		return pol.HandedOn(who.Name, by.Delegation), access.CausePolicy
	}
	if line := d.revokedLine(subjectOf(who, by)); line != "" {
		return line, access.CauseRevoked
	}
	if !founded(pol, who, r) {
		return "a change of policy: what people must approve for it is not what it was", access.CausePolicy
	}
	return "", ""
}
