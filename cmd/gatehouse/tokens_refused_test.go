package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse/internal/testoidc"
	"gatehouse/recorder/audit"
	"gatehouse/web"
)

// TestTokensRefused shows everything that is no proof. Each has its reason in the answer and in the audit log.
func TestTokensRefused(t *testing.T) {
	h := newTokenHouse(t)
	now := time.Now()
	good := func(change func(map[string]any)) string {
		claims := h.issuer.GitHub(tokenAudience, "acme/app", "refs/heads/main", now)
		change(claims)
		return h.issuer.Sign(claims)
	}
	same := func(map[string]any) {}
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	once := good(same)
	if status, _, e := h.ask(web.CertificateRequest{Agent: "deployer", Token: once}); status != http.StatusOK {
		t.Fatalf("the good one: %d %+v", status, e)
	}
	stranger := testoidc.New(t)
	for name, c := range map[string]struct {
		in     web.CertificateRequest
		status int
		code   string
	}{
		"replayed":                  {web.CertificateRequest{Token: once}, 409, "replayed"},
		"wrong audience":            {web.CertificateRequest{Token: good(set("aud", "https://elsewhere.example"))}, 401, "wrong_audience"},
		"expired":                   {web.CertificateRequest{Token: good(func(c map[string]any) { c["iat"], c["nbf"], c["exp"] = now.Unix()-900, now.Unix()-900, now.Unix()-300 })}, 401, "expired"},
		"from the future":           {web.CertificateRequest{Token: good(func(c map[string]any) { c["iat"], c["nbf"] = now.Unix()+300, now.Unix()+300 })}, 401, "not_yet_valid"},
		"an issuer unheard of":      {web.CertificateRequest{Token: stranger.Sign(stranger.GitHub(tokenAudience, "acme/app", "refs/heads/main", now))}, 401, "wrong_issuer"},
		"another issuer of ours":    {web.CertificateRequest{Token: h.other.Sign(h.other.GitHub(tokenAudience, "acme/app", "refs/heads/main", now))}, 403, "not_allowed"},
		"another's key":             {web.CertificateRequest{Token: h.other.Sign(h.issuer.GitHub(tokenAudience, "acme/app", "refs/heads/main", now))}, 401, "bad_signature"},
		"alg none":                  {web.CertificateRequest{Token: unsigned(good(same))}, 401, "alg_not_allowed"},
		"the public key as secret":  {web.CertificateRequest{Token: confused(t, h.issuer)}, 401, "alg_not_allowed"},
		"huge":                      {web.CertificateRequest{Token: good(set("padding", strings.Repeat("x", 20<<10)))}, 413, "too_large"},
		"no token at all":           {web.CertificateRequest{Token: "x"}, 400, "malformed"},
		"another branch":            {web.CertificateRequest{Token: good(set("sub", "repo:acme/app:ref:refs/heads/dev"))}, 403, "not_allowed"},
		"a fork's":                  {web.CertificateRequest{Token: good(set("sub", "repo:eve/app:ref:refs/heads/main"))}, 403, "not_allowed"},
		"another environment":       {web.CertificateRequest{Token: good(set("environment", "staging"))}, 403, "not_allowed"},
		"an act chain unasked for":  {web.CertificateRequest{Token: good(set("act", map[string]any{"sub": "agent:x"}))}, 403, "not_allowed"},
		"for another agent":         {web.CertificateRequest{Agent: "podbot", Token: good(same)}, 403, "not_allowed"},
		"for an agent that joins":   {web.CertificateRequest{Agent: "joiner", Token: good(same)}, 403, "not_allowed"},
		"for nobody":                {web.CertificateRequest{Agent: "nobody", Token: good(same)}, 403, "not_allowed"},
		"for too long":              {web.CertificateRequest{Token: good(same), TTL: "59m"}, 403, "not_allowed"},
		"a join token that is none": {web.CertificateRequest{Agent: "joiner", JoinToken: "ghjoin_guess"}, 401, "bad_join_token"},
	} {
		if c.in.Agent == "" {
			c.in.Agent = "deployer"
		}
		status, _, e := h.ask(c.in)
		if status != c.status || e.Code != c.code || e.Hint == "" {
			t.Errorf("%s: %d %+v, want %d %s", name, status, e, c.status, c.code)
		}
		if !slices.ContainsFunc(h.issues(), func(entry audit.Entry) bool {
			return entry.Outcome == "deny" && entry.Reason == e.Text && strings.Contains(string(entry.Data), e.ID) && strings.Contains(string(entry.Data), `"source":"127.0.0.1"`)
		}) {
			t.Errorf("%s: the audit log does not have %+v", name, e)
		}
	}
	// What policy refuses is not used up.
	spare := good(same)
	if status, _, e := h.ask(web.CertificateRequest{Agent: "deployer", Token: spare, TTL: "59m"}); status != http.StatusForbidden {
		t.Errorf("%d %+v", status, e)
	}
	if status, _, e := h.ask(web.CertificateRequest{Agent: "deployer", Token: spare}); status != http.StatusOK {
		t.Errorf("a token that was refused for its request: %d %+v", status, e)
	}
	t.Run("issuers that fail", func(t *testing.T) { testFailingIssuers(t, h) })
}

// testFailingIssuers has the one that was never asked yet lie, and be out of reach.
func testFailingIssuers(t *testing.T, h *tokenHouse) {
	roots := h.other.RootPEM
	for name, c := range map[string]struct {
		url, code string
		roots     []byte
		answer    http.HandlerFunc
	}{
		"out of reach":    {"https://127.0.0.1:1", "issuer_unreachable", roots, nil},
		"not by its root": {h.other.URL, "issuer_untrusted", h.issuer.RootPEM, nil},
		"lies about itself": {h.other.URL, "issuer_lying", roots, func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": h.issuer.URL, "jwks_uri": h.other.URL + testoidc.KeysPath})
		}},
		"sends us elsewhere": {h.other.URL, "issuer_lying", roots, func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": h.other.URL, "jwks_uri": h.issuer.URL + testoidc.KeysPath})
		}},
	} {
		h.other.Handle(testoidc.DiscoveryPath, c.answer)
		policy := strings.Replace(fmt.Sprintf(tokenPolicy, h.issuer.URL, tokenAudience, h.issuer.RootPEM, c.url, tokenAudience, c.roots), "[{oidc: ci, subject: \"repo:", "[{oidc: other, subject: \"repo:", 1)
		if err := h.SetPolicy(policy); err != nil {
			t.Fatal(err)
		}
		if r, err := h.Run(t.Context(), "reload", "--config", h.Path); err != nil || r.Status != 0 {
			t.Fatalf("%v %s", err, r.Stderr)
		}
		claims := h.other.GitHub(tokenAudience, "acme/app", "refs/heads/main", time.Now())
		claims["iss"] = c.url
		status, _, e := h.ask(web.CertificateRequest{Agent: "deployer", Token: h.other.Sign(claims)})
		if status != http.StatusServiceUnavailable || e.Code != c.code {
			t.Errorf("%s: %d %+v, want %s", name, status, e, c.code)
		}
	}
}

func unsigned(token string) string {
	parts := strings.Split(token, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
}

// confused is signed by HMAC with the issuer's public key as the secret.
func confused(t *testing.T, i *testoidc.Issuer) string {
	der, err := x509.MarshalPKIXPublicKey(i.Key().Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, (&jose.SignerOptions{}).WithHeader("kid", i.Key().ID))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(i.GitHub(tokenAudience, "acme/app", "refs/heads/main", time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestOneTokenOneCertificate has twenty clients use one token at once, and then kills the service before its answer.
func TestOneTokenOneCertificate(t *testing.T) {
	h := newTokenHouse(t)
	made, err := h.Run(t.Context(), "join-token", "create", "--config", h.Path, "--agent", "joiner")
	if err != nil || made.Status != 0 {
		t.Fatalf("%v %s", err, made.Stderr)
	}
	token := h.issuer.Sign(h.issuer.GitHub(tokenAudience, "acme/app", "refs/heads/main", time.Now()))
	for name, in := range map[string]web.CertificateRequest{
		"a token":      {Agent: "deployer", Token: token},
		"a join token": {Agent: "joiner", JoinToken: strings.TrimSpace(made.Stdout)},
	} {
		var mu sync.Mutex
		var work sync.WaitGroup
		codes := map[string]int{}
		for range 20 {
			work.Go(func() {
				_, _, e := h.ask(in)
				mu.Lock()
				defer mu.Unlock()
				codes[e.Code]++
			})
		}
		work.Wait()
		if codes[""] != 1 || codes["replayed"] != 19 {
			t.Errorf("%s: %v", name, codes)
		}
	}
	t.Run("killed before the answer", func(t *testing.T) { testKilledEnrolment(t, h) })
}

// testKilledEnrolment kills the decider while it works on enrolments. Whoever got no certificate has a token that is either
// whole or burnt: no token ever gives two.
func testKilledEnrolment(t *testing.T, h *tokenHouse) {
	tokens := map[string]bool{} // whether it gave a certificate
	for range 12 {
		tokens[h.issuer.Sign(h.issuer.GitHub(tokenAudience, "acme/app", "refs/heads/main", time.Now()))] = false
	}
	var mu sync.Mutex
	var work sync.WaitGroup
	killed := make(chan struct{})
	for _, token := range slices.Collect(maps.Keys(tokens)) {
		work.Go(func() {
			got := h.tryOnce(token)
			mu.Lock()
			defer mu.Unlock()
			tokens[token] = got
			select {
			case <-killed:
			default:
				close(killed)
				_ = syscall.Kill(h.PID("decider"), syscall.SIGKILL)
			}
		})
	}
	work.Wait()
	if err := h.Await(); err != nil {
		t.Log(err) // it was killed
	}
	if err := h.Serve(); err != nil {
		t.Fatal(err)
	}
	before := len(h.issues())
	for token, had := range tokens {
		if again := h.tryOnce(token); again && had {
			t.Error("a token gave a certificate before the crash and after it")
		}
	}
	byJTI := map[string]int{}
	for _, e := range h.issues() {
		var data struct{ JTI string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		if e.Outcome == "ok" && data.JTI != "" {
			byJTI[data.JTI]++
		}
	}
	for jti, n := range byJTI {
		if n > 1 {
			t.Errorf("%d certificates for the token %s", n, jti)
		}
	}
	t.Logf("%d entries before the restart, %d after", before, len(h.issues()))
}

// tryOnce asks with a token; a service that dies meanwhile is no certificate.
func (h *tokenHouse) tryOnce(token string) bool {
	body, _ := json.Marshal(web.CertificateRequest{Agent: "deployer", PublicKey: h.key, Token: token})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.WebURL+"/v1/certificates", bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var c web.Certificate
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(&c) == nil && c.Certificate != ""
}
