package decider

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// accessChallenge begins a proof: for a request that the person may answer, or for an order of break-glass.
func (d *Decider) accessChallenge(ctx context.Context, in protocol.AccessProve) (console.AccessChallenge, error) {
	a, err := d.accessAsker(in.Who, "")
	if err != nil {
		return console.AccessChallenge{}, err
	}
	if a.person() == "" {
		return console.AccessChallenge{}, refuse("people approve; %s is an agent", a.name)
	}
	if (in.Request == "") == (in.Order == nil) {
		return console.AccessChallenge{}, invalid("a challenge is for a request, or for an order of break-glass")
	}
	if in.Order != nil {
		return d.challengeGlass(ctx, a, *in.Order, in.By)
	}
	req, err := d.access.Find(ctx, in.Request)
	if err != nil || !d.concerns(a, req) {
		return console.AccessChallenge{}, refuse("there is no request %q that you can answer", cut(in.Request, maxID))
	}
	if _, why := d.access.MayAnswer(d.currentPolicy(), req, a.person()); why != "" {
		return console.AccessChallenge{}, refuse("you cannot answer %s: %s", req.ID, why)
	}
	if ways := waysOf(req); !slices.Contains(ways, string(in.By)) {
		return console.AccessChallenge{}, refuse("%s is approved by %s only", req.ID, list(ways))
	}
	return d.challenge(ctx, a, req, in.By, nil)
}

// waysOf are the proofs that count for a request: those that one of its thresholds takes. In which way which people approve, each of these
// says when the vote is counted.
func waysOf(req access.Request) (ways []string) {
	for _, way := range []string{string(access.PasskeyProof), string(access.SSHProof)} {
		if slices.ContainsFunc(req.Need, func(n policy.Approval) bool { return n.By == "" || n.By == way }) {
			ways = append(ways, way)
		}
	}
	return ways
}

// challenge asks a person to prove, in one way, that they approve exactly this request. glass is the request of a break-glass, which is
// not made yet.
func (d *Decider) challenge(ctx context.Context, a asker, req access.Request, by access.ProofKind, glass *access.Request) (console.AccessChallenge, error) {
	x := privilege.Challenge{Person: a.person(), Kind: by, Request: req.ID, Hash: req.Hash(), Nonce: privilege.NewNonce(), Glass: glass}
	out := console.AccessChallenge{Request: req.ID, Hash: x.Hash}
	switch by {
	case access.PasskeyProof:
		user, err := d.approver(ctx, a.person())
		if err != nil {
			return console.AccessChallenge{}, err
		}
		if out.Options, x.Passkey, err = privilege.AskPasskey(d.passkeys, user, req.Challenge(x.Nonce)); err != nil {
			return console.AccessChallenge{}, err
		}
	case access.SSHProof:
		if len(d.currentPolicy().ApprovalKeys(a.person())) == 0 {
			return console.AccessChallenge{}, refuse("the policy lists no approval_keys of person:%s", a.person())
		}
		out.Text, out.Space = req.Text(x.Nonce), access.SignatureNamespace
	default:
		return console.AccessChallenge{}, invalid("%q is no way to approve: passkey or ssh", cut(string(by), maxID))
	}
	x, ok := d.challenges.Begin(x)
	if !ok {
		return console.AccessChallenge{}, refuse("too many approvals are under way; try again in a few minutes")
	}
	out.ID, out.Expires = x.ID, x.Expires.UTC()
	return out, nil
}

// approver is a person with their passkeys, as the library sees one.
func (d *Decider) approver(ctx context.Context, person string) (passkeyUser, error) {
	if d.passkeys == nil {
		return passkeyUser{}, refuse("%s", d.noPasskeys)
	}
	keys, err := d.facts.Passkeys(ctx, person)
	if err != nil {
		return passkeyUser{}, err
	}
	if len(keys) == 0 {
		return passkeyUser{}, refuse("person:%s has no passkey: register one on the account's page", person)
	}
	user := passkeyUser{handle: keys[0].Handle, name: person}
	for _, k := range keys {
		c, err := decodeKey(k)
		if err != nil {
			return passkeyUser{}, err
		}
		user.keys = append(user.keys, c)
	}
	return user, nil
}

// accessAnswer takes a person's answer. A yes counts with its proof alone; a no needs none, so that nothing holds anybody back from it.
func (d *Decider) accessAnswer(ctx context.Context, in protocol.AccessAnswer) (access.Request, error) {
	a, err := d.accessAsker(in.Who, "")
	if err != nil {
		return access.Request{}, err
	}
	req, err := d.answer(ctx, a, in.Answer)
	if err != nil {
		var own *protocol.Error
		if errors.As(err, &own) && own.Code != protocol.CodeRefused {
			return access.Request{}, err
		}
		return access.Request{}, d.refuseAccess(ctx, a, audit.AccessVote, in.Answer.Request, err)
	}
	d.metrics.answered(req)
	d.tellAccess(req.ID)
	return req, nil
}

func (d *Decider) answer(ctx context.Context, a asker, in console.AccessAnswer) (access.Request, error) {
	if a.person() == "" {
		return access.Request{}, refuse("people approve; %s is an agent", a.name)
	}
	said, err := words(in.Words, "an answer", maxAccessWords)
	if err != nil {
		return access.Request{}, err
	}
	req, err := d.access.Find(ctx, in.Request)
	if err != nil || !d.concerns(a, req) {
		return access.Request{}, refuse("there is no request %q that you can answer", cut(in.Request, maxID))
	}
	if err := cmp.Or(d.mayAsk(a.who), d.lockedRequest(req)); err != nil {
		return access.Request{}, err
	}
	if why, _ := d.unfounded(d.currentPolicy(), req.By, req); why != "" {
		d.recheckAccess(ctx)
		return access.Request{}, refuse("%s", why)
	}
	vote := access.Vote{By: a.person(), Yes: in.Yes, Words: said, At: d.cfg.Now().UTC()}
	if in.Yes {
		if vote.Proof, err = d.verifyProof(ctx, a.person(), req, in); err != nil {
			return access.Request{}, err
		}
	}
	// The proof is over what was shown; the request that it counts for is looked at again when the vote is counted.
	pol := d.currentPolicy()
	return d.access.Vote(ctx, pol, req.ID, vote, privilege.By{Actor: a.name, Conn: a.conn, Policy: pol.Hash()})
}

// verifyProof checks the proof of a yes: an open challenge of this person for exactly this request, answered in the way that it was
// begun. Whatever comes of it, the challenge is used up.
func (d *Decider) verifyProof(ctx context.Context, person string, req access.Request, in console.AccessAnswer) (access.Proof, error) {
	x, ok := d.challenges.Take(in.Challenge, person)
	if !ok {
		return access.Proof{}, refuse("this challenge was used, has expired, or is not yours; begin the approval again")
	}
	if x.Request != req.ID || x.Hash != req.Hash() {
		return access.Proof{}, refuse("this challenge is for another request; begin the approval again")
	}
	if !slices.Contains(waysOf(req), string(x.Kind)) {
		return access.Proof{}, refuse("%s is approved by %s only", req.ID, list(waysOf(req)))
	}
	if x.Kind == access.SSHProof {
		proof, err := privilege.VerifySSH(d.currentPolicy().ApprovalKeys(person), []byte(req.Text(x.Nonce)), x.Nonce, in.Signature)
		if err != nil {
			return access.Proof{}, refuse("this signature was not accepted: %s", err)
		}
		return proof, nil
	}
	return d.verifyPasskey(ctx, person, x, in.Assertion)
}

// verifyPasskey checks an assertion, and counts the use of the passkey.
func (d *Decider) verifyPasskey(ctx context.Context, person string, x privilege.Challenge, assertion []byte) (access.Proof, error) {
	user, err := d.approver(ctx, person)
	if err != nil {
		return access.Proof{}, err
	}
	used, proof, err := privilege.VerifyPasskey(d.passkeys, user, *x.Passkey, x.Nonce, assertion)
	if err != nil {
		d.cfg.Log.Warn("approval by passkey refused", "error", err)
		return access.Proof{}, refuse("this passkey was not accepted: %s", passkeyReason(err))
	}
	key, err := d.facts.PasskeyByCredential(ctx, used.ID)
	if err != nil || key.Person != person {
		return access.Proof{}, refuse("this passkey is not registered for you")
	}
	return proof, d.countPasskey(ctx, key, *used)
}

// countPasskey keeps what a passkey's counter is now.
func (d *Decider) countPasskey(ctx context.Context, key registry.Passkey, used webauthn.Credential) error {
	record, err := encodeKey(used)
	if err != nil {
		return err
	}
	err = d.facts.UsePasskey(ctx, key.ID, used.Authenticator.SignCount, record, d.cfg.Now())
	if errors.Is(err, registry.ErrUsed) { // another use with the same counter, or the key was removed meanwhile
		return errCloned(key)
	}
	return err
}
