package ca_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/policy"

	"golang.org/x/crypto/ssh"
)

var anywhere = netip.MustParseAddr("192.0.2.7")

// newSet opens the four CAs in a folder of their own, at a clock that stands at now.
func newSet(t testing.TB, now time.Time) (*ca.Set, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ca")
	set, err := ca.Open(dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return set, dir
}

// newKey makes a client's key and writes its private half to a file that ssh can use.
func newKey(t testing.TB) (ssh.PublicKey, string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "id")
	write(t, path, string(pem.EncodeToMemory(block)), 0o600)
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, path
}

// agentRequest is a request that is granted; tests spoil one field of it.
func agentRequest(key ssh.PublicKey) ca.AgentRequest {
	return ca.AgentRequest{
		Kind: policy.Agent, Name: "release-bot", Owner: "group:web", Task: "CHG-1042 roll out", PublicKey: key, TTL: 5 * time.Minute,
	}
}

// targetRequest is a request that is granted; tests spoil one field of it.
func targetRequest(key ssh.PublicKey) ca.TargetRequest {
	return ca.TargetRequest{
		PublicKey: key, Target: "web-1", Login: "deploy",
		Identity: policy.Identity{Kind: policy.Agent, Name: "release-bot", Owner: "group:web", Task: "CHG-1042"},
		Request:  "req_01J", Connection: "con_01J", TTL: 30 * time.Second,
	}
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// writeCert writes a certificate where ssh and ssh-keygen can read it.
func writeCert(t testing.TB, cert *ssh.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "id-cert.pub")
	write(t, path, string(ssh.MarshalAuthorizedKey(cert)), 0o644)
	return path
}

// keygen runs the real ssh-keygen.
func keygen(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// readPublic reads a .pub file: a plain key or a certificate.
func readPublic(t testing.TB, path string) ssh.PublicKey {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
