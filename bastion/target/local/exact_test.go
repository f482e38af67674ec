package local

import (
	"errors"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/target"
	"gatehouse/internal/permit"
	"gatehouse/policy"
)

func fdOf(t *testing.T, c *net.UnixConn) int {
	t.Helper()
	raw, err := c.SyscallConn()
	must(t, err)
	var out int
	must(t, raw.Control(func(fd uintptr) { out = int(fd) }))
	return out
}

// TestLimits: what the permit says is what the command has, soft and hard, with no capability to be had, no way to more
// privileges, Gatehouse's memory spared before its own, and the usual mask, in a session and a group of its own.
func TestLimits(t *testing.T) {
	b := newBench(t)
	all := permit.Limits{Processes: 300, OpenFiles: 77, FileSize: 1 << 20, Memory: 1 << 30, CPUTime: time.Minute, CPUs: 0.5, Core: 4096}
	text := b.output(func(p *permit.Permit) { p.Limits = all }, "cat", "/proc/self/limits")
	for name, want := range map[string]string{"Max processes": "300 300", "Max open files": "77 77", "Max file size": "1048576 1048576", "Max address space": "1073741824 1073741824",
		"Max cpu time": "60 60", "Max core file size": "4096 4096"} {
		if got := limitIn(text, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := limitIn(b.output(nil, "cat", "/proc/self/limits"), "Max core file size"); got != "0 0" {
		t.Errorf("without a word about core files: %q", got)
	}
	status := b.output(nil, "cat", "/proc/self/status")
	for _, line := range []string{"NoNewPrivs:\t1", "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
		"SigIgn:\t0000000000000000", "SigBlk:\t0000000000000000", "Umask:\t0022"} {
		if !strings.Contains(status, line+"\n") {
			t.Errorf("status has no %q:\n%s", line, status)
		}
	}
	if got := b.output(nil, "cat", "/proc/self/oom_score_adj"); got != oomScore+"\n" {
		t.Errorf("OOM score %q", got)
	}
	if f := strings.Fields(b.output(nil, "sh", "-c", "read pid name state parent group session rest </proc/self/stat; echo $$ $group $session")); len(f) != 3 || f[0] != f[1] || f[1] != f[2] {
		t.Errorf("process, group and session %q", f)
	}
	p := b.start(nil, "true")
	if !strings.Contains(p.Note(), "core 0 bytes (RLIMIT_CORE)") {
		t.Errorf("the note says %q", p.Note())
	}
	must(t, p.Close())
}

func limitIn(text, name string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.Join(strings.Fields(rest)[:2], " ")
		}
	}
	return ""
}

// TestLimitsHold: a file that grows too far, too many files, too much memory and too much time.
func TestLimitsHold(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		limits permit.Limits
		script string
		want   string
	}{
		"file size": {permit.Limits{FileSize: 8192}, `cd "$(mktemp -d)"; trap '' XFSZ; head -c 100000 /dev/zero >f; wc -c <f; rm -r "$PWD"`, "8192"},
		"files":     {permit.Limits{OpenFiles: 16}, `ulimit -n; ulimit -n 17 || echo no`, "16\nno"},
		"memory":    {permit.Limits{Memory: 48 << 20}, `head -c 60000000 /dev/zero | tail >/dev/null || echo no`, "no"},
	} {
		got := strings.TrimSpace(b.output(func(p *permit.Permit) { p.Limits = c.limits }, "sh", "-c", c.script))
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestEnvironment: an allow-list. A decided variable wins over it, of two the later one, and the session's mark over all.
func TestEnvironment(t *testing.T) {
	t.Setenv("GATEHOUSE_SECRET_OF_THE_SUPERVISOR", "x")
	b := newBench(t)
	nobody, err := user.Lookup("nobody")
	must(t, err)
	got := b.output(func(p *permit.Permit) {
		p.Session = "ses_01M82YFJ5G0BJ95Z6T3A45V1C5"
		p.Env = []policy.EnvVar{{Name: "A", Value: "1"}, {Name: "A", Value: "2\n"}, {Name: permit.SessionVariable, Value: p.Session}}
	}, "env", "-0")
	want := "A=2\n\x00GATEHOUSE_SESSION=ses_01M82YFJ5G0BJ95Z6T3A45V1C5\x00HOME=" + nobody.HomeDir + "\x00LANG=C.UTF-8\x00LOGNAME=nobody\x00PATH=" + path + "\x00SHELL=/bin/sh\x00USER=nobody\x00"
	if got != want {
		t.Errorf("environment %q, want %q", got, want)
	}
}

// TestUsers: who cannot be had as a login, and what the user is told.
func TestUsers(t *testing.T) {
	for name, c := range map[string]struct {
		user user.User
		want string
	}{
		"no home":        {user.User{Uid: "2001", Gid: "2001", Username: "ghost"}, "user ghost has no home; give it one"},
		"a relative one": {user.User{Uid: "2001", Gid: "2001", Username: "ghost", HomeDir: "home"}, "user ghost has no home; give it one"},
		"root":           {user.User{Uid: "0", Gid: "2001", Username: "toor", HomeDir: "/"}, "never run as root (user toor, uid 0"},
		"root's group":   {user.User{Uid: "2001", Gid: "0", Username: "ghost", HomeDir: "/"}, "never run as root (user ghost, uid 2001, gid 0"},
		"no number":      {user.User{Uid: "x", Gid: "1", Username: "ghost", HomeDir: "/"}, "uid of ghost"},
		"ours":           {user.User{Uid: "61002", Gid: "2001", Username: "ghost", HomeDir: "/"}, "Gatehouse's own users"},
		"our group":      {user.User{Uid: "2001", Gid: "61002", Username: "ghost", HomeDir: "/"}, "Gatehouse's own users or in their groups"},
	} {
		if l, err := take(&c.user, []uint32{61002}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	if _, err := loginOf("no-such-user", "ops", nil); err == nil || !strings.Contains(err.Error(), `login "ops" runs as "no-such-user", which is no user of this machine`) {
		t.Errorf("no user: %v", err)
	}
	daemon, err := loginOf("daemon", "ops", nil)
	if err != nil || daemon.uid != 1 || len(daemon.groups) != 1 || daemon.groups[0] != 1 || daemon.shell != usualShell {
		t.Errorf("a user with one group and no shell: %+v, %v", daemon, err)
	}
	if shell := shellOf("root"); !listed(shell) && shell != usualShell {
		t.Errorf("root's shell: %q", shell)
	}
}

// TestHome: the folder is the user's home, also through a link, as far as the user itself gets there, and else the root.
func TestHome(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o755))
	open, closed, link, trap := filepath.Join(dir, "open"), filepath.Join(dir, "closed"), filepath.Join(dir, "link"), filepath.Join(dir, "trap")
	must(t, os.Mkdir(open, 0o755))
	must(t, os.Mkdir(closed, 0o700))
	must(t, os.Symlink(open, link))
	must(t, os.Symlink(closed, trap))
	b := newBench(t)
	for home, want := range map[string]string{open: open, closed: "/", link: open, trap: "/", filepath.Join(dir, "none"): "/", "/proc/1/root": "/", "/etc/passwd": "/"} {
		if got := pwdIn(t, b, home); got != want+"\n" {
			t.Errorf("home %s: %q, want %s", home, got, want)
		}
	}
}

// pwdIn is where a command of nobody's begins, whose home that is.
func pwdIn(t *testing.T, b *bench, home string) string {
	t.Helper()
	s, err := attach(order{}, message{})
	must(t, err)
	p := newProcess("ses_01M82YFJ5G0BJ95Z6T3A45V1C5")
	must(t, p.begin(s.child, order{Path: "/bin/pwd", Argv: []string{"pwd", "-P"}, Home: home, UID: 65534, GID: 65534}))
	closeAll(s.child)
	b.server.work.Go(func() { b.server.attend(99, p) }) // the door knows no such command, and throws away what it hears
	out, err := io.ReadAll(s.door[1])
	must(t, err)
	closeAll(s.door)
	if left, ended := p.end(); left != 0 || !ended {
		t.Errorf("%d left, %t", left, ended)
	}
	return string(out)
}

// TestNeverRootInTheShim: an order that names root starts nothing, wherever it comes from.
func TestNeverRootInTheShim(t *testing.T) {
	for _, o := range []order{{UID: 0, GID: 65534}, {UID: 65534, GID: 0}} {
		if err := become(o); err == nil {
			t.Fatal("this process took an order to be root")
		}
	}
}

// TestAttacks: what a command tries with the processes above it. It reads no environment, memory or descriptor of theirs, and
// signals and traces neither.
func TestAttacks(t *testing.T) {
	b := newBench(t)
	p := b.start(nil, "sleep", "1000")
	warden, own := strconv.Itoa(b.server.process(p.id).cmd.Process.Pid), strconv.Itoa(os.Getpid())
	tries := ""
	for _, pid := range []string{warden, own} {
		for name, script := range map[string]string{
			"environment": "cat /proc/PID/environ", "memory": "head -c 1 /proc/PID/mem", "maps": "cat /proc/PID/maps", "descriptors": "ls /proc/PID/fd/", "a descriptor": "cat /proc/PID/fd/0",
			"its folder": "ls /proc/PID/cwd/", "its root": "ls /proc/PID/root/", "signal": "kill -KILL PID", "stop": "kill -STOP PID", "group": "kill -KILL -PID",
			"limits": "prlimit --pid PID --nofile=3", "priority": "renice -n -1 -p PID", "trace": "strace -p PID", "OOM": "echo 1000 >/proc/PID/oom_score_adj",
		} {
			tries += "(" + strings.ReplaceAll(script, "PID", pid) + ") >/dev/null 2>&1 && echo " + name + " of " + pid + "\n"
		}
	}
	if got := b.output(nil, "sh", "-c", tries+"echo tried"); got != "tried\n" {
		t.Errorf("done: %q", got)
	}
	if got := b.output(nil, "su", "-c", "id", "root"); got != "" {
		t.Errorf("su: %q", got)
	}
	must(t, p.Close())
}

// TestGreat: the longest permit that fits in a packet is started.
func TestGreat(t *testing.T) {
	b := newBench(t)
	word := strings.Repeat("x", 90_000)
	if got := b.output(nil, "printf", "%s", word); got != word {
		t.Errorf("%d bytes came, want %d", len(got), len(word))
	}
	if _, err := b.client.Start(t.Context(), b.permit(nil, "printf", "%s", strings.Repeat("x", 200_000)), nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("beyond a packet: %v", err)
	}
}

// TestPTYPrograms: a controlling terminal that nobody else writes to, with the client's modes; ^C, ^D and a hang-up are what
// they are on any terminal; a program that lets go of its terminal goes on, and ends with the session.
func TestPTYPrograms(t *testing.T) {
	b := newBench(t)
	modes := "\x35\x00\x00\x00\x00" + "\x01\x00\x00\x00\x18" + "\x80\x00\x00\x96\x00" + "\x00" + "\x32\x00\x00\x00\x00" // no echo, ^X interrupts; after the end nothing counts
	term := func() *target.PTY { return &target.PTY{Term: "vt100", Cols: 80, Rows: 24, Modes: modes} }
	p := b.start(term(), "sh", "-c", `stat -c %a $(tty); stty -a </dev/tty; trap 'trap - INT; echo caught' INT; echo ready; while :; do sleep 0.01; done`)
	text := until(t, p.Stdout(), "ready")
	for _, want := range []string{"600\r\n", " -echo ", "intr = ^X", " icanon "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	_, err := p.Stdin().Write([]byte{0x18})
	must(t, err)
	until(t, p.Stdout(), "caught")
	_, err = p.Stdin().Write([]byte{0x18})
	must(t, err)
	<-p.Exited()
	if e := p.Exit(); e.Known || e.Signal != "INT" {
		t.Errorf("interrupted: %+v", e)
	}
	must(t, p.Close())

	p = b.start(term(), "cat")
	_, err = p.Stdin().Write([]byte("line\n\x04"))
	must(t, err)
	until(t, p.Stdout(), "line\r\n")
	<-p.Exited()
	if e := p.Exit(); !e.Known || e.Status != 0 {
		t.Errorf("after the end of input: %+v", e)
	}
	must(t, p.Close())

	mark := filepath.Join(t.TempDir(), "mark")
	must(t, os.Chmod(filepath.Dir(filepath.Dir(mark)), 0o755))
	must(t, os.Chmod(filepath.Dir(mark), 0o777))
	p = b.start(term(), "sh", "-c", `trap 'echo hung up >`+mark+`; exit' HUP; echo ready; exec 0<&- 1>&- 2>&-; while :; do sleep 0.01; done`)
	until(t, p.Stdout(), "ready")
	leader := leaderOf(t, b, p)
	if clean, err := p.End(t.Context()); err != nil || !clean {
		t.Errorf("clean %t, %v", clean, err)
	}
	gone(t, leader)
	if text, err := os.ReadFile(mark); err != nil || string(text) != "hung up\n" {
		t.Errorf("after the hang-up: %q, %v", text, err)
	}
}

// until reads until a text has come.
func until(t *testing.T, r io.Reader, want string) string {
	t.Helper()
	var text []byte
	b := make([]byte, 4096)
	for !strings.Contains(string(text), want) {
		n, err := r.Read(b)
		if err != nil {
			t.Fatalf("no %q in %q: %v", want, text, err)
		}
		text = append(text, b[:n]...)
	}
	return string(text)
}
