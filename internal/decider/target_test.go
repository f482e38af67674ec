package decider

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/testhost"
	"gatehouse/policy"
)

// startTargets starts two stock sshds that trust the bench's target CA.
func (b *bench) startTargets() (web1, web2 *testhost.Host) {
	b.t.Helper()
	b.must(os.Chmod(filepath.Dir(b.dir), 0o755))
	b.must(os.Chmod(b.dir, 0o755))
	start := func(name string) *testhost.Host {
		dir := filepath.Join(b.dir, name)
		b.must(os.Mkdir(dir, 0o755))
		h, err := testhost.Start(b.t.Context(), testhost.Config{Dir: dir, Name: name, TargetCA: string(ssh.MarshalAuthorizedKey(b.d.cas.Target.PublicKey())),
			Accounts: []testhost.Account{{Name: "deploy", UID: 2000}, {Name: "root"}}})
		b.must(err)
		b.t.Cleanup(func() { b.must(h.Close()) })
		return h
	}
	return start("web-1"), start("web-2")
}

// login opens a connection with a certificate, as a door would.
func login(h *testhost.Host, user string, key ssh.Signer, wire []byte) (*ssh.Client, error) {
	pub, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return nil, err
	}
	signer := key
	if cert, ok := pub.(*ssh.Certificate); ok {
		if signer, err = ssh.NewCertSigner(cert, key); err != nil {
			return nil, err
		}
	}
	return ssh.Dial("tcp", h.Addr(), &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(h.HostKey()), Timeout: 10 * time.Second})
}

// says runs a command on a new channel of a connection.
func says(t *testing.T, c *ssh.Client, command string) string {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, _ := s.CombinedOutput(command) // its status is the command's
	return string(out)
}

// TestFakeDoorAtTargets: what certificates are worth at real sshds, to a door that does with them what it likes. The first rows
// of each are what it can do, and are written down in docs/taken-over-door.md.
func TestFakeDoorAtTargets(t *testing.T) {
	b := newBench(t)
	web1, web2 := b.startTargets()
	conn := b.connect(policy.Agent, "bot")
	decide := func(argv ...string) ([]byte, ssh.Signer) {
		pub, key := newKey(t)
		q := b.question(conn, argv...)
		q.PublicKey = pub.Marshal()
		got, err := b.door.Decide(t.Context(), q)
		b.must(err)
		return got.Certificate, key
	}
	plain, plainKey := decide("echo", "decided")
	pinned, pinnedKey := decide("printf", "the pinned line")
	refused := func(name string, h *testhost.Host, user string, key ssh.Signer, wire []byte) {
		t.Helper()
		if c, err := login(h, user, key, wire); err == nil {
			_ = c.Close()
			t.Errorf("%s opens %s", name, user)
		}
	}

	// Plain: everything the login can, on that target, while connected.
	c, err := login(web1, "deploy", plainKey, plain)
	b.must(err)
	if got := says(t, c, "id -un"); got != "deploy\n" {
		t.Errorf("plain: %q", got)
	}
	b.must(c.Close())
	refused("a plain certificate", web1, "root", plainKey, plain)
	refused("a plain certificate", web2, "deploy", plainKey, plain)

	// Pinned: that line again, on any channel of any connection, until it expires.
	for range 2 {
		c, err := login(web1, "deploy", pinnedKey, pinned)
		b.must(err)
		for _, command := range []string{"id -un", "sh", "printf x; id -un"} {
			if got := says(t, c, command); got != "the pinned line" {
				t.Errorf("pinned, asked for %q: %q", command, got)
			}
		}
		s, err := c.NewSession()
		b.must(err)
		if err := s.RequestPty("vt100", 24, 80, nil); err == nil {
			t.Error("pinned: a pty")
		}
		b.must(s.Close())
		if f, err := c.Dial("tcp", web1.Addr()); err == nil {
			_ = f.Close()
			t.Error("pinned: a forward")
		}
		b.must(c.Close())
	}
	refused("a pinned certificate", web1, "root", pinnedKey, pinned)
	refused("a pinned certificate", web2, "deploy", pinnedKey, pinned)

	// Others open no target.
	pub, key := newKey(t)
	face, err := b.door.Face(t.Context(), protocol.Face{PublicKey: pub.Marshal(), Target: "web-1"})
	b.must(err)
	asUser := parseCert(t, face.Certificate)
	asUser.CertType = ssh.UserCert // what it would have to be; the signature does not cover that
	refused("a face certificate", web1, "deploy", key, asUser.Marshal())
	agent, err := admin[protocol.Issued](b, protocol.OpIssue, protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: pub.Marshal(), TTL: time.Minute})
	b.must(err)
	refused("an agent's certificate", web1, "deploy", key, agent.Certificate)
	refused("a plain key", web1, "deploy", key, pub.Marshal())

	// A sweep's certificate sweeps.
	sweep, err := b.door.Sweep(t.Context(), protocol.Sweep{Session: b.id(id.Session), Target: "web-2", Login: "deploy", PublicKey: pub.Marshal()})
	b.must(err)
	c, err = login(web2, "deploy", key, sweep.Certificate)
	b.must(err)
	if got := says(t, c, "id"); got != protocol.SweepClean+"\n" {
		t.Errorf("sweep: %q", got)
	}
	b.must(c.Close())
	refused("a sweep's certificate", web2, "root", key, sweep.Certificate)
}

// TestFakeDoorLate: a certificate that has run out opens nothing: the decider's clock is set back, the sshd's is the machine's.
func TestFakeDoorLate(t *testing.T) {
	b := newBench(t)
	web1, _ := b.startTargets()
	for _, c := range []struct {
		argv []string
		ago  time.Duration
		open bool
	}{{[]string{"printf", "x"}, 31 * time.Second, false}, {[]string{"echo", "x"}, 31 * time.Second, true}, {[]string{"echo", "x"}, 61 * time.Second, false}} {
		b.clock.mu.Lock()
		b.clock.at = time.Now().UTC().Add(-c.ago)
		b.clock.mu.Unlock()
		pub, key := newKey(t)
		q := b.question(b.connect(policy.Agent, "bot"), c.argv...)
		q.PublicKey = pub.Marshal()
		got, err := b.door.Decide(t.Context(), q)
		b.must(err)
		client, err := login(web1, "deploy", key, got.Certificate)
		if (err == nil) != c.open {
			t.Errorf("%q after %s: %v", c.argv, c.ago, err)
		}
		if err == nil {
			_ = client.Close()
		}
	}
}
