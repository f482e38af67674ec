package ca_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/ca"
)

// softHSM is Debian's software token.
const softHSM = "/usr/lib/softhsm/libsofthsm2.so"

// signerTimeout is short where a test waits for it to pass, and long for a busy machine.
const signerTimeout = 700 * time.Millisecond

// signerRig is one kind of signer with what stands behind it.
type signerRig struct {
	cfg    ca.SignerConfig
	create func(t testing.TB, name string) // makes a key by that name
	away   func(t testing.TB)              // takes what holds the keys away; nil: it cannot be taken
	back   func(t testing.TB)              // gives it back, as it was
}

// signerRigs are the three kinds.
var signerRigs = []struct {
	name string
	make func(t testing.TB) signerRig
}{{"file", newFileRig}, {"ssh-agent", newAgentRig}, {"pkcs11", newTokenRig}}

// createBySigner makes keys by CreateSigner.
func createBySigner(cfg *ca.SignerConfig) func(testing.TB, string) {
	return func(t testing.TB, name string) {
		t.Helper()
		s, err := ca.CreateSigner(*cfg, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func newFileRig(t testing.TB) signerRig {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "word"), "correct horse\n", 0o600)
	rig := signerRig{cfg: ca.SignerConfig{Dir: dir, Passphrase: ca.SecretConfig{File: filepath.Join(dir, "word")}}}
	rig.create = createBySigner(&rig.cfg)
	return rig
}

func newTokenRig(t testing.TB) signerRig {
	dir := t.TempDir()
	tokens := filepath.Join(dir, "tokens")
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.Mkdir(tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, conf, "directories.tokendir = "+tokens+"\nobjectstore.backend = file\nlog.level = ERROR\n", 0o600)
	t.Setenv("SOFTHSM2_CONF", conf)
	run(t, "softhsm2-util", "--init-token", "--free", "--label", "gatehouse", "--pin", "2468", "--so-pin", "8642")
	t.Setenv("TEST_PIN", "2468")
	rig := signerRig{cfg: ca.SignerConfig{Kind: ca.PKCS11Signer, Dir: t.TempDir(), Module: softHSM, Token: "gatehouse",
		PIN: ca.SecretConfig{Env: "TEST_PIN"}, Timeout: signerTimeout}}
	rig.create = createBySigner(&rig.cfg)
	rig.away = func(t testing.TB) { rename(t, tokens, tokens+".away") }
	rig.back = func(t testing.TB) { rename(t, tokens+".away", tokens) }
	return rig
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// realAgent is a real ssh-agent and the keys that were added to it.
type realAgent struct {
	socket string
	keys   []string
	cmd    *exec.Cmd
}

func newAgentRig(t testing.TB) signerRig {
	dir := t.TempDir()
	a := &realAgent{socket: filepath.Join(dir, "agent.sock")}
	a.start(t)
	t.Cleanup(func() { a.stop(t) })
	rig := signerRig{cfg: ca.SignerConfig{Kind: ca.AgentSigner, Dir: t.TempDir(), Socket: a.socket, Timeout: signerTimeout}}
	rig.create = func(t testing.TB, name string) {
		path := filepath.Join(t.TempDir(), "key")
		keygen(t, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
		a.keys = append(a.keys, path)
		a.add(t, path)
	}
	rig.away, rig.back = a.stop, func(t testing.TB) {
		a.start(t)
		for _, path := range a.keys {
			a.add(t, path)
		}
	}
	return rig
}

// start runs the agent in the foreground and waits until it listens.
func (a *realAgent) start(t testing.TB) {
	t.Helper()
	a.cmd = exec.Command("ssh-agent", "-D", "-a", a.socket)
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		c, err := net.Dial("unix", a.socket)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("ssh-agent does not listen: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (a *realAgent) stop(t testing.TB) {
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
	a.cmd = nil
	if err := os.Remove(a.socket); err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
}

// freeze stops the agent from answering, without its socket closing; thaw lets it go on.
func (a *realAgent) freeze() error { return a.cmd.Process.Signal(syscall.SIGSTOP) }
func (a *realAgent) thaw() error   { return a.cmd.Process.Signal(syscall.SIGCONT) }

func (a *realAgent) add(t testing.TB, path string) {
	t.Helper()
	cmd := exec.Command("ssh-add", "-q", path)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+a.socket)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(bytes.TrimSpace(out))
}
