package ca_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/ca"

	"golang.org/x/crypto/ssh"
)

// eachSigner runs a test over the three kinds of signer.
func eachSigner(t *testing.T, test func(t *testing.T, rig signerRig)) {
	for _, kind := range signerRigs {
		t.Run(kind.name, func(t *testing.T) { test(t, kind.make(t)) })
	}
}

// openSigner opens a key that must be there.
func openSigner(t testing.TB, cfg ca.SignerConfig, name string) ca.Signer {
	t.Helper()
	s, err := ca.OpenSigner(cfg, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ca.ErrSigner) {
			t.Error(err)
		}
	})
	return s
}

// agentCAWith is an agent CA whose key is the signer's.
func agentCAWith(t testing.TB, signer ssh.Signer) *ca.AgentCA {
	t.Helper()
	serials, err := ca.OpenSerials(filepath.Join(t.TempDir(), "serials"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ca.NewAgentCA(ca.Config{Signer: signer, Serials: serials})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSignerIssues: ssh-keygen reads a certificate by each signer and names its key, our verifier accepts it.
func TestSignerIssues(t *testing.T) {
	eachSigner(t, func(t *testing.T, rig signerRig) {
		rig.create(t, "agent_ca")
		s := openSigner(t, rig.cfg, "agent_ca")
		client, _ := newKey(t)
		cert, err := agentCAWith(t, s).Issue(agentRequest(client))
		if err != nil {
			t.Fatal(err)
		}
		listing := keygen(t, "-L", "-f", writeCert(t, cert))
		if want := ssh.FingerprintSHA256(s.PublicKey()); !strings.Contains(listing, want) {
			t.Errorf("ssh-keygen does not name %s:\n%s", want, listing)
		}
		if got := readPublic(t, filepath.Join(rig.cfg.Dir, "agent_ca.pub")); ssh.FingerprintSHA256(got) != ssh.FingerprintSHA256(s.PublicKey()) {
			t.Error("agent_ca.pub is another key")
		}
		verifier, err := ca.NewAgentVerifier([]ssh.PublicKey{s.PublicKey()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Verify(cert, anywhere); err != nil {
			t.Error(err)
		}
	})
}

// TestSignerNames: a name that is not there is ErrNoKey, one that is taken is not made again, and each name is its own key.
func TestSignerNames(t *testing.T) {
	eachSigner(t, func(t *testing.T, rig signerRig) {
		if _, err := ca.OpenSigner(rig.cfg, "agent_ca"); !errors.Is(err, ca.ErrNoKey) {
			t.Fatalf("a key that is not there: %v", err)
		}
		rig.create(t, "agent_ca")
		rig.create(t, "target_ca")
		one, other := openSigner(t, rig.cfg, "agent_ca"), openSigner(t, rig.cfg, "target_ca")
		if ssh.FingerprintSHA256(one.PublicKey()) == ssh.FingerprintSHA256(other.PublicKey()) {
			t.Error("two names, one key")
		}
		want := fs.ErrExist
		if rig.cfg.Kind == ca.AgentSigner {
			want = ca.ErrNoKey // it says how to add one
		}
		if rig.cfg.Kind != "" {
			rig.cfg.Dir = t.TempDir() // the token itself must say so
		}
		if _, err := ca.CreateSigner(rig.cfg, "agent_ca"); !errors.Is(err, want) {
			t.Errorf("a key that is there: %v", err)
		}
	})
}

// TestSignerConcurrent: many sign at once, and every signature is good.
func TestSignerConcurrent(t *testing.T) {
	eachSigner(t, func(t *testing.T, rig signerRig) {
		rig.cfg.Timeout = 30 * time.Second
		rig.create(t, "agent_ca")
		s := openSigner(t, rig.cfg, "agent_ca")
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 8 {
					signs(t, s)
				}
			})
		}
		wg.Wait()
	})
}

// signs asks for one signature, which must be good.
func signs(t testing.TB, s ca.Signer) {
	t.Helper()
	data := make([]byte, 300)
	_, _ = rand.Read(data)
	sig, err := s.Sign(rand.Reader, data)
	if err != nil {
		t.Error(err)
		return
	}
	if err := s.PublicKey().Verify(data, sig); err != nil {
		t.Error(err)
	}
}

// TestSignerRecovers: what holds the key is taken away in the middle of a run and comes back. Meanwhile every signature is
// refused in time, and afterwards the same signer signs again.
func TestSignerRecovers(t *testing.T) {
	eachSigner(t, func(t *testing.T, rig signerRig) {
		if rig.away == nil {
			t.Log("a key in memory cannot be taken away")
			return
		}
		rig.create(t, "agent_ca")
		s := openSigner(t, rig.cfg, "agent_ca")
		for range 3 {
			signs(t, s)
			rig.away(t)
			refuses(t, s)
			refuses(t, s)
			rig.back(t)
			recovers(t, s)
		}
	})
}

// refuses asks for a signature and wants ErrSigner.
func refuses(t testing.TB, s ca.Signer) {
	t.Helper()
	if _, err := s.Sign(rand.Reader, []byte("x")); !errors.Is(err, ca.ErrSigner) {
		t.Errorf("signed, or: %v", err)
	}
}

// recovers waits until the signer signs again.
func recovers(t testing.TB, s ca.Signer) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := s.Sign(rand.Reader, []byte("x"))
		if err == nil {
			return
		}
		if !errors.Is(err, ca.ErrSigner) || time.Now().After(deadline) {
			t.Fatalf("it does not sign again: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestSignerKeepsItsKey: another key under the same name is refused, when opening and when making one.
func TestSignerKeepsItsKey(t *testing.T) {
	for _, kind := range signerRigs[1:] {
		t.Run(kind.name, func(t *testing.T) {
			rig := kind.make(t)
			rig.create(t, "agent_ca")
			other, _ := newKey(t)
			write(t, filepath.Join(rig.cfg.Dir, "agent_ca.pub"), string(ssh.MarshalAuthorizedKey(other)), 0o644)
			if _, err := ca.OpenSigner(rig.cfg, "agent_ca"); err == nil || !strings.Contains(err.Error(), "rotate to a new one") {
				t.Errorf("another key: %v", err)
			}
		})
	}
	for _, kind := range []int{0, 2} {
		t.Run("lost "+signerRigs[kind].name, func(t *testing.T) {
			rig := signerRigs[kind].make(t)
			other, _ := newKey(t)
			write(t, filepath.Join(rig.cfg.Dir, "agent_ca.pub"), string(ssh.MarshalAuthorizedKey(other)), 0o644)
			if _, err := ca.CreateSigner(rig.cfg, "agent_ca"); err == nil || !strings.Contains(err.Error(), "is missing") {
				t.Errorf("a lost key: %v", err)
			}
		})
	}
}
