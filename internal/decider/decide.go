package decider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// ruling is one question on its way to its answer: what was asked, by whom, and what the log will say of it.
type ruling struct {
	in      protocol.Decide
	conn    connection
	who     policy.Identity
	pol     *policy.Policy
	req     policy.Request
	out     protocol.Decided
	entry   audit.Entry
	details map[string]any
	by      policy.Carrier    // of a transfer
	within  bool              // of a transfer: it is that of a governed shell
	needs   []policy.Approval // what people have approved for it
	over    *access.Over      // of the identity's budget, why it is denied
}

// decide is the way of one command (docs/architecture.md). Where what people approved is used by another meanwhile, it is decided anew.
func (d *Decider) decide(ctx context.Context, in protocol.Decide) (out protocol.Decided, err error) {
	for range maxSpent {
		if out, err = d.decideOnce(ctx, in); !errors.Is(err, errSpent) {
			break
		}
	}
	return out, err
}

func (d *Decider) decideOnce(ctx context.Context, in protocol.Decide) (protocol.Decided, error) {
	// 1. Who asks, as this process verified it, and what policy says.
	r, err := d.rule(in)
	if err != nil {
		return protocol.Decided{}, err
	}
	if in.Preview != "" {
		return d.preview(ctx, r)
	}
	r.homeFirst()
	// 2. A rule matches, and what it says of the target is not known, or what people are to approve: a look, and nothing else.
	if r.out.Decision.Verdict == policy.Look || r.out.Decision.Verdict == policy.Ask && r.contents() {
		return d.look(ctx, r)
	}
	if in.Await == "" {
		d.compareShadow(ctx, r.entry, r.req, r.out.Decision)
	}
	// 3. What people must approve: they have, or they are asked.
	if r.out.Decision.Verdict == policy.Ask {
		if settled, err := d.byPeople(ctx, r); settled || err != nil {
			return r.out, err
		}
	}
	d.waits.end(r.waiter())
	if err := d.noMore(ctx, r); err != nil {
		return protocol.Decided{}, err
	}
	if r.out.Decision.Verdict != policy.Allow {
		return r.out, d.denied(ctx, r)
	}
	if in.Unrecorded && r.out.Decision.Recording != policy.BestEffort {
		return d.fault(ctx, r, answer.FaultEvidence)
	}
	// 4. What makes it executable: a certificate or a permit, for exactly what was decided.
	r.out.ID = id.New(id.Decision, d.cfg.Now())
	target, known := d.target(in.Target)
	if !known || !target.HasLogin(in.Login) {
		return d.fault(ctx, r, answer.FaultUnknownTarget)
	}
	if r.out.Decision.Governed() { // nothing of it is given to a target
		return d.grant(ctx, r, nil)
	}
	if !target.Local && r.out.Decision.Mode == policy.Pinned && len(in.PublicKey) == 0 {
		return protocol.Decided{NeedsKey: true}, nil // a pinned command has a connection of its own
	}
	certified, err := d.makeExecutable(ctx, r, target)
	if unsigned(err) {
		r.out.Line = ""
		return d.fault(ctx, r, answer.FaultSigner)
	}
	if err != nil {
		return protocol.Decided{}, err
	}
	return d.grant(ctx, r, traced(r.entry.Trace, certified))
}

// rule asks the policy. Unlisted environment variables are refused one by one, as RFC 4254 section 6.4 has it.
func (d *Decider) rule(in protocol.Decide) (*ruling, error) {
	conn, who, err := d.connectedFor(in.Connection, in.Step != nil)
	if err != nil {
		return nil, err
	}
	if !id.Valid(id.Session, in.Session) {
		return nil, invalid("%q is not a session id", in.Session)
	}
	if in.Step != nil {
		if err := d.checkStep(in); err != nil {
			return nil, err
		}
		in.Text, in.Refusal = "", "" // no shell reads it in its place
	}
	if err := in.Plan.Validate(); err != nil {
		return nil, invalid("plan: %v", err)
	}
	r := &ruling{in: in, conn: conn, who: who, pol: d.currentPolicy()}
	r.req = policy.Request{Identity: who, Target: in.Target, Labels: d.labels(in.Target), Login: policy.Login(in.Login), Plan: in.Plan, Text: in.Text, Env: in.Env,
		PTY: in.PTY, Source: conn.source.String(), Now: d.cfg.Now(), Facts: in.Facts, Step: in.Step}
	r.req.Granted = d.granted(who, in.Target, r.req.Login)
	r.req.Env, r.out.EnvRefused = r.pol.SplitEnv(r.req)
	r.out.Decision = r.pol.Decide(r.req)
	d.lend(r)
	r.settleTerminal()
	if !d.lockedOut(r.pol, conn.asks(who, in.Session, in.Target, r.out.Decision.Rules), &r.out.Decision) {
		d.strict(&r.out.Decision)
		r.unreadable()
		r.dryRun()
		d.quota(r)
	}
	r.describe()
	return r, nil
}

// unreadable gives a line that no shell may read the reason why it is no plan either.
func (r *ruling) unreadable() {
	if r.in.Plan.Op == policy.OpShell && r.in.Refusal != "" && r.out.Decision.Code == policy.CodeNotAllowed {
		r.out.Decision.Code, r.out.Decision.Reason = policy.CodeUnsupportedSyntax, cut(r.in.Refusal, maxText)
	}
}

// dryRun turns what a rule only wants shown into something that does not run.
func (r *ruling) dryRun() {
	if dec := &r.out.Decision; (dec.Verdict == policy.Allow || dec.Verdict == policy.Ask) && dec.Obligations.DryRun {
		dec.Verdict, dec.Code, dec.Approvals = policy.Deny, policy.CodeDryRun, nil
		dec.Reason = "it is allowed, and the rule says that nothing runs; it would be " + cut(dec.Plan.String(), maxText)
	}
}

// describe is what the log and, with them, the answer are bound to.
func (r *ruling) describe() {
	dec := &r.out.Decision
	r.details = map[string]any{"plan": r.in.Plan, "pty": r.in.PTY, "env": r.req.Env, "rules": dec.Rules, "code": dec.Code}
	if dec.Plan != nil {
		r.details["final"] = dec.Plan
	}
	if len(dec.Grants) > 0 {
		r.details["grants"] = dec.Grants
	}
	if len(r.req.Labels) > 0 {
		r.details["labels"] = r.req.Labels
	}
	r.details["source"] = r.req.Source
	if r.aStep() {
		r.details["step"] = r.in.Step
	}
	if dec.Obligations != (policy.Obligations{}) {
		r.details["obligations"] = dec.Obligations
	}
	if facts := r.in.Facts; len(facts.Programs)+len(facts.Paths) > 0 || facts.Home != "" {
		facts.Globs, facts.Contents = nil, nil // what matched stands in the final plan, what was read below
		r.details["facts"] = facts
	}
	if files := r.files(); len(files) > 0 {
		r.details["files"] = files
	}
	if size := len(data(r.details)); size > maxDetails {
		*dec = tooLong(size, dec.PolicyHash)
		r.details = map[string]any{"bytes": size, "code": dec.Code}
	}
	r.entry = audit.Entry{Type: audit.Decision, Actor: r.who.Principal(), Owner: r.who.Owner, Task: r.who.Task, Conn: r.conn.id, Session: r.in.Session,
		Target: r.in.Target, Login: r.in.Login, Outcome: string(dec.Verdict), Policy: dec.PolicyHash, Reason: dec.Reason, Trace: traceOf(r.in.Env)}
	if len(dec.Rules) > 0 {
		r.entry.Rule = dec.Rules[0]
	}
}

// note makes the decision's entry durable.
func (d *Decider) note(ctx context.Context, r *ruling) error {
	r.entry.Object, r.entry.Data = r.out.ID, data(r.details)
	return d.append(ctx, r.entry)
}

// fault answers what policy allows and cannot be made executable.
func (d *Decider) fault(ctx context.Context, r *ruling, code string) (protocol.Decided, error) {
	r.out.Fault, r.details["fault"] = code, code
	return r.out, d.note(ctx, r)
}

// makeExecutable adds the line with its certificate or permit, and returns the entry of the certificate, if one was made.
func (d *Decider) makeExecutable(ctx context.Context, r *ruling, t config.Target) ([]audit.Entry, error) {
	session := policy.EnvVar{Name: permit.SessionVariable, Value: r.in.Session}
	env := append(append([]policy.EnvVar(nil), r.req.Env...), session)
	r.out.Line = r.out.Decision.Plan.Line(env)
	if t.Local {
		return nil, d.addPermit(r, t, env)
	}
	return d.addCertificate(ctx, r)
}

// grant lets the answer go: the session is taken, and the entries are durable, before anything leaves this process.
func (d *Decider) grant(ctx context.Context, r *ruling, certified []audit.Entry) (out protocol.Decided, err error) {
	undo, err := d.bookFor(ctx, r)
	if err != nil {
		return protocol.Decided{}, err
	}
	if r.over != nil {
		return r.out, d.denied(ctx, r)
	}
	defer func() { undo(err) }()
	r.entry.Object, r.entry.Data = r.out.ID, data(r.details)
	s := d.toKeep(r)
	if err := d.hold(&s, r.out.Decision.Grants); err != nil {
		return protocol.Decided{}, err
	}
	if err := d.take(r, s); err != nil {
		return protocol.Decided{}, err
	}
	if err := d.use(ctx, r.out.Decision.Grants, r.out.ID, r.in.Session, append([]audit.Entry{r.entry}, certified...)...); err != nil {
		d.drop(r)
		return protocol.Decided{}, err
	}
	// Nothing leaves on the strength of what was true when the question came and is not any more.
	if err := d.stillAllowed(r.in.Session, r.conn.id, r.pol); err != nil {
		d.drop(r)
		return protocol.Decided{}, err
	}
	r.out.Residue = r.pol.Residue(r.in.Target, r.req.Labels, r.req.Login)
	return r.out, nil
}

// maxDetails bounds what an entry says of a decision: less than it holds, as what makes it executable is noted as well.
const maxDetails = audit.MaxData - 1<<10

// tooLong denies what the log cannot hold: it is no fault of the log's, and asking again later would not help.
func tooLong(size int, policyHash string) policy.Decision {
	return policy.Decision{Verdict: policy.Deny, Code: policy.CodeUnsupportedSyntax, PolicyHash: policyHash,
		Reason: fmt.Sprintf("the command takes %d bytes in the audit log, which holds %d at most; split it", size, maxDetails)}
}

// addPermit signs what the supervisor may start on this machine.
func (d *Decider) addPermit(r *ruling, t config.Target, env []policy.EnvVar) error {
	plan := *r.out.Decision.Plan
	argv := plan.Argv
	if !plan.Alone() { // a shell of ours puts together what is around it
		argv = policy.Argv{"/bin/sh", "-c", plan.Line(nil)}
	}
	p := permit.Permit{ID: id.New(id.Permit, d.cfg.Now()), Session: r.in.Session, Target: r.in.Target, Login: r.in.Login, User: t.RunAs[r.in.Login],
		Argv: argv, Env: env, PTY: r.in.PTY, Limits: t.LimitsOf(r.in.Login), NotAfter: d.cfg.Now().Add(permit.Lifetime)}
	var err error
	r.out.Permit, err = permit.Sign(d.permits, p)
	r.details["permit"] = p.ID
	return err
}

// addCertificate issues the target certificate, if the door needs one; a pinned decision always does.
func (d *Decider) addCertificate(ctx context.Context, r *ruling) ([]audit.Entry, error) {
	pinned := r.out.Decision.Mode == policy.Pinned
	if len(r.in.PublicKey) == 0 {
		r.details["certificate"] = "connection reused"
		return nil, nil
	}
	req := ca.TargetRequest{TTL: ca.MaxTargetTTL, PTY: r.in.PTY}
	if pinned {
		req.TTL, req.ForceCommand = ca.MaxPinnedTTL, r.out.Line
	}
	cert, err := d.certifyTarget(ctx, r, r.in.PublicKey, req)
	if err != nil {
		return nil, err
	}
	r.out.Certificate = cert.Marshal()
	return []audit.Entry{d.certEntry(cert, r.who, r.in.Session, r.in.Target, r.in.Login, pinned)}, nil
}

// certifyTarget signs a certificate for the ruling's target and login over a key of the door's.
func (d *Decider) certifyTarget(ctx context.Context, r *ruling, wire []byte, req ca.TargetRequest) (*ssh.Certificate, error) {
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return nil, invalid("public key: %v", err)
	}
	req.PublicKey, req.Target, req.Login, req.Identity, req.Request, req.Connection = key, r.in.Target, policy.Login(r.in.Login), r.who, r.in.Session, r.conn.id
	cert, err := d.cas.Target.Issue(req)
	return cert, d.signed(ctx, "target", err, invalid)
}

func (d *Decider) certEntry(cert *ssh.Certificate, who policy.Identity, session, target, login string, pinned bool) audit.Entry {
	return audit.Entry{Type: audit.CertIssue, Actor: who.Principal(), Owner: who.Owner, Task: who.Task, Session: session, Target: target, Login: login,
		Object: cert.KeyId, Outcome: "ok", Serial: ca.Serial(cert.Serial).String(), Data: data(map[string]any{"ca": "target", "pinned": pinned,
			"not_after": time.Unix(int64(cert.ValidBefore), 0).UTC(), "key": ssh.FingerprintSHA256(cert.Key)})}
}

// refused notes what the door refused by itself.
func (d *Decider) refused(ctx context.Context, in protocol.Refuse) (protocol.Empty, error) {
	entry := audit.Entry{Type: audit.Decision, Conn: cut(in.Connection, maxID), Session: cut(in.Session, maxID), Target: cut(in.Target, maxID),
		Login: cut(in.Login, maxID), Outcome: "deny",
		Reason: cut(in.Why, maxText), Policy: d.PolicyHash(), Data: data(map[string]any{"what": cut(in.What, maxText), "code": cut(in.Code, maxID)})}
	if _, who, err := d.live(in.Connection); err == nil {
		entry.Actor, entry.Owner, entry.Task = who.Principal(), who.Owner, who.Task
	}
	return protocol.Empty{}, d.append(ctx, entry)
}
