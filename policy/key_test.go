package policy_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/policy"
)

// keyed parses a policy in which each person has one key.
func keyed(lines ...string) (*policy.Policy, error) {
	text := "version: 1\npeople:\n"
	for i, line := range lines {
		text += fmt.Sprintf("  p%d: {approval_keys: [%q]}\n", i, line)
	}
	return policy.Parse([]policy.File{{Name: "p", Data: []byte(text)}})
}

func newKey(t testing.TB, public any, err error) ssh.PublicKey {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicLine(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " a comment"
}

// approvalKeys are keys of each sort that may sign, of which the last two are what a security key makes of the first two.
func approvalKeys(t testing.TB) []ssh.PublicKey {
	point, _, err := ed25519.GenerateKey(rand.Reader)
	list := []ssh.PublicKey{newKey(t, point, err)}
	var p256 *ecdsa.PrivateKey
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		list = append(list, newKey(t, key.Public(), err))
		if p256 == nil {
			p256 = key
		}
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	list = append(list, newKey(t, long.Public(), err))
	ecdhKey, err := p256.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	for _, wire := range [][]byte{
		ssh.Marshal(struct {
			Type, Key, Application string
		}{ssh.KeyAlgoSKED25519, string(point), "ssh:"}),
		ssh.Marshal(struct {
			Type, Curve, Key, Application string
		}{ssh.KeyAlgoSKECDSA256, "nistp256", string(ecdhKey.Bytes()), "ssh:"}),
	} {
		key, err := ssh.ParsePublicKey(wire)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, key)
	}
	return list
}

func TestApprovalKeys(t *testing.T) {
	keys := approvalKeys(t)
	for _, key := range keys {
		p, err := keyed(publicLine(key))
		if err != nil {
			t.Errorf("%s: %v", key.Type(), err)
			continue
		}
		if got := p.ApprovalKeys("p0"); len(got) != 1 || !bytes.Equal(got[0], key.Marshal()) {
			t.Errorf("%s: got %x", key.Type(), got)
		}
	}
	p, err := policy.Parse([]policy.File{{Name: "p", Data: fmt.Appendf(nil, "version: 1\npeople: {off: {disabled: true, approval_keys: [%q]}}\n", publicLine(keys[0]))}})
	if err != nil || len(p.ApprovalKeys("off"))+len(p.ApprovalKeys("nobody")) > 0 {
		t.Errorf("a disabled person and a stranger have keys: %v", err)
	}
}

// TestOneKeyIsOnePersons: by whatever line it is written, and whether a security key or a file holds it.
func TestOneKeyIsOnePersons(t *testing.T) {
	keys := approvalKeys(t)
	for _, pair := range [][2]ssh.PublicKey{{keys[0], keys[0]}, {keys[4], keys[4]}, {keys[0], keys[5]}, {keys[6], keys[1]}} {
		if _, err := keyed(publicLine(pair[0]), publicLine(pair[1])); err == nil || !strings.Contains(err.Error(), "is also a key of the person p0") {
			t.Errorf("%s and %s: %v", pair[0].Type(), pair[1].Type(), err)
		}
	}
	if _, err := keyed(publicLine(keys[0]), publicLine(keys[1])); err != nil {
		t.Error(err)
	}
}

// TestWrongApprovalKeys: what is not exactly a key is refused, so that two lines are two keys.
func TestWrongApprovalKeys(t *testing.T) {
	keys := approvalKeys(t)
	line := func(kind string, wire []byte) string { return kind + " " + base64.StdEncoding.EncodeToString(wire) }
	short, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // too short on purpose
	if err != nil {
		t.Fatal(err)
	}
	ed, rsaWire := keys[0].Marshal(), keys[4].Marshal()
	padded := ssh.Marshal(struct{ Type, E, N string }{"ssh-rsa", "\x00\x01\x00\x01", string(rsaWire[len(rsaWire)-257:])})
	for name, text := range map[string]string{
		"more than a key":          line("ssh-ed25519", append(bytes.Clone(ed), 0)),
		"cut off":                  line("ssh-ed25519", ed[:len(ed)-1]),
		"another type":             line("ssh-rsa", ed),
		"a security key's, bare":   line(ssh.KeyAlgoSKED25519, ssh.Marshal(struct{ Type, Key string }{ssh.KeyAlgoSKED25519, string(ed[19:])})),
		"a number with zeros":      line("ssh-rsa", padded),
		"too short":                publicLine(newKey(t, short.Public(), nil)),
		"no point of the curve":    line("ecdsa-sha2-nistp256", ssh.Marshal(struct{ Type, Curve, Key string }{"ecdsa-sha2-nistp256", "nistp256", "\x04" + strings.Repeat("\x07", 64)})),
		"the curve of another one": line("ecdsa-sha2-nistp256", ssh.Marshal(struct{ Type, Curve, Key string }{"ecdsa-sha2-nistp256", "nistp384", "x"})),
		"options":                  "cert-authority " + publicLine(keys[0]),
		"a certificate":            line(ssh.CertAlgoED25519v01, ed),
		"loose base64":             "ecdsa-sha2-nistp256 " + strings.TrimRight(base64.StdEncoding.EncodeToString(keys[1].Marshal()), "="),
		"a hidden comment":         publicLine(keys[0]) + "\u0007",
		"nothing but zeros":        line("ssh-ed25519", append(bytes.Clone(ed[:19]), make([]byte, 32)...)),
		"too long":                 "ssh-ed25519 " + strings.Repeat("A", 5000),
	} {
		if _, err := keyed(text); err == nil {
			t.Errorf("%s: %s is taken", name, text)
		}
	}
}

// FuzzApprovalKey: what is taken is a key for x/crypto too, and the same bytes again.
func FuzzApprovalKey(f *testing.F) {
	for _, key := range approvalKeys(f) {
		f.Add(key.Type(), key.Marshal())
	}
	f.Fuzz(func(t *testing.T, kind string, wire []byte) {
		p, err := keyed(kind + " " + base64.StdEncoding.EncodeToString(wire))
		if err != nil {
			return
		}
		got := p.ApprovalKeys("p0")
		key, err := ssh.ParsePublicKey(got[0])
		if err != nil || !bytes.Equal(key.Marshal(), wire) || key.Type() != strings.TrimSpace(kind) {
			t.Fatalf("%q %x: %v", kind, wire, err)
		}
	})
}
