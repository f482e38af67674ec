package decider

import (
	"context"
	"encoding/json"
	"strings"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/ledger"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// maxBudgetList bounds the budgets of one answer.
const maxBudgetList = 200

// handleBudgets is what the door asks about budgets.
func (d *Decider) handleBudgets(ctx context.Context, op protocol.Op, body json.RawMessage) (any, error) {
	switch op {
	case protocol.OpBudgets:
		return call(ctx, body, d.budgetsAsked)
	case protocol.OpBudgetReset:
		return call(ctx, body, d.resetBudget)
	}
	return nil, invalid("unknown operation %q", op)
}

// budgetsAsked says what is left: of the caller's own to everybody, else with the right to view.
func (d *Decider) budgetsAsked(ctx context.Context, in protocol.BudgetOrder) (out console.Budgets, err error) {
	a, err := d.accessAsker(in.Who, "")
	if err != nil {
		return out, err
	}
	in.Principal = cut(in.Principal, maxID)
	read := audit.Entry{Type: audit.Read, Actor: a.name, Owner: a.who.Owner, Task: a.who.Task, Conn: a.conn, Object: in.Principal, Outcome: "allow", Policy: d.PolicyHash(), Data: data(map[string]any{"verb": console.BudgetList})}
	own := in.Principal == "" || in.Principal == a.name
	if !own && !a.has(policy.View) {
		read.Outcome = "deny"
	}
	if err := d.append(ctx, read); err != nil {
		return out, err
	}
	switch {
	case read.Outcome == "deny":
		return out, refuse("budgets of others need the right %q, which no role of %s has", policy.View, a.name)
	case own:
		in.Principal = a.name
	case in.Principal == "*":
		in.Principal = ""
	}
	return d.showBudgets(in.Principal, a), nil
}

// showBudgets are those of a principal, of all with an empty one; of whoever asks also the one of now from which nothing was spent yet.
func (d *Decider) showBudgets(principal string, a asker) (out console.Budgets) {
	out.List = []console.Budget{}
	pol := d.currentPolicy()
	tallies := d.ledger.List(principal)
	if s, ok := d.spenderOf(pol, a.who); ok && principal == a.name && d.ledger.Get(s.key).At.IsZero() {
		tallies = append(tallies, access.Tally{TallyKey: s.key})
	}
	for _, t := range tallies {
		b, ok := pol.Budget(principalOf(t.Principal))
		if !ok || (b.Per == policy.PerDay) != (t.Day != "") {
			continue // it is not counted by that any more
		}
		if len(out.List) == maxBudgetList {
			out.More = true
			break
		}
		out.List = append(out.List, shownBudget(b, t))
	}
	return out
}

// principalOf is whom a principal names.
func principalOf(principal string) policy.Identity {
	kind, name, _ := strings.Cut(principal, ":")
	return policy.Identity{Kind: policy.Kind(kind), Name: name}
}

func shownBudget(b policy.Budget, t access.Tally) console.Budget {
	out := console.Budget{Principal: t.Principal, Per: string(b.Per), Task: t.Task, Day: t.Day, At: t.At, Limits: []console.BudgetLine{}}
	for _, one := range ledger.Lines(ledger.Limits(b), t) {
		if one.Limit > 0 {
			out.Limits = append(out.Limits, console.BudgetLine{What: one.What, Limit: one.Limit, Spent: one.Spent, Left: max(0, one.Limit-one.Spent)})
		}
	}
	return out
}

// resetBudget gives a principal its budgets anew: not one's own, nor those of agents that one owns. The entry is durable first.
func (d *Decider) resetBudget(ctx context.Context, in protocol.BudgetOrder) (out protocol.BudgetsReset, err error) {
	a, err := d.accessAsker(in.Who, "")
	if err != nil {
		return out, err
	}
	reason, err := words(in.Reason, "a reason", maxAccessWords)
	if err != nil || reason == "" || in.Principal == "" || len(in.Principal) > maxID {
		return out, invalid("say whose budgets, and in one line why they begin anew")
	}
	if why := d.mayReset(a, in.Principal); why != nil {
		return out, d.refuseAccess(ctx, a, audit.Budget, in.Principal, why)
	}
	entry := audit.Entry{Type: audit.Budget, Actor: a.name, Owner: a.who.Owner, Conn: a.conn, Object: in.Principal, Outcome: "reset", Reason: reason, Policy: d.PolicyHash()}
	if err := d.append(ctx, entry); err != nil {
		return out, err
	}
	spent, err := d.ledger.Reset(ctx, in.Principal, d.cfg.Now())
	out.Reset = int64(len(spent))
	return out, err
}

func (d *Decider) mayReset(a asker, principal string) error {
	_, known := d.currentPolicy().Identity(principalOf(principal).Kind, principalOf(principal).Name, "")
	switch {
	case !a.has(policy.Administer):
		return refuse("%q needs the right %q, which no role of %s has", console.BudgetReset, policy.Administer, a.name)
	case d.owns(a, access.Requester{Principal: principal}):
		return refuse("nobody resets a budget of their own, or of an agent that they own; ask another who may")
	case !known && len(d.ledger.List(principal)) == 0:
		return refuse("%q is nobody whose budget is counted; say agent:NAME or person:NAME", principal)
	}
	return nil
}
