package bastion

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
)

// certifier is a decider's part with real CAs.
type certifier struct {
	set  *ca.Set
	face func() // called while a face is asked for
	seen chan protocol.HostSeen
	err  error // of HostSeen
}

func (c *certifier) Face(_ context.Context, in protocol.Face) (protocol.FaceAnswer, error) {
	key, err := ssh.ParsePublicKey(in.PublicKey)
	if err != nil {
		return protocol.FaceAnswer{}, err
	}
	cert, err := c.set.Face.Issue(ca.FaceRequest{PublicKey: key, Principals: []string{"gatehouse"}, TTL: time.Hour})
	if err != nil {
		return protocol.FaceAnswer{}, err
	}
	c.face()
	return protocol.FaceAnswer{Certificate: cert.Marshal(), NotAfter: time.Unix(int64(cert.ValidBefore), 0)}, nil
}

func (c *certifier) Sweep(context.Context, protocol.Sweep) (protocol.SweepAnswer, error) {
	return protocol.SweepAnswer{}, errors.New("nothing sweeps here")
}

func (c *certifier) HostSeen(_ context.Context, in protocol.HostSeen) error {
	c.seen <- in
	return c.err
}

func newCertifier(t *testing.T) *certifier {
	t.Helper()
	set, err := ca.Open(filepath.Join(t.TempDir(), "ca"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &certifier{set: set, face: func() {}, seen: make(chan protocol.HostSeen, 8)}
}

func (c *certifier) trust() protocol.Trust {
	wires := func(keys []ssh.PublicKey) (out [][]byte) {
		for _, k := range keys {
			out = append(out, k.Marshal())
		}
		return out
	}
	return protocol.Trust{AgentCAs: wires(c.set.Agent.PublicKeys()), HostCAs: wires(c.set.Host.PublicKeys()), FaceCA: c.set.Face.PublicKey().Marshal()}
}

// step takes a step of a rotation and tells the server.
func (c *certifier) step(t *testing.T, s *Server, name ca.Name, step ca.Step) {
	t.Helper()
	if _, err := c.set.Rotate(name, step, func(ca.Rotated) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.SetTrust(c.trust()); err != nil {
		t.Fatal(err)
	}
}

func newTrusting(t *testing.T, c *certifier) *Server {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{cfg: Config{Certifier: c, Log: hclog.NewNullLogger()}, faces: newFaces(c, signer, time.Now)}
	if s.trust, err = newTrust(c.trust(), time.Now); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Server) faceSigner(t *testing.T) string {
	t.Helper()
	keys, err := s.faces.keys(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return ssh.FingerprintSHA256(keys[0].PublicKey().(*ssh.Certificate).SignatureKey)
}

// TestFaceAfterSwitch: the handshake after a switch of the face CA shows a certificate by the key that signs now; also where the
// former one was being asked for when the switch came.
func TestFaceAfterSwitch(t *testing.T) {
	c := newCertifier(t)
	s := newTrusting(t, c)
	first := ssh.FingerprintSHA256(c.set.Face.PublicKey())
	c.step(t, s, ca.NameFace, ca.Prepare)
	if got := s.faceSigner(t); got != first {
		t.Errorf("prepared: a face by %s, want %s", got, first)
	}
	c.step(t, s, ca.NameFace, ca.Switch)
	second := ssh.FingerprintSHA256(c.set.Face.PublicKey())
	if got := s.faceSigner(t); got != second || got == first {
		t.Errorf("switched: a face by %s, want %s", got, second)
	}
	s.faces.renew()
	c.face = func() {
		c.face = func() {}
		c.step(t, s, ca.NameFace, ca.UndoSwitch)
	}
	if got := s.faceSigner(t); got != second {
		t.Fatalf("the face that was under way is by %s", got)
	}
	if got := s.faceSigner(t); got != first {
		t.Errorf("a face by %s was kept beyond the switch, want %s", got, first)
	}
}

// TestSetTrust: the agent CA's and the host CA's keys count from the next handshake on; what does not parse changes nothing.
func TestSetTrust(t *testing.T) {
	c := newCertifier(t)
	s := newTrusting(t, c)
	for _, bad := range []protocol.Trust{{}, {AgentCAs: c.trust().AgentCAs}, {AgentCAs: [][]byte{{1}}, HostCAs: c.trust().HostCAs}, {AgentCAs: c.trust().AgentCAs, HostCAs: [][]byte{{}}}} {
		if err := s.SetTrust(bad); err == nil {
			t.Errorf("%+v is believed", bad)
		}
	}
	for _, step := range []ca.Step{ca.Prepare, ca.Switch, ca.Retire} {
		c.step(t, s, ca.NameHost, step)
		if got, want := s.trust.hostCAs(), c.set.Host.PublicKeys(); len(got) != len(want) || ssh.FingerprintSHA256(got[0]) != ssh.FingerprintSHA256(want[0]) {
			t.Errorf("%s: %d host CA keys, want %d", step, len(got), len(want))
		}
	}
}

// TestHostSeen: the decider hears by which key a target's certificate is once for each change, again where it did not take it, and
// never of one that was refused.
func TestHostSeen(t *testing.T) {
	c := newCertifier(t)
	s := newTrusting(t, c)
	shown := func(hostCA *ca.HostCA) *ssh.Certificate {
		t.Helper()
		cert, err := hostCA.Issue(ca.HostRequest{PublicKey: s.faces.key.PublicKey(), Target: "web-1", TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	show := func(cert *ssh.Certificate) error {
		check, err := ca.HostKeyChecker("web-1", s.trust.hostCAs(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.noting("web-1", check)("", &net.TCPAddr{}, cert)
	}
	told := func(want ssh.PublicKey) {
		t.Helper()
		if got := <-c.seen; got.Target != "web-1" || got.Fingerprint != ssh.FingerprintSHA256(want) {
			t.Errorf("told %+v, want %s", got, ssh.FingerprintSHA256(want))
		}
	}
	old := shown(c.set.Host)
	for range 3 {
		if err := show(old); err != nil {
			t.Fatal(err)
		}
	}
	told(old.SignatureKey)
	c.step(t, s, ca.NameHost, ca.Prepare)
	c.step(t, s, ca.NameHost, ca.Switch)
	if err := show(shown(c.set.Host)); err != nil {
		t.Fatal(err)
	}
	told(c.set.Host.PublicKey())
	if err := show(shown(newCertifier(t).set.Host)); err == nil {
		t.Error("a stranger's certificate is accepted")
	}
	if err := show(old); err != nil {
		t.Fatal(err)
	}
	told(old.SignatureKey) // and nothing of the stranger before it
	if len(c.seen) != 0 {
		t.Errorf("told besides: %+v", <-c.seen)
	}
}
