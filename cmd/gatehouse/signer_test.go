package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
	"gatehouse/web"
)

// deciderUID is the user that the decider runs as.
const deciderUID = 61001

const signerPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [operator]}}
roles:
  operator: {targets: ["*"], logins: [deploy], allow: ["echo <text>..."]}
`

// keyPlace is where the CA keys of a service are.
type keyPlace struct {
	settings   string // of gatehouse.yaml
	describes  string // what the service says of each key
	secret     string // what no process may have in its environment
	away, back func()
}

// TestServeSigners: the real service as root, confined, with its keys in each kind of place. It says where they are, certificates
// open door and target, a key that is away is unavailable and no denial, it comes back without a restart, no secret is in the
// decider's environment, and the command line works with the same keys when no service runs.
func TestServeSigners(t *testing.T) {
	root := openFolder(t)
	binary := build(t, root)
	for name, place := range map[string]func(t *testing.T, dir string) keyPlace{"file": filePlace, "ssh-agent": agentPlace, "pkcs11": tokenPlace} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(root, name)
			for _, d := range []string{dir, filepath.Join(dir, "gate"), filepath.Join(dir, "keys")} {
				if err := os.Mkdir(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			serveSigner(t, binary, filepath.Join(dir, "gate"), place(t, filepath.Join(dir, "keys")))
		})
	}
}

func serveSigner(t *testing.T, binary, dir string, place keyPlace) {
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: dir, Binary: binary, Policy: signerPolicy, More: place.settings,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2000}}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(strings.Join(g.Log(), "\n"))
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	// 1. What the service says, and what is in its environment.
	for _, name := range []string{"agent", "target", "host", "face"} {
		wantLog(t, g, "CA key: ca="+name, place.describes)
	}
	decider := g.PID("decider")
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", decider))
	if err != nil || place.secret != "" && bytes.Contains(environ, []byte(place.secret)) {
		t.Errorf("the decider's environment: %q, %v", environ, err)
	}
	// 2. A certificate for the agent, and one for the target.
	if _, err := g.Enrol(t.Context(), "agent", "bot"); err != nil {
		t.Fatal(err)
	}
	command := []string{"deploy@web-1@gatehouse", "echo", "hello"}
	if r := sshBot(t, g, command); r.Status != 0 || r.Stdout != "hello\n" {
		t.Fatalf("ssh: %+v", r)
	}
	// 3. Away and back.
	if place.away != nil {
		place.away()
		if r := sshBot(t, g, command); r.Status != 75 || !strings.Contains(r.Stderr, `"code":"signer"`) {
			t.Errorf("ssh while the keys are away: %+v", r)
		}
		if r := issueBot(t, g); r.Status != exitUnavailable || !strings.Contains(r.Stderr, "the agent CA's key cannot sign now; nothing was issued") {
			t.Errorf("issue while the keys are away: %+v", r)
		}
		place.back()
		deadline := time.Now().Add(30 * time.Second)
		for r := sshBot(t, g, command); r.Status != 0; r = sshBot(t, g, command) {
			if time.Now().After(deadline) {
				t.Fatalf("ssh after the keys came back: %+v", r)
			}
		}
		if g.PID("decider") != decider {
			t.Error("the decider is another process")
		}
	}
	// 4. The command line alone.
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	if r := issueBot(t, g); r.Status != 0 {
		t.Errorf("issue without a service: %+v", r)
	}
}

func sshBot(t *testing.T, g *testgate.Gate, command []string) testhost.Result {
	t.Helper()
	r, err := g.SSH(t.Context(), "bot", nil, command...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func issueBot(t *testing.T, g *testgate.Gate) testhost.Result {
	t.Helper()
	r, err := g.Run(t.Context(), "issue", "--config", g.Path, "--agent", "bot", "--public-key", filepath.Join(filepath.Dir(g.Client("bot")), "id.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantLog(t *testing.T, g *testgate.Gate, parts ...string) {
	t.Helper()
	for _, line := range g.Log() {
		found := true
		for _, p := range parts {
			found = found && strings.Contains(line, p)
		}
		if found {
			return
		}
	}
	t.Errorf("the service does not say %q", parts)
}

// filePlace are encrypted files; the passphrase is in the environment of whoever starts the service.
func filePlace(t *testing.T, _ string) keyPlace {
	t.Setenv("TEST_PASSPHRASE", "correct horse battery")
	return keyPlace{settings: "ca: {all: {signer: file, passphrase: {env: TEST_PASSPHRASE}}}\n", describes: ", encrypted", secret: "correct horse"}
}

// agentPlace is an ssh-agent of the decider's user.
func agentPlace(t *testing.T, dir string) keyPlace {
	if err := os.Chown(dir, deciderUID, deciderUID); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent.sock")
	var keys []string
	for _, name := range []string{"agent_ca", "target_ca", "host_ca", "face_ca"} {
		keys = append(keys, filepath.Join(dir, name))
		runTool(t, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", filepath.Join(dir, name))
	}
	var agent *exec.Cmd
	start := func() {
		agent = exec.Command("ssh-agent", "-D", "-a", socket)
		agent.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: deciderUID, Gid: deciderUID}}
		if err := agent.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if c, err := net.Dial("unix", socket); err == nil {
				_ = c.Close()
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("ssh-agent does not listen")
			}
		}
		runTool(t, []string{"SSH_AUTH_SOCK=" + socket}, "ssh-add", append([]string{"-q"}, keys...)...)
	}
	stop := func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
		_ = os.Remove(socket)
	}
	start()
	t.Cleanup(stop)
	return keyPlace{settings: fmt.Sprintf("ca: {all: {signer: ssh-agent, socket: %q, timeout: 5s}}\n", socket), describes: "ssh-agent " + socket,
		away: stop, back: start}
}

// tokenPlace is a SoftHSM token; its PIN is in root's file, which the decider's user cannot read.
func tokenPlace(t *testing.T, dir string) keyPlace {
	tokens, conf, pin := filepath.Join(dir, "tokens"), filepath.Join(dir, "softhsm2.conf"), filepath.Join(dir, "pin")
	if err := os.Mkdir(tokens, 0o777); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		conf: "directories.tokendir = " + tokens + "\nobjectstore.backend = file\nlog.level = ERROR\n", pin: "97531\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(conf, 0o644); err != nil {
		t.Fatal(err)
	}
	runTool(t, []string{"SOFTHSM2_CONF=" + conf}, "softhsm2-util", "--init-token", "--free", "--label", "gatehouse", "--pin", "97531", "--so-pin", "13579")
	// SoftHSM's files are their maker's: the decider's user. A foreign tool makes the keys, of both kinds.
	for i, name := range []string{"agent_ca", "target_ca", "host_ca", "face_ca"} {
		runTool(t, []string{"SOFTHSM2_CONF=" + conf}, "pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label", "gatehouse", "--login",
			"--pin", "97531", "--keypairgen", "--key-type", []string{"EC:edwards25519", "EC:prime256v1"}[i%2], "--sensitive", "--label", name, "--id", fmt.Sprintf("%02x", i+1))
	}
	runTool(t, nil, "chown", "-R", fmt.Sprint(deciderUID), tokens)
	move := func(from, to string) func() {
		return func() {
			if err := os.Rename(from, to); err != nil {
				t.Error(err)
			}
		}
	}
	settings := fmt.Sprintf("ca:\n  all: {signer: pkcs11, module: /usr/lib/softhsm/libsofthsm2.so, token: gatehouse, pin: {file: %q}, timeout: 5s}\n  paths: [%q, %q]\n  environment: {SOFTHSM2_CONF: %q}\n",
		pin, tokens, conf, conf)
	return keyPlace{settings: settings, describes: `pkcs11 token \"gatehouse\"`, secret: "97531", away: move(tokens, tokens+".away"), back: move(tokens+".away", tokens)}
}

// TestUnavailableOverHTTP: a key that cannot sign is no fault without a name, and no denial.
func TestUnavailableOverHTTP(t *testing.T) {
	var told *web.APIError
	if err := apiError(&protocol.Error{Code: protocol.CodeUnavailable, Msg: "m"}); !errors.As(err, &told) || told.Code != "unavailable" {
		t.Errorf("got %v", err)
	}
}

func runTool(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}
