package decider

import (
	"context"
	"slices"

	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// transfer is the way of one file transfer, up to its first file: as that of a command, but what is made executable is the target's
// SFTP server.
func (d *Decider) transfer(ctx context.Context, in protocol.Transfer) (protocol.Decided, error) {
	r, err := d.ruleTransfer(in)
	if err != nil {
		return protocol.Decided{}, err
	}
	if r.out.Decision.Verdict != policy.Allow && !r.within && d.shellReads(r, in.Line) {
		return protocol.Decided{Command: true}, nil
	}
	if r.out.Decision.Verdict != policy.Allow {
		r.out.ID = id.New(id.Denial, d.cfg.Now())
		if !r.within { // nobody has asked for it
			if err := d.spendDenial(ctx, r); err != nil {
				return protocol.Decided{}, err
			}
		}
		return r.out, d.note(ctx, r)
	}
	if in.Unrecorded && r.out.Decision.Recording != policy.BestEffort {
		return d.fault(ctx, r, answer.FaultEvidence)
	}
	r.out.ID = id.New(id.Decision, d.cfg.Now())
	target, known := d.target(in.Target)
	if !known || !target.HasLogin(in.Login) {
		return d.fault(ctx, r, answer.FaultUnknownTarget)
	}
	if !target.Local && len(in.PublicKey) == 0 {
		return protocol.Decided{NeedsKey: true}, nil // it has a connection of its own
	}
	certified, err := d.makeCarrying(ctx, r, target)
	if unsigned(err) {
		r.out.Line = ""
		return d.fault(ctx, r, answer.FaultSigner)
	}
	if err != nil {
		return protocol.Decided{}, err
	}
	return d.grant(ctx, r, traced(r.entry.Trace, certified))
}

// shellReads reports whether the line of an old scp is one that a recorded shell on the target may read: then it is a command.
func (d *Decider) shellReads(r *ruling, line string) bool {
	if line == "" || r.out.Decision.Code != policy.CodeFileNotAllowed {
		return false
	}
	req := r.req
	req.Plan, req.Text = policy.Plan{Op: policy.OpShell, Text: line}, line
	return req.Plan.Validate() == nil && r.pol.Decide(req).Verdict == policy.Allow
}

// ruleTransfer asks the policy whether files may be carried.
func (d *Decider) ruleTransfer(in protocol.Transfer) (*ruling, error) {
	conn, who, err := d.connectedFor(in.Connection, in.Governed)
	if err != nil {
		return nil, err
	}
	if !id.Valid(id.Session, in.Session) {
		return nil, invalid("%q is not a session id", in.Session)
	}
	if in.By == "" {
		return nil, invalid("a transfer by no protocol")
	}
	if in.Governed {
		if err := d.checkFiles(in); err != nil {
			return nil, err
		}
	}
	r := &ruling{in: protocol.Decide{Connection: in.Connection, Session: in.Session, Target: in.Target, Login: in.Login, Env: in.Env, PublicKey: in.PublicKey},
		conn: conn, who: who, pol: d.currentPolicy(), by: in.By, within: in.Governed}
	r.req = policy.Request{Identity: who, Target: in.Target, Labels: d.labels(in.Target), Login: policy.Login(in.Login), Source: conn.source.String(), Now: d.cfg.Now()}
	r.req.Granted = d.granted(who, in.Target, r.req.Login)
	r.out.Decision = r.pol.DecideTransfer(r.req, in.By)
	r.out.Decision.Mode = policy.Pinned
	if !d.lockedOut(r.pol, conn.asks(who, in.Session, in.Target, r.out.Decision.Rules), &r.out.Decision) {
		d.strict(&r.out.Decision)
		r.dryRunTransfer()
		if !r.within {
			d.quota(r)
		}
	}
	dec := &r.out.Decision
	r.details = map[string]any{"by": in.By, "rules": dec.Rules, "code": dec.Code, "source": r.req.Source}
	if in.Governed {
		r.details["governed"] = true
	}
	if in.Line != "" {
		r.details["line"] = cut(in.Line, maxText)
	}
	if len(dec.Grants) > 0 {
		r.details["grants"] = dec.Grants
	}
	if dec.Obligations != (policy.Obligations{}) {
		r.details["obligations"] = dec.Obligations
	}
	r.entry = audit.Entry{Type: audit.Decision, Actor: who.Principal(), Owner: who.Owner, Task: who.Task, Conn: conn.id, Session: in.Session,
		Target: in.Target, Login: in.Login, Outcome: string(dec.Verdict), Policy: dec.PolicyHash, Reason: dec.Reason, Trace: traceOf(in.Env)}
	if len(dec.Rules) > 0 {
		r.entry.Rule = dec.Rules[0]
	}
	return r, nil
}

// dryRunTransfer turns what a role only wants shown into something that does not happen.
func (r *ruling) dryRunTransfer() {
	if dec := &r.out.Decision; dec.Verdict == policy.Allow && dec.Obligations.DryRun {
		dec.Verdict, dec.Code, dec.Reason = policy.Deny, policy.CodeDryRun, "it is allowed, and the role says that nothing runs"
	}
}

// makeCarrying makes the target's SFTP server executable, to read only where nothing may be written.
func (d *Decider) makeCarrying(ctx context.Context, r *ruling, t config.Target) ([]audit.Entry, error) {
	write := writes(r.out.Decision)
	r.details["read_only"] = !write
	r.out.Line = readonly.Transfer(write)
	if t.Local {
		env := []policy.EnvVar{{Name: permit.SessionVariable, Value: r.in.Session}}
		p := permit.Permit{ID: id.New(id.Permit, d.cfg.Now()), Session: r.in.Session, Target: r.in.Target, Login: r.in.Login, User: t.RunAs[r.in.Login],
			Argv: readonly.LocalTransfer(write), Env: env, NotAfter: d.cfg.Now().Add(permit.Lifetime)}
		var err error
		r.out.Permit, err = permit.Sign(d.permits, p)
		r.details["permit"] = p.ID
		return nil, err
	}
	cert, err := d.certifyTarget(ctx, r, r.in.PublicKey, ca.TargetRequest{TTL: ca.MaxPinnedTTL, ForceCommand: r.out.Line})
	if err != nil {
		return nil, err
	}
	r.out.Certificate = cert.Marshal()
	return []audit.Entry{d.certEntry(cert, r.who, r.in.Session, r.in.Target, r.in.Login, true)}, nil
}

// writes reports whether a decision about a transfer lets anything be written.
func writes(dec policy.Decision) bool { return slices.Contains(dec.Directions, policy.FileWrite) }
