package local

import (
	"flag"
	"io"
	"os"
	"runtime"
	"testing"

	"gatehouse/bastion/target"
)

// execs is how many commands TestLeaks starts; make soak starts a thousand.
var execs = flag.Int("execs", 40, "commands that TestLeaks starts")

// TestLeaks: command after command, with and without a terminal, killed or not, and nothing is left of them: no descriptor, no
// goroutine, no child, no entry.
func TestLeaks(t *testing.T) {
	b := newBench(t)
	one(t, b, 0)
	one(t, b, 1)
	files, routines := count(t, "/proc/self/fd"), runtime.NumGoroutine()
	for i := range *execs {
		one(t, b, i)
	}
	if got := count(t, "/proc/self/fd"); got > files {
		t.Errorf("%d descriptors, %d before", got, files)
	}
	if got := runtime.NumGoroutine(); got > routines+2 { // those of the last may be on their way out
		t.Errorf("%d goroutines, %d before", got, routines)
	}
	if left := descendants(os.Getpid()); len(left) != 0 {
		t.Errorf("children are left: %+v", left)
	}
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	if len(b.server.running) != 0 {
		t.Errorf("%d entries", len(b.server.running))
	}
}

// one runs the i-th command.
func one(t *testing.T, b *bench, i int) {
	t.Helper()
	var pty *target.PTY
	if i%2 == 1 {
		pty = &target.PTY{Term: "vt100", Cols: 80, Rows: 24}
	}
	script := "sleep 1000 & exit 5"
	if i%4 > 1 {
		script = "sleep 1000"
	}
	p := b.start(pty, "sh", "-c", script)
	if i%4 < 2 {
		<-p.Exited()
		if e := p.Exit(); e.Status != 5 {
			t.Errorf("exit %+v", e)
		}
	}
	if clean, err := p.End(t.Context()); err != nil || !clean {
		t.Errorf("clean %t, %v", clean, err)
	}
	_, _ = io.Copy(io.Discard, p.Stdout())
}

func count(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	return len(entries)
}
