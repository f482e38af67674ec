package decider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
)

// TestLinkEndsWithItsCertificate: a sign-in by a link, and a link that is not used yet, are good for nothing once what the link was
// asked for with is revoked, or its proof is taken no more.
func TestLinkEndsWithItsCertificate(t *testing.T) {
	for name, end := range map[string]func(b *bench, key ssh.PublicKey, cert *ssh.Certificate){
		"certificate": func(b *bench, _ ssh.PublicKey, cert *ssh.Certificate) {
			b.revoke("stolen", fmt.Sprintf("certificate:%d", cert.Serial))
		},
		"key": func(b *bench, key ssh.PublicKey, _ *ssh.Certificate) {
			b.revoke("stolen", "key:"+ssh.FingerprintSHA256(key))
		},
		"task": func(b *bench, _ ssh.PublicKey, _ *ssh.Certificate) { b.revoke("over", "task:CHG-1") },
		"ca": func(b *bench, _ ssh.PublicKey, cert *ssh.Certificate) {
			b.revoke("stolen", "ca:"+ssh.FingerprintSHA256(cert.SignatureKey))
		},
		"account": func(b *bench, _ ssh.PublicKey, _ *ssh.Certificate) {
			b.setPolicy(strings.Replace(unfitPolicy, `, oidc: {issuer: github, subject: "7"}`, "", 1))
		},
	} {
		b := newBench(t)
		b.setPolicy(unfitPolicy)
		key, _ := newKey(t)
		got, err := b.d.certify(t.Context(), policy.CertificateRequest{Kind: policy.Person, Name: "ann", Task: "CHG-1", TTL: time.Hour}, key.Marshal(), proof{actor: "test", by: "oidc:github"})
		b.must(err)
		conn := b.id(id.Connection)
		b.must(b.authenticate(conn, got.Certificate))
		in, err := b.door.Redeem(t.Context(), b.link(conn), "192.0.2.1")
		b.must(err)
		open := b.link(conn)
		other, err := b.door.Redeem(t.Context(), b.link(b.connect(policy.Person, "vic")), "192.0.2.1")
		b.must(err)
		end(b, key, parseCert(t, got.Certificate))
		if _, err := b.door.Authorize(t.Context(), console.Credential{SignIn: in.Cookie}, "whoami", "", ""); err == nil {
			t.Errorf("%s: the sign-in goes on", name)
		}
		if b.d.signIns.count("ann") != 0 {
			t.Errorf("%s: the sign-in was not ended", name)
		}
		if _, err := b.door.Redeem(t.Context(), open, "192.0.2.1"); err == nil {
			t.Errorf("%s: the link that was still open signs in", name)
		}
		if _, err := b.door.Authorize(t.Context(), console.Credential{SignIn: other.Cookie}, "whoami", "", ""); (err == nil) == (name == "ca") {
			t.Errorf("%s: another's sign-in: %v", name, err)
		}
	}
}

func (s *signIns) count(person string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.cookies {
		if in.person == person {
			n++
		}
	}
	return n
}

// TestAccountMoved: a sign-in by an issuer ends when the account is another's, or nobody's, in the policy.
func TestAccountMoved(t *testing.T) {
	for _, now := range []string{`, oidc: {issuer: github, subject: "8"}`, ""} {
		b := newBench(t)
		b.setPolicy(unfitPolicy)
		in, err := b.d.signIn(t.Context(), signIn{person: "ann", by: "oidc:github", account: "7"}, nil)
		b.must(err)
		b.setPolicy(unfitPolicy + "# the same\n")
		who := console.Credential{SignIn: in.Cookie}
		if _, err := b.door.Authorize(t.Context(), who, "whoami", "", ""); err != nil {
			t.Errorf("the account is still hers: %v", err)
		}
		b.setPolicy(strings.Replace(unfitPolicy, `, oidc: {issuer: github, subject: "7"}`, now, 1))
		if _, err := b.door.Authorize(t.Context(), who, "whoami", "", ""); err == nil || b.d.signIns.count("ann") != 0 {
			t.Errorf("account %q: the sign-in goes on: %v", now, err)
		}
	}
}

// TestSignInMakesNoLink: a door that has somebody's sign-in cannot make another of it, and so on without an end.
func TestSignInMakesNoLink(t *testing.T) {
	b := newBench(t)
	in, err := b.door.Redeem(t.Context(), b.link(b.connect(policy.Person, "ann")), "192.0.2.1")
	b.must(err)
	if url, _, err := b.door.MintLink(t.Context(), console.Credential{SignIn: in.Cookie}); code(err) != protocol.CodeInvalid {
		t.Errorf("%q, %v", url, err)
	}
}
