package decider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// proof is what a certificate is issued on: who asked, how the identity was proven, and what a renewal goes on from.
type proof struct {
	actor      string // for the log: "local:root", or the principal itself
	by         string // "local", "oidc:ISSUER", "join", "key", "passkey"
	delegation string
	grant      ca.Grant // renewals: the grant that goes on; zero: a new one begins
	source     string   // address of whoever asked; empty on this machine
	conn       string
	detail     map[string]any // what else the entry says

	shown *policy.Proof               // of an agent, verified; asked of the policy under which the certificate is made
	deny  error                       // what stands against it already; logged and answered like any other refusal
	spend func(context.Context) error // uses up what was shown, once nothing else stands against it; durable when it returns
}

// certify is the one way to a certificate that opens the door: the policy's profile, revocations, the grant, the signature,
// and the entry, in that order. What is refused is logged as well. A request for more than there is, is refused, never cut.
func (d *Decider) certify(ctx context.Context, want policy.CertificateRequest, wire []byte, p proof) (protocol.Issued, error) {
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return protocol.Issued{}, invalid("public key: %v", err)
	}
	if _, isCert := key.(*ssh.Certificate); isCert {
		return protocol.Issued{}, invalid("public key: it is a certificate; send the key in it")
	}
	pol := d.currentPolicy()
	cert, who, err := d.sign(ctx, pol, want, key, &p)
	if err != nil {
		err = refusal(err)
	} else if p.spend != nil {
		err = p.spend(ctx)
	}
	entry := audit.Entry{Type: audit.Issue, Actor: p.actor, Owner: who.Owner, Task: want.Task, Conn: p.conn, Object: string(want.Kind) + ":" + want.Name,
		Outcome: "ok", Policy: pol.Hash()}
	details := map[string]any{"ca": "agent", "by": p.by, "key": ssh.FingerprintSHA256(key), "source": p.source}
	for k, v := range p.detail {
		details[k] = v
	}
	if err != nil {
		if reason := reasonOf(err); reason != "" {
			details["code"] = reason
		}
		entry.Outcome, entry.Reason, entry.Data = "deny", cut(err.Error(), maxText), data(details)
		if unsigned(err) {
			entry.Outcome = "failed" // nobody said no
		}
		if err := d.append(ctx, entry); err != nil {
			return protocol.Issued{}, err
		}
		return protocol.Issued{}, err
	}
	out := protocol.Issued{Certificate: cert.Marshal(), KeyID: cert.KeyId, Serial: cert.Serial, NotAfter: time.Unix(int64(cert.ValidBefore), 0).UTC(), RenewUntil: p.grant.Until}
	details["key_id"], details["not_after"], details["grant"] = cert.KeyId, out.NotAfter, p.grant.String()
	if p.delegation != "" {
		details["delegation"] = p.delegation
	}
	if s, ok := cert.CriticalOptions["source-address"]; ok {
		details["sources"] = s
	}
	entry.Serial, entry.Data = ca.Serial(cert.Serial).String(), data(details)
	if err := d.append(ctx, entry); err != nil {
		return protocol.Issued{}, err
	}
	return out, nil
}

// sign decides and signs. It fills in the grant.
func (d *Decider) sign(ctx context.Context, pol *policy.Policy, want policy.CertificateRequest, key ssh.PublicKey, p *proof) (*ssh.Certificate, policy.Identity, error) {
	if p.deny != nil {
		return nil, policy.Identity{}, p.deny
	}
	terms, err := pol.Certificate(want)
	if err != nil {
		return nil, policy.Identity{}, err
	}
	if why := d.refuseRevoked(terms.Identity, key, p.delegation); why != "" {
		return nil, terms.Identity, errors.New(why)
	}
	if why := d.lockedCertificate(pol, terms.Identity, p.delegation); why != "" {
		return nil, terms.Identity, refuseFor(reasonLocked, "%s", why)
	}
	if p.shown != nil { // the policy may be another than the one that looked at it
		if err := pol.Enrols(want.Name, *p.shown); err != nil {
			return nil, terms.Identity, refuseFor(reasonNotAllowed, "%s", err.Error())
		}
	}
	now := d.cfg.Now()
	until := goesOnUntil(p.grant, terms.RenewFor)
	if p.grant.ID == "" {
		// A grant lasts at least as long as its first certificate; with renewals, as long as those may go on.
		until = now.Add(max(terms.TTL, terms.RenewFor) + time.Second).Truncate(time.Second).UTC()
		p.grant = ca.Grant{ID: id.New(id.Enrolment, now), By: p.by, Until: until}
	}
	left := until.Sub(now).Truncate(time.Second)
	switch {
	case left < time.Second:
		return nil, terms.Identity, fmt.Errorf("what this certificate stems from has ended (%s); prove who you are again", until.Format(time.RFC3339))
	case want.TTL == 0:
		terms.TTL = min(terms.TTL, left)
	case want.TTL > left:
		return nil, terms.Identity, fmt.Errorf("renewals may go on until %s; ask for %s at most, or prove who you are again", until.Format(time.RFC3339), left)
	}
	req := ca.AgentRequest{Kind: want.Kind, Name: want.Name, Owner: terms.Identity.Owner, Task: want.Task, PublicKey: key, TTL: terms.TTL, Sources: terms.Sources,
		Delegation: p.delegation, Grant: p.grant, PolicyHash: pol.Hash(), Trace: want.Trace}
	cert, err := d.cas.Agent.Issue(req)
	return cert, terms.Identity, d.signed(ctx, "agent", err, fmt.Errorf)
}

// goesOnUntil is when renewals of a grant end: at its own end, or before it where policy has shortened renew_for since. Its id says
// when it began.
func goesOnUntil(g ca.Grant, renewFor time.Duration) time.Time {
	begun, _ := id.Time(g.ID) // without one the zero time, which is over
	until := begun.Add(renewFor + time.Second).Truncate(time.Second).UTC()
	if g.Until.Before(until) {
		return g.Until
	}
	return until
}
