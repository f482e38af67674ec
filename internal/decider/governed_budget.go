package decider

import (
	"context"

	"gatehouse/internal/decider/ledger"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// stepLimits are the limits of a budget that each command of a governed shell is held against: the shell itself has booked its bytes and
// its time, and is the one session.
func stepLimits(b policy.Budget) access.Limits {
	l := ledger.Limits(b)
	l.BytesOut, l.Wall, l.Sessions, l.Hosts = 0, 0, 0, 0
	return l
}

// bookStep counts a command of a governed shell, and returns what takes that back if it does not run because of err. r.over says that
// it may not.
func (d *Decider) bookStep(ctx context.Context, r *ruling) (undo func(err error), err error) {
	s, ok := d.spenderOf(r.pol, r.who)
	if !ok {
		return func(error) {}, nil
	}
	limits := stepLimits(s.budget)
	if d.byGlass(r.out.Decision.Grants) {
		limits = access.Limits{}
	}
	amount := access.Amount{Commands: 1, Writes: redirected(*r.out.Decision.Plan)}
	over := ledger.UsedUp(limits, d.ledger.Get(s.key))
	if over == nil {
		over, err = d.ledger.Count(ctx, d.cfg.Now(), s.key, limits, amount)
	}
	if err != nil {
		return nil, refuse("the budget of %s cannot be counted: %v", s.who.Principal(), err)
	}
	if over != nil {
		d.overBooked(r, s, over)
		return func(error) {}, nil
	}
	return func(err error) {
		if err == nil {
			return
		}
		if err := d.ledger.Undo(ctx, s.key, amount); err != nil {
			d.cfg.Log.Error("budget cannot be stored; more is counted as spent than was", "error", err)
		}
	}, nil
}

// bookFor counts what is about to begin: a session, or a command of a governed shell. The files of one are counted by themselves.
func (d *Decider) bookFor(ctx context.Context, r *ruling) (undo func(err error), err error) {
	switch {
	case r.aStep():
		return d.bookStep(ctx, r)
	case r.within:
		return func(error) {}, nil
	}
	return func(err error) { d.unbook(ctx, r.in.Session, err) }, d.book(ctx, r)
}
