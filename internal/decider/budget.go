package decider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/decider/ledger"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// spender is whose budget is spent, and by what it is counted now.
type spender struct {
	who    policy.Identity
	budget policy.Budget
	key    access.TallyKey
}

func (s spender) limits() access.Limits { return ledger.Limits(s.budget) }

// spenderOf returns who spends a budget; ok is false where the identity has none, and then nothing is stored.
func (d *Decider) spenderOf(pol *policy.Policy, who policy.Identity) (s spender, ok bool) {
	b, ok := pol.Budget(who)
	if !ok {
		return s, false
	}
	return spender{who, b, ledger.Key(b, who.Principal(), who.Task, d.cfg.Now())}, true
}

// byGlass reports whether one of the grants was taken in an emergency: what runs by it counts, and no budget stops it.
func (d *Decider) byGlass(grants []string) bool {
	return slices.ContainsFunc(grants, func(name string) bool { g, ok := d.access.Grant(name); return ok && g.Scope.Glass })
}

// withinBudget denies what the identity's budget leaves no room for, before anybody is asked about it or looks for it.
func (d *Decider) withinBudget(r *ruling) {
	if r.out.Decision.Verdict == policy.Deny {
		return
	}
	s, ok := d.spenderOf(r.pol, r.who)
	if !ok || d.byGlass(r.out.Decision.Grants) {
		return
	}
	ask, limits := ledger.Ask{Target: r.in.Target, Writes: redirected(r.in.Plan), Shell: r.out.Decision.Governed()}, s.limits()
	if r.aStep() {
		limits = stepLimits(s.budget)
	}
	if over := d.ledger.Would(d.cfg.Now(), s.key, limits, ask); over != nil {
		d.denyOver(r, s, over)
	}
}

// denyOver makes a decision the denial that a budget is used up.
func (d *Decider) denyOver(r *ruling, s spender, over *access.Over) {
	r.over = over
	r.out.Decision = d.overBudget(s, over, r.out.Decision.PolicyHash)
}

func (d *Decider) overBudget(s spender, over *access.Over, hash string) policy.Decision {
	return policy.Decision{Verdict: policy.Deny, Code: policy.CodeQuota, PolicyHash: hash, Reason: overLine(s, over.What, d.ledger.Get(s.key))}
}

// book counts a session that is about to begin, and cuts what the door is obliged to to what the budget gives it. r.over says that it
// may not begin.
func (d *Decider) book(ctx context.Context, r *ruling) error {
	s, ok := d.spenderOf(r.pol, r.who)
	if !ok {
		return nil
	}
	dec := &r.out.Decision
	ask := ledger.Ask{Session: r.in.Session, Target: r.in.Target, BytesOut: dec.Obligations.BytesOut, Seconds: dec.Obligations.MaxSeconds, Shell: dec.Governed(), Free: d.byGlass(dec.Grants)}
	if dec.Plan != nil {
		ask.Writes = redirected(*dec.Plan)
	}
	booked, over, err := d.ledger.Begin(ctx, d.cfg.Now(), s.key, s.budget, ask)
	if err != nil {
		return refuse("the budget of %s cannot be counted: %v", s.who.Principal(), err)
	}
	if over != nil {
		d.overBooked(r, s, over)
		return nil
	}
	dec.Obligations.BytesOut, dec.Obligations.MaxSeconds = narrow(dec.Obligations.BytesOut, booked.BytesOut), narrow(dec.Obligations.MaxSeconds, booked.Wall)
	if dec.Obligations != (policy.Obligations{}) {
		r.details["obligations"] = dec.Obligations
	}
	return nil
}

// overBooked makes what was about to begin a denial.
func (d *Decider) overBooked(r *ruling, s spender, over *access.Over) {
	d.denyOver(r, s, over)
	dec := &r.out.Decision
	r.out.Certificate, r.out.Permit, r.out.Line = nil, nil, ""
	r.details["code"] = dec.Code
	delete(r.details, "grants")
	r.entry.Outcome, r.entry.Reason, r.entry.Rule = string(dec.Verdict), dec.Reason, ""
}

// book is that of a forward.
func (f *forwardRuling) book(ctx context.Context, d *Decider) error {
	f.ruling.out.Decision, f.ruling.details = f.out.Decision, map[string]any{}
	if err := d.book(ctx, &f.ruling); err != nil {
		return err
	}
	if f.out.Decision = f.ruling.out.Decision; f.over != nil {
		f.out.Certificate = nil
	}
	return nil
}

// unbook takes back what a session took that does not begin because of err.
func (d *Decider) unbook(ctx context.Context, session string, err error) {
	if err == nil {
		return
	}
	if err := d.ledger.Cancel(ctx, session); err != nil {
		d.cfg.Log.Error("budget cannot be stored; more is counted as spent than was", "error", err)
	}
}

// settleBudget gives back what a session did not use of what it had booked. What it sent is the door's word; where that is not known, it
// used all. People are told what is used up now.
func (d *Decider) settleBudget(ctx context.Context, in protocol.End, s session) {
	b, ok := d.ledger.Booking(in.Session)
	if !ok {
		return
	}
	if err := d.ledger.End(ctx, d.cfg.Now(), in.Session, sent(in)); err != nil {
		d.cfg.Log.Error("budget cannot be stored; more is counted as spent than was", "error", err)
	}
	who := s.request.Identity
	limits, ok := d.currentPolicy().Budget(who)
	if !ok {
		return
	}
	at := spender{who, limits, b.Key}
	if over := ledger.UsedUp(at.limits(), d.ledger.Get(b.Key)); over != nil {
		if err := d.tellOver(ctx, at, over); err != nil {
			d.cfg.Log.Error("budget", "error", err)
		}
	}
}

// sent is what a session has sent to its client, as far as its end says so; -1: it does not, or not all.
func sent(in protocol.End) int64 {
	n := int64(-1)
	if in.Recording != nil && in.Missing == "" {
		n = in.Recording.BytesOut
	}
	if in.Forward != nil {
		n = max(n, in.Forward.BytesOut)
	}
	return n
}

// spendDenial counts what is denied, and tells people what budget it was denied by, or has used up. It is called before the denial is
// noted.
func (d *Decider) spendDenial(ctx context.Context, r *ruling) error {
	if r.out.Decision.Verdict != policy.Deny {
		return nil
	}
	return d.countDenied(ctx, r.pol, r.who, r.out.Decision.Code, r.over)
}

func (d *Decider) countDenied(ctx context.Context, pol *policy.Policy, who policy.Identity, code policy.Code, over *access.Over) error {
	s, ok := d.spenderOf(pol, who)
	if !ok {
		return nil
	}
	if over != nil {
		return d.tellOver(ctx, s, over)
	}
	switch code {
	case policy.CodeDryRun, policy.CodeQuota, policy.CodeApprovalPending, policy.CodeApprovalDeclined, policy.CodeApprovalExpired, policy.CodeNeedsApproval, policy.CodeLocked, policy.CodePaused:
		return nil // others decided, or nothing was tried that is not allowed
	}
	if _, err := d.ledger.Count(ctx, d.cfg.Now(), s.key, s.limits(), access.Amount{Denials: 1}); err != nil {
		return refuse("the budget of %s cannot be counted: %v", who.Principal(), err)
	}
	if t := d.ledger.Get(s.key); s.budget.Denials > 0 && t.Denials >= s.budget.Denials {
		return d.tellOver(ctx, s, &access.Over{What: "denials", Limit: s.budget.Denials, Spent: t.Denials})
	}
	return nil
}

// tellOver notes in the log that a limit is reached, once until it is reset.
func (d *Decider) tellOver(ctx context.Context, s spender, over *access.Over) error {
	first, err := d.ledger.Told(ctx, s.key, over.What)
	if err != nil || !first {
		return err
	}
	return d.append(ctx, audit.Entry{Type: audit.Budget, Actor: s.who.Principal(), Owner: s.who.Owner, Task: s.who.Task, Object: s.who.Principal(), Outcome: "exceeded", Policy: d.PolicyHash(),
		Reason: overLine(s, over.What, d.ledger.Get(s.key)), Data: data(map[string]any{"what": over.What, "per": s.budget.Per, "task": s.key.Task, "day": s.key.Day, "limit": over.Limit, "spent": over.Spent})})
}

// overLine says which budget is used up by what, and what is left of the rest.
func overLine(s spender, what string, t access.Tally) string {
	of := fmt.Sprintf("for the task %q", s.key.Task)
	next := "who has the right to administer may reset it"
	switch {
	case s.key.Day != "":
		of, next = "for "+s.key.Day, "it begins anew at 00:00 UTC"
	case s.key.Task == "":
		of = "for work without a task"
	}
	if what == "sessions" {
		next = "let one end first"
	}
	up, left := what, []string(nil)
	for _, one := range ledger.Lines(s.limits(), t) {
		switch {
		case one.What == what:
			up = fmt.Sprintf("%s, %d of %d", what, min(one.Spent, one.Limit), one.Limit)
		case one.Limit > 0:
			left = append(left, fmt.Sprintf("%s %d", one.What, max(0, one.Limit-one.Spent)))
		}
	}
	line := fmt.Sprintf("the budget of %s %s leaves no room: %s", s.who.Principal(), of, up)
	if len(left) > 0 {
		line += "; left: " + strings.Join(left, ", ")
	}
	return line + "; " + next
}

// redirected is how many redirections of a plan write.
func redirected(p policy.Plan) (n int64) {
	for _, r := range p.Redirs {
		if (r.Op == policy.RedirOut || r.Op == policy.RedirAppend) && r.Path != "/dev/null" {
			n++
		}
	}
	for _, part := range p.Parts {
		n += redirected(part)
	}
	return n
}

// fileBudget denies a file in a transfer whose identity has used up its denials.
func (d *Decider) fileBudget(r *fileRuling) {
	if r.dec.Verdict != policy.Allow {
		return
	}
	s, ok := d.spenderOf(r.pol, r.req.Identity)
	if !ok || d.freeFile(r) {
		return
	}
	if over := ledger.UsedUp(access.Limits{Denials: s.budget.Denials}, d.ledger.Get(s.key)); over != nil {
		d.overFile(r, s, over)
	}
}

// freeFile reports whether a file is dealt with by a broken glass.
func (d *Decider) freeFile(r *fileRuling) bool {
	return d.byGlass(r.dec.Grants) || slices.ContainsFunc(r.session.grants, func(g access.Grant) bool { return g.Scope.Glass })
}

func (d *Decider) overFile(r *fileRuling, s spender, over *access.Over) {
	r.over, r.dec = over, d.overBudget(s, over, r.dec.PolicyHash)
	r.out = protocol.FileAnswer{PolicyHash: r.dec.PolicyHash, Code: r.dec.Code, Reason: cut(r.dec.Reason, maxText), DenialsLeft: r.out.DenialsLeft}
}

// countWrite counts what changes a file, before it does. over: it may not.
func (d *Decider) countWrite(ctx context.Context, r *fileRuling) (over bool, err error) {
	if r.in.Op == policy.OpRead || r.in.Op == policy.OpAttributes && d.writing(r) {
		return false, nil
	}
	s, ok := d.spenderOf(r.pol, r.req.Identity)
	if !ok {
		return false, nil
	}
	limits := s.limits()
	if d.freeFile(r) {
		limits = access.Limits{}
	}
	why, err := d.ledger.Count(ctx, d.cfg.Now(), s.key, limits, access.Amount{Writes: 1})
	if err != nil {
		return false, refuse("the budget of %s cannot be counted: %v", s.who.Principal(), err)
	}
	if why != nil {
		d.overFile(r, s, why)
	}
	return why != nil, nil
}

// writing reports whether its session has a file open to write, whose attributes then are part of that.
func (d *Decider) writing(r *fileRuling) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := d.carrier(r.in.Session)
	if s == nil {
		return false
	}
	for _, f := range s.open {
		if f.Op == policy.OpWrite && f.Path == string(r.in.Path) {
			return true
		}
	}
	return false
}

// denyFile answers that something is not done with a file; the entry is durable.
func (d *Decider) denyFile(ctx context.Context, r *fileRuling) (protocol.FileAnswer, error) {
	r.out.ID = id.New(id.Denial, d.cfg.Now())
	if counted(r.in.Op) {
		if err := d.countDenied(ctx, r.pol, r.req.Identity, r.dec.Code, r.over); err != nil {
			return protocol.FileAnswer{}, err
		}
	}
	return r.out, d.append(ctx, r.entry())
}
