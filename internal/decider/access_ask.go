package decider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// maxAccessTargets bounds the targets of one request.
const maxAccessTargets = 100

// accessAsk makes a request: of an agent or a person, for whatever policy lets it ask for.
func (d *Decider) accessAsk(ctx context.Context, in protocol.AccessAsk) (access.Request, error) {
	a, err := d.accessAsker(in.Who, in.By)
	if err != nil {
		return access.Request{}, err
	}
	if err := d.mayAsk(a.who); err != nil {
		return access.Request{}, d.refuseAccess(ctx, a, audit.AccessRequest, cut(in.Order.From, maxID), err)
	}
	if in.Order.Glass {
		return d.breakGlass(ctx, a, in.Order)
	}
	pol := d.currentPolicy()
	want, err := d.wanted(pol, a, in.Order)
	if err == nil {
		err = d.lockedRequest(want)
	}
	if err != nil {
		return access.Request{}, d.refuseAccess(ctx, a, audit.AccessRequest, cut(in.Order.From, maxID), err)
	}
	req, fresh, err := d.access.Ask(ctx, pol, want, privilege.By{Actor: a.name, Conn: a.conn})
	if err != nil {
		return access.Request{}, d.refuseAccess(ctx, a, audit.AccessRequest, cut(in.Order.From, maxID), err)
	}
	if fresh {
		d.tellAccess(req.ID)
	}
	return req, nil
}

// wanted is the request that an order is for.
func (d *Decider) wanted(pol *policy.Policy, a asker, order console.AccessOrder) (access.Request, error) {
	req := access.Request{ID: id.New(id.Access, d.cfg.Now()), By: requester(a.who), Policy: pol.Hash()}
	var err error
	if req.Reason, err = words(order.Reason, "the reason", maxAccessWords); err == nil && req.Reason == "" {
		err = invalid("say why: people decide by it")
	}
	if err != nil {
		return req, err
	}
	if req.Ticket, err = words(order.Ticket, "the ticket", maxAccessTicket); err != nil {
		return req, err
	}
	switch {
	case order.From != "" && order.Role == "" && order.Pattern == "" && len(order.Targets) == 0 && order.Login == "":
		err = d.wantDenied(pol, a, order.From, &req)
	case order.From == "" && order.Pattern != "":
		err = d.wantPattern(pol, a, order, &req)
	case order.From == "" && order.Role != "":
		err = d.wantRole(pol, a, order, &req)
	default:
		err = invalid("ask for one thing: what a denial was about by its id alone, a pattern of an ask rule, or a role")
	}
	if err != nil {
		return req, err
	}
	if err := bound(&req, order); err != nil {
		return req, err
	}
	req = access.Prepare(pol, d.cfg.Now(), req)
	if n := len(req.Canonical()); n > maxCanonical {
		return req, invalid("people are asked about at most %d bytes, and this takes %d", maxCanonical, n)
	}
	return req, nil
}

// bound narrows a request to what its terms let it have and its order wants.
func bound(req *access.Request, order console.AccessOrder) error {
	t := termsOf(req.Need)
	seconds, beat := int64(order.For/time.Second), int64(order.Beat/time.Second)
	switch {
	case order.For < 0 || order.Uses < 0 || order.Beat < 0 || order.For > 0 && seconds == 0:
		return invalid("times are whole seconds, and nothing is negative")
	case seconds > t.seconds:
		return invalid("it is given for %s at most", time.Duration(t.seconds)*time.Second)
	case t.uses > 0 && order.Uses > t.uses:
		return invalid("it is good for %d commands at most", t.uses)
	}
	if req.Scope.Kind == access.CommandScope {
		t.uses = max(1, t.uses)
	}
	req.Scope.Seconds, req.Scope.Uses, req.Scope.Beat = narrow(t.seconds, seconds), narrow(t.uses, order.Uses), narrow(t.beat, beat)
	if req.Scope.Beat > 0 && (req.Scope.Beat < 5 || req.Scope.Beat >= req.Scope.Seconds) {
		return invalid("a heartbeat comes every 5 seconds at most, and more often than the grant lives")
	}
	return nil
}

// wantRole is for a role, for a time.
func (d *Decider) wantRole(pol *policy.Policy, a asker, order console.AccessOrder, req *access.Request) error {
	need, ok := pol.MayRequestRole(a.who, order.Role)
	if !ok {
		return refuse("%s may not ask for the role %q; roles that it may ask for: %s", a.name, cut(order.Role, maxID), list(pol.Requestable(a.who)))
	}
	targets, err := d.wantedTargets(pol, a.who, order.Role, order.Targets, order.Login)
	if err != nil {
		return err
	}
	req.Need, req.Rules = need, []string{order.Role}
	req.Scope = access.Scope{Kind: access.RoleScope, Targets: targets, Login: policy.Login(order.Login), Role: order.Role}
	return nil
}

// wantPattern is for whatever an ask rule's pattern matches. Without a role it is of the one that has it.
func (d *Decider) wantPattern(pol *policy.Policy, a asker, order console.AccessOrder, req *access.Request) error {
	rules := pol.PatternRules(a.who, order.Role, order.Pattern)
	need, ok := pol.PatternTerms(a.who, order.Role, order.Pattern)
	if !ok {
		return refuse("no ask rule of a role of %s is %q; name the role as well, or the rule by its id", a.name, cut(order.Pattern, maxText))
	}
	targets, err := d.wantedTargets(pol, a.who, "", order.Targets, order.Login)
	if err != nil {
		return err
	}
	req.Need = need
	for _, r := range rules {
		req.Rules = append(req.Rules, r.ID)
	}
	req.Scope = access.Scope{Kind: access.PatternScope, Targets: targets, Login: policy.Login(order.Login), Role: rules[0].Role, Pattern: rules[0].Pattern}
	return nil
}

// wantedTargets are targets of the inventory that the identity, with the role if there is one, reaches as that login. Others are neither
// counted nor named.
func (d *Decider) wantedTargets(pol *policy.Policy, who policy.Identity, role string, names []string, login string) ([]string, error) {
	targets := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(targets) == 0 || len(targets) > maxAccessTargets || login == "" {
		return nil, invalid("name the targets, %d at most, and the login", maxAccessTargets)
	}
	for _, name := range targets {
		t, known := d.target(name)
		if !known || !t.HasLogin(login) || !reachedBy(pol, who, role, name, t.Labels, login) {
			return nil, refuse("there is no target %q that is reached so as %q", cut(name, maxID), cut(login, maxID))
		}
	}
	return targets, nil
}

// reachedBy reports whether an identity reaches a target, with a role if one is named.
func reachedBy(pol *policy.Policy, who policy.Identity, role, target string, labels map[string]string, login string) bool {
	if role == "" {
		return pol.Reaches(who, target, labels, policy.Login(login))
	}
	dec := pol.Decide(policy.Request{Identity: policy.Identity{Kind: who.Kind, Name: who.Name, Owner: who.Owner}, Target: target, Labels: labels, Login: policy.Login(login),
		Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"true"}}, Granted: []policy.Granted{{ID: "-", Role: role, Targets: []string{target}, Login: policy.Login(login)}}})
	return dec.Code != policy.CodeTargetNotGranted
}

// wantDenied takes over exactly what was denied: a command that waits for people, or one that a role which may be asked for admits.
func (d *Decider) wantDenied(pol *policy.Policy, a asker, denial string, req *access.Request) error {
	x, ok := d.denialsKept.Find(denial, d.cfg.Now())
	if !ok || !d.owns(a, x.By) {
		return refuse("%s was denied nothing under the id %q within a day", a.name, cut(denial, maxID))
	}
	t, known := d.target(x.Request.Target)
	who, still := pol.Identity(x.Request.Identity.Kind, x.Request.Identity.Name, x.Request.Identity.Task)
	if !known || !t.HasLogin(string(x.Request.Login)) || !still {
		return refuse("what was denied is not there any more")
	}
	who.Delegation = x.Request.Identity.Delegation
	ask := x.Request
	ask.Identity, ask.Labels, ask.Now = who, t.Labels, d.cfg.Now()
	req.By, req.Denial = requester(who), denial
	dec := pol.Decide(ask)
	if dec.Verdict == policy.Ask {
		d.scopeCommand(pol, req, ask, dec, "")
		return nil
	}
	for _, role := range dec.Request {
		need, ok := pol.MayRequestRole(who, role)
		if !ok {
			continue
		}
		supposed := ask
		supposed.Granted = []policy.Granted{{ID: "-", Role: role, Targets: []string{ask.Target}, Login: ask.Login}}
		by := pol.Decide(supposed)
		if by.Verdict == policy.Look || len(by.ContentProbes(ask.Facts)) > 0 {
			supposed.Facts.Assume = true
			by = pol.Decide(supposed)
			by.Plan = nil // what is on the target is not known: as it was asked
		}
		d.scopeCommand(pol, req, ask, by, role)
		req.Need, req.Rules = append(need, by.Approvals...), append([]string{role}, req.Rules...)
		return nil
	}
	return refuse("nobody can be asked for this: %s", cut(dec.Reason, maxText))
}

// scopeCommand scopes a request to one command: the final one, or where that needs the target to be looked at, as it was asked; what it
// is on the target then, the role's rules say when it runs.
func (d *Decider) scopeCommand(pol *policy.Policy, req *access.Request, ask policy.Request, dec policy.Decision, role string) {
	command := access.Command{Plan: ask.Plan, Env: ask.Env, PTY: terminalOf(&ask, dec), Stdin: inputOf(&ask, dec), Mode: policy.Pinned}
	if command.Stdin == "" { // not known before the look: then it is good for a command that reads nothing
		command.Stdin = policy.StdinNone
	}
	if dec.Plan != nil {
		command.Plan, command.Files = *dec.Plan, dec.Files(ask.Facts)
	}
	req.Need = dec.Approvals
	for _, r := range pol.AskRules(dec) {
		req.Rules = append(req.Rules, r.ID)
	}
	req.Scope = access.Scope{Kind: access.CommandScope, Targets: []string{ask.Target}, Login: ask.Login, Role: role, Command: &command}
}

// keepDenial keeps what was denied, so that it can be asked for by its id.
func (d *Decider) keepDenial(r *ruling) {
	d.denialsKept.Add(privilege.Denial{AccessDenial: console.AccessDenial{ID: r.out.ID, At: d.cfg.Now().UTC(), Target: r.in.Target, What: cut(r.in.Plan.String(), maxText), Code: string(r.out.Decision.Code)},
		By: requester(r.who), Request: r.req})
}

// list names things, in words.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// accessWithdraw ends a request of one's own, or of an agent of one's own.
func (d *Decider) accessWithdraw(ctx context.Context, in protocol.AccessName) (access.Request, error) {
	a, err := d.accessAsker(in.Who, in.By)
	if err != nil {
		return access.Request{}, err
	}
	why, err := words(in.Words, "the reason", maxAccessWords)
	if err != nil {
		return access.Request{}, err
	}
	req, err := d.access.Find(ctx, in.ID)
	if err != nil || !d.owns(a, req.By) {
		return access.Request{}, d.refuseAccess(ctx, a, audit.AccessRequest, in.ID, fmt.Errorf("%q is no request of %s or its agents", cut(in.ID, maxID), a.name))
	}
	req, err = d.access.Withdraw(ctx, req.ID, why, privilege.By{Actor: a.name, Conn: a.conn})
	if err != nil {
		return access.Request{}, refusal(err)
	}
	d.tellAccess(req.ID)
	return req, nil
}
