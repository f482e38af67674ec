package ca_test

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/ca"

	"github.com/miekg/pkcs11"
	"golang.org/x/crypto/ssh"
)

// newTroubleRig is a token behind a module that makes trouble on demand: a file in the folder that it returns switches it on.
func newTroubleRig(t testing.TB) (signerRig, string) {
	rig := newTokenRig(t)
	dir := t.TempDir()
	headers, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/miekg/pkcs11").Output()
	if err != nil {
		t.Fatal(err)
	}
	rig.cfg.Module = filepath.Join(dir, "trouble.so")
	run(t, "gcc", "-shared", "-fPIC", "-I", strings.TrimSpace(string(headers)), "-o", rig.cfg.Module, filepath.Join("testdata", "trouble.c"), "-ldl")
	t.Setenv("TROUBLE", dir)
	rig.create = createBySigner(&rig.cfg)
	return rig, dir
}

// TestTokenHangs: a call that does not return ends in a refusal for it and for everybody who waits, on one goroutine, and when
// it returns after all the same signer signs again.
func TestTokenHangs(t *testing.T) {
	rig, trouble := newTroubleRig(t)
	rig.create(t, "agent_ca")
	s := openSigner(t, rig.cfg, "agent_ca")
	write(t, filepath.Join(trouble, "hang"), "", 0o600)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { refuses(t, s) })
	}
	wg.Wait()
	if err := os.Remove(filepath.Join(trouble, "hang")); err != nil {
		t.Fatal(err)
	}
	recovers(t, s)
}

// TestTokenLies: a signature that is not the key's is refused, before a certificate with it exists.
func TestTokenLies(t *testing.T) {
	rig, trouble := newTroubleRig(t)
	rig.create(t, "agent_ca")
	s := openSigner(t, rig.cfg, "agent_ca")
	signs(t, s)
	write(t, filepath.Join(trouble, "lie"), "", 0o600)
	client, _ := newKey(t)
	if cert, err := agentCAWith(t, s).Issue(agentRequest(client)); !errors.Is(err, ca.ErrSigner) || cert != nil {
		t.Errorf("issued by a liar: %v, %v", cert, err)
	}
	if _, err := ca.OpenSigner(rig.cfg, "agent_ca"); !errors.Is(err, ca.ErrSigner) {
		t.Errorf("opened a liar: %v", err)
	}
}

// TestTokenWrongPIN: a wrong PIN is tried once in the life of a process, whatever asks for it, as a token locks itself.
func TestTokenWrongPIN(t *testing.T) {
	rig, trouble := newTroubleRig(t)
	rig.create(t, "agent_ca")
	before := len(read(t, filepath.Join(trouble, "logins")))
	t.Setenv("WRONG_PIN", "1111")
	rig.cfg.PIN = ca.SecretConfig{Env: "WRONG_PIN"}
	for range 4 {
		if _, err := ca.OpenSigner(rig.cfg, "agent_ca"); err == nil || !strings.Contains(err.Error(), "the PIN is not the token's") {
			t.Errorf("a wrong PIN: %v", err)
		}
	}
	if n := len(read(t, filepath.Join(trouble, "logins"))) - before; n != 1 {
		t.Errorf("it was tried %d times", n)
	}
	rig.cfg.PIN = ca.SecretConfig{Env: "TEST_PIN"}
	signs(t, openSigner(t, rig.cfg, "agent_ca"))
}

// TestTokenWithoutEd25519: a token that has none makes a P-256 key, and ssh-keygen accepts what it signs.
func TestTokenWithoutEd25519(t *testing.T) {
	rig, trouble := newTroubleRig(t)
	write(t, filepath.Join(trouble, "old"), "", 0o600)
	rig.create(t, "agent_ca")
	s := openSigner(t, rig.cfg, "agent_ca")
	if got := s.PublicKey().Type(); got != ssh.KeyAlgoECDSA256 {
		t.Fatalf("a %s key", got)
	}
	client, _ := newKey(t)
	for range 64 { // r and s have leading zeros, and leading ones, now and then
		cert, err := agentCAWith(t, s).Issue(agentRequest(client))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ca.ParseCertificate(cert.Marshal()); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := agentCAWith(t, s).Issue(agentRequest(client))
	if err != nil {
		t.Fatal(err)
	}
	keygen(t, "-L", "-f", writeCert(t, cert))
}

// TestTokenKeepsItsKeys: pkcs11-tool, logged in, sees a key that was made in the token and can never leave it. One that could
// is refused.
func TestTokenKeepsItsKeys(t *testing.T) {
	rig := newTokenRig(t)
	rig.create(t, "agent_ca")
	tool := func(args ...string) string {
		t.Helper()
		return run(t, "pkcs11-tool", append([]string{"--module", softHSM, "--token-label", "gatehouse", "--login", "--pin", "2468"}, args...)...)
	}
	listing := tool("--list-objects", "--type", "privkey")
	if !strings.Contains(listing, "sensitive, always sensitive, never extractable, local") {
		t.Errorf("pkcs11-tool says:\n%s", listing)
	}
	tool("--keypairgen", "--key-type", "EC:prime256v1", "--extractable", "--label", "loose", "--id", "0a")
	if _, err := ca.OpenSigner(rig.cfg, "loose"); err == nil || !strings.Contains(err.Error(), "can be read out of the token") {
		t.Errorf("an extractable key: %v", err)
	}
	for _, id := range []string{"0b", "0c"} {
		tool("--keypairgen", "--key-type", "EC:prime256v1", "--sensitive", "--label", "twice", "--id", id)
	}
	if _, err := ca.OpenSigner(rig.cfg, "twice"); err == nil || !strings.Contains(err.Error(), `more than one key "twice"`) {
		t.Errorf("two keys by one label: %v", err)
	}
	tool("--keypairgen", "--key-type", "rsa:2048", "--sensitive", "--label", "rsa", "--id", "0d")
	if _, err := ca.OpenSigner(rig.cfg, "rsa"); err == nil {
		t.Error("an RSA key was opened")
	}
}

// TestTokenLosesSessions: what closes all sessions of the process with the token, logging it out, is made good at once, for
// every key in it.
func TestTokenLosesSessions(t *testing.T) {
	rig := newTokenRig(t)
	rig.create(t, "agent_ca")
	rig.create(t, "face_ca")
	one, other := openSigner(t, rig.cfg, "agent_ca"), openSigner(t, rig.cfg, "face_ca")
	lib := pkcs11.New(softHSM)
	slots, err := lib.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, slot := range slots {
			if err := lib.CloseAllSessions(slot); err != nil {
				t.Fatal(err)
			}
		}
		signs(t, one)
		signs(t, other)
	}
}

// TestTokenRefuses: what is wrong with a module or a token is said in one line.
func TestTokenRefuses(t *testing.T) {
	rig := newTokenRig(t)
	loose := filepath.Join(t.TempDir(), "loose.so")
	write(t, loose, "no library", 0o600)
	open := filepath.Join(t.TempDir(), "open.so")
	write(t, open, read(t, softHSM), 0o600)
	if err := os.Chmod(open, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EMPTY_PIN", "")
	for _, c := range []struct {
		name  string
		spoil func(*ca.SignerConfig)
		want  string
	}{
		{"no module", func(c *ca.SignerConfig) { c.Module = "/nowhere.so" }, "no such file"},
		{"a relative module", func(c *ca.SignerConfig) { c.Module = "libsofthsm2.so" }, "absolute path"},
		{"a module that others may change", func(c *ca.SignerConfig) { c.Module = open }, "chmod go-w"},
		{"a module that is none", func(c *ca.SignerConfig) { c.Module = loose }, "cannot be loaded"},
		{"another token", func(c *ca.SignerConfig) { c.Token = "other" }, `there is no token "other" (there are: ["gatehouse"])`},
		{"no PIN in the environment", func(c *ca.SignerConfig) { c.PIN = ca.SecretConfig{Env: "NO_SUCH_PIN"} }, "it is not set"},
		{"an empty PIN", func(c *ca.SignerConfig) { c.PIN = ca.SecretConfig{Env: "EMPTY_PIN"} }, "it is empty"},
		{"no PIN", func(c *ca.SignerConfig) { c.PIN = ca.SecretConfig{} }, "needs module, token and pin"},
		{"a socket", func(c *ca.SignerConfig) { c.Socket = "/s" }, "has no socket"},
	} {
		cfg := rig.cfg
		c.spoil(&cfg)
		if _, err := ca.OpenSigner(cfg, "agent_ca"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	run(t, "softhsm2-util", "--init-token", "--free", "--label", "gatehouse", "--pin", "2468", "--so-pin", "8642")
	if _, err := ca.OpenSigner(rig.cfg, "agent_ca"); err == nil || !strings.Contains(err.Error(), `2 tokens are called "gatehouse"`) {
		t.Errorf("two tokens by one label: %v", err)
	}
	s := openClosed(t, newTokenRig(t))
	if _, err := s.Sign(rand.Reader, nil); !errors.Is(err, ca.ErrSigner) {
		t.Errorf("a closed signer: %v", err)
	}
}

func openClosed(t testing.TB, rig signerRig) ca.Signer {
	t.Helper()
	rig.create(t, "agent_ca")
	s, err := ca.OpenSigner(rig.cfg, "agent_ca")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
