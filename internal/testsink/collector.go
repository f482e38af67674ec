package testsink

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/testhost"
)

// Collector is an OpenTelemetry collector: scripts/otelcol, built from the collector's own modules.
type Collector struct {
	t           testing.TB
	binary, out string
	port        int
	cmd         *exec.Cmd
}

// NewCollector builds one, that is stopped when the test ends. root is the folder of our module.
func NewCollector(t testing.TB, root string) *Collector {
	t.Helper()
	dir := t.TempDir()
	c := &Collector{t: t, binary: filepath.Join(dir, "otelcol"), out: filepath.Join(dir, "out")}
	build := exec.Command("go", "build", "-o", c.binary, ".")
	build.Dir, build.Env = filepath.Join(root, "scripts", "otelcol"), append(os.Environ(), "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the collector: %v\n%s", err, text)
	}
	var err error
	if c.port, err = testhost.FreePort(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Down(syscall.SIGKILL) })
	return c
}

// URL is what a sink is told.
func (c *Collector) URL() string { return fmt.Sprintf("http://127.0.0.1:%d", c.port) }

// Up starts it and waits until it listens.
func (c *Collector) Up() {
	c.t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", c.port)
	c.cmd = exec.Command(c.binary, "-listen", address, "-out", c.out)
	c.cmd.Stderr = os.Stderr
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			c.t.Fatal("the collector does not listen")
		}
	}
}

// Down ends it by a signal and waits.
func (c *Collector) Down(sig syscall.Signal) {
	if c.cmd != nil {
		_ = c.cmd.Process.Signal(sig)
		_ = c.cmd.Wait() // how it ended does not matter
		c.cmd = nil
	}
}

// Read reads what was written so far: the numbers of log records, and how many different spans there are of each name.
func (c *Collector) Read() (*Seqs, map[string]int) {
	c.t.Helper()
	got, spans, seen := &Seqs{}, map[string]int{}, map[string]bool{}
	f, err := os.Open(c.out)
	if err != nil {
		return got, spans // nothing yet
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		fields := strings.Fields(in.Text())
		switch {
		case len(fields) == 2 && fields[0] == "log":
			var n int64
			if _, err := fmt.Sscan(fields[1], &n); err == nil {
				got.Add(n)
			}
		case len(fields) == 4 && fields[0] == "span" && !seen[fields[2]]:
			seen[fields[2]] = true
			spans[fields[3]]++
		}
	}
	return got, spans
}
