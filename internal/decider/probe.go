package decider

import (
	"context"
	_ "embed" // probe.sh
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// probeScript looks at what of a target a login sees: its shell, the files that shells read, and what sshd is told. It only reads,
// and needs POSIX sh, find and id. What it prints is the target's word, one "key value" a line; bastion/target/check reads it.
//
//go:embed probe.sh
var probeScript string

// noTarget is the name of the target that a probe for another target names where the inventory has no other.
const noTarget = "gatehouse-no-such-target"

// The most that a check may say.
const (
	maxBad      = 200
	maxBadText  = 240
	maxAccepted = 4
)

// probe certifies what a check shows to a target. All that it can be used for is the line that
// looks around, or the SFTP server that only looks.
func (d *Decider) probe(ctx context.Context, in protocol.Probe) (protocol.ProbeAnswer, error) {
	t, err := d.remoteTarget(in.Target)
	if err != nil {
		return protocol.ProbeAnswer{}, err
	}
	if !t.HasLogin(in.Login) {
		return protocol.ProbeAnswer{}, refuse("target %q has no login %q", in.Target, in.Login)
	}
	if !id.Valid(id.Check, in.Check) {
		return protocol.ProbeAnswer{}, invalid("%q is not a check's id", in.Check)
	}
	principal, err := d.probePrincipal(in)
	if err != nil {
		return protocol.ProbeAnswer{}, err
	}
	key, err := ssh.ParsePublicKey(in.PublicKey)
	if err != nil {
		return protocol.ProbeAnswer{}, invalid("public key: %v", err)
	}
	line := "exec /bin/sh -c '" + probeScript + "'"
	if in.SFTP {
		line = readonly.Command(false)
	}
	cert, err := d.cas.ProbeTarget(in.CA, ca.ProbeRequest{PublicKey: key, Target: principal, Login: policy.Login(in.Login), ForceCommand: line, Connection: in.Check})
	if err := d.signed(ctx, "target", err, refuse); err != nil {
		return protocol.ProbeAnswer{}, err
	}
	looked := audit.Entry{Type: audit.TargetCheck, Actor: "local:" + cut(in.By, maxID), Target: in.Target, Login: in.Login, Object: in.Check,
		Data: data(map[string]any{"principal": cert.ValidPrincipals[0], "ca": ssh.FingerprintSHA256(cert.SignatureKey)})}
	who := policy.Identity{Kind: policy.Agent, Name: "gatehouse-check"}
	if err := d.append(ctx, looked, d.certEntry(cert, who, "", in.Target, in.Login, true)); err != nil {
		return protocol.ProbeAnswer{}, err
	}
	return protocol.ProbeAnswer{Certificate: cert.Marshal(), Line: line}, nil
}

// probePrincipal is the target whose principal a probe has; empty for the bare login.
func (d *Decider) probePrincipal(in protocol.Probe) (string, error) {
	switch {
	case in.SFTP && in.Principal != protocol.ProbeOwn:
		return "", invalid("SFTP is asked for, and the principal is %q", in.Principal)
	case in.Principal != protocol.ProbeOther && in.Other != "":
		return "", invalid("another target is named, and the principal is %q", in.Principal)
	case in.Principal == protocol.ProbeOwn:
		return in.Target, nil
	case in.Principal == protocol.ProbeBare:
		return "", nil
	case in.Principal != protocol.ProbeOther:
		return "", invalid("principal %q is none of own, bare, other", in.Principal)
	case in.Other == in.Target:
		return "", invalid("the other target is the target itself")
	case in.Other != "":
		_, err := d.remoteTarget(in.Other)
		return in.Other, err
	}
	if _, known := d.target(noTarget); known {
		return "", refuse("the inventory has a target named %q, which checks use as one that does not exist: rename it", noTarget)
	}
	return noTarget, nil
}

// checked notes what a check found, and which of the target CA's keys the target accepts.
func (d *Decider) checked(ctx context.Context, in protocol.Checked) (protocol.Empty, error) {
	if _, err := d.remoteTarget(in.Target); err != nil {
		return protocol.Empty{}, err
	}
	if !id.Valid(id.Check, in.Check) || len(in.Bad) > maxBad || len(in.Accepted) > maxAccepted {
		return protocol.Empty{}, invalid("not a check's report: %d findings, %d keys", len(in.Bad), len(in.Accepted))
	}
	for i, text := range in.Bad {
		in.Bad[i] = cut(text, maxBadText)
	}
	entry := audit.Entry{Type: audit.TargetCheck, Actor: "local:" + cut(in.By, maxID), Target: in.Target, Object: in.Check, Outcome: "ok",
		Data: data(map[string]any{"reached": in.Reached, "good": in.Good, "bad": in.Bad, "accepted": in.Accepted, "host_ca": in.HostCA})}
	if !in.Reached || len(in.Bad) > 0 {
		entry.Outcome, entry.Reason = "failed", cut(strings.Join(in.Bad, "; "), maxText)
	}
	if err := d.append(ctx, entry); err != nil {
		return protocol.Empty{}, err
	}
	now := d.cfg.Now()
	for _, print := range in.Accepted {
		if !d.cas.Target.Trusts(print) {
			continue // it was retired meanwhile
		}
		if err := d.facts.SawTrust(ctx, registry.TrustTarget, in.Target, print, now); err != nil {
			return protocol.Empty{}, err
		}
	}
	if !d.cas.Host.Trusts(in.HostCA) {
		return protocol.Empty{}, nil // a pinned key, or not recognised
	}
	return protocol.Empty{}, d.facts.SawTrust(ctx, registry.TrustHost, in.Target, in.HostCA, now)
}
