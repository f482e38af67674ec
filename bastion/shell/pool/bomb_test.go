package pool

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell"
	"gatehouse/internal/testshell/localhost"
)

// bombs are lines that would grow without end, and what stops them; with a blank before: or the want of descriptors, which fails a command. The first is in the default tests, all with -bombs.
var bombs = []struct{ line, construct string }{
	{"x=xxxxxxxx; while :; do x=$x$x; done", "memory"},
	{"a=(1 2 3 4); for ((;;)); do a+=(\"${a[@]}\"); done", "memory"},
	{"f() { f | f; }; f", " commands depth"},
	{"x=xxxxxxxx; while x=$x$x; do x=$x$x; done", "memory"},
	{"x=xxxxxxxx; for ((;;)); do x+=$x; done", "memory"},
	{"x=$(yes)", "memory expansion"},
	{"x=$(while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done)", "commands memory"},
	{"printf '%1000000000d' 1", "printf"},
	{"printf '%1000000d' {1..100}", "printf"},
	{"x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do x=${x//a/aaaaaaaaaaaaaaaa}; done", "memory"},
	{"echo {1..10000}{1..10000}{1..10000}", "brace"},
	{"echo {a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}{a,b,c,d,e,f,g,h}", "brace memory expansion"},
	{"f() { f; }; f", "depth"},
	{"f() { x=$(f); }; f", "depth"},
	{"f() { eval f; }; f", "text"},
	{"f() { (f); }; f", "depth"},
	{"f() { bash -c 'x=1; sh -c true'; f; }; f", "depth commands"},
	{"yes | mapfile a", "input memory"},
	{"yes | { read -d '' x; }", "read memory"},
	{"yes | tr -d '\\n' | { read x; }", "read memory"},
	{"x=xxxxxxxxxxxxxxxx; for i in {1..18}; do x=$x$x; done; cat <<< $x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x$x", "memory expansion"},
	{"x=x; while :; do x=$x$x; done & wait", "memory"},
	{"yes 'x=1' | bash", "commands"},
	{"{ echo x=xxxxxxxx; yes 'x=$x$x'; } | bash", "memory"},
	{"for ((;;)); do :; done", "commands"},
	{"while true; do true | true | true; done", "commands"},
	{"set -- 1 2 3 4; for ((;;)); do set -- \"$@\" \"$@\"; done", "memory expansion"},
	{"f() { set -- \"$@\" \"$@\"; f \"$@\"; }; f a b c", "depth memory"},
	{"trap 'while :; do x=x$x$x; done' EXIT; x=x", "memory commands"},
	{"for ((i = 0;; i++)); do eval \"f$i() { echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; }\"; done", "memory commands"},
}

// bombed is what became of a line.
type bombed struct {
	refused *wire.Refused
	status  int
	err     error
	how     string
	peak    int // KiB
	took    time.Duration
}

// drop runs a line in a process from the pool.
func drop(t *testing.T, s *Server, c *Client, line string) (b bombed) {
	t.Helper()
	begun := time.Now()
	sh := take(t, c)
	s.mu.Lock()
	pid := s.taken[sh.id].cmd.Process.Pid
	s.mu.Unlock()
	home := t.TempDir()
	host := localhost.New(localhost.Config{Home: home, Env: []string{"PATH=" + testshell.Path, "HOME=" + home}, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard})
	shell, err := governed.New(sh, wire.Begin{Line: line, Home: home, Login: "root", Path: testshell.Path, Limits: wire.Limits{Commands: 10_000, Depth: 64, Output: 16 << 20, Seconds: 60}}, host)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	over := make(chan struct{})
	peak := make(chan int, 1)
	go func() { peak <- watchPeak(pid, over) }()
	ended, err := shell.Serve(ctx)
	close(over)
	sh.Kill()
	shell.Wait()
	b = bombed{status: ended.Status, err: err, how: ends(t, sh), peak: <-peak, took: time.Since(begun)}
	for _, l := range host.Lines() {
		if l.Refused != nil {
			b.refused = l.Refused
		}
	}
	return b
}

// watchPeak is the most memory that a process had, in KiB.
func watchPeak(pid int, over <-chan struct{}) (peak int) {
	for {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, rest, ok := bytes.Cut(text, []byte("VmHWM:")); ok && err == nil {
			kib := 0
			fmt.Sscan(string(rest), &kib)
			peak = max(peak, kib)
		}
		select {
		case <-over:
			return peak
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestBombs: what grows without end ends its line, with a word for it, and not its process; that stays within its bound, and the door's own
// memory where it was.
func TestBombs(t *testing.T) {
	some := bombs
	if !*allBombs {
		some = bombs[:1]
	}
	s, c := newPool(t, Config{UID: ownUsers()})
	before := heap()
	for _, bomb := range some {
		b := drop(t, s, c, bomb.line)
		word := ""
		if b.refused != nil {
			word, _, _ = strings.Cut(b.refused.Construct, " ")
		}
		if b.err != nil || b.refused == nil && bomb.construct[0] != ' ' || b.status == 0 && !unheeded(bomb.line) || !strings.Contains(bomb.construct, word) {
			t.Errorf("%s\nstatus %d, %v, %s, refused %+v, want %q", bomb.line, b.status, b.err, b.how, b.refused, bomb.construct)
		}
		if b.peak > maxPeak {
			t.Errorf("%s: its process had %d KiB", bomb.line, b.peak)
		}
		t.Logf("%4d MiB %6.2f s %-12s %s", b.peak>>10, b.took.Seconds(), word, bomb.line[:min(len(bomb.line), 90)])
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("the door has %d KiB more", grown>>10)
	}
}

// unheeded says that a line's status is not that of the part that is ended: a trap's, or one that runs behind.
func unheeded(line string) bool {
	return strings.HasPrefix(line, "trap") || strings.HasSuffix(line, "wait")
}

// TestShellsStandBack: a shell's process is the last to get the processor and the first to go where memory is short.
func TestShellsStandBack(t *testing.T) {
	s, c := newPool(t, Config{UID: ownUsers()})
	sh := take(t, c)
	_, err := sh.Read(make([]byte, 1)) // it speaks once it is confined
	must(t, err)
	s.mu.Lock()
	pid := s.taken[sh.id].cmd.Process.Pid
	s.mu.Unlock()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	must(t, err)
	for _, thread := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, thread.Name()))
		must(t, err)
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')'):]))
		if fields[17] != fmt.Sprint(behind) {
			t.Errorf("thread %s has the nice value %s", thread.Name(), fields[17])
		}
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid))
	must(t, err)
	if strings.TrimSpace(string(text)) != "1000" {
		t.Errorf("oom_score_adj is %s", text)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
