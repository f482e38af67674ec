package oidc

import (
	"testing"

	"golang.org/x/oauth2"

	"gatehouse/internal/testoidc"
)

const redirect = "https://gatehouse.example/callback"

// signIn runs the whole code flow against a real provider and returns what Exchange is given.
func signIn(t *testing.T, p *Provider, login *testoidc.Login, nonce, verifier string) (code string) {
	t.Helper()
	const state = "a-state-that-is-long"
	address, err := p.Begin(t.Context(), redirect, state, nonce, oauth2.S256ChallengeFromVerifier(verifier))
	if err != nil {
		t.Fatal(err)
	}
	back, err := login.SignIn(address)
	if err != nil {
		t.Fatal(err)
	}
	if got := back.Query().Get("state"); got != state || back.Query().Get("code") == "" {
		t.Fatalf("sent back to %s", back)
	}
	return back.Query().Get("code")
}

func loginProvider(t *testing.T, login *testoidc.Login, secret string, change func(*Config)) *Provider {
	t.Helper()
	cfg := Config{Issuer: login.URL, Audience: "gatehouse", Roots: login.Roots, Dial: testoidc.Dial}
	if secret != "" {
		cfg.ClientSecret = func() (string, error) { return secret, nil }
	}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// TestCodeFlow: a person signs in at a real provider, with and without a client secret, before and after its key changes.
func TestCodeFlow(t *testing.T) {
	const nonce = "a-nonce-that-is-long"
	for _, secret := range []string{"", "s3cret with spaces & signs"} {
		login := testoidc.NewLogin(t, "gatehouse", secret, redirect)
		p := loginProvider(t, login, secret, nil)
		for range 2 {
			verifier := oauth2.GenerateVerifier()
			code := signIn(t, p, login, nonce, verifier)
			claims, err := p.Exchange(t.Context(), code, verifier, redirect, nonce)
			if err != nil {
				t.Fatal(err)
			}
			if claims.Subject != testoidc.Subject || claims.Issuer != login.URL || claims.All["nonce"] != nonce || claims.All["at_hash"] == nil {
				t.Errorf("%+v", claims)
			}
			if _, err := p.Exchange(t.Context(), code, verifier, redirect, nonce); codeOf(t, err) != CodeCodeRefused {
				t.Errorf("the code again: %v", err)
			}
			login.Rotate()
		}
	}
}
