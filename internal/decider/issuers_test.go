package decider

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/decider/oidc"
	"gatehouse/internal/testoidc"
)

// withIssuers puts issuers into the test policy and reloads.
func (b *bench) withIssuers(issuers ...string) {
	b.t.Helper()
	b.write("policy.yaml", testPolicy+"issuers:\n"+strings.Join(issuers, ""))
	if got, err := b.d.Reload(b.t.Context()); err != nil || got.Problem != "" {
		b.t.Fatalf("%+v, %v", got, err)
	}
}

func issuerEntry(name, url string, roots []byte) string {
	return fmt.Sprintf("  %s:\n    url: %s\n    audience: gatehouse\n    roots: |\n      %s\n", name, url,
		strings.ReplaceAll(strings.TrimSpace(string(roots)), "\n", "\n      "))
}

// TestIssuerThroughDoor: a token is verified with keys that came through the door.
func TestIssuerThroughDoor(t *testing.T) {
	b := newBench(t)
	i := testoidc.New(t)
	b.withIssuers(issuerEntry("ci", i.URL, i.RootPEM))
	p, err := b.d.issuer("ci")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := p.Verify(t.Context(), i.Sign(i.Claims("gatehouse", "job-1", b.clock.now())))
	if err != nil || claims.Subject != "job-1" {
		t.Fatalf("%+v, %v", claims, err)
	}
	// The same policy read again keeps the keys; another root makes another verifier, and this one trusts nobody.
	b.withIssuers(issuerEntry("ci", i.URL, i.RootPEM))
	if again, err := b.d.issuer("ci"); err != nil || again != p {
		t.Errorf("the same issuer is another: %v", err)
	}
	b.withIssuers(issuerEntry("ci", i.URL, testoidc.New(t).RootPEM))
	other, err := b.d.issuer("ci")
	if err != nil || other == p {
		t.Fatalf("the same verifier for another root: %v", err)
	}
	var refused *oidc.Error
	if _, err := other.Verify(t.Context(), i.Sign(i.Claims("gatehouse", "job-1", b.clock.now()))); !errors.As(err, &refused) || refused.Code != oidc.CodeIssuerUntrusted {
		t.Errorf("another root: %v", err)
	}
	if _, err := b.d.issuer("elsewhere"); err == nil {
		t.Error("an issuer that the policy does not name")
	}
	if b.d.mayReach(i.Host, i.Port) == b.d.mayReach("198.51.100.1", 443) {
		t.Error("every host may be reached, or none")
	}
}

// TestClientSecret: a secret that others can read is not used.
func TestClientSecret(t *testing.T) {
	b := newBench(t)
	if got, err := b.d.clientSecret("ci"); got != "" || err != nil {
		t.Errorf("without a file: %q, %v", got, err)
	}
	path := filepath.Join(b.config().Dir, "oidc-secret-ci")
	b.must(os.WriteFile(path, []byte("s3cret\n"), 0o600))
	if got, err := b.d.clientSecret("ci"); got != "s3cret" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		b.must(os.Chmod(path, mode))
		if got, err := b.d.clientSecret("ci"); got != "" || err == nil {
			t.Errorf("mode %o: %q, %v", mode, got, err)
		}
	}
}
