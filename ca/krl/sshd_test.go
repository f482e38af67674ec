package krl_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/ca/krl"
	"gatehouse/internal/testhost"

	"golang.org/x/crypto/ssh"
)

// door is a target that asks a list, and the certificates that open it.
type door struct {
	host  *testhost.Host
	list  string // where the list lies
	cas   []ssh.Signer
	keys  []ssh.Signer
	certs []ssh.Signer
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{cas: keyring().cas}
	var trusted string
	for _, ca := range d.cas {
		trusted += string(ssh.MarshalAuthorizedKey(ca.PublicKey()))
	}
	host, err := testhost.Start(t.Context(), testhost.Config{
		Dir: t.TempDir(), Name: "web-1", TargetCA: trusted, Accounts: []testhost.Account{{Name: "deploy", UID: 2001}},
		Options: []string{"RevokedKeys /srv/revoked"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	if d.list, err = host.Path("/srv/revoked"); err != nil {
		t.Fatal(err)
	}
	d.host = host
	for range 2 {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		check(err)
		signer, err := ssh.NewSignerFromKey(private)
		check(err)
		d.keys = append(d.keys, signer)
	}
	for i, serial := range []uint64{0, 1, 2, 64, 1 << 63, 1<<64 - 1, 0} {
		for ca := range d.cas {
			d.certify(ca, i%2, serial, []string{"alice", "", "alice\x00", "bob"}[(i+ca)%4])
		}
	}
	return d
}

func (d *door) certify(ca, key int, serial uint64, id string) {
	cert := &ssh.Certificate{
		Key: d.keys[key].PublicKey(), Serial: serial, KeyId: id, CertType: ssh.UserCert,
		ValidPrincipals: []string{"gh:web-1:deploy"}, ValidBefore: ssh.CertTimeInfinity,
	}
	check(cert.SignCert(rand.Reader, d.cas[ca]))
	signer, err := ssh.NewCertSigner(cert, d.keys[key])
	check(err)
	d.certs = append(d.certs, signer)
}

// put replaces the list in one step, as whoever keeps such a file should.
func (d *door) put(t *testing.T, data []byte) {
	t.Helper()
	write(t, d.list+".new", data)
	if err := os.Rename(d.list+".new", d.list); err != nil {
		t.Fatal(err)
	}
}

// opens says whether the target lets a certificate in.
func (d *door) opens(t *testing.T, cert ssh.Signer) bool {
	t.Helper()
	client, err := ssh.Dial("tcp", d.host.Addr(), &ssh.ClientConfig{
		User: "deploy", Auth: []ssh.AuthMethod{ssh.PublicKeys(cert)}, HostKeyCallback: ssh.FixedHostKey(d.host.HostKey()),
	})
	if err == nil {
		client.Close()
		return true
	}
	if !strings.Contains(err.Error(), "unable to authenticate") {
		t.Fatal(err)
	}
	return false
}

// TestSSHDAgrees: a target with RevokedKeys lets in exactly those that Revoked does not name.
func TestSSHDAgrees(t *testing.T) {
	d := newDoor(t)
	of := func(ca int, of krl.Certificates) krl.Contents {
		if ca >= 0 {
			of.CA = d.cas[ca].PublicKey()
		}
		return krl.Contents{Certificates: []krl.Certificates{of}}
	}
	var odd []krl.Range
	for n := uint64(1); n < 40000; n += 2 {
		odd = append(odd, one(n))
	}
	cases := map[string]krl.Contents{
		"serial 1":                 of(0, krl.Certificates{Serials: []krl.Range{one(1)}}),
		"every serial of one CA":   of(1, krl.Certificates{Serials: []krl.Range{{First: 1, Last: 1<<64 - 1}}}),
		"serials of every CA":      of(-1, krl.Certificates{Serials: []krl.Range{one(2), {First: 60, Last: 1 << 63}}}),
		"serials in bitmaps":       of(0, krl.Certificates{Serials: append(odd, one(1<<64-1))}),
		"a key ID":                 of(0, krl.Certificates{KeyIDs: []string{"alice"}}),
		"the empty ID of every CA": of(-1, krl.Certificates{KeyIDs: []string{""}}),
		"a key":                    {Keys: []ssh.PublicKey{d.keys[0].PublicKey()}},
		"a CA":                     {Keys: []ssh.PublicKey{d.cas[1].PublicKey()}},
	}
	for name, contents := range cases {
		t.Run(name, func(t *testing.T) {
			list, err := krl.New(contents)
			check(err)
			d.put(t, list.Marshal())
			refused := 0
			for _, signer := range d.certs {
				cert := signer.PublicKey().(*ssh.Certificate)
				reason, revoked := list.Revoked(cert)
				if open := d.opens(t, signer); open == revoked {
					t.Errorf("serial %d, key ID %q: revoked %t (%s), but sshd opens: %t", cert.Serial, cert.KeyId, revoked, reason, open)
				}
				if revoked {
					refused++
				}
			}
			if refused == 0 || refused == len(d.certs) {
				t.Errorf("%d of %d are revoked: the case shows nothing", refused, len(d.certs))
			}
		})
	}
}

// TestSSHDWithoutAReadableList: where sshd cannot read its list it refuses everybody; an empty file is no list and revokes
// nobody. The documentation says so.
func TestSSHDWithoutAReadableList(t *testing.T) {
	d := newDoor(t)
	list, err := krl.New(krl.Contents{Certificates: []krl.Certificates{{Serials: []krl.Range{one(2)}}}})
	check(err)
	whole := list.Marshal()
	cases := []struct {
		name string
		put  func()
		open bool
	}{
		{"there is none", func() {}, false},
		{"a good one", func() { d.put(t, whole) }, true},
		{"a folder", func() { check(os.Remove(d.list)); check(os.Mkdir(d.list, 0o755)) }, false},
		{"an empty file", func() { check(os.Remove(d.list)); d.put(t, nil) }, true},
		{"its magic number alone", func() { d.put(t, whole[:8]) }, false},
		{"all but the last byte", func() { d.put(t, whole[:len(whole)-1]) }, false},
		{"text", func() { d.put(t, []byte("no such thing\n")) }, false},
		{"a bitmap that is too long", func() {
			d.put(t, []byte(anyCA("\x22", str(u64(5), str("\x01", strings.Repeat("\x00", 2048))))))
		}, false},
		{"a good one again", func() { d.put(t, whole) }, true},
		{"removed", func() { check(os.Remove(d.list)) }, false},
	}
	for _, c := range cases { // one after the other: each replaces the one before
		c.put()
		if open := d.opens(t, d.certs[0]); open != c.open {
			t.Errorf("%s: sshd opens: %t, want %t", c.name, open, c.open)
		}
	}
}

// TestClientAgrees: the stock client with RevokedHostKeys refuses the host key that the list names, and no other.
func TestClientAgrees(t *testing.T) {
	d := newDoor(t)
	d.put(t, []byte(header))
	dir := t.TempDir()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	check(err)
	signer, err := ssh.NewSignerFromKey(private)
	check(err)
	d.keys = append(d.keys, signer)
	d.certify(0, 2, 7, "client")
	block, err := ssh.MarshalPrivateKey(private, "")
	check(err)
	identity, known, config, list := filepath.Join(dir, "id"), filepath.Join(dir, "known_hosts"), filepath.Join(dir, "config"), filepath.Join(dir, "list")
	check(os.WriteFile(identity, pem.EncodeToMemory(block), 0o600))
	write(t, identity+"-cert.pub", ssh.MarshalAuthorizedKey(d.certs[len(d.certs)-1].PublicKey()))
	write(t, known, []byte(d.host.KnownHosts()))
	check(testhost.WriteSSHConfig(config, testhost.ClientHost{
		Alias: "web-1", Addr: d.host.Addr(), User: "deploy", Identity: identity, KnownHosts: known, Options: []string{"RevokedHostKeys " + list},
	}))
	for _, revoked := range []bool{false, true} {
		keys := []ssh.PublicKey{d.keys[0].PublicKey()}
		if revoked {
			keys = append(keys, d.host.HostKey())
		}
		made, err := krl.New(krl.Contents{Keys: keys})
		check(err)
		write(t, list, made.Marshal())
		r, err := testhost.SSH(context.Background(), config, nil, "web-1", "echo in")
		if err != nil {
			t.Fatal(err)
		}
		if in := r.Status == 0 && r.Stdout == "in\n"; in == revoked || revoked && !strings.Contains(r.Stderr, "revoked") {
			t.Errorf("host key revoked %t: status %d, %q, %s", revoked, r.Status, r.Stdout, r.Stderr)
		}
	}
}
