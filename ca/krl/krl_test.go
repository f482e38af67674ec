package krl_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"
)

// authority is a CA of the tests, with its public key in a file for ssh-keygen.
type authority struct {
	ssh.Signer
	path string
}

// subject is a key or certificate that is judged.
type subject struct {
	name string
	key  ssh.PublicKey
	path string
}

// world is two CAs of two kinds, plain keys of all kinds and more than sixty certificates. Its keys are made once, as RSA is slow.
type world struct {
	dir      string
	cas      []authority
	keys     []ssh.PublicKey
	subjects []subject
}

// serials and ids are what the world's certificates hold. One NUL at the end of a key ID is nothing to OpenSSH.
var (
	serials = []uint64{0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 127, 128, 1000, 1001, 16383, 16384, 16385, 1 << 31, 1 << 32, 1 << 63, math.MaxUint64 - 1, math.MaxUint64}
	ids     = []string{"", "alice", "alice ", "Alice", "agt=bot;own=group:web;task=CHG 1", "häuser", "#", "alice\x00", "\xff\xfe"}
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	made := keyring()
	for i, signer := range made.cas {
		path := filepath.Join(w.dir, fmt.Sprintf("ca%d.pub", i))
		write(t, path, ssh.MarshalAuthorizedKey(signer.PublicKey()))
		w.cas = append(w.cas, authority{signer, path})
	}
	w.keys = made.keys
	for i, key := range w.keys {
		w.add(t, fmt.Sprintf("key %d (%s)", i, key.Type()), key)
	}
	for i := range w.cas {
		w.add(t, fmt.Sprintf("CA %d", i), w.cas[i].PublicKey())
	}
	for i, serial := range serials {
		for ca := range w.cas {
			w.certify(t, ca, i+ca, serial, ids[(i+ca)%len(ids)])
		}
	}
	for i, id := range ids {
		for ca := range w.cas {
			w.certify(t, ca, i, 0, id)
		}
	}
	return w
}

// certify adds a certificate over one of the keys, for a user or, for odd keys, for a host.
func (w *world) certify(t rapid.TB, ca, key int, serial uint64, id string) {
	t.Helper()
	cert := &ssh.Certificate{
		Key: w.keys[key%len(w.keys)], Serial: serial, KeyId: id, CertType: ssh.UserCert + uint32(key%2),
		ValidPrincipals: []string{"gh:web-1:deploy"}, ValidBefore: ssh.CertTimeInfinity,
	}
	if err := cert.SignCert(rand.Reader, w.cas[ca]); err != nil {
		t.Fatal(err)
	}
	w.add(t, fmt.Sprintf("serial %d, ID %q, CA %d, key %d", serial, id, ca, key%len(w.keys)), cert)
}

func (w *world) add(t rapid.TB, name string, key ssh.PublicKey) {
	t.Helper()
	path := filepath.Join(w.dir, fmt.Sprintf("subject%d.pub", len(w.subjects)))
	write(t, path, ssh.MarshalAuthorizedKey(key))
	w.subjects = append(w.subjects, subject{name, key, path})
}

// ring is made once for all tests of this package.
type ring struct {
	cas  []ssh.Signer
	keys []ssh.PublicKey
}

var keyring = sync.OnceValue(func() ring {
	var r ring
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	check(err)
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	for _, key := range []crypto.Signer{ed, big} {
		signer, err := ssh.NewSignerFromKey(key)
		check(err)
		r.cas = append(r.cas, signer)
	}
	add := func(key crypto.PublicKey) {
		public, err := ssh.NewPublicKey(key)
		check(err)
		r.keys = append(r.keys, public)
	}
	for range 4 {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		check(err)
		add(public)
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		check(err)
		add(key.Public())
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	add(other.Public())
	for _, plain := range []ssh.PublicKey{r.keys[0], r.keys[4]} { // the same keys in a FIDO token's form (PROTOCOL.u2f)
		r.keys = append(r.keys, inToken(plain))
	}
	return r
})

func inToken(plain ssh.PublicKey) ssh.PublicKey {
	var wire []byte
	switch plain.Type() {
	case ssh.KeyAlgoED25519:
		var key struct{ Type, Key string }
		check(ssh.Unmarshal(plain.Marshal(), &key))
		wire = ssh.Marshal(struct{ Type, Key, Application string }{ssh.KeyAlgoSKED25519, key.Key, "ssh:"})
	default:
		var key struct{ Type, Curve, Point string }
		check(ssh.Unmarshal(plain.Marshal(), &key))
		wire = ssh.Marshal(struct{ Type, Curve, Point, Application string }{ssh.KeyAlgoSKECDSA256, key.Curve, key.Point, "ssh:"})
	}
	key, err := ssh.ParsePublicKey(wire)
	check(err)
	return key
}

// check is for what can only fail if the tests themselves are wrong.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func write(t rapid.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// query asks ssh-keygen -Q about all subjects: whether each is revoked by the list.
func (w *world) query(t rapid.TB, list []byte) []bool {
	t.Helper()
	path := filepath.Join(w.dir, "query.krl")
	write(t, path, list)
	args := []string{"-Q", "-f", path}
	for _, s := range w.subjects {
		args = append(args, s.path)
	}
	out, err := exec.Command("ssh-keygen", args...).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(w.subjects) {
		t.Fatalf("ssh-keygen -Q: %v\n%s", err, out)
	}
	verdicts := make([]bool, len(lines))
	for i, line := range lines {
		verdicts[i] = strings.HasSuffix(line, ": REVOKED")
		if !strings.HasPrefix(line, w.subjects[i].path) || !verdicts[i] && !strings.HasSuffix(line, ": ok") {
			t.Fatalf("ssh-keygen -Q: %v: %s", err, line)
		}
	}
	return verdicts
}
