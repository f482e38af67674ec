package decider

import (
	"context"

	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// look answers a question whose rules match and which cannot be decided without facts about the target. What is looked up is in
// the log before the door may look, and what it gets is good for a read-only SFTP server and nothing else.
func (d *Decider) look(ctx context.Context, r *ruling) (protocol.Decided, error) {
	t, known := d.target(r.in.Target)
	if !known || !t.HasLogin(r.in.Login) {
		r.out.Decision.Verdict, r.out.Decision.Probes = policy.Allow, nil // as far as policy is concerned
		r.out.ID = id.New(id.Decision, d.cfg.Now())
		return d.fault(ctx, r, answer.FaultUnknownTarget)
	}
	if !t.Local && !r.in.Looking && len(r.in.ProbeKey) == 0 {
		return r.out, nil // it cannot look yet, and asks again with a key
	}
	hash := wantsHash(r.out.Decision.Probes)
	asked := map[string]any{"probes": r.out.Decision.Probes}
	if purpose := r.purpose(); purpose != "" {
		asked["purpose"] = purpose
	}
	entries := []audit.Entry{{Type: audit.TargetLook, Actor: r.who.Principal(), Owner: r.who.Owner, Task: r.who.Task, Conn: r.conn.id, Session: r.in.Session,
		Target: r.in.Target, Login: r.in.Login, Outcome: "allow", Policy: r.out.Decision.PolicyHash, Object: r.in.Preview, Data: data(asked)}}
	switch {
	case t.Local:
		p := permit.Permit{ID: id.New(id.Permit, d.cfg.Now()), Session: r.in.Session, Target: r.in.Target, Login: r.in.Login, User: t.RunAs[r.in.Login],
			Argv: readonly.LocalArgv(hash), Limits: t.LimitsOf(r.in.Login), NotAfter: d.cfg.Now().Add(permit.Lifetime)}
		var err error
		if r.out.ProbePermit, err = permit.Sign(d.permits, p); err != nil {
			return protocol.Decided{}, err
		}
	case len(r.in.ProbeKey) > 0:
		cert, err := d.certifyTarget(ctx, r, r.in.ProbeKey, ca.TargetRequest{TTL: ca.MaxPinnedTTL, ForceCommand: readonly.Command(hash)})
		if unsigned(err) {
			r.out.ID = id.New(id.Decision, d.cfg.Now())
			return d.fault(ctx, r, answer.FaultSigner)
		}
		if err != nil {
			return protocol.Decided{}, err
		}
		r.out.ProbeCertificate = cert.Marshal()
		entries = append(entries, d.certEntry(cert, r.who, r.in.Session, r.in.Target, r.in.Login, true))
	}
	traced(r.entry.Trace, entries)
	if err := d.append(ctx, entries...); err != nil {
		return protocol.Decided{}, err
	}
	if _, _, err := d.connectedFor(r.conn.id, r.aStep()); err != nil { // ended meanwhile
		return protocol.Decided{}, err
	}
	return r.out, nil
}

func wantsHash(probes []policy.Probe) bool {
	for _, p := range probes {
		if p.Hash {
			return true
		}
	}
	return false
}
