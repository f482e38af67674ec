package bastion

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/rawssh"
)

// FuzzRequest: whatever the payload of a request on a channel is, it is refused or kept within its bounds.
func FuzzRequest(f *testing.F) {
	for _, p := range [][]byte{rawssh.String("echo hi"), rawssh.PTY("vt100", 80, 24, "\x00"), append(rawssh.String("LANG"), rawssh.String("C")...), make([]byte, 16), nil, {255, 255, 255, 255}} {
		for _, kind := range []string{"exec", "shell", "subsystem", "env", "pty-req", "window-change", "signal", "x@example.com"} {
			f.Add(kind, p)
		}
	}
	limits, err := newLimiter(Limits{}, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	server := &Server{cfg: Config{Now: time.Now}, limits: limits, numbers: newNumbers(limits)}
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		s := &session{conn: &conn{server: server}, log: hclog.NewNullLogger()}
		req := &ssh.Request{Type: kind, Payload: payload}
		a, ok := parseAsk(req)
		if ok && kind != "shell" && len(payload) != 4+len(a.text) {
			t.Errorf("%q of %d bytes became %d", kind, len(payload), len(a.text))
		}
		if kind == "x11-req" || kind == "auth-agent-req@openssh.com" {
			return // noted, which needs a decider
		}
		for range 100 {
			s.handleRequest(req, false)
		}
		if l := limits.limits; len(s.env) > l.EnvCount || s.envBytes > l.EnvBytes {
			t.Errorf("%d variables of %d bytes", len(s.env), s.envBytes)
		}
		if p := s.pty; p != nil && (len(p.Term) > 64 || len(p.Modes) > 1024 || p.Cols < 1 || p.Cols > 9999 || p.Rows < 1 || p.Rows > 9999) {
			t.Errorf("a terminal of %+v", p)
		}
	})
}

// FuzzRoute: a user name leads to the console, to names, or nowhere.
func FuzzRoute(f *testing.F) {
	for _, u := range []string{"deploy@web-1", "deploy", "", "@", "a@b@c", "a@", "\x00@\xff"} {
		f.Add(u, "")
		f.Add(u, "web-1")
	}
	f.Fuzz(func(t *testing.T, user, face string) {
		r, err := parseRoute(user, face)
		if err == nil && r.target != "" && (!nameForm.MatchString(r.login) || (face == "" && !nameForm.MatchString(r.target))) {
			t.Errorf("%q leads to %+v", user, r)
		}
	})
}

// FuzzForward: what a channel open for a forward says is read whole or not at all.
func FuzzForward(f *testing.F) {
	f.Add(rawssh.DirectTCPIP("web-1", 22))
	f.Add([]byte{0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m directTCPIP
		if ssh.Unmarshal(b, &m) == nil && len(ssh.Marshal(&m)) != len(b) {
			t.Errorf("%x was read as %+v", b, m)
		}
	})
}

// FuzzOffer: no blob that is offered as a certificate is taken for one of ours, and none is a fault.
func FuzzOffer(f *testing.F) {
	key, err := plainSigner()
	if err != nil {
		f.Fatal(err)
	}
	other, err := plainSigner()
	if err != nil {
		f.Fatal(err)
	}
	cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, KeyId: "x", ValidPrincipals: []string{"agent:bot"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(zeroReader{}, key); err != nil {
		f.Fatal(err)
	}
	f.Add(cert.Marshal())
	f.Add(key.PublicKey().Marshal())
	verifier, err := ca.NewAgentVerifier([]ssh.PublicKey{other.PublicKey()}, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		cert, err := ca.ParseCertificate(blob)
		if err != nil {
			return
		}
		if _, err := verifier.Verify(cert, netip.Addr{}); err == nil || verifier.Made(cert) {
			t.Errorf("%x is taken for ours", blob)
		}
	})
}

// zeroReader makes nonces that are the same every time.
type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
