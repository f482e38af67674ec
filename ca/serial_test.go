package ca_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/ca"

	"go.uber.org/goleak"
)

const serialChild = "GATEHOUSE_TEST_SERIALS"

// TestMain is also the child of TestSerialsSurviveKill, which prints serials until it is killed, and of TestRotateCrash.
func TestMain(m *testing.M) {
	if order := os.Getenv(crashVariable); order != "" {
		os.Exit(crash(strings.Split(order, "|")))
	}
	if path := os.Getenv(serialChild); path != "" {
		printSerials(path)
	}
	goleak.VerifyTestMain(m)
}

func printSerials(path string) {
	serials, err := ca.OpenSerials(path, standing)
	for err == nil {
		var s ca.Serial
		if s, err = serials.Next(); err == nil {
			_, err = fmt.Println(s)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// standing is a clock that does not move: nothing but the file then keeps serials apart.
func standing() time.Time { return at }

// TestSerialsSurviveKill kills processes that hand out serials, two at a time on one file, and looks for one seen twice.
func TestSerialsSurviveKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "serials")
	seen := map[uint64]bool{}
	for round := range 6 {
		first, second := startSerials(t, path), startSerials(t, path)
		for _, c := range []*child{first, second} {
			for _, s := range c.take(t, 700+round*300) {
				if seen[s] {
					t.Fatalf("round %d: serial %d came twice", round, s)
				}
				seen[s] = true
			}
		}
		first.kill()
		second.kill()
	}
	if len(seen) < 6*2*700 {
		t.Fatalf("only %d serials", len(seen))
	}
}

// TestSerialsAfterAnOldBackup: with the file lost or put back to an old state, the clock keeps serials from repeating.
func TestSerialsAfterAnOldBackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "serials")
	now := at
	take := func() ca.Serial {
		serials, err := ca.OpenSerials(path, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		s, err := serials.Next()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	last := take()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		last = take()
	}
	for what, spoil := range map[string]func() error{
		"lost":       func() error { return os.Remove(path) },
		"put back":   func() error { return os.WriteFile(path, old, 0o600) },
		"set to one": func() error { return os.WriteFile(path, []byte("1\n"), 0o600) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
		if s := take(); s <= last {
			t.Errorf("%s: serial %d after %d", what, s, last)
		} else {
			last = s
		}
	}
}

// TestSerialsRefuseAnUnreadableFile: rather no certificate than one with a serial that may have been used.
func TestSerialsRefuseAnUnreadableFile(t *testing.T) {
	for _, text := range []string{"", "0\n", "-1\n", "12\n34\n", "abc", "99999999999999999999\n"} {
		path := filepath.Join(t.TempDir(), "serials")
		write(t, path, text, 0o600)
		if _, err := ca.OpenSerials(path, nil); err == nil || !strings.Contains(err.Error(), "not a serial") {
			t.Errorf("%q: %v", text, err)
		}
	}
	path := filepath.Join(t.TempDir(), "serials")
	write(t, path, "18446744073709551615\n", 0o600)
	serials, err := ca.OpenSerials(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := serials.Next(); err == nil {
		t.Errorf("serial %d after the last", s)
	}
}

// TestSerialsConcurrently: one object, many callers.
func TestSerialsConcurrently(t *testing.T) {
	serials, err := ca.OpenSerials(filepath.Join(t.TempDir(), "serials"), standing)
	if err != nil {
		t.Fatal(err)
	}
	var seen sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				s, err := serials.Next()
				if _, twice := seen.LoadOrStore(s, true); twice || err != nil {
					t.Errorf("serial %d: twice %t, %v", s, twice, err)
				}
			}
		})
	}
	wg.Wait()
}

// child is a process that prints serials.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startSerials(t *testing.T, path string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serialChild+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, lines: bufio.NewScanner(out)}
	t.Cleanup(c.kill)
	return c
}

func (c *child) take(t *testing.T, n int) []uint64 {
	t.Helper()
	var taken []uint64
	for len(taken) < n && c.lines.Scan() {
		s, err := strconv.ParseUint(c.lines.Text(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, s)
	}
	if len(taken) < n {
		t.Fatalf("the child stopped after %d serials", len(taken))
	}
	return taken
}

// kill is SIGKILL; the child has no time to tidy up.
func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}
