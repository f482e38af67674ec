package look

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/target"
	"gatehouse/internal/readonly"
	"gatehouse/internal/testhost"
	"gatehouse/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a real sshd and the CA that opens it.
type host struct {
	*testhost.Host
	t  *testing.T
	ca ssh.Signer
}

// startHost starts a target with a root login and deploy, whose shell leaves a mark if anything ever starts it.
func startHost(t *testing.T, subsystem ...string) *host {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h, err := testhost.Start(t.Context(), testhost.Config{Dir: dir, Name: "web-1", TargetCA: string(ssh.MarshalAuthorizedKey(ca.PublicKey())),
		Accounts: []testhost.Account{{Name: "deploy", UID: 2001, Shell: "/usr/local/bin/marking-shell"}, {Name: "root"}}, Subsystem: strings.Join(subsystem, " "),
		Programs: map[string]string{"marking-shell": "#!/bin/sh\necho started >>/tmp/mark\nexec /bin/sh \"$@\"\n"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &host{h, t, ca}
}

// root runs a script on the target's console.
func (h *host) root(script string) string {
	h.t.Helper()
	r, err := h.Root(h.t.Context(), "set -e\n"+script)
	if err != nil || r.Status != 0 {
		h.t.Fatalf("%v, status %d: %s%s", err, r.Status, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// connect opens a connection by a certificate that is pinned to the line.
func (h *host) connect(login, line string) *target.Conn {
	h.t.Helper()
	p, err := target.Open(h.t.Context(), target.Endpoint{Name: "web-1", Address: h.Addr(), HostKey: ssh.FixedHostKey(h.HostKey()), HostKeyAlgorithms: []string{h.HostKey().Type()}}, target.Login(login))
	if err != nil {
		h.t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: p.PublicKey(), CertType: ssh.UserCert, KeyId: "look", ValidPrincipals: []string{"gh:web-1:" + login},
		ValidBefore: uint64(time.Now().Add(time.Minute).Unix()), Permissions: ssh.Permissions{CriticalOptions: map[string]string{"force-command": line}}}
	if err := cert.SignCert(rand.Reader, h.ca); err != nil {
		h.t.Fatal(err)
	}
	c, err := p.Authenticate(h.t.Context(), cert)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close(); _ = c.Wait() })
	return c
}

func (h *host) stream(login string, hash bool) io.ReadWriteCloser {
	h.t.Helper()
	s, err := h.connect(login, readonly.Command(hash)).SFTP(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// looker looks at the target as a login.
func (h *host) looker(login string, hash bool, search ...string) *Looker {
	h.t.Helper()
	l, err := New(h.t.Context(), h.stream(login, hash), Config{SearchPath: search})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = l.Close() })
	return l
}

// facts are a target's answers.
func facts(t *testing.T, l *Looker, probes ...policy.Probe) policy.Facts {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var f policy.Facts
	if err := l.Answer(ctx, probes, &f); err != nil {
		t.Fatal(err)
	}
	return f
}
