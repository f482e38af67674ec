package enroll

import (
	"bytes"
	"crypto/ed25519"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite testdata from the program")

// fixedKey is the same key in each run.
func fixedKey(seed byte) ssh.PublicKey {
	key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)).Public())
	if err != nil {
		panic(err)
	}
	return key
}

func hostCertificate(key ssh.PublicKey, principals ...string) *ssh.Certificate {
	return &ssh.Certificate{Nonce: make([]byte, 32), Key: key, CertType: ssh.HostCert, ValidPrincipals: principals, SignatureKey: fixedKey(9),
		Signature: &ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: make([]byte, 64)}}
}

// TestGolden: what administrators read before they run it. A change is seen in review.
func TestGolden(t *testing.T) {
	one := Params{Target: "web-1", Logins: []string{"deploy"}, TargetCAs: []ssh.PublicKey{fixedKey(1)}}
	full := Params{Target: "db.eu-1", Logins: []string{"deploy", "root"}, Root: true, TargetCAs: []ssh.PublicKey{fixedKey(1), fixedKey(2)},
		Bastions: []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}, HostCertificate: hostCertificate(fixedKey(3), "db.eu-1")}
	undo, err := Undo("web-1")
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"one.sh": script(t, one), "full.sh": script(t, full), "undo.sh": undo} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; look at the difference after -update", path)
		}
		for _, shell := range []string{"dash", "bash"} {
			if out, err := exec.Command(shell, "-n", path).CombinedOutput(); err != nil {
				t.Errorf("%s -n %s: %v: %s", shell, path, err, out)
			}
		}
	}
}

func script(t *testing.T, p Params) string {
	t.Helper()
	s, err := Script(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRefuses: what would not make a target makes no script.
func TestRefuses(t *testing.T) {
	good := func() Params {
		return Params{Target: "web-1", Logins: []string{"deploy"}, TargetCAs: []ssh.PublicKey{fixedKey(1)}}
	}
	user := hostCertificate(fixedKey(3), "web-1")
	user.CertType = ssh.UserCert
	for name, c := range map[string]struct {
		change func(*Params)
		want   string
	}{
		"no target":           {func(p *Params) { p.Target = "" }, "not a name"},
		"a quote":             {func(p *Params) { p.Target = "web'1" }, "not a name"},
		"a newline":           {func(p *Params) { p.Target = "web-1\n" }, "not a name"},
		"no logins":           {func(p *Params) { p.Logins = nil }, "no logins"},
		"a pattern":           {func(p *Params) { p.Logins = []string{"*"} }, "not a name"},
		"a list in a login":   {func(p *Params) { p.Logins = []string{"a,b"} }, "not a name"},
		"a folder in a login": {func(p *Params) { p.Logins = []string{"../x"} }, "not a name"},
		"a space":             {func(p *Params) { p.Logins = []string{"a b"} }, "not a name"},
		"too many":            {func(p *Params) { p.Logins = strings.Split(strings.Repeat("a ", 65)+"a", " ") }, "at most"},
		"no CA":               {func(p *Params) { p.TargetCAs = nil }, "no target CA"},
		"a nil CA":            {func(p *Params) { p.TargetCAs = []ssh.PublicKey{nil} }, "plain public key"},
		"a certificate as CA": {func(p *Params) { p.TargetCAs = []ssh.PublicKey{hostCertificate(fixedKey(3), "web-1")} }, "plain public key"},
		"root, unasked":       {func(p *Params) { p.Logins = []string{"deploy", "root"} }, "another way in"},
		"no address":          {func(p *Params) { p.Bastions = []netip.Addr{{}} }, "address"},
		"a zone":              {func(p *Params) { p.Bastions = []netip.Addr{netip.MustParseAddr("fe80::1%eth0")} }, "address"},
		"another's host":      {func(p *Params) { p.HostCertificate = hostCertificate(fixedKey(3), "web-2") }, "not one for target"},
		"two hosts":           {func(p *Params) { p.HostCertificate = hostCertificate(fixedKey(3), "web-1", "web-2") }, "not one for target"},
		"a user certificate":  {func(p *Params) { p.HostCertificate = user }, "not one for target"},
	} {
		p := good()
		c.change(&p)
		if s, err := Script(p); err == nil || !strings.Contains(err.Error(), c.want) || s != "" {
			t.Errorf("%s: %v, %d bytes; want %q", name, err, len(s), c.want)
		}
	}
	for _, name := range []string{"", "a b", "$(id)", "../x", "-x"} {
		if s, err := Undo(name); err == nil {
			t.Errorf("undo %q: %s", name, s)
		}
	}
}

// TestQuoted: whatever the inventory holds is refused, or is data to the shell: two shells assign exactly it.
func TestQuoted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("ab'\"\\$`(){};&|<>*?[]~# \t\néU\x01-."))).Draw(t, "text")
		for _, shell := range []string{"dash", "bash"} {
			out, err := exec.Command(shell, "-c", assign("v", text)+`printf '%sx' "$v"`).Output()
			if err != nil || string(out) != text+"x" {
				t.Fatalf("%s: %q became %q, %v", shell, text, out, err)
			}
		}
		p := Params{Target: text, Logins: []string{text}, TargetCAs: []ssh.PublicKey{fixedKey(1)}}
		if s, err := Script(p); err == nil && !strings.Contains(s, "target='"+text+"'\n") {
			t.Fatalf("%q is in the script otherwise than it is", text)
		}
	})
}
