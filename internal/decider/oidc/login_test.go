package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
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

// TestCodeFlowAttacks: a code that was stolen, mixed up or made up is good for nothing.
func TestCodeFlowAttacks(t *testing.T) {
	const nonce = "a-nonce-that-is-long"
	login := testoidc.NewLogin(t, "gatehouse", "s3cret", redirect, redirect+"/other")
	p := loginProvider(t, login, "s3cret", nil)
	verifier := oauth2.GenerateVerifier()
	for name, c := range map[string]struct {
		code, verifier, redirect, nonce string // empty: the right one
		want                            Code
	}{
		"right":                       {want: ""},
		"another sign-in's nonce":     {nonce: "another-nonce-that-is", want: CodeWrongNonce},
		"no nonce":                    {nonce: "-", want: CodeCodeRefused},
		"another browser's verifier":  {verifier: oauth2.GenerateVerifier(), want: CodeCodeRefused},
		"a short verifier":            {verifier: "short", want: CodeCodeRefused},
		"another address to go back":  {redirect: redirect + "/other", want: CodeCodeRefused},
		"a code that was made up":     {code: "made-up", want: CodeCodeRefused},
		"a code with a space":         {code: "made up", want: CodeCodeRefused},
		"a code that is long":         {code: strings.Repeat("c", maxCode+1), want: CodeCodeRefused},
		"a code with a second secret": {code: "x&client_secret=y", want: CodeCodeRefused},
	} {
		code := signIn(t, p, login, nonce, verifier)
		pick := func(v, otherwise string) string {
			if v == "" {
				return otherwise
			}
			return v
		}
		_, err := p.Exchange(t.Context(), pick(c.code, code), pick(c.verifier, verifier), pick(c.redirect, redirect), pick(c.nonce, nonce))
		if got := codeOf(t, err); got != c.want {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
		}
	}
	wrong := loginProvider(t, login, "another secret", nil)
	if _, err := wrong.Exchange(t.Context(), signIn(t, p, login, nonce, verifier), verifier, redirect, nonce); codeOf(t, err) != CodeCodeRefused {
		t.Errorf("another client secret: %v", err)
	}
	unread := loginProvider(t, login, "", func(c *Config) { c.ClientSecret = func() (string, error) { return "", errors.New("no such file") } })
	if _, err := unread.Exchange(t.Context(), "code", verifier, redirect, nonce); codeOf(t, err) != CodeMisconfigured {
		t.Errorf("a secret that cannot be read: %v", err)
	}
	for _, bad := range [][3]string{{"short", nonce, strings.Repeat("c", 43)}, {nonce, "short", strings.Repeat("c", 43)}, {nonce, nonce, "short"}} {
		if _, err := p.Begin(t.Context(), redirect, bad[0], bad[1], bad[2]); codeOf(t, err) != CodeMisconfigured {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func asJSON(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		f(w, r)
	}
}

// TestIDTokens: what a token endpoint returns is verified as any token is, and belongs to this client, this sign-in and this access token.
func TestIDTokens(t *testing.T) {
	const nonce = "a-nonce-that-is-long"
	w := newWorld(t, nil)
	verifier := oauth2.GenerateVerifier()
	w.Handle(testoidc.DiscoveryPath, say(w.payload(map[string]any{"issuer": w.URL, "jwks_uri": w.URL + testoidc.KeysPath, "authorization_endpoint": w.URL + "/auth", "token_endpoint": w.URL + "/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post"}})))
	answer := func(change map[string]any) http.HandlerFunc {
		claims := w.claims()
		delete(claims, "jti")
		claims["nonce"] = nonce
		for name, v := range change {
			claims[name] = v
		}
		return func(out http.ResponseWriter, r *http.Request) {
			if r.PostFormValue("client_secret") != "s3cret" || r.PostFormValue("client_id") != audience || r.PostFormValue("code_verifier") != verifier {
				t.Errorf("asked with %v", r.PostForm)
			}
			out.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(out, w.payload(map[string]any{"access_token": "access", "token_type": "Bearer", "id_token": w.Sign(claims)}))
		}
	}
	sum := sha256.Sum256([]byte("access"))
	p := w.open(func(c *Config) { c.ClientSecret = func() (string, error) { return "s3cret", nil } })
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   Code
	}{
		"right":                   {answer(nil), ""},
		"its access token":        {answer(map[string]any{"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16])}), ""},
		"another access token":    {answer(map[string]any{"at_hash": base64.RawURLEncoding.EncodeToString(sum[16:])}), CodeMalformed},
		"at_hash a number":        {answer(map[string]any{"at_hash": 1}), CodeMalformed},
		"another client":          {answer(map[string]any{"aud": "other"}), CodeWrongAudience},
		"made for another client": {answer(map[string]any{"azp": "other"}), CodeWrongAudience},
		"another nonce":           {answer(map[string]any{"nonce": nonce + "x"}), CodeWrongNonce},
		"a nonce that is a list":  {answer(map[string]any{"nonce": []string{nonce}}), CodeWrongNonce},
		"another issuer":          {answer(map[string]any{"iss": "https://other.example"}), CodeWrongIssuer},
		"expired":                 {answer(map[string]any{"exp": w.clock.now().Unix()}), CodeExpired},
		"no ID token":             {asJSON(say(`{"access_token":"access","token_type":"Bearer"}`)), CodeCodeRefused},
		"an ID token not signed":  {asJSON(say(fmt.Sprintf(`{"access_token":"a","token_type":"Bearer","id_token":%q}`, hand(`{"alg":"none"}`, w.payload(w.claims()), nothing)))), CodeAlgNotAllowed},
		"not JSON":                {say("<html>"), CodeCodeRefused},
		"redirects": {func(out http.ResponseWriter, r *http.Request) {
			http.Redirect(out, r, "https://other.example/token", http.StatusTemporaryRedirect)
		}, CodeIssuerLying},
		"fails": {status(http.StatusInternalServerError), CodeCodeRefused},
	} {
		w.Handle("/token", c.answer)
		_, err := p.Exchange(t.Context(), "code", verifier, redirect, nonce)
		if got := codeOf(t, err); got != c.want {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
		}
	}
	// An issuer without PKCE, or without the flow, signs nobody in.
	challenge := oauth2.S256ChallengeFromVerifier(verifier)
	for name, change := range map[string]map[string]any{"no PKCE": {"authorization_endpoint": w.URL + "/auth", "token_endpoint": w.URL + "/token", "code_challenge_methods_supported": []string{"plain"}},
		"no flow": {"token_endpoint": w.URL + "/token"}} {
		change["issuer"], change["jwks_uri"] = w.URL, w.URL+testoidc.KeysPath
		w.Handle(testoidc.DiscoveryPath, say(w.payload(change)))
		if _, err := w.open(nil).Begin(t.Context(), redirect, nonce, nonce, challenge); codeOf(t, err) != CodeMisconfigured {
			t.Errorf("%s: %v", name, err)
		}
	}
}
