package testhost

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestCloseLeavesNothing(t *testing.T) {
	d := newDesk(t)
	before := mounts(t)
	h, config := d.start(Config{})
	d.certify("x", "gh:web-1:deploy")
	r := d.ssh(config, "deploy", "setsid sleep 86017 </dev/null >/dev/null 2>&1 & setsid nohup sh -c 'trap \"\" TERM HUP; sleep 86017' </dev/null >/dev/null 2>&1 & sleep 0")
	if r.Status != 0 {
		t.Fatalf("start of survivors: status %d, %s", r.Status, r.Stderr)
	}
	alive, err := h.Processes("86017")
	for range 1000 { // they start behind the session's back
		if err != nil || len(alive) >= 2 {
			break
		}
		time.Sleep(10 * time.Millisecond)
		alive, err = h.Processes("86017")
	}
	if err != nil || len(alive) < 2 || alive[0].UID != 2001 {
		t.Fatalf("processes %v, %v; want the two that outlive their session, as uid 2001", alive, err)
	}
	if now := mounts(t); !slices.Equal(now, before) {
		t.Errorf("mounts of this process changed while the host runs:\n%s", strings.Join(now, "\n"))
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	for _, p := range append(alive, Process{PID: h.PID()}) {
		if err := syscall.Kill(p.PID, 0); err != syscall.ESRCH {
			t.Errorf("process %d %q after close: %v", p.PID, p.Command, err)
		}
	}
	if left, err := h.Processes(""); err != nil || len(left) != 0 {
		t.Errorf("after close: %v, %v", left, err)
	}
}

// mounts lists where something is mounted, without what other tests mount in temporary folders of their own.
func mounts(t *testing.T) []string {
	var points []string
	for line := range strings.Lines(readFile(t, "/proc/self/mountinfo")) {
		point := strings.Fields(line)[4] // proc_pid_mountinfo(5)
		if !strings.HasPrefix(point, os.TempDir()+"/") || strings.HasPrefix(point, os.TempDir()+"/"+t.Name()) {
			points = append(points, point)
		}
	}
	return points
}

func TestDiesWithItsParent(t *testing.T) {
	d := newDesk(t)
	dir := t.TempDir()
	if err := writeFile(dir+"/ca.pub", d.read("ca.pub"), 0o644); err != nil {
		t.Fatal(err)
	}
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderEnv+"="+dir)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	defer holder.Process.Kill()
	pid, config := readHolder(t, d, bufio.NewScanner(out))

	d.certify("x", "gh:web-1:deploy")
	if r := d.ssh(config, "deploy", "setsid sleep 86018 </dev/null >/dev/null 2>&1 & sleep 0"); r.Status != 0 {
		t.Fatalf("status %d, %s", r.Status, r.Stderr)
	}
	h := &Host{proc: &process{pid: pid}}
	alive, err := h.Processes("")
	if err != nil || len(alive) < 2 {
		t.Fatalf("processes %v, %v; want sshd and sleep", alive, err)
	}
	var ends []unix.PollFd
	for _, p := range alive {
		fd, err := unix.PidfdOpen(p.PID, 0)
		if err == unix.ESRCH {
			continue // a session's own sshd, gone meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		ends = append(ends, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for i := range ends {
		n, err := unix.Poll(ends[i:i+1], 10000)
		for err == unix.EINTR { // the runtime's own signals
			n, err = unix.Poll(ends[i:i+1], 10000)
		}
		if n != 1 || err != nil {
			t.Errorf("a process of the target lives on after its parent was killed: %d, %v", n, err)
		}
	}
}

// readHolder reads what the holding process says about its host.
func readHolder(t *testing.T, d *desk, lines *bufio.Scanner) (pid int, config string) {
	t.Helper()
	var addr string
	if !lines.Scan() {
		t.Fatalf("holding process said nothing: %v", lines.Err())
	}
	if _, err := fmt.Sscan(lines.Text(), &pid, &addr); err != nil {
		t.Fatalf("holding process: %q, %v", lines.Text(), err)
	}
	var known strings.Builder
	for lines.Scan() && lines.Text() != "end" {
		known.WriteString(lines.Text() + "\n")
	}
	return pid, d.configure(addr, known.String())
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSaysThatItNeedsRoot(t *testing.T) {
	d := newDesk(t)
	dir := t.TempDir()
	if err := writeFile(dir+"/ca.pub", d.read("ca.pub"), 0o644); err != nil {
		t.Fatal(err)
	}
	holder := exec.Command("setpriv", "--bounding-set", "-sys_admin", os.Args[0])
	holder.Env = append(os.Environ(), holderEnv+"="+dir)
	out, err := holder.Output()
	if err == nil || !strings.Contains(string(out), ErrNeedsRoot.Error()) {
		t.Errorf("without CAP_SYS_ADMIN: %v, %q", err, out)
	}
}
