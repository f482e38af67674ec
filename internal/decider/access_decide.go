package decider

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/answer"
	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// maxCanonical bounds what people are asked to approve, in bytes of its canonical form: each vote's entry of the log holds it whole.
const maxCanonical = 24 << 10

// maxSpent is how often a command is decided anew because what it was to use was used by another meanwhile.
const maxSpent = 3

// byPeople answers a decision that people must take: it is allowed by what they have approved, or waits for them, or is denied because of
// what they said. settled is false where it is allowed now.
func (d *Decider) byPeople(ctx context.Context, r *ruling) (settled bool, err error) {
	if t, known := d.target(r.in.Target); !known || !t.HasLogin(r.in.Login) {
		r.out.ID = id.New(id.Decision, d.cfg.Now())
		_, err := d.fault(ctx, r, answer.FaultUnknownTarget)
		return true, err
	}
	if r.in.Unrecorded && r.out.Decision.Recording != policy.BestEffort {
		_, err := d.fault(ctx, r, answer.FaultEvidence)
		return true, err
	}
	command := r.command()
	if r.in.Await == "" {
		if ok, err := d.approved(ctx, r, command); ok || err != nil {
			return err != nil, err
		}
		return true, d.askPeople(ctx, r, command, "", "")
	}
	return d.await(ctx, r, command)
}

// command is exactly what people approve.
func (r *ruling) command() access.Command {
	return access.Command{Plan: *r.out.Decision.Plan, Env: r.req.Env, PTY: terminalOf(&r.req, r.out.Decision), Stdin: inputOf(&r.req, r.out.Decision), Mode: policy.Pinned, Files: r.files()}
}

// approved turns the ask into the allow that it would be, if grants cover it: one for this command, or for each of the ask rules. What
// people approved runs pinned.
func (d *Decider) approved(ctx context.Context, r *ruling, command access.Command) (bool, error) {
	want := access.Wanted{By: requester(r.who), Target: r.in.Target, Login: policy.Login(r.in.Login), Command: &command}
	for _, rule := range r.pol.AskRules(r.out.Decision) {
		want.Rules = append(want.Rules, access.AskedRule{Role: rule.Role, Pattern: rule.Pattern})
	}
	covering, _ := d.access.Covering(want)
	var names []string
	for _, grants := range [][]access.Grant{d.lentBy(r), covering} {
		if good, err := d.stillGood(ctx, r, grants); err != nil {
			return false, err
		} else if good {
			names = namesOf(grants)
			break
		}
	}
	if len(names) == 0 {
		return false, nil
	}
	r.needs = r.out.Decision.Approvals
	r.permit(names)
	return true, nil
}

// stillGood reports whether there are grants, and people approved each under the terms of now.
func (d *Decider) stillGood(ctx context.Context, r *ruling, grants []access.Grant) (bool, error) {
	for _, g := range grants {
		req, err := d.access.Request(ctx, g.Request)
		if err != nil {
			return false, err
		}
		if !founded(r.pol, r.who, req) || g.Scope.Kind == access.CommandScope && !within(r.out.Decision.Approvals, req.Need) {
			return false, nil // people approved it when less was needed
		}
	}
	return len(grants) > 0, nil
}

func namesOf(grants []access.Grant) (names []string) {
	for _, g := range grants {
		names = append(names, g.ID)
	}
	return names
}

// lentBy is the grant for this one command by whose role it is asked about.
func (d *Decider) lentBy(r *ruling) (list []access.Grant) {
	for _, name := range r.out.Decision.Grants {
		if g, ok := d.access.Grant(name); ok && g.Scope.Kind == access.CommandScope {
			list = append(list, g)
		}
	}
	return list
}

// permit makes the ruling an allow by grants.
func (r *ruling) permit(grants []string) {
	dec := r.pol.Permit(r.out.Decision)
	dec.Mode = policy.Pinned
	dec.Grants = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(dec.Grants), grants...))))
	r.out.Decision = dec
	r.entry.Outcome, r.entry.Reason = string(dec.Verdict), ""
	r.details["code"], r.details["grants"] = dec.Code, dec.Grants
}

// askPeople finds the pending request for exactly this, or makes it, and answers that the command waits. why says what became of an
// earlier one; until is when the wait of the session ends.
func (d *Decider) askPeople(ctx context.Context, r *ruling, command access.Command, before, why string) error {
	want := access.Prepare(r.pol, d.cfg.Now(), d.wantedRequest(r, command))
	if n := len(want.Canonical()); n > maxCanonical {
		r.deny(policy.CodeUnsupportedSyntax, fmt.Sprintf("people are asked about at most %d bytes, and this takes %d; split it", maxCanonical, n))
		return d.denied(ctx, r)
	}
	req, fresh, err := d.access.Ask(ctx, r.pol, want, privilege.By{Actor: r.who.Principal(), Conn: r.conn.id})
	if err != nil {
		return err
	}
	if fresh {
		d.tellAccess(req.ID)
	}
	until, err := d.waits.begin(r.waiter(), r.conn.id, req.ID, r.waitFor(), d.cfg.Now())
	if err != nil {
		return err
	}
	d.lendWait(r)
	r.out.Waiting = &protocol.Waiting{Request: req, Until: until, Preview: !d.access.HasPreview(req.ID)}
	if why != "" {
		r.out.Waiting.Why = why
		r.out.Decision.Reason = why + "; " + r.out.Decision.Reason
	}
	r.details["request"] = req.ID
	if req.ID == before {
		return nil // nothing new was decided
	}
	return d.denied(ctx, r)
}

// stillWaits answers that the session goes on waiting for a request that was pending a moment ago. What people said since, an event
// tells the door: to look for the request again, and make another one because it is over, would ask them twice.
func (d *Decider) stillWaits(r *ruling, req access.Request) error {
	until, err := d.waits.begin(r.waiter(), r.conn.id, req.ID, r.waitFor(), d.cfg.Now())
	if err != nil {
		return err
	}
	r.out.Waiting = &protocol.Waiting{Request: req, Until: until, Preview: !d.access.HasPreview(req.ID)}
	r.details["request"] = req.ID
	return nil
}

// wantedRequest is the request for a command.
func (d *Decider) wantedRequest(r *ruling, command access.Command) access.Request {
	t := termsOf(r.out.Decision.Approvals)
	var rules []string
	for _, rule := range r.pol.AskRules(r.out.Decision) {
		rules = append(rules, rule.ID)
	}
	return access.Request{ID: id.New(id.Access, d.cfg.Now()), By: requester(r.who),
		Scope: access.Scope{Kind: access.CommandScope, Targets: []string{r.in.Target}, Login: policy.Login(r.in.Login), Command: &command, Uses: max(1, t.uses), Seconds: t.seconds, Beat: t.beat},
		Need:  r.out.Decision.Approvals, Rules: rules, Policy: r.out.Decision.PolicyHash, Session: r.in.Session}
}

// waitFor is how long the session waits: as long as every rule lets it, and no longer than its client wants.
func (r *ruling) waitFor() time.Duration {
	wait := termsOf(r.out.Decision.Approvals).wait
	if r.in.Wait != nil {
		wait = min(wait, time.Duration(max(0, min(*r.in.Wait, int64(wait/time.Second)+1)))*time.Second)
	}
	return wait
}

// terms are what several thresholds mean together: the narrowest of each.
type terms struct {
	within, wait        time.Duration
	seconds, uses, beat int64
}

func termsOf(need []policy.Approval) terms {
	var t terms
	wait := int64(-1)
	for _, a := range need {
		t.seconds, t.uses, t.beat = narrow(t.seconds, a.For), narrow(t.uses, a.Uses), narrow(t.beat, a.Beat)
		t.within = time.Duration(narrow(int64(t.within/time.Second), a.Within)) * time.Second
		if wait < 0 || a.Wait < wait {
			wait = a.Wait
		}
	}
	t.wait = time.Duration(max(0, wait)) * time.Second
	return t
}

// narrow is the smaller of two numbers of which 0 is no bound.
func narrow(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// await answers a session that waits already.
func (d *Decider) await(ctx context.Context, r *ruling, command access.Command) (settled bool, err error) {
	req, err := d.access.Request(ctx, r.in.Await)
	if err != nil || req.By != requester(r.who) || req.Scope.Command == nil {
		return true, refuse("%q is no request of %s for a command", cut(r.in.Await, maxID), r.who.Principal())
	}
	files, alike := req.Scope.Command.Changed(command)
	here := req.Scope.Targets[0] == r.in.Target && req.Scope.Login == policy.Login(r.in.Login)
	ok, err := d.approved(ctx, r, command)
	switch {
	case ok || err != nil:
		r.out.Waiting = &protocol.Waiting{Request: req} // says who approved it
		return err != nil, err
	case here && alike && len(files) > 0 && (req.State == access.Pending || req.State == access.Approved):
		why := fmt.Sprintf("%q has changed since people were asked", files[0])
		if err := d.voidRequest(ctx, req, why); err != nil {
			return true, err
		}
		return true, d.askPeople(ctx, r, command, req.ID, why)
	case !here || !alike, req.State == access.Approved:
		return true, d.askPeople(ctx, r, command, req.ID, "")
	case req.State == access.Pending && d.cfg.Now().Before(d.waits.until(r.waiter())):
		return true, d.stillWaits(r, req)
	}
	d.waits.end(r.waiter())
	r.out.Waiting = &protocol.Waiting{Request: req}
	r.deny(whatBecame(req, d.cfg.Now()))
	r.details["request"] = req.ID
	return true, d.denied(ctx, r)
}

// whatBecame says why a command that waited does not run.
func whatBecame(req access.Request, now time.Time) (policy.Code, string) {
	state := req.State
	if state == access.Pending && !now.Before(req.Expires) {
		state = access.Expired // and will be noted so at once
	}
	switch state {
	case access.Declined:
		return policy.CodeApprovalDeclined, "declined: " + cut(req.Why, maxText)
	case access.Expired:
		return policy.CodeApprovalExpired, fmt.Sprintf("nobody decided %s in time; send the command again to ask anew", req.ID)
	case access.Pending:
		return policy.CodeApprovalPending, fmt.Sprintf("%s is not decided yet, until %s; the same command sent again finds it", req.ID, req.Expires.UTC().Format(time.RFC3339))
	}
	return policy.CodeNeedsApproval, fmt.Sprintf("%s is %s: %s; send the command again to ask anew", req.ID, req.State, cut(req.Why, maxText))
}

// voidRequest ends a request whose command is not what people were asked about any more, and what they gave for it.
func (d *Decider) voidRequest(ctx context.Context, req access.Request, why string) error {
	by := privilege.By{Actor: "gatehouse"}
	if _, err := d.endRequests(ctx, func(x access.Request) bool { return x.ID == req.ID }, why, by); err != nil {
		return err
	}
	_, err := d.endGrants(ctx, func(g access.Grant) bool { return g.Request == req.ID }, access.CausePolicy, why, by)
	return err
}

// deny makes the ruling a denial.
func (r *ruling) deny(code policy.Code, reason string) {
	dec := &r.out.Decision
	dec.Verdict, dec.Code, dec.Reason, dec.Approvals = policy.Deny, code, reason, nil
	r.details["code"] = code
	r.entry.Outcome, r.entry.Reason = string(dec.Verdict), reason
}

// denied notes what does not run, or not yet, and keeps it for whoever asks for it by the denial's id.
func (d *Decider) denied(ctx context.Context, r *ruling) error {
	r.out.ID = id.New(id.Denial, d.cfg.Now())
	d.keepDenial(r)
	d.spendStep(r)
	if err := d.spendDenial(ctx, r); err != nil {
		return err
	}
	return d.note(ctx, r)
}
