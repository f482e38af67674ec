package decider

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	webauthnproto "github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse/internal/account"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// maxAnswer bounds what a browser's authenticator may answer.
const maxAnswer = 16 << 10

// newPasskeys prepares WebAuthn for the one origin of the pages; nil with the reason where that cannot have passkeys.
func newPasskeys(webURL string) (*webauthn.WebAuthn, string) {
	if webURL == "" {
		return nil, "the browser pages are off: set web.listen and web.url"
	}
	origin, err := url.Parse(webURL)
	if err != nil {
		return nil, "web.url cannot be read"
	}
	w, err := webauthn.New(&webauthn.Config{RPID: origin.Hostname(), RPDisplayName: "Gatehouse", RPOrigins: []string{strings.TrimSuffix(webURL, "/")},
		AttestationPreference: webauthnproto.PreferNoAttestation,
		AuthenticatorSelection: webauthnproto.AuthenticatorSelection{RequireResidentKey: new(true),
			ResidentKey: webauthnproto.ResidentKeyRequirementRequired, UserVerification: webauthnproto.VerificationRequired},
		// No extension is asked for and none is looked at; some password managers answer with credProps all the same.
		ExtensionsUnsolicitedOutputPolicy: webauthnproto.UnsolicitedOutputPolicyIgnore})
	if err != nil {
		return nil, fmt.Sprintf("passkeys need a host name in web.url, not %q", origin.Hostname())
	}
	return w, ""
}

// passkeyUser is a person as the library sees one.
type passkeyUser struct {
	handle []byte
	name   string
	keys   []webauthn.Credential
}

func (u passkeyUser) WebAuthnID() []byte                         { return u.handle }
func (u passkeyUser) WebAuthnName() string                       { return u.name }
func (u passkeyUser) WebAuthnDisplayName() string                { return u.name }
func (u passkeyUser) WebAuthnCredentials() []webauthn.Credential { return u.keys }

// signInWays says what the sign-in page offers. Whoever asks learns the names of issuers, as the page shows them.
func (d *Decider) signInWays(context.Context, protocol.Empty) (protocol.SignInWays, error) {
	return protocol.SignInWays{Passkeys: d.passkeys != nil, Issuers: d.currentPolicy().SignInIssuers()}, nil
}

// beginPasskey begins a sign-in by whichever passkey the browser has, or a registration.
func (d *Decider) beginPasskey(ctx context.Context, in protocol.PasskeyBegin) (account.Ceremony, error) {
	if d.passkeys == nil {
		return account.Ceremony{}, refuse("%s", d.noPasskeys)
	}
	if in.Who != nil {
		return d.beginRegistration(ctx, *in.Who)
	}
	options, session, err := d.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(webauthnproto.VerificationRequired))
	if err != nil {
		return account.Ceremony{}, fmt.Errorf("begin passkey sign-in: %w", err)
	}
	return d.beginCeremony(options, ceremony{kind: passkeySignIn, passkey: session})
}

func (d *Decider) beginRegistration(ctx context.Context, who protocol.Credential) (account.Ceremony, error) {
	in, identity, err := d.mayChangePasskeys(who)
	if err != nil {
		return account.Ceremony{}, err
	}
	handle, err := d.facts.PasskeyHandle(ctx, identity.Name, newHandle())
	if err != nil {
		return account.Ceremony{}, fmt.Errorf("passkey handle: %w", err)
	}
	have, err := d.facts.Passkeys(ctx, identity.Name)
	if err != nil {
		return account.Ceremony{}, err
	}
	if len(have) >= registry.MaxPasskeys {
		return account.Ceremony{}, refuse("there may be %d passkeys; remove one first", registry.MaxPasskeys)
	}
	var known []webauthnproto.CredentialDescriptor
	for _, k := range have {
		known = append(known, webauthnproto.CredentialDescriptor{Type: webauthnproto.PublicKeyCredentialType, CredentialID: k.Credential})
	}
	options, session, err := d.passkeys.BeginRegistration(passkeyUser{handle: handle, name: identity.Name}, webauthn.WithExclusions(known),
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()))
	if err != nil {
		return account.Ceremony{}, fmt.Errorf("begin passkey registration: %w", err)
	}
	return d.beginCeremony(options, ceremony{kind: passkeyAdd, passkey: session, person: identity.Name, signIn: in})
}

func (d *Decider) beginCeremony(options any, x ceremony) (account.Ceremony, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return account.Ceremony{}, fmt.Errorf("encode passkey options: %w", err)
	}
	secret, expires := d.ceremonies.begin(x)
	return account.Ceremony{Secret: secret, Options: text, Expires: expires}, nil
}

func newHandle() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// signInByPasskey verifies an assertion: the challenge of this browser's ceremony, our origin, a registered key and its own person,
// user verification, a counter that goes up.
func (d *Decider) signInByPasskey(ctx context.Context, in protocol.PasskeySignIn) (account.SignedIn, error) {
	attempt := signIn{by: byPasskey, source: in.Source}
	x, ok := d.ceremonies.take(in.Ceremony, passkeySignIn)
	if !ok {
		return account.SignedIn{}, d.noSignIn(ctx, attempt, errCeremony())
	}
	key, used, err := d.verifyAssertion(ctx, x, in.Answer)
	if err != nil {
		d.cfg.Log.Warn("passkey refused", "error", err)
		return account.SignedIn{}, d.noSignIn(ctx, attempt, refuse("this passkey was not accepted: %s", passkeyReason(err)))
	}
	attempt.person, attempt.passkey = key.Person, key.ID
	if used.Authenticator.CloneWarning {
		return account.SignedIn{}, d.noSignIn(ctx, attempt, errCloned(key))
	}
	record, err := encodeKey(*used)
	if err != nil {
		return account.SignedIn{}, err
	}
	err = d.facts.UsePasskey(ctx, key.ID, used.Authenticator.SignCount, record, d.cfg.Now())
	if errors.Is(err, registry.ErrUsed) { // another sign-in with the same counter, or the key was removed meanwhile
		return account.SignedIn{}, d.noSignIn(ctx, attempt, errCloned(key))
	}
	if err != nil {
		return account.SignedIn{}, err
	}
	return d.signIn(ctx, attempt, map[string]any{"passkey": key.ID, "name": key.Name, "count": used.Authenticator.SignCount})
}

func errCloned(key registry.Passkey) error {
	return refuse("the counter of passkey %s went back: it may have been copied. Remove it, and sign in with another", key.ID)
}

// verifyAssertion returns the passkey and what the library says of it now. All that the browser sends is foreign.
func (d *Decider) verifyAssertion(ctx context.Context, x ceremony, answer []byte) (registry.Passkey, *webauthn.Credential, error) {
	parsed, err := parseAnswer(answer, webauthnproto.ParseCredentialRequestResponseBytes)
	if err != nil {
		return registry.Passkey{}, nil, err
	}
	var key registry.Passkey
	find := func(credential, handle []byte) (webauthn.User, error) {
		if key, err = d.facts.PasskeyByCredential(ctx, credential); err != nil {
			return nil, err
		}
		if !bytes.Equal(key.Handle, handle) {
			return nil, errors.New("the passkey is another person's")
		}
		stored, err := decodeKey(key)
		return passkeyUser{handle: key.Handle, name: key.Person, keys: []webauthn.Credential{stored}}, err
	}
	_, used, err := d.passkeys.ValidatePasskeyLogin(find, *x.passkey, parsed)
	return key, used, err
}

// parseAnswer decodes with a bound. The library's parser sees nothing that is larger.
func parseAnswer[T any](answer []byte, parse func([]byte) (T, error)) (T, error) {
	if len(answer) == 0 || len(answer) > maxAnswer {
		var none T
		return none, fmt.Errorf("an answer of %d bytes", len(answer))
	}
	return parse(answer)
}

// passkeyReason is what the library found wrong, in its words: they hold nothing of the answer's.
func passkeyReason(err error) string {
	var e *webauthnproto.Error
	if errors.As(err, &e) && e.Details != "" {
		return cut(e.Details, 200)
	}
	return "it could not be read"
}

// addPasskey verifies a new passkey and registers it for the person whose sign-in began this.
func (d *Decider) addPasskey(ctx context.Context, in protocol.PasskeyAdd) (account.Passkey, error) {
	mine, who, err := d.mayChangePasskeys(in.Who)
	if err != nil {
		return account.Passkey{}, err
	}
	name, err := passkeyName(in.Name)
	if err != nil {
		return account.Passkey{}, err
	}
	x, ok := d.ceremonies.take(in.Ceremony, passkeyAdd)
	if !ok || x.signIn != mine || x.person != who.Name {
		return account.Passkey{}, d.noPasskey(ctx, who, errCeremony())
	}
	made, err := d.verifyRegistration(x, in.Answer)
	if err != nil {
		d.cfg.Log.Warn("passkey not registered", "error", err)
		return account.Passkey{}, d.noPasskey(ctx, who, refuse("this passkey was not accepted: %s", passkeyReason(err)))
	}
	return d.keepPasskey(ctx, who, name, *made)
}

func (d *Decider) verifyRegistration(x ceremony, answer []byte) (*webauthn.Credential, error) {
	parsed, err := parseAnswer(answer, webauthnproto.ParseCredentialCreationResponseBytes)
	if err != nil {
		return nil, err
	}
	return d.passkeys.CreateCredential(passkeyUser{handle: x.passkey.UserID, name: x.person}, *x.passkey, parsed)
}

// keepPasskey notes a verified passkey in the log, then in the registry.
func (d *Decider) keepPasskey(ctx context.Context, who policy.Identity, name string, made webauthn.Credential) (account.Passkey, error) {
	record, err := encodeKey(made)
	if err != nil {
		return account.Passkey{}, err
	}
	key := registry.Passkey{ID: id.New(id.Passkey, d.cfg.Now()), Person: who.Name, Credential: made.ID, Name: name, Record: record,
		SignCount: made.Authenticator.SignCount, Created: d.cfg.Now()}
	d.people.Lock()
	defer d.people.Unlock()
	if _, err := d.facts.PasskeyByCredential(ctx, made.ID); !errors.Is(err, registry.ErrNotFound) {
		return account.Passkey{}, d.noPasskey(ctx, who, refuse("this passkey is registered already"))
	}
	have, err := d.facts.Passkeys(ctx, who.Name)
	if err != nil {
		return account.Passkey{}, err
	}
	if len(have) >= registry.MaxPasskeys {
		return account.Passkey{}, d.noPasskey(ctx, who, refuse("there may be %d passkeys; remove one first", registry.MaxPasskeys))
	}
	if err := d.append(ctx, passkeyEntry(who.Principal(), who.Name, "registered", map[string]any{"passkey": key.ID, "name": name, "credential": made.ID, "public_key": made.PublicKey})); err != nil {
		return account.Passkey{}, err
	}
	if err := d.facts.AddPasskey(ctx, key); err != nil {
		return account.Passkey{}, err
	}
	return shownPasskey(key), nil
}

// passkeyEntry is the entry about a change of somebody's passkeys.
func passkeyEntry(actor, person, did string, detail map[string]any) audit.Entry {
	detail["passkeys"] = did
	return audit.Entry{Type: audit.Enrol, Actor: actor, Object: "person:" + person, Outcome: "ok", Data: data(detail)}
}

// noPasskey notes a registration that was refused, and returns why.
func (d *Decider) noPasskey(ctx context.Context, who policy.Identity, why error) error {
	entry := passkeyEntry(who.Principal(), who.Name, "refused", map[string]any{})
	entry.Outcome, entry.Reason = "deny", cut(why.Error(), maxText)
	if err := d.append(ctx, entry); err != nil {
		return err
	}
	return why
}

// encodeKey is what is kept of a credential: all that later assertions are checked against, nothing that tells devices apart.
func encodeKey(c webauthn.Credential) ([]byte, error) {
	c.Attestation, c.Authenticator.CloneWarning = webauthn.CredentialAttestation{}, false
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode passkey: %w", err)
	}
	return text, nil
}

// decodeKey reads it back; the counter is the column's.
func decodeKey(p registry.Passkey) (webauthn.Credential, error) {
	var c webauthn.Credential
	if err := json.Unmarshal(p.Record, &c); err != nil {
		return c, fmt.Errorf("stored passkey %s: %w", p.ID, err)
	}
	c.Authenticator.SignCount = p.SignCount
	return c, nil
}
