package decider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/bundle"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// signers are people with keys, and the file that allows them.
func (b *bench) signers(names ...string) map[string]ssh.Signer {
	b.t.Helper()
	keys, allowed := map[string]ssh.Signer{}, ""
	for _, name := range names {
		public, key := newKey(b.t)
		keys[name] = key
		allowed += fmt.Sprintf("person:%s %s", name, ssh.MarshalAuthorizedKey(public))
	}
	b.write("allowed_signers", allowed)
	return keys
}

// sign signs the policy that is on the disk.
func (b *bench) sign(serial uint64, author ssh.Signer, reviewers ...ssh.Signer) {
	b.t.Helper()
	files, err := ReadPolicy(b.config().Policy)
	b.must(err)
	list := []bundle.Signature{b.signature(files, bundle.Author, serial, author)}
	for _, key := range reviewers {
		list = append(list, b.signature(files, bundle.Reviewer, serial, key))
	}
	b.must(bundle.Write(b.config().Policy, list))
}

func (b *bench) signature(files []policy.File, role bundle.Role, serial uint64, key ssh.Signer) bundle.Signature {
	b.t.Helper()
	s, err := bundle.Sign(files, role, serial, key)
	b.must(err)
	return s
}

func (b *bench) signedOnly(c *Config) {
	c.Bundles = &Bundles{AllowedSigners: filepath.Join(b.dir, "allowed_signers"), Reviewers: 1}
}

// TestOnlySignedPolicies: a policy comes into force only with its author's and a reviewer's signature; otherwise the last good
// one stays, loudly, and an older signed one does not come back.
func TestOnlySignedPolicies(t *testing.T) {
	b := newBench(t)
	keys := b.signers("ann", "ben", "cleo")
	b.sign(3, keys["ann"], keys["ben"])
	b.must(b.reopen(b.signedOnly))
	first := b.d.PolicyHash()
	if b.d.problem != "" {
		t.Fatal(b.d.problem)
	}
	second := strings.Replace(testPolicy, "- echo <text>...", "- id", 1)
	refused := func(claim, want string) {
		t.Helper()
		before := b.d.PolicyHash()
		r := b.reload()
		if !strings.Contains(r.Problem, want) || b.d.PolicyHash() != before {
			t.Errorf("%s: %+v, want %s", claim, r, want)
		}
		if last := lastOf(b, audit.PolicyReject); last.Reason != r.Problem {
			t.Errorf("%s: the log says %+v", claim, last)
		}
	}
	b.write("policy.yaml", second)
	refused("the signatures of another policy", "not signed as required")
	b.sign(4, keys["ann"])
	refused("no reviewer", "0 of 1 reviewers")
	b.sign(4, keys["ann"], keys["ann"])
	refused("the author as reviewer", "0 of 1 reviewers")
	b.must(os.Remove(b.config().Policy + ".sig"))
	refused("no signatures", "no author has signed it")
	b.write("policy.yaml.sig", "author 4\nnonsense\n")
	refused("not a signature file", "signature 1")
	b.sign(3, keys["ann"], keys["ben"])
	refused("another policy of the same serial", "older one that was signed once")
	b.sign(4, keys["ann"], keys["cleo"])
	if r := b.reload(); r.Problem != "" || !r.Changed || r.PolicyHash == first {
		t.Fatalf("signed: %+v", r)
	}
	if last := lastOf(b, audit.PolicyLoad); !strings.Contains(string(last.Data), `"signed":{"serial":4,"author":"person:ann","reviewers":["person:cleo"]}`) {
		t.Errorf("the log says %s", last.Data)
	}
	b.write("policy.yaml", testPolicy)
	b.sign(3, keys["ann"], keys["ben"])
	refused("the first one again, as it was signed", "it has 3, the last had 4")
	// A restart does not forget, nor does a time without the requirement.
	b.must(b.reopen(b.signedOnly))
	if b.d.PolicyHash() == first || !strings.Contains(b.d.problem, "it has 3, the last had 4") {
		t.Errorf("after a restart: %s, %s", b.d.PolicyHash(), b.d.problem)
	}
	b.must(b.reopen(func(*Config) {}))
	if b.d.PolicyHash() != first {
		t.Error("without the requirement, signatures are looked at")
	}
	if err := b.reopen(b.signedOnly); err == nil || !strings.Contains(err.Error(), "it has 3, the last had 4") {
		t.Fatalf("after a time without the requirement: %v", err)
	}
	// Who is not allowed any more does not count, without a restart.
	b.write("policy.yaml", second)
	b.sign(5, keys["ann"], keys["ben"])
	b.must(b.reopen(b.signedOnly))
	if b.d.problem != "" {
		t.Fatal(b.d.problem)
	}
	b.signers("ann")
	b.sign(6, keys["ann"], keys["ben"])
	refused("signers that are not allowed any more", "its key is not one of an allowed signer")
}

// TestUnsignedFirstPolicy: without a last good one, an unsigned policy is no start.
func TestUnsignedFirstPolicy(t *testing.T) {
	b := newBench(t)
	b.signers("ann", "ben")
	cfg := b.config()
	cfg.Dir = filepath.Join(b.dir, "fresh")
	b.signedOnly(&cfg)
	d, err := Open(context.Background(), cfg)
	if err == nil {
		err = errors.Join(d.Close(), errors.New("it started"))
	}
	if !strings.Contains(err.Error(), "no valid policy: the policy is not signed as required") {
		t.Error(err)
	}
}

// TestUnsignedLastGoodPolicy: a last good policy from before signatures were required is no last good one any more.
func TestUnsignedLastGoodPolicy(t *testing.T) {
	b := newBench(t)
	b.signers("ann", "ben")
	cfg := b.config()
	b.must(b.d.Close())
	b.signedOnly(&cfg)
	d, err := Open(context.Background(), cfg)
	if err == nil {
		err = errors.Join(d.Close(), errors.New("it started"))
	}
	if !strings.Contains(err.Error(), "before signatures were required") {
		t.Error(err)
	}
}

// TestWatchSeesSignatures: the fingerprint changes with the signatures, the allowed signers and the shadow policy.
func TestWatchSeesSignatures(t *testing.T) {
	b := newBench(t)
	keys := b.signers("ann", "ben")
	b.sign(1, keys["ann"], keys["ben"])
	b.must(b.reopen(func(c *Config) { b.signedOnly(c); c.Shadow = filepath.Join(b.dir, "shadow.yaml") }))
	seen := map[string]bool{b.d.fingerprint(): true}
	for name, change := range map[string]func(){
		"signatures": func() { b.sign(2, keys["ann"], keys["ben"]) }, "signers": func() { b.signers("ann") }, "shadow": func() { b.write("shadow.yaml", "version: 1\n") },
	} {
		change()
		now := b.d.fingerprint()
		if seen[now] {
			t.Errorf("%s: not seen", name)
		}
		seen[now] = true
	}
}

// TestSignedAgain: signing the policy in force again with a higher serial voids what was signed between: that is how a policy that
// was signed and never used is withdrawn.
func TestSignedAgain(t *testing.T) {
	b := newBench(t)
	keys := b.signers("ann", "ben")
	b.sign(3, keys["ann"], keys["ben"])
	b.must(b.reopen(b.signedOnly))
	b.write("policy.yaml", strings.Replace(testPolicy, "- echo <text>...", "- id", 1))
	b.sign(4, keys["ann"], keys["ben"]) // and never used
	withdrawn, err := os.ReadFile(b.config().Policy + ".sig")
	b.must(err)
	b.write("policy.yaml", testPolicy)
	b.sign(5, keys["ann"], keys["ben"])
	if r := b.reload(); r.Problem != "" || r.Changed {
		t.Fatalf("%+v", r)
	}
	if last := lastOf(b, audit.PolicyLoad); !strings.Contains(string(last.Data), `"serial":5`) {
		t.Errorf("the log says %s", last.Data)
	}
	b.write("policy.yaml", strings.Replace(testPolicy, "- echo <text>...", "- id", 1))
	b.write("policy.yaml.sig", string(withdrawn))
	if r := b.reload(); !strings.Contains(r.Problem, "it has 4, the last had 5") {
		t.Errorf("what was withdrawn: %+v", r)
	}
}
