package supervisor_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/testgate"
	"gatehouse/policy"
)

const policyText = `version: 1
people: {ann: {roles: [oncall]}}
agents: {bot: {owner: person:ann, roles: [operator]}}
roles:
  oncall: {rights: [view, operate]}
  operator: {targets: ["*"], logins: [ops], allow: ["sleep <int:1..10000>"]}
`

// build builds the program where both users can start it.
func build(t *testing.T) (dir, binary string) {
	t.Helper()
	dir = t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o755))
	binary = filepath.Join(dir, "gatehouse")
	text, err := program()
	must(t, err)
	must(t, os.WriteFile(binary, text, 0o755))
	return dir, binary
}

// program is built once for all tests.
var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "gatehouse-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "gatehouse")
	if out, err := exec.Command("go", "build", "-o", path, "gatehouse/cmd/gatehouse").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	return os.ReadFile(path)
})

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// field is a line of /proc/PID/status.
func field(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Fatalf("no %s", name)
	return ""
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	must(t, err)
	defer unix.Close(fd)
	ends := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(ends, 20_000)
	for err == unix.EINTR { // the runtime's own signals
		n, err = unix.Poll(ends, 20_000)
	}
	if n != 1 {
		t.Errorf("process %d still runs: %v", pid, err)
	}
}

// TestLifeAndDeath: the two processes have their own users, no capabilities and no way to more; whichever of the three dies,
// the others end too, with a reason and a status that is not 0; SIGTERM ends all in order with 0.
func TestLifeAndDeath(t *testing.T) {
	dir, binary := build(t)
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: dir, Binary: binary, Policy: policyText, Extra: "  bastion-host: {local: true, run_as: {ops: nobody}}\n"})
	must(t, err)
	t.Cleanup(func() { _ = g.Close() })
	for name, uid := range map[string]string{"decider": "61001", "door": "61002"} {
		pid := g.PID(name)
		for key, want := range map[string]string{"Uid": strings.Join([]string{uid, uid, uid, uid}, " "), "Gid": strings.Join([]string{uid, uid, uid, uid}, " "), "Groups": "",
			"CapEff": "0000000000000000", "CapPrm": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"} {
			if got := field(t, pid, key); got != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
		if st, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/mem"); err != nil || st.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("%s is dumpable: %v", name, err)
		}
	}
	for _, victim := range []string{"door", "decider", "supervisor"} {
		pids := map[string]int{}
		for _, name := range []string{"supervisor", "decider", "door"} {
			pids[name] = g.PID(name)
		}
		logged := len(g.Log())
		must(t, syscall.Kill(pids[victim], syscall.SIGKILL))
		for _, pid := range pids {
			gone(t, pid)
		}
		must(t, g.Await())
		if victim != "supervisor" {
			if text := strings.Join(g.Log()[logged:], "\n"); !strings.Contains(text, "the "+victim+" ended (signal: killed)") {
				t.Errorf("after the %s's death the log says\n%s", victim, text)
			}
		}
		must(t, g.Serve())
	}
	decider, door := g.PID("decider"), g.PID("door")
	must(t, g.Stop())
	gone(t, decider)
	gone(t, door)
}

// fakeDoor starts the program's decider as the supervisor does, with its user and its sockets, and takes the door's place.
func fakeDoor(t *testing.T) (door protocol.Door, config string) {
	t.Helper()
	dir, binary := build(t)
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: dir, Binary: binary, Policy: policyText, Extra: "  bastion-host: {local: true, run_as: {ops: nobody}}\n"})
	must(t, err) // makes folders, keys and configuration
	_, err = g.Enrol(t.Context(), "agent", "bot")
	must(t, err)
	must(t, g.Close())
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	readyRead, readyWrite, err := os.Pipe()
	must(t, err)
	admin, err := net.Listen("unix", filepath.Join(dir, "admin"))
	must(t, err)
	t.Cleanup(func() { _ = admin.Close() })
	adminFile, err := admin.(*net.UnixListener).File()
	must(t, err)
	theirs := os.NewFile(uintptr(fds[0]), "decider")
	cmd := exec.Command(binary, "process", "decider", "--config", g.Path)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	secrets, noSecrets, err := os.Pipe()
	must(t, err)
	must(t, noSecrets.Close())
	orders, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(orders[0]) })
	control := os.NewFile(uintptr(orders[1]), "control")
	cmd.ExtraFiles = []*os.File{theirs, readyWrite, adminFile, secrets, control}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61001, Gid: 61001}}
	must(t, cmd.Start())
	for _, f := range []*os.File{theirs, readyWrite, adminFile, secrets, control} {
		must(t, f.Close())
	}
	line := make([]byte, 128)
	n, err := readyRead.Read(line)
	must(t, err)
	must(t, readyRead.Close())
	word, encoded, _ := strings.Cut(strings.TrimSpace(string(line[:n])), " ")
	if key, err := base64.StdEncoding.DecodeString(encoded); word != "ready" || err != nil || len(key) != ed25519.PublicKeySize {
		t.Fatalf("the decider says %q", line[:n])
	}
	f := os.NewFile(uintptr(fds[1]), "door")
	conn, err := net.FileConn(f)
	must(t, err)
	must(t, f.Close())
	door = protocol.Door{Client: protocol.NewClient(conn, nil)}
	t.Cleanup(func() {
		_ = door.Close()
		<-door.Done()
		_ = cmd.Wait()
	})
	return door, g.Path
}

// TestFakeDoorOfAProcess: the real process, confined and with its own user, gives a fake door what policy allows and no more,
// and ends, rather than go on, at bytes that are not its protocol.
func TestFakeDoorOfAProcess(t *testing.T) {
	door, config := fakeDoor(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(config), "client-bot", "id-cert.pub"))
	must(t, err)
	certificate, err := base64.StdEncoding.DecodeString(strings.Fields(string(text))[1])
	must(t, err)
	conn := id.New(id.Connection, time.Now())
	ask := protocol.Decide{Connection: conn, Session: id.New(id.Session, time.Now()), Target: "bastion-host", Login: "ops", Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"sleep", "1"}},
		Facts: policy.Facts{Programs: map[string]policy.ProgramFact{"sleep": {Path: "/usr/bin/sleep", Real: "/usr/bin/sleep"}}}}
	var refusal *protocol.Error
	if _, err := door.Decide(ctx, ask); !errors.As(err, &refusal) || refusal.Code != protocol.CodeRefused {
		t.Errorf("before authenticate: %v", err)
	}
	if _, err := door.Authenticate(ctx, protocol.Authenticate{Connection: conn, Certificate: certificate, Source: "127.0.0.1", Proven: true}); err != nil {
		t.Fatal(err)
	}
	if got, err := door.Decide(ctx, ask); err != nil || got.Permit == nil {
		t.Errorf("an allowed command: %+v, %v", got, err)
	}
	ask.Session, ask.Plan.Argv = id.New(id.Session, time.Now()), policy.Argv{"sh"}
	if got, err := door.Decide(ctx, ask); err != nil || got.Decision.Verdict != policy.Deny || got.Permit != nil {
		t.Errorf("another: %+v, %v", got, err)
	}
	for _, op := range []protocol.Op{protocol.OpIssue, protocol.OpReload, protocol.OpSetupLink, protocol.OpSignHost} {
		if err := door.Call(ctx, op, protocol.Empty{}, nil); !errors.As(err, &refusal) || refusal.Code != protocol.CodeInvalid {
			t.Errorf("%s: %v", op, err)
		}
	}
	flood(ctx, t, door)
}

// flood opens connections and asks as fast as it can; every answer comes.
func flood(ctx context.Context, t *testing.T, door protocol.Door) {
	t.Helper()
	failed := make(chan error, 2000)
	for range cap(failed) {
		go func() {
			_, err := door.Authenticate(ctx, protocol.Authenticate{Connection: id.New(id.Connection, time.Now()), Certificate: []byte("x"), Source: "127.0.0.1", Proven: true})
			failed <- err
		}()
	}
	for range cap(failed) {
		var refusal *protocol.Error
		if err := <-failed; !errors.As(err, &refusal) || refusal.Code != protocol.CodeRefused {
			t.Fatalf("in the flood: %v", err)
		}
	}
}
