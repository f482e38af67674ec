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

// TestCasesEqualBash: what is not refused prints what bash prints, and ends with its status.
func TestCasesEqualBash(t *testing.T) {
	for _, folder := range []string{"../testdata/governed", "../testdata/snippets"} {
		cases, err := testshell.Load(folder)
		if err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		box, err := testshell.NewBox(root)
		if err != nil {
			t.Fatal(err)
		}
		root, _ = filepath.EvalSymlinks(root)
		home := filepath.Join(root, "home")
		equal, refused := 0, 0
		for _, c := range cases {
			t.Run(c.Group+"/"+c.Name, func(t *testing.T) {
				want, err := box.Bash(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				want.Files = nil
				fill(t, home, c)
				got, _ := governedShell(t, home, c)
				class, what := testshell.Compare(want, got)
				switch class {
				case testshell.Equal:
					equal++
				case testshell.Refused:
					refused++
					t.Logf("refused: %s", what)
				default:
					t.Errorf("%s\n%s\n%s", c.Script, what, got.Stderr)
				}
			})
		}
		t.Logf("%s: %d equal, %d refused of %d", folder, equal, refused, len(cases))
	}
}
