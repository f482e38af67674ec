package decider

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"gatehouse/internal/account"
	"gatehouse/internal/decider/oidc"
	"gatehouse/internal/decider/protocol"
)

// redirectURL is where an issuer sends browsers back to. Each issuer has its own, so that the answer of one is never taken for
// another's (RFC 9700, section 4.4.2).
func (d *Decider) redirectURL(issuer string) string {
	return strings.TrimSuffix(d.cfg.WebURL, "/") + "/sign-in/oidc/" + issuer
}

// beginOIDC begins a sign-in with an issuer that some person has an account with: code flow, PKCE, state and nonce.
func (d *Decider) beginOIDC(ctx context.Context, in protocol.OIDCBegin) (account.Ceremony, error) {
	if d.cfg.WebURL == "" || !slices.Contains(d.currentPolicy().SignInIssuers(), in.Issuer) {
		return account.Ceremony{}, refuse("nobody signs in with the issuer %q", cut(in.Issuer, maxID))
	}
	provider, err := d.issuer(in.Issuer)
	if err != nil {
		return account.Ceremony{}, err
	}
	x := ceremony{kind: oidcSignIn, issuer: in.Issuer, state: newSecret(), nonce: newSecret(), verifier: newSecret()}
	challenge := sha256.Sum256([]byte(x.verifier))
	url, err := provider.Begin(ctx, d.redirectURL(in.Issuer), x.state, x.nonce, base64.RawURLEncoding.EncodeToString(challenge[:]))
	if err != nil {
		return account.Ceremony{}, d.issuerRefusal(in.Issuer, err)
	}
	secret, expires := d.ceremonies.begin(x)
	return account.Ceremony{Secret: secret, URL: url, Expires: expires}, nil
}

// finishOIDC verifies what the browser brought back: this browser's ceremony, its issuer and state, then the code, the ID token and
// its nonce. The subject's person is the policy's.
func (d *Decider) finishOIDC(ctx context.Context, in protocol.OIDCFinish) (account.SignedIn, error) {
	attempt := signIn{by: "oidc:" + cut(in.Issuer, maxID), source: in.Source}
	x, ok := d.ceremonies.take(in.Ceremony, oidcSignIn)
	if !ok || x.issuer != in.Issuer || subtle.ConstantTimeCompare([]byte(x.state), []byte(in.State)) != 1 {
		return account.SignedIn{}, d.noSignIn(ctx, attempt, errCeremony())
	}
	provider, err := d.issuer(x.issuer)
	if err != nil {
		return account.SignedIn{}, d.noSignIn(ctx, attempt, err)
	}
	claims, err := provider.Exchange(ctx, in.Code, x.verifier, d.redirectURL(x.issuer), x.nonce)
	if err != nil {
		return account.SignedIn{}, d.noSignIn(ctx, attempt, d.issuerRefusal(x.issuer, err))
	}
	person, known := d.currentPolicy().PersonByAccount(x.issuer, claims.Subject)
	if !known {
		return account.SignedIn{}, d.noSignIn(ctx, attempt, refuse("the account %q with %s is nobody's in the policy; whoever keeps the policy can add it to a person", claims.Subject, x.issuer))
	}
	attempt.person, attempt.account = person, claims.Subject
	return d.signIn(ctx, attempt, map[string]any{"subject": claims.Subject})
}

// issuerRefusal turns the verifier's refusals into a line for the person; the cause is for the log.
func (d *Decider) issuerRefusal(issuer string, err error) error {
	var e *oidc.Error
	if !errors.As(err, &e) {
		return err
	}
	d.cfg.Log.Warn("sign-in refused", "issuer", issuer, "code", string(e.Code), "error", e.Line, "cause", errors.Unwrap(e))
	return refuse("%s (%s)", e.Line, e.Code)
}
