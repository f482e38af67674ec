package ca_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
)

// judged is one certificate, by whatever key, for whatever purpose, with the claim that ours and sshd's verdict must bear out.
type judged struct {
	name string
	make func(j *bench) *ssh.Certificate
}

// bench has the keys that certificates are made of.
type bench struct {
	agent, stranger, rsaCA ssh.Signer
	keys                   map[string]ssh.Signer
	random                 *mathrand.Rand
}

func newBench(t *testing.T, agentCA string) *bench {
	t.Helper()
	signer := func(key any, err error) ssh.Signer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		s, err := ssh.NewSignerFromKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	agent, err := ca.LoadOrCreateKey(agentCA)
	if err != nil {
		t.Fatal(err)
	}
	_, strangerKey, _ := ed25519.GenerateKey(rand.Reader)
	_, userKey, _ := ed25519.GenerateKey(rand.Reader)
	return &bench{agent: agent, stranger: signer(strangerKey, nil), rsaCA: signer(rsa.GenerateKey(rand.Reader, 2048)), random: mathrand.New(mathrand.NewPCG(3, 2026)),
		keys: map[string]ssh.Signer{
			"ed25519": signer(userKey, nil), "ecdsa": signer(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), "rsa": signer(rsa.GenerateKey(rand.Reader, 2048)),
		}}
}

// base is a certificate that both accept; change spoils it before it is signed.
func (b *bench) base(change func(*ssh.Certificate)) *ssh.Certificate {
	now := time.Now()
	cert := &ssh.Certificate{Key: b.keys["ed25519"].PublicKey(), Serial: 7, CertType: ssh.UserCert, KeyId: "agt=bot", ValidPrincipals: []string{"agent:bot"},
		ValidAfter: uint64(now.Add(-30 * time.Second).Unix()), ValidBefore: uint64(now.Add(10 * time.Minute).Unix()),
		Permissions: ssh.Permissions{CriticalOptions: map[string]string{}, Extensions: map[string]string{}}}
	change(cert)
	return cert
}

func (b *bench) sign(cert *ssh.Certificate, by ssh.Signer) *ssh.Certificate {
	if err := cert.SignCert(rand.Reader, by); err != nil {
		panic(err) // the keys are ours
	}
	return cert
}

// plain is a case that is base with a change, signed by the agent CA.
func plain(name string, change func(*ssh.Certificate)) judged {
	return judged{name, func(b *bench) *ssh.Certificate { return b.sign(b.base(change), b.agent) }}
}

func option(name, value string) func(*ssh.Certificate) {
	return func(c *ssh.Certificate) { c.CriticalOptions[name] = value }
}

func times(after, before time.Duration) func(*ssh.Certificate) {
	return func(c *ssh.Certificate) {
		c.ValidAfter, c.ValidBefore = uint64(time.Now().Add(after).Unix()), uint64(time.Now().Add(before).Unix())
	}
}

func principals(names ...string) func(*ssh.Certificate) {
	return func(c *ssh.Certificate) { c.ValidPrincipals = names }
}

var chosen = []judged{
	plain("as it should be", func(*ssh.Certificate) {}),
	plain("host type", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }),
	plain("type 3", func(c *ssh.Certificate) { c.CertType = 3 }),
	plain("expired", times(-time.Hour, -time.Minute)),
	plain("from the future", times(time.Hour, 2*time.Hour)),
	plain("backwards", times(time.Hour, -time.Hour)),
	plain("for ever", func(c *ssh.Certificate) { c.ValidAfter, c.ValidBefore = 0, ssh.CertTimeInfinity }),
	plain("for a day", times(-time.Minute, 24*time.Hour)),
	plain("no principal", principals()),
	plain("another principal", principals("agent:other")),
	plain("a prefix of the principal", principals("agent:bo")),
	plain("a longer principal", principals("agent:bot2")),
	plain("the principal in capitals", principals("AGENT:BOT")),
	plain("the bare login", principals("root")),
	plain("two principals", principals("agent:bot", "agent:other")),
	plain("two principals, the right one last", principals("agent:other", "agent:bot")),
	plain("an empty principal", principals("")),
	plain("a principal with a NUL", principals("agent:bot\x00x")),
	plain("from here", option("source-address", "127.0.0.1")),
	plain("from this network", option("source-address", "127.0.0.0/8")),
	plain("from elsewhere", option("source-address", "192.0.2.1")),
	plain("from elsewhere and here", option("source-address", "192.0.2.0/24,127.0.0.1/32")),
	plain("from nowhere", option("source-address", "")),
	plain("from a broken network", option("source-address", "127.0.0.0/99")),
	plain("from a network with host bits", option("source-address", "127.0.0.1/8")),
	plain("from a name", option("source-address", "localhost")),
	plain("from all but here", option("source-address", "!127.0.0.1,0.0.0.0/0")),
	plain("an unknown critical option", option("shout@example.com", "")),
	plain("an empty critical option", option("", "")),
	plain("a forced command", option("force-command", "true")),
	plain("a touch is demanded", option("verify-required", "")),
	plain("an unknown extension", func(c *ssh.Certificate) { c.Extensions["colour@example.com"] = "blue" }),
	plain("a permit", func(c *ssh.Certificate) { c.Extensions["permit-pty"] = "" }),
	plain("a critical option among the extensions", func(c *ssh.Certificate) { c.Extensions["source-address"] = "192.0.2.1" }),
	plain("an empty key ID", func(c *ssh.Certificate) { c.KeyId = "" }),
	plain("a long key ID", func(c *ssh.Certificate) { c.KeyId = strings.Repeat("k", 300) }),
	plain("serial 0", func(c *ssh.Certificate) { c.Serial = 0 }),
	plain("the greatest serial", func(c *ssh.Certificate) { c.Serial = 1<<64 - 1 }),
	{"another CA", func(b *bench) *ssh.Certificate { return b.sign(b.base(func(*ssh.Certificate) {}), b.stranger) }},
	{"an RSA CA nobody knows", func(b *bench) *ssh.Certificate { return b.sign(b.base(func(*ssh.Certificate) {}), b.rsaCA) }},
	{"signed by its own key", func(b *bench) *ssh.Certificate { return b.sign(b.base(func(*ssh.Certificate) {}), b.keys["ed25519"]) }},
	{"the CA's name, another's signature", func(b *bench) *ssh.Certificate {
		cert := b.sign(b.base(func(*ssh.Certificate) {}), b.stranger)
		cert.SignatureKey = b.agent.PublicKey()
		return cert
	}},
	{"a serial changed after the signature", func(b *bench) *ssh.Certificate {
		cert := b.sign(b.base(func(*ssh.Certificate) {}), b.agent)
		cert.Serial++
		return cert
	}},
	{"a principal changed after the signature", func(b *bench) *ssh.Certificate {
		cert := b.sign(b.base(principals("agent:other")), b.agent)
		cert.ValidPrincipals = []string{"agent:bot"}
		return cert
	}},
	{"an ECDSA key", func(b *bench) *ssh.Certificate {
		return b.sign(b.base(func(c *ssh.Certificate) { c.Key = b.keys["ecdsa"].PublicKey() }), b.agent)
	}},
	{"an RSA key", func(b *bench) *ssh.Certificate {
		return b.sign(b.base(func(c *ssh.Certificate) { c.Key = b.keys["rsa"].PublicKey() }), b.agent)
	}},
}

// randomly mixes the changes of two or three chosen cases.
func randomly(b *bench) judged {
	var names []string
	cert := b.base(func(*ssh.Certificate) {})
	by := b.agent
	for range 2 + b.random.IntN(2) {
		switch n := b.random.IntN(7); n {
		case 0:
			after := time.Duration(b.random.IntN(240)-120) * time.Minute
			length := time.Duration(b.random.IntN(200)) * time.Minute
			times(after, after+length)(cert)
			names = append(names, fmt.Sprintf("valid %s to %s", after, after+length))
		case 1:
			list := [][]string{{"agent:bot"}, {"agent:bot", "person:x"}, {"person:bot"}, {"agent:*"}, {"agent:bot,agent:x"}, {}}[b.random.IntN(6)]
			principals(list...)(cert)
			names = append(names, fmt.Sprintf("principals %q", list))
		case 2:
			source := []string{"127.0.0.1/32", "127.0.0.2", "::1", "0.0.0.0/0", "127.0.0.1,", "127.0.0.0/8,10.0.0.0/8", "::ffff:127.0.0.1", "*"}[b.random.IntN(8)]
			option("source-address", source)(cert)
			names = append(names, "source "+source)
		case 3:
			name := []string{"no-touch-required", "permit-pty", "x@y", "force-command"}[b.random.IntN(4)]
			option(name, "")(cert)
			names = append(names, "critical "+name)
		case 4:
			cert.Extensions["x"] = strings.Repeat("v", b.random.IntN(100))
			names = append(names, "extension")
		case 5:
			by = []ssh.Signer{b.agent, b.agent, b.stranger}[b.random.IntN(3)]
			names = append(names, "signed by "+ssh.FingerprintSHA256(by.PublicKey()))
		case 6:
			cert.CertType = []uint32{ssh.UserCert, ssh.UserCert, ssh.HostCert, 0}[b.random.IntN(4)]
			names = append(names, fmt.Sprintf("type %d", cert.CertType))
		}
	}
	return judged{strings.Join(names, ", "), func(b *bench) *ssh.Certificate { return b.sign(cert, by) }}
}

// stricter are the reasons for which ours may refuse what sshd accepts. There is none for the other way round.
var stricter = []error{
	ca.ErrPrincipals,     // one certificate, one identity
	ca.ErrPrincipalForm,  // of our two kinds
	ca.ErrCriticalOption, // force-command means something to sshd, nothing at the door
	ca.ErrLifetime,       // no standing credential
	ca.ErrField,          // bounds of what is logged
}

// TestSSHDAndTheVerifierAgree: what ours accepts, a stock sshd with the same CA, principal and address accepts; what ours refuses,
// sshd refuses, except for the reasons in which ours is stricter by design.
func TestSSHDAndTheVerifierAgree(t *testing.T) {
	_, dir := newSet(t, time.Now())
	b := newBench(t, filepath.Join(dir, ca.AgentKeyFile))
	s := startJudge(t, filepath.Join(dir, ca.AgentKeyFile+".pub"))
	verifier, err := ca.Open(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	cases := chosen
	for range 30 {
		cases = append(cases, randomly(b))
	}
	accepted, refused := 0, 0
	for i, c := range cases {
		cert := c.make(b)
		v, err := verifier.Agent.Verify(cert, netip.MustParseAddr("127.0.0.1"))
		ours := err == nil && v.Kind == "agent" && v.Name == "bot"
		theirs := s.accepts(t, b, cert)
		switch {
		case ours == theirs && ours:
			accepted++
		case ours == theirs:
			refused++
		case ours:
			t.Errorf("case %d, %s: ours accepts, sshd does not", i, c.name)
		default:
			if !isOneOf(err, stricter) && err != nil {
				t.Errorf("case %d, %s: sshd accepts, ours refuses with %v, which is no reason to be stricter", i, c.name, err)
			}
			if err == nil {
				t.Errorf("case %d, %s: sshd takes it for agent:bot, ours for %s:%s", i, c.name, v.Kind, v.Name)
			}
		}
	}
	t.Logf("%d certificates: both accept %d, both refuse %d", len(cases), accepted, refused)
	if len(cases) < 60 || accepted < 8 || refused < 30 {
		t.Errorf("%d certificates, %d accepted, %d refused by both: the cases do not tell the two apart", len(cases), accepted, refused)
	}
}

func isOneOf(err error, list []error) bool {
	for _, e := range list {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// startJudge starts an sshd that opens root for agent:bot by the agent CA, and nothing else.
func startJudge(t *testing.T, agentCA string) *sshd {
	t.Helper()
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd's own empty folder; its service makes it at boot
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, hostPath := newKey(t)
	write(t, filepath.Join(dir, "root"), "agent:bot\n", 0o644)
	port := freePort(t)
	config := filepath.Join(dir, "sshd_config")
	write(t, config, fmt.Sprintf(`ListenAddress 127.0.0.1:%d
HostKey %s
TrustedUserCAKeys %s
AuthorizedPrincipalsFile %s/%%u
AuthorizedKeysFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
MaxStartups 100
LogLevel DEBUG2
`, port, hostPath, agentCA, dir), 0o644)
	s := &sshd{addr: fmt.Sprintf("127.0.0.1:%d", port), log: make(chan string, 1<<18)}
	s.run(t, config)
	return s
}

// accepts shows sshd a certificate whatever it says, with the key in it: the stock client would keep some of these to itself.
func (s *sshd) accepts(t *testing.T, b *bench, cert *ssh.Certificate) bool {
	t.Helper()
	var key ssh.Signer
	for _, k := range b.keys {
		if string(k.PublicKey().Marshal()) == string(cert.Key.Marshal()) {
			key = k
		}
	}
	signer, err := ssh.NewCertSigner(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial("tcp", s.addr, &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second})
	if err == nil {
		return client.Close() == nil
	}
	if !strings.Contains(err.Error(), "unable to authenticate") {
		t.Fatalf("sshd: %v", err)
	}
	return false
}
