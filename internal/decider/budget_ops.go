package decider

import (
	"context"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// budgetOf is the budget that policy gives a principal now.
func (d *Decider) budgetOf(principal string) (policy.Budget, bool) {
	kind, name, _ := strings.Cut(principal, ":")
	return d.currentPolicy().Budget(policy.Identity{Kind: policy.Kind(kind), Name: name})
}

// budgetsAsked lists the budgets that count now: one's own and those of one's agents, or all.
func (d *Decider) budgetsAsked(ctx context.Context, in protocol.ListBudgets) (protocol.Budgets, error) {
	out := protocol.Budgets{List: []console.Budget{}}
	a, err := d.accessAsker(in.Who, "")
	if err != nil {
		return out, err
	}
	if in.All {
		if !a.has(policy.View) {
			return out, refuse("to see the budgets of everybody needs the right %q, which no role of %s has", policy.View, a.name)
		}
		if err := d.noteRead(ctx, a, console.BudgetList, ""); err != nil {
			return out, err
		}
	}
	now := d.cfg.Now()
	seesOwn := false
	for _, t := range d.budgets.list(func(k access.TallyKey) bool { return in.All || d.owns(a, access.Requester{Principal: k.Principal}) }) {
		b, ok := d.budgetOf(t.Principal)
		if !ok || !sameOf(b, t.TallyKey, now) {
			continue
		}
		seesOwn = seesOwn || t.TallyKey == budgetKey(b, a.name, a.who.Task, now)
		if len(out.List) < maxAccessPage {
			out.List = append(out.List, shownBudget(b, t))
		}
	}
	if b, ok := d.budgetOf(a.name); ok && !seesOwn { // of which nothing was used yet
		out.List = append(out.List, shownBudget(b, access.Tally{TallyKey: budgetKey(b, a.name, a.who.Task, now)}))
	}
	return out, nil
}

func shownBudget(b policy.Budget, t access.Tally) console.Budget {
	return console.Budget{Principal: t.Principal, Of: ofText(t.TallyKey), Limits: b, Commands: t.Commands, Denials: t.Denials, Hosts: int64(len(t.Hosts)), BytesOut: t.BytesOut, Writes: t.Writes, Wall: t.Wall, Sessions: t.Sessions}
}

// resetBudgetAsked gives a budget anew at the word of an administrator whom it does not serve.
func (d *Decider) resetBudgetAsked(ctx context.Context, in protocol.ResetBudget) (console.Budget, error) {
	a, err := d.accessAsker(in.Who, "")
	if err != nil {
		return console.Budget{}, err
	}
	in.Principal, in.Task = cut(in.Principal, maxID), cut(in.Task, maxText)
	reason, err := words(in.Reason, "a reason", maxAccessWords)
	if err == nil && reason == "" {
		err = invalid("say why")
	}
	if err != nil {
		return console.Budget{}, err
	}
	b, ok := d.budgetOf(in.Principal)
	switch {
	case !a.has(policy.Administer):
		err = refuse("%q needs the right %q, which no role of %s has", console.BudgetReset, policy.Administer, a.name)
	case d.owns(a, access.Requester{Principal: in.Principal}):
		err = refuse("the budget of %s serves you: somebody else gives it anew", in.Principal)
	case !ok:
		err = refuse("policy gives %s no budget", in.Principal)
	}
	now := d.cfg.Now()
	key := budgetKey(b, in.Principal, in.Task, now)
	entry := audit.Entry{Type: audit.Budget, Actor: a.name, Conn: a.conn, Object: cut(ofText(key), maxID), Outcome: "reset", Reason: reason, Policy: d.PolicyHash(), Data: data(map[string]any{"of": in.Principal, "was": d.tally(key)})}
	if err != nil {
		entry.Outcome, entry.Data = "deny", data(map[string]any{"of": in.Principal})
	}
	if err := d.append(ctx, entry); err != nil {
		return console.Budget{}, err
	}
	if err != nil {
		return console.Budget{}, err
	}
	t, err := d.resetTally(ctx, now, key)
	return shownBudget(b, t), err
}

// tally is what was used up, without its hosts, which may be many.
func (d *Decider) tally(key access.TallyKey) access.Tally {
	d.budgets.mu.Lock()
	defer d.budgets.mu.Unlock()
	t := d.budgets.tallies.Get(key)
	t.Hosts = nil
	return t
}

func (d *Decider) resetTally(ctx context.Context, now time.Time, key access.TallyKey) (access.Tally, error) {
	if _, err := d.budgets.reset(ctx, now, key); err != nil {
		return access.Tally{}, err
	}
	return d.tally(key), nil
}
