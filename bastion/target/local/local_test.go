package local

import (
	"bufio"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/target"
	"gatehouse/internal/permit"
	"gatehouse/policy"
)

// TestExactly: the permit's argv byte for byte, the environment that is listed and nothing else, the user's own ids and
// groups, three descriptors, the user's home or the root folder.
func TestExactly(t *testing.T) {
	b := newBench(t)
	words := []string{"", " ", "a b", "'", `"$(id)"`, "*", "-n", "é", "\n", ";id"}
	if got, want := b.output(nil, append([]string{"printf", `%s\0`}, words...)...), strings.Join(words, "\x00")+"\x00"; got != want {
		t.Errorf("argv %q, want %q", got, want)
	}
	var session string
	got := b.output(func(p *permit.Permit) {
		session = p.Session
		p.Env = append([]policy.EnvVar{{Name: "LANG", Value: "C"}, {Name: permit.SessionVariable, Value: "another"}}, p.Env...)
	}, "env", "-0")
	nobody, err := user.Lookup("nobody")
	must(t, err)
	env := strings.Split(strings.TrimSuffix(got, "\x00"), "\x00")
	want := []string{"GATEHOUSE_SESSION=" + session, "HOME=" + nobody.HomeDir, "LANG=C", "LOGNAME=nobody", "PATH=" + path, "SHELL=/bin/sh", "USER=nobody"}
	if slices.Sort(env); !slices.Equal(env, want) {
		t.Errorf("environment %q, want %q", env, want)
	}
	status := b.output(nil, "cat", "/proc/self/status")
	for _, line := range []string{"Uid:\t" + four(nobody.Uid), "Gid:\t" + four(nobody.Gid), "Groups:\t" + nobody.Gid + " \n", "CapEff:\t0000000000000000"} {
		if !strings.Contains(status, line) {
			t.Errorf("status has no %q:\n%s", line, status)
		}
	}
	if fds := strings.Fields(b.output(nil, "ls", "/proc/self/fd")); len(fds) != 4 { // and the one of ls itself
		t.Errorf("descriptors %q", fds)
	}
	if pwd := b.output(nil, "pwd"); pwd != "/\n" && pwd != nobody.HomeDir+"\n" {
		t.Errorf("folder %q", pwd)
	}
}

func four(id string) string { return strings.Join([]string{id, id, id, id}, "\t") }

// TestNeverAs: root, Gatehouse's own users and unknown ones are refused, whatever a permit says.
func TestNeverAs(t *testing.T) {
	b := newBench(t)
	games, err := user.LookupId(strconv.Itoa(reservedUID))
	must(t, err)
	for _, name := range []string{"root", games.Username, "no-such-user", "0", ""} {
		if _, err := b.client.Start(t.Context(), b.permit(func(p *permit.Permit) { p.User = name }, "id"), nil); !errors.Is(err, ErrUnavailable) {
			t.Errorf("as %q: %v", name, err)
		}
	}
	for _, argv := range [][]string{{""}, {"./id"}, {"../../../bin/id"}, {"no-such-program"}, {"/etc/passwd"}} {
		if _, err := b.client.Start(t.Context(), b.permit(nil, argv...), nil); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%q: %v", argv, err)
		}
	}
}

// TestPermits: nothing starts but against a fresh permit of the decider's.
func TestPermits(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o777))
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	mark := filepath.Join(dir, "ran")
	if b.output(nil, "touch", mark); os.Remove(mark) != nil {
		t.Fatal("a good permit does not make the mark")
	}
	good := b.permit(nil, "true")
	p, err := b.client.Start(t.Context(), good, nil)
	must(t, err)
	must(t, p.Close())
	altered := []byte(strings.Replace(string(b.permit(nil, "touch", mark)), `"payload":"e`, `"payload":"f`, 1))
	other := newBench(t)
	for name, text := range map[string][]byte{
		"used before": good, "altered": altered, "of another decider": other.permit(nil, "touch", mark), "none": nil, "garbage": []byte("{"),
		"expired": b.permit(func(p *permit.Permit) { p.NotAfter = time.Now().Add(-time.Second) }, "touch", mark),
	} {
		if _, err := b.client.Start(t.Context(), text, nil); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it ran")
	}
}

// TestPTY: a terminal of the asked size that follows changes; a terminal name that is none is left out.
func TestPTY(t *testing.T) {
	b := newBench(t)
	p := b.start(&target.PTY{Term: "vt100", Cols: 81, Rows: 25}, "sh", "-c", `tty; stty size; echo "$TERM"; read line; stty size; exit 7`)
	lines := bufio.NewScanner(p.Stdout())
	next := func() string { lines.Scan(); return strings.TrimSuffix(lines.Text(), "\r") }
	if tty, size, term := next(), next(), next(); !strings.HasPrefix(tty, "/dev/pts/") || size != "25 81" || term != "vt100" {
		t.Errorf("tty %q, size %q, terminal %q", tty, size, term)
	}
	must(t, p.Resize(100, 40, 0, 0))
	_, err := p.Stdin().Write([]byte("go\n"))
	must(t, err)
	if echo, size := next(), next(); echo != "go" || size != "40 100" {
		t.Errorf("echo %q, size %q", echo, size)
	}
	<-p.Exited()
	if e := p.Exit(); !e.Known || e.Status != 7 {
		t.Errorf("exit %+v", e)
	}
	must(t, p.Close())
	q := b.start(&target.PTY{Term: "../../tmp/x", Cols: 80, Rows: 24}, "sh", "-c", `echo "[$TERM]"`)
	lines = bufio.NewScanner(q.Stdout())
	if got := next(); got != "[]" && got != "[dumb]" {
		t.Errorf("terminal %q", got)
	}
	must(t, q.Close())
}

// TestSignal: a signal by its RFC 4254 name reaches the group, and how it ended comes back.
func TestSignal(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"TERM", "KILL", "USR1"} {
		p := b.start(nil, "sleep", "1000")
		must(t, p.Signal("NONSENSE"))
		must(t, p.Signal(name))
		<-p.Exited()
		if e := p.Exit(); e.Known || e.Signal != name {
			t.Errorf("%s: %+v", name, e)
		}
		must(t, p.Close())
	}
}

// tree is a command that leaves its group and its session, twice, under a name that looks like a zombie's.
const tree = `printf 'x) Z (' >/proc/self/comm; setsid sh -c 'printf "x) Z (" >/proc/$$/comm; (sleep 1000 & echo $!; wait) & echo $$; wait' & sleep 1000 & echo $!; wait`

// startTree starts the tree and returns the process ids that it prints.
func startTree(t *testing.T, b *bench) (*Process, []int) {
	t.Helper()
	p := b.start(nil, "sh", "-c", tree)
	lines := bufio.NewScanner(p.Stdout())
	var pids []int
	for range 3 {
		if !lines.Scan() {
			t.Fatal("the tree did not say its processes")
		}
		pid, err := strconv.Atoi(lines.Text())
		must(t, err)
		if !alive(pid) {
			t.Fatalf("%d does not run", pid)
		}
		pids = append(pids, pid)
	}
	return p, pids
}

// TestKillTree: the end of a command is the end of everything that carries its session's mark.
func TestKillTree(t *testing.T) {
	b := newBench(t)
	p, pids := startTree(t, b)
	bystander := b.start(nil, "sleep", "1000")
	clean, err := p.End(t.Context())
	if err != nil || !clean {
		t.Errorf("clean %t, %v", clean, err)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("%d still runs", pid)
		}
	}
	select {
	case <-bystander.Exited():
		t.Error("another session's command was killed")
	default:
	}
	must(t, bystander.Close())
}

// TestDoorsDeath: with the door everything ends that it started.
func TestDoorsDeath(t *testing.T) {
	b := newBench(t)
	_, pids := startTree(t, b)
	must(t, b.client.Close())
	<-b.served
	if b.err != nil {
		t.Errorf("Serve: %v", b.err)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("%d still runs", pid)
		}
	}
}

// TestGarbage: a packet that is no message ends local commands, and with them what runs.
func TestGarbage(t *testing.T) {
	for _, packet := range []string{"{", "null x", strings.Repeat("[", 100_000), `{"op":1}`} {
		b := newBench(t)
		_, pids := startTree(t, b)
		_, err := b.client.conn.Write([]byte(packet))
		must(t, err)
		<-b.served
		if b.err == nil {
			t.Errorf("%.10q: no error", packet)
		}
		for _, pid := range pids {
			if alive(pid) {
				t.Errorf("%.10q: %d still runs", packet, pid)
			}
		}
	}
}

// TestNumbersComeBack: once a command is reaped its number may be another's, and no signal goes there.
func TestNumbersComeBack(t *testing.T) {
	b := newBench(t)
	p := b.start(nil, "cat")
	leader, known := readProc(leaderOf(t, b, p))
	if !known {
		t.Fatal("the command does not run")
	}
	leader.start--
	if leader.send(9) {
		t.Error("a process that began at another time was killed")
	}
	if killMarked(leader.pid, []byte(permit.SessionVariable+"=another")) {
		t.Error("a process without the mark was killed")
	}
	_, err := p.Stdin().Write([]byte("x"))
	must(t, err)
	if n, err := p.Stdout().Read(make([]byte, 1)); n != 1 {
		t.Errorf("it was killed: %v", err)
	}
	must(t, p.Close())
}

// TestFloods: more commands than the bound are refused, a kill that is asked for many times happens once, and sweeps beyond
// their bound say that they do not know.
func TestFloods(t *testing.T) {
	b := newBench(t)
	b.server.mu.Lock()
	for i := range maxProcesses {
		b.server.running[uint64(1_000_000+i)] = nil
	}
	b.server.mu.Unlock()
	if _, err := b.client.Start(t.Context(), b.permit(nil, "true"), nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("over the bound: %v", err)
	}
	b.server.mu.Lock()
	clear(b.server.running)
	b.server.mu.Unlock()
	p := b.start(nil, "sleep", "1000")
	for range 1000 {
		must(t, b.client.send(message{Op: "kill", ID: p.id}))
	}
	if left := <-p.swept; left != 0 {
		t.Errorf("%d left", left)
	}
	for range maxSweeps {
		b.server.sweeps <- struct{}{}
	}
	if clean, err := b.client.Sweep(t.Context(), "ses_01M82YFJ5G0BJ95Z6T3A45V1C5"); clean || err != nil {
		t.Errorf("beyond the bound: clean %t, %v", clean, err)
	}
	for range maxSweeps {
		<-b.server.sweeps
	}
	if clean, err := b.client.Sweep(t.Context(), "ses_01M82YFJ5G0BJ95Z6T3A45V1C5"); !clean || err != nil {
		t.Errorf("within it: clean %t, %v", clean, err)
	}
	for _, session := range []string{"", "ses_", "x"} {
		if clean, _ := b.client.Sweep(t.Context(), session); clean {
			t.Errorf("a sweep for %q says clean", session)
		}
	}
	p.closeStreams()
}

// TestKilledOnce: one kill of a command has one answer.
func TestKilledOnce(t *testing.T) {
	b := newBench(t)
	p := b.start(nil, "sleep", "1000")
	b.server.mu.Lock()
	running := b.server.running[p.id]
	running.killed = true // as if one were under way
	b.server.mu.Unlock()
	must(t, b.client.send(message{Op: "kill", ID: p.id}))
	unknown := &Process{client: b.client, id: 99, exited: make(chan struct{}), swept: make(chan int, 1)}
	b.client.mu.Lock()
	b.client.running[99] = unknown
	b.client.mu.Unlock()
	must(t, b.client.send(message{Op: "kill", ID: 99}))
	<-unknown.swept // packets are answered in order, so the first had no answer of its own
	select {
	case <-p.swept:
		t.Error("a second kill was begun")
	default:
	}
	b.server.mu.Lock()
	running.killed = false
	b.server.mu.Unlock()
	must(t, p.Close())
}
