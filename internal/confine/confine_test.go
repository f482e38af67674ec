package confine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The users of the two processes.
const (
	deciderUID = 61001
	doorUID    = 61002
)

// newWorld builds a data folder as the supervisor does, with a decider in it.
func newWorld(t *testing.T) world {
	t.Helper()
	top := t.TempDir()
	if err := os.Chmod(filepath.Dir(top), 0o755); err != nil {
		t.Fatal(err)
	}
	w := world{DeciderDir: filepath.Join(top, "decider"), DoorDir: filepath.Join(top, "door"), PolicyDir: filepath.Join(top, "etc"), Outside: filepath.Join(top, "tmp")}
	run := filepath.Join(top, "run")
	for _, d := range []struct {
		path string
		mode os.FileMode
		uid  int
	}{{w.DeciderDir, 0o700, deciderUID}, {w.DoorDir, 0o700, doorUID}, {w.PolicyDir, 0o755, 0}, {w.Outside, 0o777, 0}, {run, 0o700, 0}} {
		must(t, os.Mkdir(d.path, 0o700))
		must(t, os.Chmod(d.path, d.mode))
		must(t, os.Chown(d.path, d.uid, d.uid))
	}
	w.Key, w.Log, w.Policy, w.Socket = filepath.Join(w.DeciderDir, "key"), filepath.Join(w.DeciderDir, "entries"), filepath.Join(w.PolicyDir, "policy.yaml"), filepath.Join(run, "decider.sock")
	for _, path := range []string{w.Key, w.Log} {
		must(t, os.WriteFile(path, []byte("secret"), 0o600))
		must(t, os.Chown(path, deciderUID, deciderUID))
	}
	must(t, os.WriteFile(w.Policy, []byte("version: 1\n"), 0o644))
	w.Address = listen(t, "tcp", "127.0.0.1:0")
	listen(t, "unix", w.Socket)
	must(t, os.Chmod(w.Socket, 0o600))
	w.KeyAgent = filepath.Join(w.DeciderDir, "agent.sock")
	listen(t, "unix", w.KeyAgent)
	must(t, os.Chown(w.KeyAgent, deciderUID, deciderUID))
	startVictim(t, &w)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func part(t *testing.T, name string, w world, uid uint32) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(w)
	must(t, err)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{partEnv + "=" + name, worldEnv + "=" + string(text), "SECRET=in the environment"}
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	return cmd
}

func startVictim(t *testing.T, w *world) {
	t.Helper()
	cmd := part(t, "victim", *w, deciderUID)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	w.Victim = cmd.Process.Pid
	w.VictimFD, err = strconv.Atoi(strings.TrimSpace(line))
	must(t, err)
}

// attempt plays an intruder and returns what came of each try.
func attempt(t *testing.T, name string, w world, uid uint32) map[string]string {
	t.Helper()
	cmd := part(t, name, w, uid)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var results map[string]string
	must(t, json.Unmarshal(stdout.Bytes(), &results))
	return results
}

// TestDoorsPlace: a process with the door's user and confinement gets at nothing of the decider's and at nothing else of the
// machine. Then each layer is tried alone, as root where it is not the users' turn, so that it is known which of them holds.
func TestDoorsPlace(t *testing.T) {
	w := newWorld(t)
	all := attempt(t, "door", w, doorUID)
	for _, try := range doorTries {
		if worked := all[try.name] == "ok"; worked != (try.held == "") {
			t.Errorf("all layers: %s: %s", try.name, all[try.name])
		}
	}
	for _, layer := range []struct {
		name, letter string
		uid          uint32
	}{{"users", "u", doorUID}, {"landlock", "l", 0}, {"seccomp", "s", 0}} {
		results := attempt(t, layer.name, w, layer.uid)
		for _, try := range doorTries {
			if strings.Contains(try.held, strings.ToUpper(layer.letter)) {
				continue // as the kernel is set up
			}
			holds := results[try.name] != "ok"
			if holds != strings.Contains(try.held, layer.letter) {
				t.Errorf("%s alone: %s: %s, want held by %q", layer.name, try.name, results[try.name], try.held)
			}
		}
	}
}

// TestDecidersPlace: a taken-over decider has its folder and the policy's, no network and no programs; one
// whose keys are behind an ssh-agent's socket has unix sockets besides, and no other kind.
func TestDecidersPlace(t *testing.T) {
	w := newWorld(t)
	for _, part := range []string{"decider", "decider with a key agent"} {
		results := attempt(t, part, w, deciderUID)
		for _, try := range deciderTries {
			if worked := results[try.name] == "ok"; worked != (try.held == "") {
				t.Errorf("%s: %s: %s", part, try.name, results[try.name])
			}
		}
		if worked := results[keyAgentTry.name] == "ok"; worked != (part != "decider") {
			t.Errorf("%s: %s: %s", part, keyAgentTry.name, results[keyAgentTry.name])
		}
	}
}
