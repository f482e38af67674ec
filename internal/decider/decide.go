package decider

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// decide is the way of one command (docs/architecture.md).
func (d *Decider) decide(ctx context.Context, in protocol.Decide) (protocol.Decided, error) {
	// 1. Who asks, as this process verified it.
	conn, who, err := d.connected(in.Connection)
	if err != nil {
		return protocol.Decided{}, err
	}
	if !id.Valid(id.Session, in.Session) {
		return protocol.Decided{}, invalid("%q is not a session id", in.Session)
	}
	if err := in.Plan.Validate(); err != nil {
		return protocol.Decided{}, invalid("plan: %v", err)
	}
	// 2. What policy says. Unlisted environment variables are refused one by one, as RFC 4254 section 6.4 has it.
	pol := d.currentPolicy()
	req := policy.Request{Identity: who, Target: in.Target, Login: policy.Login(in.Login), Plan: in.Plan, PTY: in.PTY}
	var envRefused []string
	req.Env, envRefused = pol.SplitEnv(who, in.Target, req.Login, in.Env)
	out := protocol.Decided{Decision: pol.Decide(req), EnvRefused: envRefused}
	entry := audit.Entry{Type: audit.Decision, Actor: who.Principal(), Owner: who.Owner, Task: who.Task, Conn: conn.id, Session: in.Session,
		Target: in.Target, Login: in.Login, Outcome: string(out.Decision.Verdict), Policy: out.Decision.PolicyHash, Reason: out.Decision.Reason}
	details := map[string]any{"plan": in.Plan, "pty": in.PTY, "env": req.Env, "rules": out.Decision.Rules, "code": out.Decision.Code}
	if size := len(data(details)); size > maxDetails {
		out.Decision = tooLong(size, out.Decision.PolicyHash)
		entry.Outcome, entry.Reason = string(out.Decision.Verdict), out.Decision.Reason
		details = map[string]any{"bytes": size, "code": out.Decision.Code}
	}
	d.compareShadow(ctx, entry, req, out.Decision)
	if len(out.Decision.Rules) > 0 {
		entry.Rule = out.Decision.Rules[0]
	}
	now := d.cfg.Now()
	if out.Decision.Verdict != policy.Allow {
		out.ID = id.New(id.Denial, now)
		entry.Object, entry.Data = out.ID, data(details)
		return out, d.append(ctx, entry)
	}
	// 3. What makes it executable: a certificate or a permit, for exactly what was decided.
	out.ID = id.New(id.Decision, now)
	entry.Object = out.ID
	target, known := d.target(in.Target)
	if !known || !target.HasLogin(in.Login) {
		out.Fault = answer.FaultUnknownTarget
		details["fault"] = out.Fault
		entry.Data = data(details)
		return out, d.append(ctx, entry)
	}
	if !target.Local && out.Decision.Mode == policy.Pinned && len(in.PublicKey) == 0 {
		return protocol.Decided{NeedsKey: true}, nil // a pinned command has a connection of its own
	}
	env := append(slices.Clone(req.Env), policy.EnvVar{Name: permit.SessionVariable, Value: in.Session})
	out.Line = req.Plan.Line(env)
	entries := []audit.Entry{entry}
	if target.Local {
		err = d.addPermit(&out, in, target, req, env, details)
	} else {
		entries, err = d.addCertificate(ctx, &out, in, conn, who, entries, details)
	}
	if unsigned(err) {
		out.Fault, out.Line = answer.FaultSigner, ""
		details["fault"] = out.Fault
		entry.Data = data(details)
		return out, d.append(ctx, entry)
	}
	if err != nil {
		return protocol.Decided{}, err
	}
	entries[0].Data = data(details)
	// 4. The session is taken, and the entries are durable, before anything leaves this process.
	if err := d.takeSession(in.Session, conn.id, req, len(entries[0].Data)); err != nil {
		return protocol.Decided{}, err
	}
	if err := d.append(ctx, entries...); err != nil {
		d.dropSession(in.Session)
		return protocol.Decided{}, err
	}
	// 5. Nothing leaves it on the strength of what was true when the question came and is not any more.
	if err := d.stillAllowed(in.Session, conn.id, pol); err != nil {
		d.dropSession(in.Session)
		return protocol.Decided{}, err
	}
	return out, nil
}

// maxDetails bounds what an entry says of a decision: less than it holds, as what makes it executable is noted as well.
const maxDetails = audit.MaxData - 1<<10

// tooLong denies what the log cannot hold: it is no fault of the log's, and asking again later would not help.
func tooLong(size int, policyHash string) policy.Decision {
	return policy.Decision{Verdict: policy.Deny, Code: policy.CodeUnsupportedSyntax, PolicyHash: policyHash,
		Reason: fmt.Sprintf("the command takes %d bytes in the audit log, which holds %d at most; split it", size, maxDetails)}
}

// addPermit signs what the supervisor may start on this machine.
func (d *Decider) addPermit(out *protocol.Decided, in protocol.Decide, t config.Target, req policy.Request, env []policy.EnvVar, details map[string]any) error {
	argv := req.Plan.Argv
	if req.Plan.Op != policy.OpRun {
		argv = policy.Argv{"/bin/sh", "-c", req.Plan.Line(nil)}
	}
	p := permit.Permit{ID: id.New(id.Permit, d.cfg.Now()), Session: in.Session, Target: in.Target, Login: in.Login, User: t.RunAs[in.Login],
		Argv: argv, Env: env, PTY: in.PTY, NotAfter: d.cfg.Now().Add(permit.Lifetime)}
	var err error
	out.Permit, err = permit.Sign(d.permits, p)
	details["permit"] = p.ID
	return err
}

// addCertificate issues the target certificate, if the door needs one; a pinned decision always does.
func (d *Decider) addCertificate(ctx context.Context, out *protocol.Decided, in protocol.Decide, conn connection, who policy.Identity, entries []audit.Entry, details map[string]any) ([]audit.Entry, error) {
	pinned := out.Decision.Mode == policy.Pinned
	if len(in.PublicKey) == 0 {
		details["certificate"] = "connection reused"
		return entries, nil
	}
	key, err := ssh.ParsePublicKey(in.PublicKey)
	if err != nil {
		return nil, invalid("public key: %v", err)
	}
	req := ca.TargetRequest{PublicKey: key, Target: in.Target, Login: policy.Login(in.Login), Identity: who, Request: in.Session,
		Connection: conn.id, TTL: ca.MaxTargetTTL, PTY: in.PTY}
	if pinned {
		req.TTL, req.ForceCommand = ca.MaxPinnedTTL, out.Line
	}
	cert, err := d.cas.Target.Issue(req)
	if err := d.signed(ctx, "target", err, invalid); err != nil {
		return nil, err
	}
	out.Certificate = cert.Marshal()
	return append(entries, d.certEntry(cert, who, in.Session, in.Target, in.Login, pinned)), nil
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
