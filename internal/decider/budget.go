package decider

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// spending is what a decision uses up of a budget, once it is made.
type spending struct {
	key         access.TallyKey
	limits      access.Limits
	amount      access.Amount
	bytes, wall int64
}

// withinBudget denies what a budget leaves no room for, and otherwise cuts the session's limits to what is left. Nothing is counted yet.
func (d *Decider) withinBudget(r *ruling) {
	dec := &r.out.Decision
	r.spends = nil
	b, ok := d.currentPolicy().Budget(r.who)
	if !ok || dec.Verdict == policy.Deny || d.byGlass(dec.Grants) {
		return
	}
	now := d.cfg.Now()
	s := &spending{key: budgetKey(b, r.who.Principal(), r.who.Task, now), limits: limitsOf(b), amount: amountOf(r)}
	over, bytes, wall, err := d.budgets.look(now, s.key, s.limits, s.amount, dec.Obligations)
	switch {
	case err != nil:
		*dec = policy.Decision{Verdict: policy.Deny, Code: policy.CodeQuota, PolicyHash: dec.PolicyHash, Reason: err.Error()}
		return
	case over != nil:
		reason := overText(r.who.Principal(), s.key, *over)
		*dec = policy.Decision{Verdict: policy.Deny, Code: policy.CodeQuota, PolicyHash: dec.PolicyHash, Reason: reason}
		d.noteOver(audit.Entry{Actor: r.who.Principal(), Owner: r.who.Owner, Task: r.who.Task}, s.key, *over)
		return
	}
	s.bytes, s.wall = bytes, wall
	if r.in.Session != "" {
		dec.Obligations.BytesOut, dec.Obligations.MaxSeconds = smallerOf(dec.Obligations.BytesOut, bytes), smallerOf(dec.Obligations.MaxSeconds, wall)
	}
	r.spends = s
}

// byGlass reports whether something runs by a broken glass: an emergency has no budget.
func (d *Decider) byGlass(grants []string) bool {
	return slices.ContainsFunc(grants, func(name string) bool { g, ok := d.access.Grant(name); return ok && g.Scope.Glass })
}

// amountOf is what is about to happen. A question about a file of a live session has no session of its own here.
func amountOf(r *ruling) access.Amount {
	if r.in.Session == "" {
		return access.Amount{Writes: r.fileWrites}
	}
	a := access.Amount{Host: r.in.Target, Sessions: 1}
	if !r.forwards {
		a.Commands = 1
		a.Writes = redirections(r.in.Plan)
	}
	return a
}

// redirections are how many files a command line writes to by itself.
func redirections(p policy.Plan) (n int64) {
	for _, r := range p.Redirs {
		if (r.Op == policy.RedirOut || r.Op == policy.RedirAppend) && r.Path != "/dev/null" {
			n++
		}
	}
	for _, part := range p.Parts {
		n += redirections(part)
	}
	return n
}

// changes reports whether an operation changes a file: what a budget counts as a write.
func changes(op policy.FileOp) bool {
	switch op {
	case policy.OpWrite, policy.OpMkdir, policy.OpRmdir, policy.OpRemove, policy.OpRename, policy.OpAttributes:
		return true
	}
	return false
}

func smallerOf(a, b int64) int64 {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// overText is the reason that the client sees.
func overText(who string, key access.TallyKey, o access.Over) string {
	of := "its day " + key.Day + " (of UTC)"
	if key.Day == "" {
		of = "its task " + cut(key.Task, maxID)
		if key.Task == "" {
			of = "its work without a task"
		}
	}
	return fmt.Sprintf("the budget of %s for %s is used up: %s is %d, the policy gives %d; ask the owner, who can have it given anew (budgets reset)", who, of, o.What, o.Spent, o.Limit)
}

// noteOver says in the log that a budget is used up, once for each of its limits.
func (d *Decider) noteOver(e audit.Entry, key access.TallyKey, o access.Over) {
	if !d.budgets.news(key, o.What) {
		return
	}
	e.Type, e.Object, e.Outcome, e.Policy = audit.Budget, cut(ofText(key), maxID), "exceeded", d.PolicyHash()
	e.Reason, e.Data = overText(e.Actor, key, o), data(map[string]any{"what": o.What, "limit": o.Limit, "spent": o.Spent})
	if err := d.append(context.Background(), e); err != nil { // what is denied is denied whether or not the log says why
		d.cfg.Log.Error("note that a budget is used up", "error", err)
	}
}

// spendSession counts what a decision uses up: durable before its answer leaves.
func (d *Decider) spendSession(ctx context.Context, session string, r *ruling) error {
	s := r.spends
	if s == nil {
		return nil
	}
	over, err := d.budgets.begin(ctx, d.cfg.Now(), session, s.key, s.limits, s.amount, s.bytes, s.wall)
	if over != nil {
		return refuse("%s", overText(r.who.Principal(), s.key, *over))
	}
	return err
}

// undoSession takes a session back that did not begin.
func (d *Decider) undoSession(ctx context.Context, name string) {
	d.dropSession(name)
	d.endBudget(ctx, name, 0)
}

// endBudget gives back what a session did not use.
func (d *Decider) endBudget(ctx context.Context, session string, used int64) {
	if err := d.budgets.end(context.WithoutCancel(ctx), d.cfg.Now(), session, used); err != nil {
		d.cfg.Log.Error("what a session did not use of its budget could not be given back", "session", session, "error", err)
	}
}

// sentBy is what a session sent to its client, by the door's word; -1: it does not say.
func sentBy(in protocol.End) int64 {
	switch {
	case in.Forward != nil && in.Forward.BytesOut >= 0:
		return in.Forward.BytesOut
	case in.Recording != nil && in.Recording.BytesOut >= 0:
		return in.Recording.BytesOut
	}
	return -1
}

// spendFile counts a file that is written, before it is.
func (d *Decider) spendFile(ctx context.Context, r *fileRuling) error {
	s := r.spends
	if s == nil || s.amount.Writes == 0 {
		return nil
	}
	over, err := d.budgets.spend(ctx, d.cfg.Now(), s.key, s.limits, s.amount)
	if over != nil {
		return refuse("%s", overText(r.req.Identity.Principal(), s.key, *over))
	}
	return err
}

// spendDenials counts the denials that were noted, whatever they are about.
func (d *Decider) spendDenials(entries []audit.Entry) {
	if d.budgets == nil {
		return // the start did not come so far
	}
	for _, e := range entries {
		if e.Outcome != "deny" || e.Type != audit.Decision && e.Type != audit.Forward && e.Type != audit.File || bytes.Contains(e.Data, []byte(`"code":"dry_run"`)) {
			continue
		}
		kind, name, _ := strings.Cut(e.Actor, ":")
		b, ok := d.currentPolicy().Budget(policy.Identity{Kind: policy.Kind(kind), Name: name})
		if !ok || b.Denials == 0 {
			continue
		}
		now := d.cfg.Now()
		key := budgetKey(b, e.Actor, e.Task, now)
		over, err := d.budgets.spend(context.Background(), now, key, access.Limits{Denials: b.Denials}, access.Amount{Denials: 1})
		if err != nil {
			d.cfg.Log.Error("count a denial", "error", err)
		}
		if over != nil {
			d.noteOver(audit.Entry{Actor: e.Actor, Owner: e.Owner, Task: e.Task}, key, *over)
		}
	}
}

// sameOf reports whether a tally is one that counts now.
func sameOf(b policy.Budget, key access.TallyKey, now time.Time) bool {
	if b.Per == policy.PerDay {
		return key.Day == now.UTC().Format(time.DateOnly)
	}
	return key.Day == ""
}
