package local

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/bastion/target"
	"gatehouse/internal/permit"
)

// daemon leaves its group, its session and its parent, and has cleared its environment: no mark is left on it, and nobody but
// the warden is above it. It says its number.
const daemon = `env -i /usr/bin/setsid /bin/sh -c '/usr/bin/setsid /bin/sh -c "trap : HUP TERM; echo \$\$; while :; do /bin/sleep 1000; done" & exit'`

// TestNothingLeft: a daemon without a mark ends with its command, whether that is killed or ends by itself, on a terminal or
// not, and nothing that is said to be gone is there.
func TestNothingLeft(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		then string
		pty  *target.PTY
	}{
		"killed":            {"; read line", nil},
		"at its normal end": {"; exit 3", nil},
		"killed on a pty":   {"; read line", &target.PTY{Term: "vt100", Cols: 80, Rows: 24}},
		"ended on a pty":    {"; exit 3", &target.PTY{Term: "vt100", Cols: 80, Rows: 24}},
	} {
		p := b.start(c.pty, "sh", "-c", daemon+c.then)
		pids := numbers(t, p.Stdout(), 1)
		if strings.Contains(c.then, "exit") {
			<-p.Exited()
			if e := p.Exit(); e.Status != 3 {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if !alive(pids[0]) {
			t.Errorf("%s: the daemon ended by itself, so this shows nothing", name)
		}
		if clean, err := p.End(t.Context()); err != nil || !clean {
			t.Errorf("%s: clean %t, %v", name, clean, err)
		}
		if alive(pids[0]) {
			t.Errorf("%s: the daemon still runs", name)
		}
	}
}

// TestSupervisorsDeath: without a supervisor, however it went, the warden ends everything.
func TestSupervisorsDeath(t *testing.T) {
	b := newBench(t)
	p := b.start(nil, "sh", "-c", daemon+"; read line")
	pids := numbers(t, p.Stdout(), 1)
	running := b.server.process(p.id)
	must(t, syscall.Shutdown(fdOf(t, running.control), syscall.SHUT_RDWR)) // as when its process is gone
	gone(t, pids[0], running.cmd.Process.Pid)
	must(t, p.Close())
}

// TestWardensDeath: root may kill a warden. Then the command ends with it, what carries the mark is found, and how the command
// ended is not known.
func TestWardensDeath(t *testing.T) {
	b := newBench(t)
	p, pids := startTree(t, b)
	must(t, b.server.process(p.id).cmd.Process.Kill())
	<-p.Exited()
	if e := p.Exit(); e.Known || e.Signal != "" {
		t.Errorf("exit %+v", e)
	}
	if clean, err := p.End(t.Context()); err != nil || !clean {
		t.Errorf("clean %t, %v", clean, err)
	}
	gone(t, pids...)
}

// bombs fork as fast as they can: a tree that grows, one whose parents leave at once, one that ignores what asks it
// to end, and some that leave their session too. Those that do not surely grow may be few, or over before they are seen.
var bombs = map[string]struct {
	script string
	grows  bool
}{
	"a tree":          {`b() { b | b & wait; }; b`, true},
	"a chain":         {`b() { b & exit; }; b & b & b & sleep 1000`, false},
	"a deaf loop":     {`trap '' HUP TERM INT; while :; do (while :; do (sleep 1000) & done) & done`, true},
	"that leaves":     {`while :; do setsid sh -c 'setsid sleep 1000 &' & done`, true},
	"that comes anew": {`setsid sh -c "$0" "$0" & setsid sh -c "$0" "$0" & exit`, false},
}

// safety bounds a bomb should Gatehouse fail to: the machine that tests it goes on. Where a limit is lower, it does nothing.
const safety = "prlimit --pid $$ --nproc=256 2>/dev/null; "

// TestForkBombs: the number of processes is bounded, other commands start all the same, and the end is the end of all.
func TestForkBombs(t *testing.T) {
	b := newBench(t)
	const most = 64
	for name, bomb := range bombs {
		least := 0
		if bomb.grows {
			least = most / 4
		}
		p, warden, peak := dropBomb(b, name, bomb.script, most, least)
		for range 4 { // a tree may fall by itself: a shell that cannot fork ends
			if peak >= least {
				break
			}
			if _, err := p.End(t.Context()); err != nil {
				t.Error(err)
			}
			p, warden, peak = dropBomb(b, name, bomb.script, most, least)
		}
		if peak < least || peak > most+1 {
			t.Errorf("%s: %d processes at most, want some and no more than %d", name, peak, most)
		}
		if got := b.output(nil, "echo", "served"); got != "served\n" {
			t.Errorf("%s: another command: %q", name, got)
		}
		last := descendants(warden)
		if clean, err := p.End(t.Context()); err != nil || !clean {
			t.Errorf("%s: clean %t, %v", name, clean, err)
		}
		for _, one := range last {
			if now, there := readProc(one.pid); there && now.start == one.start && !now.ended() {
				t.Errorf("%s: %d still runs", name, one.pid)
			}
		}
	}
}

// dropBomb starts a bomb and watches it until it has grown, or for a while. It gives the most processes that it was seen to have.
func dropBomb(b *bench, name, script string, most, least int) (p *Process, warden, peak int) {
	b.t.Helper()
	argv := []string{"sh", "-c", safety + "echo begun; " + script, script}
	p, err := b.client.Start(b.t.Context(), b.permit(func(p *permit.Permit) { p.Limits.Processes = uint64(most) }, argv...), nil)
	must(b.t, err)
	go func() { // its complaints
		for lines := bufio.NewScanner(p.Stderr()); lines.Scan(); {
		}
	}()
	if !bufio.NewScanner(p.Stdout()).Scan() {
		b.t.Errorf("%s: it does not begin", name)
	}
	warden = b.server.process(p.id).cmd.Process.Pid
	for begun := time.Now(); peak < least && time.Since(begun) < 5*time.Second; {
		peak = max(peak, len(descendants(warden)))
	}
	return p, warden, peak
}

// TestFalseChildren: a process that is older than its parent's number says is none of its children.
func TestFalseChildren(t *testing.T) {
	own, ok := readProc(os.Getpid())
	if !ok || own.parent != os.Getppid() || own.start == 0 || own.ended() {
		t.Fatalf("this process is %+v", own)
	}
	found := false
	for _, p := range descendants(os.Getppid()) {
		found = found || p.pid == own.pid
	}
	if !found {
		t.Error("this process is not among its parent's")
	}
	other := own
	other.start++
	if other.send(0) || !own.send(0) {
		t.Error("a process is known by its number alone")
	}
	for _, text := range []string{"", "1", "1 (a) S", "x (a) S 1", ") "} {
		if p, ok := parseProc(1, []byte(text)); ok {
			t.Errorf("%q: %+v", text, p)
		}
	}
	line := fmt.Sprintf("7 (a) R 1 2 ) Z (b)) S 12 %s 99 0", strings.Repeat("0 ", 17))
	if p, ok := parseProc(7, []byte(line)); !ok || p.parent != 12 || p.start != 99 || p.state != 'S' {
		t.Errorf("a name with brackets: %+v, %t", p, ok)
	}
}
