package decider

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// accessGrants lists grants for whoever asks at the door.
func (d *Decider) accessGrants(ctx context.Context, in protocol.AccessList) (protocol.AccessGrants, error) {
	a, err := d.accessAsker(in.Who, in.By)
	if err != nil {
		return protocol.AccessGrants{}, err
	}
	if a.person() != "" {
		if err := d.noteRead(ctx, a, console.GrantList, ""); err != nil {
			return protocol.AccessGrants{}, err
		}
	}
	return d.listGrants(ctx, a, in.Filter)
}

func (d *Decider) accessGrantsLocal(ctx context.Context, in protocol.AccessList) (protocol.AccessGrants, error) {
	a, err := localAsker(in.Who, in.By)
	if err != nil {
		return protocol.AccessGrants{}, err
	}
	return d.listGrants(ctx, a, in.Filter)
}

func (d *Decider) listGrants(ctx context.Context, a asker, f console.AccessFilter) (protocol.AccessGrants, error) {
	page, next, err := d.access.Grants(ctx, f.Before, maxAccessPage, func(g access.Grant) bool {
		if f.Live && !g.Ended.IsZero() || f.Task != "" && g.By.Task != f.Task || f.Who != "" && g.By.Principal != f.Who {
			return false
		}
		return a.root() || a.has(policy.View) || d.owns(a, g.By) || d.reviews(a, g)
	})
	return protocol.AccessGrants{List: page, Next: next}, err
}

// reviews reports whether somebody may look at what was done with a break-glass grant.
func (d *Decider) reviews(a asker, g access.Grant) bool {
	return g.Scope.Glass && a.person() != "" && a.name != g.By.Principal && a.has(policy.Review)
}

// accessEnd ends grants: one's own and those of one's agents; with the right operate any.
func (d *Decider) accessEnd(ctx context.Context, in protocol.AccessName) (protocol.AccessGrants, error) {
	a, err := d.accessAsker(in.Who, in.By)
	if err != nil {
		return protocol.AccessGrants{}, err
	}
	return d.endAsked(ctx, a, in)
}

func (d *Decider) accessEndLocal(ctx context.Context, in protocol.AccessName) (protocol.AccessGrants, error) {
	a, err := localAsker(in.Who, in.By)
	if err != nil {
		return protocol.AccessGrants{}, err
	}
	if in.ID == "" {
		return protocol.AccessGrants{}, invalid("say which grant")
	}
	return d.endAsked(ctx, a, in)
}

func (d *Decider) endAsked(ctx context.Context, a asker, in protocol.AccessName) (protocol.AccessGrants, error) {
	said, err := words(in.Words, "the reason", maxAccessWords)
	if err != nil {
		return protocol.AccessGrants{}, err
	}
	by := privilege.By{Actor: a.name, Conn: a.conn}
	why := "ended by " + a.name
	if said != "" {
		why += ": " + said
	}
	if in.ID == "" {
		mine := func(g access.Grant) bool { return g.By.Principal == a.name && g.By.Task == a.who.Task }
		ended, err := d.endGrants(ctx, mine, access.CauseDone, why, by)
		return protocol.AccessGrants{List: ended}, err
	}
	g, err := d.access.FindGrant(ctx, in.ID)
	own := err == nil && d.owns(a, g.By)
	if err != nil || !own && !a.root() && !a.has(policy.Operate) {
		return protocol.AccessGrants{}, d.refuseAccess(ctx, a, audit.AccessGrant, in.ID, fmt.Errorf("there is no grant %q that you may end", cut(in.ID, maxID)))
	}
	cause := access.CauseRevoked
	if own {
		cause = access.CauseDone
	}
	ended, err := d.endGrants(ctx, func(x access.Grant) bool { return x.ID == g.ID }, cause, why, by)
	if err == nil && len(ended) == 0 {
		ended = []access.Grant{g} // it had ended; what still used it has now
	}
	return protocol.AccessGrants{List: ended}, err
}

// accessBeat notes that whoever orchestrates a task lives: for one's own grants and those of one's agents.
func (d *Decider) accessBeat(ctx context.Context, in protocol.AccessName) (protocol.AccessGrants, error) {
	a, err := d.accessAsker(in.Who, in.By)
	if err != nil {
		return protocol.AccessGrants{}, err
	}
	var grants []access.Grant
	if in.ID == "" {
		grants = d.access.LiveGrants(func(g access.Grant) bool {
			return g.By.Principal == a.name && g.By.Task == a.who.Task && g.Scope.Beat > 0
		})
	} else {
		g, err := d.access.FindGrant(ctx, in.ID)
		if err != nil || !d.owns(a, g.By) {
			return protocol.AccessGrants{}, refuse("there is no grant %q of %s or its agents", cut(in.ID, maxID), a.name)
		}
		grants = []access.Grant{g}
	}
	out := protocol.AccessGrants{List: []access.Grant{}}
	for _, g := range grants {
		g, err := d.access.Beat(ctx, g.ID)
		if err != nil {
			return out, refusal(err)
		}
		out.List = append(out.List, g)
	}
	return out, nil
}

// accessReview says that somebody has looked at what was done with a break-glass grant.
func (d *Decider) accessReview(ctx context.Context, in protocol.AccessName) (access.Grant, error) {
	a, err := d.accessAsker(in.Who, in.By)
	if err != nil {
		return access.Grant{}, err
	}
	g, err := d.review(ctx, a, in)
	if err != nil {
		return g, d.refuseAccess(ctx, a, audit.AccessReview, in.ID, err)
	}
	return g, nil
}

func (d *Decider) review(ctx context.Context, a asker, in protocol.AccessName) (access.Grant, error) {
	if a.person() == "" {
		return access.Grant{}, refuse("people review; %s is an agent", a.name)
	}
	said, err := words(in.Words, "a review", maxAccessWords)
	if err != nil {
		return access.Grant{}, err
	}
	if said == "" {
		return access.Grant{}, invalid("say in a line what was looked at and found")
	}
	g, err := d.access.FindGrant(ctx, in.ID)
	if err != nil || !g.Scope.Glass {
		return access.Grant{}, refuse("%q is no grant of a break-glass", cut(in.ID, maxID))
	}
	pol := d.currentPolicy()
	if g.Need == nil || !slices.Contains(pol.ReviewersOf(*g.Need), a.person()) {
		return access.Grant{}, refuse("%s does not review this break-glass: those whom its policy names do, or else those with the right to review", a.name)
	}
	return d.access.Review(ctx, pol, g.ID, access.Vote{By: a.person(), Yes: true, Words: said, At: d.cfg.Now().UTC()}, privilege.By{Actor: a.name, Conn: a.conn})
}

// accessAway says who answers in the caller's place, or that nobody does any more.
func (d *Decider) accessAway(ctx context.Context, in protocol.AccessAway) (protocol.AccessAways, error) {
	a, err := d.accessAsker(in.Who, "")
	if err != nil {
		return protocol.AccessAways{}, err
	}
	if a.person() == "" {
		return protocol.AccessAways{}, refuse("people are away; %s is an agent", a.name)
	}
	if err := d.access.SetAway(ctx, d.currentPolicy(), a.person(), in.To, in.Until.UTC(), privilege.By{Actor: a.name, Conn: a.conn}); err != nil {
		return protocol.AccessAways{}, d.refuseAccess(ctx, a, audit.AccessAway, "person:"+a.person(), err)
	}
	return protocol.AccessAways{List: d.access.AwaysOf(a.person())}, nil
}
