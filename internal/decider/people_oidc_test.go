package decider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/testoidc"
	"gatehouse/recorder/audit"
)

// withAccounts puts a policy in force in which ann has an account with corp, a real provider, and vic with other.
func (b *bench) withAccounts() (corp, other *testoidc.Login) {
	b.t.Helper()
	corp = testoidc.NewLogin(b.t, "pages", "", "http://localhost:1/sign-in/oidc/corp")
	other = testoidc.NewLogin(b.t, "pages", "", "http://localhost:1/sign-in/oidc/other")
	text := strings.Replace(testPolicy, "ann: {roles: [oncall]}, vic: {roles: [viewer]}", fmt.Sprintf(
		"ann: {roles: [oncall], oidc: {issuer: corp, subject: %s}}, vic: {roles: [viewer], oidc: {issuer: other, subject: vic-1}}", testoidc.Subject), 1)
	text += fmt.Sprintf("issuers:\n  corp: {url: %q, audience: pages, roots: %q}\n  other: {url: %q, audience: pages, roots: %q}\n  ci: {url: \"https://ci.example\", audience: x}\n",
		corp.URL, corp.RootPEM, other.URL, other.RootPEM)
	b.write("policy.yaml", text)
	r, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{})
	if err != nil || r.Problem != "" {
		b.t.Fatalf("%+v, %v", r, err)
	}
	return corp, other
}

// back is what the provider sends the browser back with.
func (b *bench) back(at *testoidc.Login, c account.Ceremony) url.Values {
	b.t.Helper()
	to, err := at.SignIn(c.URL)
	b.must(err)
	return to.Query()
}

func (b *bench) beginOIDC(issuer string) account.Ceremony {
	b.t.Helper()
	c, err := b.door.BeginOIDC(b.t.Context(), issuer)
	b.must(err)
	return c
}

func (b *bench) finish(secret, issuer string, q url.Values) (account.SignedIn, error) {
	return b.door.SignInByOIDC(b.t.Context(), secret, issuer, q.Get("state"), q.Get("code"), "192.0.2.1")
}

// TestPeopleByOIDC: an issuer's own person signs in, once for each time that this browser was sent there. Everything else is
// refused and noted.
func TestPeopleByOIDC(t *testing.T) {
	b := newBench(t)
	corp, other := b.withAccounts()
	if _, issuers, err := b.door.SignInWays(t.Context()); err != nil || strings.Join(issuers, " ") != "corp other" {
		t.Errorf("offered: %q, %v", issuers, err)
	}
	c := b.beginOIDC("corp")
	q := b.back(corp, c)
	in, err := b.finish(c.Secret, "corp", q)
	if err != nil || in.Person != "ann" {
		t.Fatalf("%+v, %v", in, err)
	}
	if e := b.last(); e.Type != audit.SignIn || e.Actor != "person:ann" || !strings.Contains(string(e.Data), `"by":"oidc:corp"`) || !strings.Contains(string(e.Data), testoidc.Subject) {
		t.Errorf("the log says %+v", e)
	}
	if _, err := b.door.Authorize(t.Context(), console.Credential{SignIn: in.Cookie}, "sessions.list", "", ""); err != nil {
		t.Error(err)
	}
	for name, attack := range map[string]func() (account.SignedIn, error){
		"used": func() (account.SignedIn, error) { return b.finish(c.Secret, "corp", q) },
		"the code again, in a new ceremony": func() (account.SignedIn, error) {
			n := b.beginOIDC("corp")
			u, _ := url.Parse(n.URL)
			return b.finish(n.Secret, "corp", url.Values{"state": {u.Query().Get("state")}, "code": {q.Get("code")}})
		},
		"another browser": func() (account.SignedIn, error) { return b.finish("", "corp", b.back(corp, b.beginOIDC("corp"))) },
		"another state": func() (account.SignedIn, error) {
			n := b.beginOIDC("corp")
			q := b.back(corp, n)
			q.Set("state", "x")
			return b.finish(n.Secret, "corp", q)
		},
		"an issuer for another": func() (account.SignedIn, error) {
			n := b.beginOIDC("corp")
			return b.finish(n.Secret, "other", b.back(corp, n))
		},
		// The code is another sign-in's: PKCE and the nonce are this one's.
		"a code of another sign-in": func() (account.SignedIn, error) {
			n, victim := b.beginOIDC("corp"), b.beginOIDC("corp")
			u, _ := url.Parse(n.URL)
			return b.finish(n.Secret, "corp", url.Values{"state": {u.Query().Get("state")}, "code": {b.back(corp, victim).Get("code")}})
		},
		"a code of another issuer": func() (account.SignedIn, error) {
			n, foreign := b.beginOIDC("corp"), b.beginOIDC("other")
			u, _ := url.Parse(n.URL)
			return b.finish(n.Secret, "corp", url.Values{"state": {u.Query().Get("state")}, "code": {b.back(other, foreign).Get("code")}})
		},
		"the same subject at another issuer": func() (account.SignedIn, error) {
			n := b.beginOIDC("other")
			return b.finish(n.Secret, "other", b.back(other, n))
		},
		"a passkey's ceremony": func() (account.SignedIn, error) { return b.finish(b.begin().Secret, "corp", q) },
		"too late": func() (account.SignedIn, error) {
			n := b.beginOIDC("corp")
			q := b.back(corp, n)
			b.clock.pass(ceremonyTTL + time.Second)
			defer b.clock.pass(-ceremonyTTL - time.Second)
			return b.finish(n.Secret, "corp", q)
		},
	} {
		before := len(b.entries())
		if in, err := attack(); err == nil || in.Cookie != "" {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
		if e := b.last(); len(b.entries()) != before+1 || e.Type != audit.SignIn || e.Outcome != "deny" || e.Reason == "" {
			t.Errorf("%s: the log says %+v", name, e)
		}
	}
	var refused *account.RefusedError
	for _, issuer := range []string{"ci", "", "nobody", "../corp"} {
		if c, err := b.door.BeginOIDC(t.Context(), issuer); !errors.As(err, &refused) {
			t.Errorf("people do not sign in with %q: %+v, %v", issuer, c, err)
		}
	}
}

// TestPasskeyOrAccount: the last passkey of somebody with an account may go.
func TestPasskeyOrAccount(t *testing.T) {
	b := newBench(t)
	b.withAccounts()
	ann, _ := b.person("ann")
	acc, err := b.door.Account(t.Context(), ann)
	b.must(err)
	if !acc.OtherWay {
		t.Error("the account is no other way")
	}
	b.must(b.door.RemovePasskey(t.Context(), ann, acc.Passkeys[0].ID))
}
