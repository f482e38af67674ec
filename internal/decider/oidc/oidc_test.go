package oidc

import (
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

// TestVerify: tokens as GitHub Actions and Kubernetes make them, signed with each algorithm.
func TestVerify(t *testing.T) {
	w := newWorld(t, nil)
	for _, alg := range algorithms {
		w.Rotate(alg)
		w.clock.pass(pauseUnknown)
		for name, claims := range map[string]map[string]any{"github": w.GitHub(audience, "octo/app", "refs/heads/main", w.clock.now()),
			"kubernetes": w.Kubernetes(audience, "prod", "deployer", w.clock.now())} {
			got, err := w.provider.Verify(t.Context(), w.Sign(claims))
			if err != nil {
				t.Fatalf("%s, %s: %v", name, alg, err)
			}
			if got.Subject != claims["sub"] || got.ID != claims["jti"] || got.Issuer != w.URL || !got.Expires.After(got.IssuedAt) {
				t.Errorf("%+v", got)
			}
		}
	}
	if got := w.verify(w.SignWith(w.Key(), w.claims(), map[jose.HeaderKey]any{"typ": "logout+jwt"})); got != CodeMalformed {
		t.Errorf("a logout token: %q", got)
	}
}
