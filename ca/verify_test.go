package ca_test

import (
	"bytes"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/policy"

	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"
)

// foreign is one certificate that the real ssh-keygen makes and the door must refuse.
type foreign struct {
	name   string
	ca     string   // key file in the CA folder; empty means the agent CA
	key    []string // arguments that make the client's key; empty means Ed25519
	args   []string // arguments of ssh-keygen -s beyond -s, -I and the key
	id     string   // key ID; empty means a good one
	source string   // where it is shown; empty means anywhere
	want   error    // nil: it must be accepted, so that the refusals are not refused for another reason
}

var foreigns = []foreign{
	{name: "good", args: user("-V", "-30s:+5m")},
	{name: "good person", args: []string{"-n", "person:ann", "-V", "-30s:+8h"}},
	{name: "good with ssh-keygen's own permits, which grant nothing", args: []string{"-n", "agent:release-bot", "-V", "-30s:+5m"}},
	{name: "expired", args: user("-V", "-10m:-5m"), want: ca.ErrExpired},
	{name: "not yet valid", args: user("-V", "+5m:+10m"), want: ca.ErrNotYetValid},
	{name: "valid forever", args: user("-V", "always:forever"), want: ca.ErrLifetime},
	{name: "valid for a day", args: user("-V", "-30s:+1d"), want: ca.ErrLifetime},
	{name: "an agent with a person's lifetime", args: user("-V", "-30s:+2h"), want: ca.ErrLifetime},
	{name: "by the target CA", ca: ca.TargetKeyFile, args: user("-V", "-30s:+5m"), want: ca.ErrWrongCA},
	{name: "by the face CA", ca: ca.FaceKeyFile, args: user("-V", "-30s:+5m"), want: ca.ErrWrongCA},
	{name: "by an unknown CA", ca: "stranger", args: user("-V", "-30s:+5m"), want: ca.ErrWrongCA},
	{name: "a host certificate", args: []string{"-h", "-n", "agent:release-bot", "-V", "-30s:+5m"}, want: ca.ErrHostCertificate},
	{name: "no principal", args: []string{"-O", "clear", "-V", "-30s:+5m"}, want: ca.ErrNoPrincipal},
	{name: "two principals", args: []string{"-n", "agent:release-bot,person:ann", "-V", "-30s:+5m"}, want: ca.ErrPrincipals},
	{name: "a login as principal", args: []string{"-n", "root", "-V", "-30s:+5m"}, want: ca.ErrPrincipalForm},
	{name: "a target's principal", args: []string{"-n", "gh:web-1:root", "-V", "-30s:+5m"}, want: ca.ErrPrincipalForm},
	{name: "an agent without a name", args: []string{"-n", "agent:", "-V", "-30s:+5m"}, want: ca.ErrPrincipalForm},
	{name: "an agent with a long name", args: []string{"-n", "agent:" + strings.Repeat("a", 49), "-V", "-30s:+5m"}, want: ca.ErrPrincipalForm},
	{name: "an agent with an escape", args: []string{"-n", "agent:a\x1b[2J", "-V", "-30s:+5m"}, want: ca.ErrPrincipalForm},
	{name: "right source", args: user("-V", "-30s:+5m", "-O", "source-address=192.0.2.0/24"), source: "192.0.2.7"},
	{name: "right source, one address", args: user("-V", "-30s:+5m", "-O", "source-address=192.0.2.7"), source: "::ffff:192.0.2.7"},
	{name: "wrong source", args: user("-V", "-30s:+5m", "-O", "source-address=192.0.2.0/24"), source: "198.51.100.1", want: ca.ErrSource},
	{name: "wrong source, IPv6", args: user("-V", "-30s:+5m", "-O", "source-address=2001:db8::/32"), source: "2001:db9::1", want: ca.ErrSource},
	{name: "unknown critical option", args: user("-V", "-30s:+5m", "-O", "critical:enforce@example.com=1"), want: ca.ErrCriticalOption},
	{name: "force-command", args: user("-V", "-30s:+5m", "-O", "force-command=id"), want: ca.ErrCriticalOption},
	{name: "verify-required", args: user("-V", "-30s:+5m", "-O", "verify-required"), want: ca.ErrCriticalOption},
	{name: "long key ID", id: strings.Repeat("x", 257), args: user("-V", "-30s:+5m"), want: ca.ErrField},
	{name: "key ID with an escape", id: "agt=x\x1b[2J", args: user("-V", "-30s:+5m"), want: ca.ErrField},
	{name: "task", args: user("-V", "-30s:+5m", "-O", "extension:task@gatehouse.internal=CHG-7")},
	{name: "long task", args: user("-V", "-30s:+5m", "-O", "extension:task@gatehouse.internal="+strings.Repeat("x", 65)), want: ca.ErrField},
	{name: "task with a separator", args: user("-V", "-30s:+5m", "-O", "extension:task@gatehouse.internal=x;own"), want: ca.ErrField},
	{name: "owner that is none", args: user("-V", "-30s:+5m", "-O", "extension:owner@gatehouse.internal=web"), want: ca.ErrField},
	{name: "RSA-2048", key: []string{"-t", "rsa", "-b", "2048"}, args: user("-V", "-30s:+5m")},
	{name: "RSA-1024", key: []string{"-t", "rsa", "-b", "1024"}, args: user("-V", "-30s:+5m"), want: ca.ErrKey},
	{name: "DSA", key: []string{"-t", "dsa"}, args: user("-V", "-30s:+5m"), want: ca.ErrKey},
	{name: "ECDSA", key: []string{"-t", "ecdsa", "-b", "384"}, args: user("-V", "-30s:+5m")},
}

// user is the arguments for a user certificate of release-bot without permits.
func user(more ...string) []string {
	return append([]string{"-n", "agent:release-bot", "-O", "clear"}, more...)
}

// TestVerifyJudgesKeygensCertificates: each row differs in one thing from a certificate that is accepted.
func TestVerifyJudgesKeygensCertificates(t *testing.T) {
	set, dir := newSet(t, time.Now())
	keygen(t, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "stranger"))
	for _, c := range foreigns {
		t.Run(c.name, func(t *testing.T) {
			cert := c.make(t, dir)
			source := anywhere
			if c.source != "" {
				source = netip.MustParseAddr(c.source)
			}
			v, err := set.Agent.Verify(cert, source)
			if !errors.Is(err, c.want) {
				t.Fatalf("Verify: %v, want %v", err, c.want)
			}
			if err == nil && v.Serial != 7 {
				t.Errorf("Verified: %+v", v)
			}
			if err != nil && (!strings.Contains(ca.ClientLine(err), "; ") || strings.Contains(ca.ClientLine(err), "\x1b")) {
				t.Errorf("the client reads %q", ca.ClientLine(err))
			}
		})
	}
}

// make has ssh-keygen sign a fresh key and reads the certificate back from its wire form.
func (f foreign) make(t *testing.T, dir string) *ssh.Certificate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "id")
	kind := f.key
	if kind == nil {
		kind = []string{"-t", "ed25519"}
	}
	keygen(t, append([]string{"-q", "-N", "", "-f", path}, kind...)...)
	signer, id := ca.AgentKeyFile, "agt=release-bot"
	if f.ca != "" {
		signer = f.ca
	}
	if f.id != "" {
		id = f.id
	}
	keygen(t, append(append([]string{"-q", "-s", filepath.Join(dir, signer), "-I", id, "-z", "7"}, f.args...), path+".pub")...)
	cert, err := ca.ParseCertificate(readPublic(t, path+"-cert.pub").Marshal())
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestVerifyRefusesSHA1: a certificate by our own CA, had it an RSA key, whose signature is over SHA-1.
func TestVerifyRefusesSHA1(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rsa")
	keygen(t, "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", path)
	keygen(t, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "id"))
	signer, err := ca.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	serials, err := ca.OpenSerials(filepath.Join(dir, "serials"), nil)
	if err != nil {
		t.Fatal(err)
	}
	agentCA, err := ca.NewAgentCA(ca.Config{Signer: signer, Serials: serials})
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, want := range map[string]error{"ssh-rsa": ca.ErrSignature, "rsa-sha2-256": nil, "rsa-sha2-512": nil} {
		keygen(t, "-q", "-s", path, "-t", algorithm, "-I", "x", "-n", "agent:x", "-V", "-30s:+5m", filepath.Join(dir, "id.pub"))
		cert := readPublic(t, filepath.Join(dir, "id-cert.pub")).(*ssh.Certificate)
		if _, err := agentCA.Verify(cert, anywhere); !errors.Is(err, want) {
			t.Errorf("signed with %s: %v, want %v", algorithm, err, want)
		}
	}
}

// TestVerifyRefusesTheTargetCAsCertificate: what opens a target does not open the door, and a plain key opens nothing.
func TestVerifyRefusesTheTargetCAsCertificate(t *testing.T) {
	set, _ := newSet(t, at)
	key, _ := newKey(t)
	cert, err := set.Target.Issue(targetRequest(key))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Agent.Verify(cert, anywhere); !errors.Is(err, ca.ErrWrongCA) {
		t.Errorf("the target CA's certificate: %v, want %v", err, ca.ErrWrongCA)
	}
	if _, err := ca.ParseCertificate(key.Marshal()); !errors.Is(err, ca.ErrNotCertificate) {
		t.Errorf("a plain key: %v, want %v", err, ca.ErrNotCertificate)
	}
	if _, err := set.Agent.Verify(nil, anywhere); !errors.Is(err, ca.ErrMalformed) {
		t.Errorf("nothing: %v, want %v", err, ca.ErrMalformed)
	}
	if _, err := set.Agent.Verify(&ssh.Certificate{Key: key}, anywhere); !errors.Is(err, ca.ErrMalformed) {
		t.Errorf("an unsigned certificate: %v, want %v", err, ca.ErrMalformed)
	}
}

// TestVerifyAtTheEdges: the first and the last second of a certificate's life.
func TestVerifyAtTheEdges(t *testing.T) {
	now := at
	dir := filepath.Join(t.TempDir(), "ca")
	set, err := ca.Open(dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	key, _ := newKey(t)
	cert, err := set.Agent.Issue(agentRequest(key))
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]error{
		-31 * time.Second: ca.ErrNotYetValid, -30 * time.Second: nil, 5*time.Minute - 1: nil, 5 * time.Minute: ca.ErrExpired,
	} {
		now = at.Add(after)
		if _, err := set.Agent.Verify(cert, anywhere); !errors.Is(err, want) {
			t.Errorf("%s after it was made: %v, want %v", after, err, want)
		}
	}
}

// TestVerifyAcceptsOnlyWhatIssueMade: whatever Issue makes is accepted with the same fields, and no longer once any one
// byte of it is another.
func TestVerifyAcceptsOnlyWhatIssueMade(t *testing.T) {
	set, _ := newSet(t, at)
	key, _ := newKey(t)
	rapid.Check(t, func(t *rapid.T) {
		r := ca.AgentRequest{Kind: policy.Person, PublicKey: key, TTL: time.Duration(rapid.Int64Range(1, 3600).Draw(t, "seconds")) * time.Second}
		r.Name = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._@+-]{0,47}`).Draw(t, "name")
		r.Task = rapid.StringMatching(`[ -:<>-~]{0,48}`).Draw(t, "task")
		if rapid.Bool().Draw(t, "agent") {
			r.Kind, r.Owner = policy.Agent, "group:"+r.Name
			r.Delegation = rapid.StringMatching(`([a-z/:.-]{1,40}(>[a-z/:.-]{1,40}){0,3})?`).Draw(t, "delegation")
		}
		if rapid.Bool().Draw(t, "granted") {
			r.Grant = ca.Grant{ID: "enr_01KB0000000000000000000000", By: "oidc:github", Until: at.Add(time.Hour)}
			r.PolicyHash, r.Trace = "sha256:"+strings.Repeat("0a", 32), "00-"+strings.Repeat("1a", 16)+"-"+strings.Repeat("2b", 8)+"-01"
		}
		if rapid.Bool().Draw(t, "bound to a source") {
			r.Sources = []netip.Prefix{netip.PrefixFrom(anywhere, 24).Masked()}
		}
		cert, err := set.Agent.Issue(r)
		if err != nil {
			t.Fatal(err)
		}
		v, err := set.Agent.Verify(cert, anywhere)
		if err != nil {
			t.Fatalf("Verify refuses what Issue made: %v", err)
		}
		want := ca.Verified{Kind: r.Kind, Name: r.Name, Task: r.Task, Serial: ca.Serial(cert.Serial), KeyID: cert.KeyId, NotAfter: at.Add(r.TTL),
			Delegation: r.Delegation, Grant: r.Grant, Trace: r.Trace, Key: ssh.FingerprintSHA256(key), CA: ssh.FingerprintSHA256(set.Agent.PublicKey())}
		if len(r.Sources) > 0 {
			want.Sources = r.Sources[0].String()
		}
		if v != want {
			t.Fatalf("Verified %+v, want %+v", v, want)
		}
		wire := cert.Marshal()
		wire[rapid.IntRange(0, len(wire)-1).Draw(t, "byte")] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
		if changed, err := ca.ParseCertificate(wire); err == nil {
			if _, err := set.Agent.Verify(changed, anywhere); err == nil {
				t.Fatal("Verify accepts a certificate with one byte changed")
			}
		}
	})
}

// FuzzVerify feeds bytes to what reads a client's certificate; the seed is a good one.
func FuzzVerify(f *testing.F) {
	set, _ := newSet(f, at)
	key, _ := newKey(f)
	cert, err := set.Agent.Issue(agentRequest(key))
	if err != nil {
		f.Fatal(err)
	}
	good := cert.Marshal()
	f.Add(good)
	f.Add(key.Marshal())
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, wire []byte) {
		cert, err := ca.ParseCertificate(wire)
		if err != nil {
			return
		}
		if _, err := set.Agent.Verify(cert, anywhere); err == nil && string(wire) != string(good) {
			t.Fatalf("accepted %q", wire)
		}
	})
}

func BenchmarkIssue(b *testing.B) {
	set, _ := newSet(b, time.Now())
	key, _ := newKey(b)
	for b.Loop() {
		if _, err := set.Target.Issue(targetRequest(key)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	set, _ := newSet(b, time.Now())
	key, _ := newKey(b)
	cert, err := set.Agent.Issue(agentRequest(key))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := set.Agent.Verify(cert, anywhere); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOneCertificateHasOneForm: an RSA exponent with a leading zero is the same number, and would be the same certificate in
// other bytes; whoever remembers certificates by their bytes would take it for another.
func TestOneCertificateHasOneForm(t *testing.T) {
	set, _ := newSet(t, at)
	cert, err := set.Agent.Issue(agentRequest(rsaKey(t, 2048)))
	if err != nil {
		t.Fatal(err)
	}
	wire := cert.Marshal()
	if _, err := ca.ParseCertificate(wire); err != nil {
		t.Fatal(err)
	}
	other := bytes.Replace(wire, []byte("\x00\x00\x00\x03\x01\x00\x01"), []byte("\x00\x00\x00\x04\x00\x01\x00\x01"), 1)
	if bytes.Equal(wire, other) {
		t.Fatal("the exponent was not found")
	}
	if _, err := ca.ParseCertificate(other); !errors.Is(err, ca.ErrMalformed) {
		t.Errorf("the other form: %v, want %v", err, ca.ErrMalformed)
	}
	if _, err := ca.ParseCertificate(make([]byte, 1<<20)); !errors.Is(err, ca.ErrMalformed) {
		t.Errorf("a megabyte: %v, want %v", err, ca.ErrMalformed)
	}
}
