package decider

import (
	"context"
	"slices"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// wantedGlass is the request of a break-glass: a person's, for a role, for a reason.
func (d *Decider) wantedGlass(a asker, order console.AccessOrder) (access.Request, error) {
	pol := d.currentPolicy()
	var req access.Request
	if a.person() == "" {
		return req, refuse("break-glass is for people; %s is an agent", a.name)
	}
	if order.From != "" || order.Pattern != "" || order.Role == "" || order.Uses != 0 || order.Beat != 0 {
		return req, invalid("break-glass is for a role on targets as a login, and for nothing else")
	}
	why, err := words(order.Reason, "the reason", maxAccessWords)
	if err != nil || why == "" {
		return req, invalid("break-glass needs a reason: one line of at most %d characters", maxAccessWords)
	}
	ticket, err := words(order.Ticket, "the ticket", maxAccessTicket)
	if err != nil {
		return req, err
	}
	glass, ok := pol.BreakGlass(a.who, order.Role)
	if !ok {
		return req, refuse("%s may not take the role %q in an emergency; roles that it may: %s", a.name, cut(order.Role, maxID), list(pol.Glasses(a.who)))
	}
	targets, err := d.wantedTargets(pol, a.who, order.Role, order.Targets, order.Login)
	if err != nil {
		return req, err
	}
	seconds := int64(order.For / time.Second)
	if order.For < 0 || seconds > glass.For {
		return req, invalid("it is given for %s at most", time.Duration(glass.For)*time.Second)
	}
	if why := d.access.MayBreakGlass(requester(a.who), order.Role); why != "" {
		return req, refuse("%s", why)
	}
	req = access.Prepare(pol, d.cfg.Now(), access.Request{ID: id.New(id.Access, d.cfg.Now()), By: requester(a.who), Reason: why, Ticket: ticket,
		Scope: access.Scope{Kind: access.RoleScope, Targets: targets, Login: policy.Login(order.Login), Role: order.Role, Seconds: narrow(glass.For, seconds), Glass: true},
		Need:  []policy.Approval{glass.Review}, Rules: []string{order.Role}, Policy: pol.Hash()})
	return req, d.lockedRequest(req) // locks come before everything
}

// challengeGlass begins the proof that break-glass needs: the request that the order would be is fixed with it.
func (d *Decider) challengeGlass(ctx context.Context, a asker, order console.AccessOrder, by access.ProofKind) (console.AccessChallenge, error) {
	req, err := d.wantedGlass(a, order)
	if err != nil {
		return console.AccessChallenge{}, d.refuseAccess(ctx, a, audit.AccessRequest, "", err)
	}
	return d.challenge(ctx, a, req, by, &req)
}

// breakGlass gives a person a role at once. It works with the fewest parts: the person's own fresh proof, and the log.
func (d *Decider) breakGlass(ctx context.Context, a asker, order console.AccessOrder) (access.Request, error) {
	req, err := d.provenGlass(ctx, a, order)
	if err != nil {
		return access.Request{}, d.refuseAccess(ctx, a, audit.AccessRequest, "", err)
	}
	req, err = d.access.Glass(ctx, d.currentPolicy(), req, privilege.By{Actor: a.name, Conn: a.conn})
	if err != nil {
		return access.Request{}, d.refuseAccess(ctx, a, audit.AccessRequest, req.ID, err)
	}
	d.cfg.Log.Error("BREAK-GLASS", "by", a.name, "role", req.Scope.Role, "targets", req.Scope.Targets, "login", string(req.Scope.Login), "reason", req.Reason, "grant", req.Grant)
	d.metrics.glass.Inc()
	d.tellAccess(req.ID)
	return req, nil
}

// provenGlass takes the order's challenge and checks its proof. What is given is what was proven, to the byte, if policy still lets it.
func (d *Decider) provenGlass(ctx context.Context, a asker, order console.AccessOrder) (access.Request, error) {
	now, err := d.wantedGlass(a, order)
	if err != nil {
		return now, err
	}
	if order.Proof == nil {
		return now, refuse("break-glass needs a proof: begin with a challenge for this order")
	}
	x, ok := d.challenges.Take(order.Proof.Challenge, a.person())
	if !ok || x.Glass == nil {
		return now, refuse("this challenge was used, has expired, or is not yours; begin again")
	}
	req := *x.Glass
	now.ID, now.Made, now.Expires = req.ID, req.Made, req.Expires
	if !slices.Equal(now.Canonical(), req.Canonical()) {
		return req, refuse("this is not what was proven, or the policy has changed; begin again")
	}
	if x.Kind == access.PasskeyProof {
		req.Proof, err = d.verifyPasskey(ctx, a.person(), x, order.Proof.Assertion)
		return req, err
	}
	req.Proof, err = privilege.VerifySSH(d.currentPolicy().ApprovalKeys(a.person()), []byte(req.Text(x.Nonce)), x.Nonce, order.Proof.Signature)
	if err != nil {
		err = refuse("this signature was not accepted: %s", err)
	}
	return req, err
}
