package access

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// Open reports whether a grant belongs into a book: it lives, or was by break-glass and has to be reviewed.
func (g Grant) Open() bool {
	return g.Ended.IsZero() || g.Scope.Glass && g.Reviewed.IsZero()
}

// end is the grant after its end.
func (g Grant) end(cause Cause, now time.Time, why string) Grant {
	g.Ended, g.Cause, g.Why = now.UTC(), cause, clip(why, maxWords)
	return g
}

// deadline is when it ends by itself, as far as is known.
func (g Grant) deadline() time.Time {
	if lost := g.Beat.Add(time.Duration(g.Scope.Beat) * time.Second); g.Scope.Beat > 0 && lost.Before(g.Ends) {
		return lost
	}
	return g.Ends
}

// lapse is why it ends at its deadline.
func (g Grant) lapse() (Cause, string) {
	if g.deadline().Before(g.Ends) {
		return CauseHeartbeat, "its heartbeat was lost"
	}
	return CauseTime, "its time is over"
}

// grantFor is the grant of a request that is approved.
func (b *Book) grantFor(now time.Time, r Request, id string) (Grant, error) {
	if err := fresh(b.grants, "grant", "gr_", id); err != nil {
		return Grant{}, err
	}
	room, each := MaxGrants, MaxGrantsEach
	if r.Scope.Glass {
		room, each = room+reserve, each+reserve
	}
	if mine := len(b.held[r.By.Principal]); len(b.grants) >= room || mine >= each {
		return Grant{}, full("%s are open, %d of %s, which is the most: end some", plural(len(b.grants), "grant", "grants"), mine, r.By.Principal)
	}
	now = now.UTC()
	g := Grant{ID: id, Request: r.ID, By: r.By, Scope: r.Scope, Ticket: r.Ticket, Made: now, Ends: now.Add(time.Duration(r.Scope.Seconds) * time.Second)}
	if r.Scope.Beat > 0 {
		g.Beat = now
	}
	return g, nil
}

// usable reports whether a grant can be used now.
func (b *Book) usable(now time.Time, g Grant) bool {
	return g.Ended.IsZero() && !b.isPast(g.ID, now, g.deadline()) && (g.Scope.Uses == 0 || g.Used < g.Scope.Uses)
}

// Live lists what a requester could use now, those that end first before others. A grant is its requester's alone: with the same owner,
// task and delegation.
func (b *Book) Live(now time.Time, by Requester) []Grant {
	var list []Grant
	for id := range b.held[by.Principal] {
		if g := b.grants[id]; g.By == by && b.usable(now, g) {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(x, y Grant) int {
		if n := x.Ends.Compare(y.Ends); n != 0 {
			return n
		}
		return strings.Compare(x.ID, y.ID)
	})
	return list
}

// Wanted is what a requester is about to do on a target: a command, and the ask rules of the policy that want it approved.
type Wanted struct {
	By      Requester
	Target  string
	Login   policy.Login
	Command *Command
	Rules   []AskedRule
}

// AskedRule is an ask rule, by the role whose it is and its own words.
type AskedRule struct{ Role, Pattern string }

// on reports whether a scope is for a target and login.
func (s Scope) on(target string, login policy.Login) bool {
	return s.Login == login && slices.Contains(s.Targets, target)
}

// Covering finds the grants with which a command that needs approval may run: one for this very command, or one for the pattern of each rule;
// ok is false if something stays uncovered. They are not used yet (Use). Roles are not looked at: they take part in the policy's decision.
func (b *Book) Covering(now time.Time, w Wanted) (grants []Grant, ok bool) {
	live := slices.DeleteFunc(b.Live(now, w.By), func(g Grant) bool { return !g.Scope.on(w.Target, w.Login) })
	if w.Command != nil {
		wanted := w.Command.Canonical()
		for _, g := range live {
			if g.Scope.Kind == CommandScope && bytes.Equal(g.Scope.Command.Canonical(), wanted) {
				return []Grant{g}, true
			}
		}
	}
	for _, rule := range w.Rules {
		i := slices.IndexFunc(live, func(g Grant) bool {
			return g.Scope.Kind == PatternScope && g.Scope.Role == rule.Role && g.Scope.Pattern == rule.Pattern
		})
		if i < 0 {
			return nil, false
		}
		if !slices.ContainsFunc(grants, func(g Grant) bool { return g.ID == live[i].ID }) {
			grants = append(grants, live[i])
		}
	}
	return grants, len(grants) > 0
}

// Use counts one use of each grant, and ends those that were good for no more; what runs under them goes on. Nothing is counted if one of
// them cannot be used.
func (b *Book) Use(now time.Time, ids ...string) (Change, error) {
	c := b.change()
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		g, ok := b.grants[id]
		if !ok || !b.usable(now, g) {
			return Change{}, notFound("grant", id)
		}
		g.Used++
		if g.Scope.Uses > 0 && g.Used >= g.Scope.Uses {
			g = g.end(CauseUses, now, "it was used "+plural(int(g.Used), "time", "times"))
		}
		c.Grants = append(c.Grants, g)
	}
	return c, nil
}

// live returns a grant that has not ended.
func (b *Book) live(now time.Time, id string) (Grant, error) {
	g, ok := b.grants[id]
	if !ok || !g.Ended.IsZero() || b.isPast(id, now, g.deadline()) {
		return Grant{}, notFound("grant", id)
	}
	return g, nil
}

// EndGrant ends a grant.
func (b *Book) EndGrant(now time.Time, id string, cause Cause, why string) (Change, error) {
	g, err := b.live(now, id)
	if err == nil {
		err = someLines("reason", why, maxWords)
	}
	if err != nil {
		return Change{}, err
	}
	c := b.change()
	c.Grants = []Grant{g.end(cause, now, why)}
	return c, nil
}

// EndGrants ends the grants that match.
func (b *Book) EndGrants(now time.Time, match func(Grant) bool, cause Cause, why string) Change {
	c := b.change()
	for _, g := range sorted(b.grants) {
		if g.Ended.IsZero() && match(g) {
			c.Grants = append(c.Grants, g.end(cause, now, strings.ToValidUTF8(why, "")))
		}
	}
	return c
}

// Beat notes a heartbeat of grants that want one.
func (b *Book) Beat(now time.Time, ids ...string) (Change, error) {
	c := b.change()
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		g, err := b.live(now, id)
		if err != nil {
			return Change{}, err
		}
		if g.Scope.Beat > 0 {
			g.Beat = now.UTC()
			c.Grants = append(c.Grants, g)
		}
	}
	return c, nil
}
