package ca_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/ca"

	"golang.org/x/crypto/ssh"
)

// TestMoveToToken: a CA moves from an encrypted file into a token by rotation, and what the old key signed is accepted until it
// is retired. Afterwards a token that is away at the start is waited for, and one that hangs then is a refusal for everybody.
func TestMoveToToken(t *testing.T) {
	rig, trouble := newTroubleRig(t)
	t.Setenv("OLD_WORD", "correct horse")
	dir := filepath.Join(t.TempDir(), "ca")
	file := ca.SignerConfig{Passphrase: ca.SecretConfig{Env: "OLD_WORD"}}
	set, err := ca.OpenWith(dir, ca.Signers{Agent: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	client, _ := newKey(t)
	old, err := set.Agent.Issue(agentRequest(client))
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	token := rig.cfg
	token.Passphrase = file.Passphrase
	signers := ca.Signers{Agent: token}
	if set, err = ca.OpenWith(dir, signers, nil); err != nil {
		t.Fatal(err)
	}
	for _, step := range []ca.Step{ca.Prepare, ca.Switch} {
		if _, err := set.Rotate(ca.NameAgent, step, func(ca.Rotated) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := set.Agent.Issue(agentRequest(client))
	if err != nil {
		t.Fatal(err)
	}
	if ssh.FingerprintSHA256(cert.SignatureKey) == ssh.FingerprintSHA256(old.SignatureKey) {
		t.Error("the key did not move")
	}
	for _, c := range []*ssh.Certificate{old, cert} {
		if _, err := set.Agent.Verify(c, anywhere); err != nil {
			t.Error(err)
		}
	}
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	rig.away(t)
	if set, err = ca.OpenWith(dir, signers, nil); err != nil {
		t.Fatalf("a token that is away at the start: %v", err)
	}
	t.Cleanup(func() { _ = set.Close() })
	issue := func() error { _, err := set.Agent.Issue(agentRequest(client)); return err }
	if err := issue(); !errors.Is(err, ca.ErrSigner) {
		t.Errorf("issued, or: %v", err)
	}
	if _, err := set.Agent.Verify(cert, anywhere); err != nil {
		t.Errorf("the key is known, and not trusted: %v", err)
	}
	rig.back(t)
	write(t, filepath.Join(trouble, "hang"), "", 0o600)
	if err := issue(); !errors.Is(err, ca.ErrSigner) {
		t.Errorf("issued, or: %v", err)
	}
	if err := os.Remove(filepath.Join(trouble, "hang")); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for err := issue(); err != nil; err = issue() {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
