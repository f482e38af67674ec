package process_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/process"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell"
	"gatehouse/internal/testshell/localhost"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limits are those of every shell here.
var limits = wire.Limits{Commands: 20_000, Depth: 200, Output: 4 << 20, Seconds: 10}

// governedShell runs a case in a folder by the real door and the real process.
func governedShell(t *testing.T, home string, c testshell.Case) (testshell.Result, *localhost.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	stdin := c.Stdin
	if c.Piped {
		stdin = c.Script
	}
	host := localhost.New(localhost.Config{
		Home: home, Env: []string{"PATH=" + testshell.Path, "HOME=" + home, "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "LC_ALL=C.UTF-8"},
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
	})
	begin := wire.Begin{Target: "here", Login: "root", Home: home, UID: os.Getuid(), GID: os.Getgid(), Host: "here", Path: testshell.Path, Limits: limits}
	if begin.Script = c.Piped; !c.Piped {
		begin.Line = c.Script
	}
	begin.Host, _ = os.Hostname()
	door, child := net.Pipe()
	shell, err := governed.New(door, begin, host)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { process.Run(ctx, child, nil) })
	ended, err := shell.Serve(ctx)
	shell.Wait()
	work.Wait()
	r := testshell.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Status: ended.Status}
	if err != nil {
		r.Fault = err.Error()
	}
	for _, line := range host.Lines() {
		if line.Refused != nil {
			r.Refused = line.Refused
		}
	}
	return r, host
}

// fill makes a case's files.
func fill(t *testing.T, home string, c testshell.Case) {
	t.Helper()
	if err := os.RemoveAll(home); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Files {
		path := filepath.Join(home, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.Data), f.Mode); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEqualBash: what is let through prints what bash prints, leaves its files, and ends with its status. The many cases are the judge's.
func TestEqualBash(t *testing.T) {
	texts, err := os.ReadFile("testdata/equal.txt")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	box, err := testshell.NewBox(root)
	if err != nil {
		t.Fatal(err)
	}
	home, refused := filepath.Join(root, "home"), 0
	for _, text := range strings.Split(string(texts), "\n====\n") {
		c := testshell.Case{Script: strings.TrimSuffix(text, "\n"), Files: []testshell.File{{Path: "in", Mode: 0o644, Data: "first\nsecond\nthird\n"}}}
		want, err := box.Bash(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		want.Files = nil
		fill(t, home, c)
		got, _ := governedShell(t, home, c)
		switch class, what := testshell.Compare(want, got); class {
		case testshell.Refused:
			refused++
			t.Logf("%s\nrefused: %s", c.Script, what)
		case testshell.Different:
			t.Errorf("%s\n%s\n%s", c.Script, what, got.Stderr)
		}
	}
	if refused > 3 {
		t.Errorf("%d are refused", refused)
	}
}
