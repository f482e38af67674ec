package decider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"time"

	"gatehouse/internal/decider/oidc"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/policy"
)

// maxEnrolling bounds the enrolments that are looked into at once: a token may have to wait for its issuer.
const maxEnrolling = 64

// usedMargin is how much longer than a token lives its id is remembered.
const usedMargin = time.Hour

// The reasons of refusals besides those of package oidc. They are part of the HTTPS interface.
const (
	reasonNotAllowed  = "not_allowed" // policy says no
	reasonReplayed    = "replayed"    // the token was used before
	reasonJoinToken   = "bad_join_token"
	reasonBusy        = "busy"
	reasonFull        = "full"
	reasonUnavailable = "unavailable"
)

// enrol issues a certificate on a proof other than a certificate. Whatever is refused is logged with its reason.
func (d *Decider) enrol(ctx context.Context, in protocol.Enrol) (protocol.Enrolled, error) {
	// 1. The request makes sense.
	want, err := enrolRequest(in)
	if err != nil {
		return protocol.Enrolled{}, err
	}
	select {
	case d.enrolling <- struct{}{}:
		defer func() { <-d.enrolling }()
	default:
		return protocol.Enrolled{}, refuseFor(reasonBusy, "too many enrolments at once; try again in a moment")
	}
	if in.DeviceCode != "" {
		return d.enrolDevice(ctx, in, want)
	}
	// 2. What was shown, and what policy makes of it.
	p := proof{source: in.Source, detail: map[string]any{"request": in.Request}}
	if in.Token != "" {
		p.deny = d.proveToken(ctx, in, &p)
	} else {
		p.deny = d.proveJoin(ctx, in, &p)
	}
	var own *protocol.Error
	if p.deny != nil && !errors.As(p.deny, &own) {
		return protocol.Enrolled{}, p.deny // our own fault, and nobody's business
	}
	if p.deny == nil {
		p.actor = "agent:" + in.Agent
	}
	// 3. The certificate; what was shown is used up on the way.
	issued, err := d.certify(ctx, want, in.PublicKey, p)
	if err != nil {
		return protocol.Enrolled{}, err
	}
	return d.enrolled(ctx, "agent:"+in.Agent, issued), nil
}

// enrolRequest checks the shape of a request.
func enrolRequest(in protocol.Enrol) (policy.CertificateRequest, error) {
	none := policy.CertificateRequest{}
	proofs := 0
	for _, text := range []string{in.Token, in.JoinToken, in.DeviceCode} {
		if text != "" {
			proofs++
		}
	}
	_, err := netip.ParseAddr(in.Source)
	switch {
	case err != nil || !id.Valid(id.Request, in.Request):
		return none, invalid("enrol needs a request id and a source address")
	case proofs != 1:
		return none, invalid("give exactly one of token, join_token and device_code")
	case in.DeviceCode != "" && (in.Agent != "" || len(in.PublicKey) > 0):
		return none, invalid("with a device code neither agent nor public_key is given: both are known from its beginning")
	case in.DeviceCode == "" && (in.Agent == "" || len(in.PublicKey) == 0):
		return none, invalid("agent and public_key are missing")
	case len(in.Agent) > maxID || len(in.Task) > maxID || len(in.Trace) > maxID || len(in.Sources) > 64:
		return none, invalid("agent, task, trace or sources are too long")
	case in.TTL < 0:
		return none, invalid("ttl is negative")
	}
	sources, err := prefixes(in.Sources)
	return policy.CertificateRequest{Kind: policy.Agent, Name: in.Agent, Task: in.Task, Trace: in.Trace, TTL: in.TTL, Sources: sources}, err
}

// proveToken verifies a token and asks policy about it. It fills in what the certificate stems from, and what uses the token up.
func (d *Decider) proveToken(ctx context.Context, in protocol.Enrol, p *proof) error {
	p.by = string(policy.ByOIDC)
	issuerURL, err := issuerOf(in.Token)
	if err != nil {
		return err
	}
	pol := d.currentPolicy()
	issuer, known := pol.IssuerByURL(issuerURL)
	if !known {
		return refuseFor(string(oidc.CodeWrongIssuer), "the token's issuer %q is none that the policy names", cut(issuerURL, 200))
	}
	p.by = string(policy.ByOIDC) + ":" + issuer.Name
	// Before anything is verified: whoever may not enrol so costs nothing more, and makes nobody fetch keys. Who is unknown or
	// disabled is told only to whoever has shown a token.
	if !pol.EnrolsBy(in.Agent, p.by) {
		return refuseFor(reasonNotAllowed, "the policy does not let agent:%s enrol by %s", in.Agent, p.by)
	}
	provider, err := d.issuer(issuer.Name)
	if err != nil {
		return err
	}
	claims, err := provider.Verify(ctx, in.Token)
	if err != nil {
		return tokenRefusal(err)
	}
	p.detail["issuer"], p.detail["subject"], p.detail["jti"], p.detail["actors"] = claims.Issuer, claims.Subject, cut(claims.ID, 256), claims.Actors
	shown := policy.Proof{Method: policy.ByOIDC, Issuer: issuer.Name, Subject: claims.Subject, Claims: claims.All, Actors: claims.Actors}
	if err := pol.Enrols(in.Agent, shown); err != nil {
		return refuseFor(reasonNotAllowed, "%s", err.Error())
	}
	p.shown = &shown
	p.spend = func(ctx context.Context) error {
		return spent(d.facts.UseToken(ctx, claims.Issuer, claims.ID, claims.Expires.Add(usedMargin), d.cfg.Now()))
	}
	p.delegation, err = chain(pol, issuer.Name, claims)
	return err
}

// issuerOf reads whose token this says it is. Nothing is believed: it only says whom to ask.
func issuerOf(token string) (string, error) {
	if len(token) > oidc.MaxToken {
		return "", refuseFor(string(oidc.CodeTooLarge), "the token is over %d bytes", oidc.MaxToken)
	}
	parts := strings.Split(token, ".")
	var claims struct {
		Issuer string `json:"iss"`
	}
	if len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil && json.Unmarshal(payload, &claims) == nil && claims.Issuer != "" {
			return claims.Issuer, nil
		}
	}
	return "", refuseFor(string(oidc.CodeMalformed), "this is not a signed OpenID Connect token with an issuer")
}

// tokenRefusal is a verifier's refusal in the protocol's form; anything else is our own fault.
func tokenRefusal(err error) error {
	var why *oidc.Error
	if errors.As(err, &why) {
		return refuseFor(string(why.Code), "%s", why.Error())
	}
	return err
}

// spent turns what the registry says about a token that is used up into a refusal.
func spent(err error) error {
	switch {
	case errors.Is(err, registry.ErrUsed):
		return refuseFor(reasonReplayed, "this token has been used; each is good for one certificate, so ask for a new one")
	case errors.Is(err, registry.ErrFull):
		return refuseFor(reasonFull, "too many tokens were used lately; try again when some have expired")
	}
	return err
}

// chain is the delegation that a token tells of, from the owner on; the last actor is the agent itself and not part of it. It
// begins with the person whose account the subject is, or else with the subject. Only policy's word makes a name a person's.
func chain(pol *policy.Policy, issuer string, claims oidc.Claims) (string, error) {
	person, known := pol.PersonByAccount(issuer, claims.Subject)
	if !known && len(claims.Actors) == 0 {
		return "", nil
	}
	names := append([]string{claims.Subject}, claims.Actors[:max(len(claims.Actors)-1, 0)]...)
	for i, name := range names {
		if i == 0 && known {
			names[0] = string(policy.Person) + ":" + person
			continue
		}
		if strings.ContainsAny(name, "> ;=,") || strings.HasPrefix(name, "person:") || strings.HasPrefix(name, "group:") {
			return "", refuseFor(string(oidc.CodeActor), "the token's chain of delegation has a name that cannot stand in a certificate: %q", name)
		}
	}
	return strings.Join(names, ">"), nil
}

// enrolled adds what the holder must know of the door, and notes that it was told.
func (d *Decider) enrolled(ctx context.Context, principal string, issued protocol.Issued) protocol.Enrolled {
	d.sawFaces(ctx, principal)
	return protocol.Enrolled{Principal: principal, Issued: issued, KnownHosts: d.knownHostLines()}
}
