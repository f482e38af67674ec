package enroll

import (
	"crypto/ed25519"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/testhost"
	"gatehouse/policy"
)

// stage is a stock host and the CAs that may make it a target.
type stage struct {
	t    *testing.T
	cas  *ca.Set
	host *testhost.Host
}

func newStage(t *testing.T, cfg testhost.Config) *stage {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cas, err := ca.Open(filepath.Join(dir, "ca"), nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Dir, cfg.Name, cfg.Stock = filepath.Join(dir, "host"), "web-1", true
	cfg.Accounts = []testhost.Account{{Name: "deploy", UID: 2001}, {Name: "ann", UID: 2002}, {Name: "root"}}
	if err := os.Mkdir(cfg.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h, err := testhost.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &stage{t, cas, h}
}

// params are those of the stage's own host.
func (s *stage) params() Params {
	return Params{Target: "web-1", Logins: []string{"deploy"}, TargetCAs: []ssh.PublicKey{s.cas.Target.PublicKey()}, Bastions: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
}

func (s *stage) certified(key ssh.PublicKey) *ssh.Certificate {
	s.t.Helper()
	c, err := s.cas.Host.Issue(ca.HostRequest{PublicKey: key, Target: "web-1", TTL: time.Hour})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// run runs a script on the host as root.
func (s *stage) run(script string) testhost.Result {
	s.t.Helper()
	r, err := s.host.Root(s.t.Context(), script)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// must runs a script that has to succeed and say nothing on standard error.
func (s *stage) must(script string) string {
	s.t.Helper()
	r := s.run(script)
	if r.Status != 0 || r.Stderr != "" {
		s.t.Fatalf("status %d: %s%s", r.Status, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

func (s *stage) enroll(p Params) string {
	s.t.Helper()
	script, err := Script(p)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.reloads(script)
}

// files is everything below /etc/ssh: names, modes, owners, times and contents.
func (s *stage) files() string {
	s.t.Helper()
	return s.must("cd /etc/ssh; find . -mindepth 1 -printf '%P %y %m %U:%G\\n' | sort; find . -type f -printf '%P %T@\\n' | sort; find . -type f -exec sha256sum {} + | sort")
}

// certificate is one by the target CA, with the key that it certifies.
func (s *stage) certificate(target string, login policy.Login) ssh.Signer {
	s.t.Helper()
	pub, key := s.key()
	cert, err := s.cas.Target.Issue(ca.TargetRequest{PublicKey: pub, Target: target, Login: login, Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Connection: "con", TTL: time.Minute})
	if err != nil {
		s.t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert, key)
	if err != nil {
		s.t.Fatal(err)
	}
	return signer
}

func (s *stage) key() (ssh.PublicKey, ssh.Signer) {
	s.t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		s.t.Fatal(err)
	}
	return key.PublicKey(), key
}

// opens reports whether the host lets a login in, and fails the test if a login that gets in cannot run a command.
func (s *stage) opens(login string, signer ssh.Signer) bool {
	s.t.Helper()
	c, err := ssh.Dial("tcp", s.host.Addr(), &ssh.ClientConfig{User: login, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.FixedHostKey(s.host.HostKey()), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}, Timeout: 10 * time.Second})
	if err != nil {
		if !strings.Contains(err.Error(), "unable to authenticate") {
			s.t.Fatal(err)
		}
		return false
	}
	defer c.Close()
	session, err := c.NewSession()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := session.Output("id -un")
	if err != nil || string(out) != login+"\n" {
		s.t.Errorf("%s gets in and runs %q, %v", login, out, err)
	}
	return true
}

// reloads runs a script that has to succeed, and returns when the sshd listens again.
func (s *stage) reloads(script string) string {
	s.t.Helper()
	const word = "Server listening on"
	before := strings.Count(s.host.AuthLog(), word)
	said := s.must(script)
	for end := time.Now().Add(20 * time.Second); strings.Count(s.host.AuthLog(), word) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("sshd was not reloaded: %s", said)
		}
	}
	return said
}

// plant gives a login an authorized_keys file, and returns the key in it.
func (s *stage) plant(login, home string) ssh.Signer {
	s.t.Helper()
	pub, key := s.key()
	s.must("mkdir -p " + home + "/.ssh && printf '%s\\n' '" + line(pub) + "' >" + home + "/.ssh/authorized_keys && chown -R " + login + " " + home + "/.ssh && chmod 700 " + home + "/.ssh")
	return key
}

// TestOnStockHost: the script makes Debian's own sshd a target, twice the same; a planted key opens the managed login no more
// and others as before; the undo script leaves every byte as it was.
func TestOnStockHost(t *testing.T) {
	for name, config := range map[string]string{"as Debian ships it": "", "without a drop-in folder": oldStyle, "ends in a Match block": oldStyle + "Match User ann\n\tX11Forwarding no\n"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, testhost.Config{SSHDConfig: config})
			planted, anns, roots := s.plant("deploy", "/home/deploy"), s.plant("ann", "/home/ann"), s.plant("root", "/root")
			before := s.files()
			if !s.opens("deploy", planted) || s.opens("deploy", s.certificate("web-1", "deploy")) {
				t.Fatal("the host is no stock one")
			}
			p := s.params()
			if said := s.enroll(p); !strings.Contains(said, line(s.host.HostKey())) || !strings.Contains(said, "gatehouse targets enroll web-1 --host-key web.pub") {
				t.Errorf("without a host key the script says %q; want the key and the next command", said)
			}
			s.expect(map[string]bool{"the certificate": s.opens("deploy", s.certificate("web-1", "deploy")),
				"ann's key": s.opens("ann", anns), "root's key": s.opens("root", roots)}, true)
			s.expect(map[string]bool{"a planted key": s.opens("deploy", planted), "another target": s.opens("deploy", s.certificate("web-2", "deploy")),
				"another login": s.opens("deploy", s.certificate("web-1", "ann")), "an unmanaged login": s.opens("ann", s.certificate("web-1", "ann"))}, false)

			p.HostCertificate = s.certified(s.host.HostKey())
			s.enroll(p)
			once := s.files()
			s.enroll(p)
			if twice := s.files(); withoutTimes(twice) != withoutTimes(once) {
				t.Errorf("the second run changed something:\n%s\nbefore:\n%s", twice, once)
			}
			s.showsCertificate()

			undo, err := Undo("web-1")
			if err != nil {
				t.Fatal(err)
			}
			s.reloads(undo)
			if after := s.files(); after != before {
				t.Errorf("after undo:\n%s\nbefore:\n%s", after, before)
			}
			s.expect(map[string]bool{"a planted key after undo": s.opens("deploy", planted), "ann's": s.opens("ann", anns)}, true)
			s.expect(map[string]bool{"the certificate after undo": s.opens("deploy", s.certificate("web-1", "deploy"))}, false)
			if said := s.must(undo); !strings.Contains(said, "nothing to undo") {
				t.Errorf("undo again: %q", said)
			}
		})
	}
}

// oldStyle is a configuration that includes nothing of the distribution's.
const oldStyle = "Port 22\nSubsystem sftp internal-sftp\nInclude /etc/ssh/sshd_config.d/50-test.conf\nPermitUserEnvironment yes\n"

func (s *stage) expect(got map[string]bool, want bool) {
	s.t.Helper()
	for what, is := range got {
		if is != want {
			s.t.Errorf("%s opens: %v", what, is)
		}
	}
}

func (s *stage) showsCertificate() {
	s.t.Helper()
	check, err := ca.HostKeyChecker("web-1", s.cas.Host.PublicKeys(), nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := ssh.Dial("tcp", s.host.Addr(), &ssh.ClientConfig{User: "deploy", Auth: []ssh.AuthMethod{ssh.PublicKeys(s.certificate("web-1", "deploy"))},
		HostKeyCallback: check, HostKeyAlgorithms: []string{ssh.CertAlgoED25519v01}, Timeout: 10 * time.Second})
	if err != nil {
		s.t.Fatalf("by the host CA: %v", err)
	}
	_ = c.Close()
}

// withoutTimes drops the lines with times of files.
func withoutTimes(files string) string {
	var out []string
	for l := range strings.Lines(files) {
		if f := strings.Fields(l); len(f) != 2 || len(f[0]) == 64 {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}
