package testhost

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestLoginsByCertificate(t *testing.T) {
	d := newDesk(t)
	h, config := d.start(Config{})
	for login, want := range map[string]string{
		"deploy": "deploy 2001 /home/deploy web-1\n",
		"root":   "root 0 /root web-1\n",
	} {
		d.certify("agt=demo;login="+login, "gh:web-1:"+login)
		r := d.ssh(config, login, `echo "$(id -un) $(id -u) $PWD $(uname -n)"; exit 7`)
		if r.Stdout != want || r.Status != 7 {
			t.Errorf("as %s: status %d, stdout %q, stderr %q; want status 7 and %q", login, r.Status, r.Stdout, r.Stderr, want)
		}
		if log := h.AuthLog(); !strings.Contains(log, "ID agt=demo;login="+login+" (serial 4711)") {
			t.Errorf("auth log does not name key ID and serial of %s:\n%s", login, log)
		}
	}
}

func TestRefusesOtherCertificates(t *testing.T) {
	d := newDesk(t)
	h, config := d.start(Config{})
	cases := map[string]func(){
		"another login's principal":  func() { d.certify("x", "gh:web-1:root") },
		"another target's principal": func() { d.certify("x", "gh:web-2:deploy") },
		"the bare login":             func() { d.certify("x", "deploy") },
		"no certificate":             func() { os.Remove(d.path("id-cert.pub")) },
		"a planted authorized_keys": func() {
			os.Remove(d.path("id-cert.pub"))
			home, err := h.Path("/home/deploy")
			if err != nil {
				t.Fatal(err)
			}
			if err := makeDir(filepath.Join(home, ".ssh"), 0o700, 2001); err != nil {
				t.Fatal(err)
			}
			planted := filepath.Join(home, ".ssh/authorized_keys")
			if err := writeFile(planted, d.read("id.pub"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(planted, 2001, 2001); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, prepare := range cases {
		prepare()
		if r := d.ssh(config, "deploy", "id"); r.Status != 255 || !strings.Contains(r.Stderr, "Permission denied") {
			t.Errorf("%s: status %d, stdout %q, stderr %q; want permission denied", name, r.Status, r.Stdout, r.Stderr)
		}
	}
	d.certify("x", "gh:web-1:deploy")
	if r := d.ssh(config, "deploy", "true"); r.Status != 0 {
		t.Fatalf("right principal afterwards: status %d, %s", r.Status, r.Stderr)
	}
}

func TestHostCertificate(t *testing.T) {
	d := newDesk(t)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ssh.ParsePrivateKey([]byte(d.read("ca")))
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{
		Key: public, CertType: ssh.HostCert, KeyId: "web-1", ValidPrincipals: []string{"web-1"}, ValidBefore: ssh.CertTimeInfinity,
	}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	h, _ := d.start(Config{HostKey: key, HostCertificate: cert})
	d.certify("x", "gh:web-1:deploy")
	config := d.configure(h.Addr(), "@cert-authority web-1 "+d.read("ca.pub"))
	if r := d.ssh(config, "-o", "HostKeyAlias=web-1", "deploy", "true"); r.Status != 0 {
		t.Errorf("host certificate: status %d, %s", r.Status, r.Stderr)
	}
	if r := d.ssh(config, "-o", "HostKeyAlias=web-2", "deploy", "true"); r.Status != 255 {
		t.Errorf("host certificate for another name: status %d, want 255", r.Status)
	}
}

func TestChangesNothingOutsideItsFolder(t *testing.T) {
	d := newDesk(t)
	h, config := d.start(Config{Programs: map[string]string{"greet": "#!/bin/sh\necho hello from \"$(uname -n)\"\n"}})
	d.certify("x", "gh:web-1:root")
	marker := filepath.Base(h.cfg.Dir) + "-trace"
	line := fmt.Sprintf(`cd / && for d in /home /root /tmp /srv /var/log; do echo x > $d/%[1]s || echo no $d; done; `+
		`for d in / /etc /usr /var/tmp; do touch $d/%[1]s 2>/dev/null && echo wrote $d; done; greet; cat /etc/passwd | wc -l`, marker)
	r := d.ssh(config, "root", line)
	if want := "hello from web-1\n4\n"; r.Stdout != want {
		t.Errorf("stdout %q, stderr %q; want %q", r.Stdout, r.Stderr, want)
	}
	for _, dir := range []string{"/home", "/root", "/tmp", "/srv", "/var/log"} {
		if _, err := os.Stat(filepath.Join(dir, marker)); !os.IsNotExist(err) {
			t.Errorf("%s changed outside the target: %v", dir, err)
		}
		inside, err := h.Path(filepath.Join(dir, marker))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(inside); err != nil || string(text) != "x\n" {
			t.Errorf("%s: %q, %v; want what the target wrote", inside, text, err)
		}
	}
	for _, foreign := range []string{"/etc/passwd", "/homework", "/home/../etc"} {
		if path, err := h.Path(foreign); err == nil {
			t.Errorf("Path(%q) = %q, want an error", foreign, path)
		}
	}
}

func TestSeveralAtOnceAndRestart(t *testing.T) {
	d := newDesk(t)
	one, first := d.start(Config{Name: "web-1"})
	two, second := d.start(Config{Name: "web-2"})
	if one.Addr() == two.Addr() {
		t.Fatalf("both listen on %s", one.Addr())
	}
	d.certify("x", "gh:web-2:deploy")
	if r := d.ssh(second, "deploy", "uname -n"); r.Stdout != "web-2\n" {
		t.Errorf("web-2: %q, %s", r.Stdout, r.Stderr)
	}
	if r := d.ssh(first, "deploy", "true"); r.Status != 255 {
		t.Errorf("web-2's certificate at web-1: status %d, want 255", r.Status)
	}
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Start(t.Context(), two.cfg)
	if err != nil {
		t.Fatalf("start again in the same folder: %v", err)
	}
	defer again.Close()
	if log := again.AuthLog(); strings.Count(log, "Server listening on") != 2 || !strings.Contains(log, "Accepted publickey") {
		t.Errorf("log does not go on after a restart:\n%s", log)
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	good := Config{Dir: t.TempDir(), Name: "web-1", TargetCA: "ssh-ed25519 AAAA", Accounts: []Account{{Name: "deploy", UID: 2001}}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]func(*Config){
		"folder":           func(c *Config) { c.Dir = "here" },
		"target name":      func(c *Config) { c.Name = "web 1\nPermitRootLogin yes" },
		"no CA":            func(c *Config) { c.TargetCA = " \n" },
		"no accounts":      func(c *Config) { c.Accounts = nil },
		"uid 0":            func(c *Config) { c.Accounts = []Account{{Name: "deploy"}} },
		`account "a:b"`:    func(c *Config) { c.Accounts = []Account{{Name: "a:b", UID: 5}} },
		"host certificate": func(c *Config) { c.HostCertificate = &ssh.Certificate{} },
	}
	for want, spoil := range cases {
		bad := good
		bad.Accounts = slices.Clone(good.Accounts)
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestStartSaysWhyItCannot(t *testing.T) {
	d := newDesk(t)
	cfg := Config{Dir: t.TempDir(), Name: "web-1", TargetCA: d.read("ca.pub"), Accounts: []Account{{Name: "deploy", UID: 2001}}}
	cfg.Options = []string{"NoSuchOption yes"}
	if h, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "NoSuchOption") {
		t.Errorf("bad option: %v, %v", h, err)
	}
	busy, _ := d.start(Config{})
	cfg.Options = nil
	fmt.Sscanf(busy.Addr(), "127.0.0.1:%d", &cfg.Port)
	if h, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("busy port: %v, %v", h, err)
	}
}
