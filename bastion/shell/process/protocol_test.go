package process_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/process"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell"
	"gatehouse/internal/testshell/localhost"
	"gatehouse/policy"
)

// commands runs a line and gives what the door was asked to run.
func commands(t *testing.T, line string) ([]wire.Exec, testshell.Result) {
	t.Helper()
	home := t.TempDir()
	c := testshell.Case{Script: line, Files: []testshell.File{{Path: "in", Mode: 0o644, Data: "1\n2\n3\n"}, {Path: "l.sh", Mode: 0o644, Data: "ls in\n"}}}
	fill(t, home, c)
	got, host := governedShell(t, home, c)
	started := host.Started()
	for i := range started {
		for j := range started[i].Redirs {
			started[i].Redirs[j].Path = strings.TrimPrefix(started[i].Redirs[j].Path, home+"/")
		}
	}
	return started, got
}

// TestOneCommandsRedirectionsAreItsOwn: they are pushed down, and a file of several commands is cut once.
func TestOneCommandsRedirectionsAreItsOwn(t *testing.T) {
	all, got := commands(t, "cat < in > out 2>&1; { ls in; cat <<< here; } > both; cat out both")
	if len(all) != 4 {
		t.Fatalf("%d commands: %+v\n%s", len(all), all, got.Stderr)
	}
	want := [][]policy.Redir{
		{{FD: 0, Op: "<", Path: "in"}, {FD: 1, Op: ">", Path: "out"}, {FD: 2, Op: ">&", To: 1}},
		{{FD: 1, Op: ">>", Path: "both"}},
		{{FD: 0, Op: "<<", Data: "here\n"}, {FD: 1, Op: ">>", Path: "both"}},
	}
	for i, w := range want {
		if got := all[i].Redirs; len(got) != len(w) {
			t.Errorf("command %d has %+v, want %+v", i, got, w)
			continue
		}
		for j := range w {
			if all[i].Redirs[j] != w[j] {
				t.Errorf("command %d has %+v, want %+v", i, all[i].Redirs[j], w[j])
			}
		}
	}
	if string(got.Stdout) != "1\n2\n3\nin\nhere\n" {
		t.Errorf("printed %q", got.Stdout)
	}
}

// TestInputSaysWhoseItIs: a command's own pipe is not one that it finds around it, and what runs behind reads nothing.
func TestInputSaysWhoseItIs(t *testing.T) {
	all, _ := commands(t, "echo a | cat; while read l; do cat; done < in; cat & wait; f() { cat; }; echo b | f; head -c 0")
	want := []struct {
		stdin   wire.Source
		inherit bool
	}{{wire.InPipe, false}, {wire.InPipe, true}, {wire.InNull, false}, {wire.InPipe, true}, {wire.InClient, false}}
	if len(all) != len(want) {
		t.Fatalf("%d commands: %+v", len(all), all)
	}
	for i, w := range want {
		if all[i].Stdin != w.stdin || all[i].Inherit != w.inherit {
			t.Errorf("%q has %s, inherited %v; want %+v", all[i].Argv, all[i].Stdin, all[i].Inherit, w)
		}
	}
}

// TestOnlyExportedVariablesAreTold: and the interpreter's own never.
func TestOnlyExportedVariablesAreTold(t *testing.T) {
	all, _ := commands(t, "plain=1; export SHOWN=2; ls; ONE=3 ls; cd /; ls; PATH=/bin ls")
	want := []string{"SHOWN=2", "ONE=3 SHOWN=2", "SHOWN=2", "PATH=/bin SHOWN=2"}
	if len(all) != len(want) {
		t.Fatalf("%d commands: %+v", len(all), all)
	}
	for i, w := range want {
		var told []string
		for _, v := range all[i].Env {
			told = append(told, v.Name+"="+v.Value)
		}
		if got := strings.Join(told, " "); got != w {
			t.Errorf("command %d is told %q, want %q", i, got, w)
		}
	}
}

// TestChainIsTold: through which texts a command came to be one, in subshells and substitutions too.
func TestChainIsTold(t *testing.T) {
	for line, want := range map[string]string{
		"ls":                                "",
		"eval 'x=$(ls)'":                    "eval",
		"bash -c 'eval \"(ls)\"'":           "bash -c,eval",
		". ./l.sh":                          "source ",
		"echo ls | sh":                      "sh",
		"sh l.sh":                           "sh ",
		"eval true; ls":                     "",
		"bash -c 'bash -c \"ls in | cat\"'": "bash -c,bash -c",
	} {
		all, got := commands(t, line)
		if len(all) == 0 {
			t.Errorf("%s: nothing ran: %s", line, got.Stderr)
			continue
		}
		var chain []string
		for _, l := range all[0].Chain {
			chain = append(chain, l.By)
			if file := strings.Contains(l.By, " /") || l.By == "sh"; file != (l.SHA256 != "") {
				t.Errorf("%s: %q has the digest %q", line, l.By, l.SHA256)
			}
		}
		if got := strings.Join(chain, ","); got != want && (!strings.HasSuffix(want, " ") || !strings.HasPrefix(got, want)) {
			t.Errorf("%s: chain %q, want %q", line, got, want)
		}
	}
}

// TestBoundsEndALine: with a refusal, and nothing of the line runs on.
func TestBoundsEndALine(t *testing.T) {
	for line, construct := range map[string]string{
		"f() { f; }; f; echo on":                               "depth",
		"while :; do :; done; echo on":                         "commands",
		"for i in $(seq 1 40); do sleep 9 & done; echo on":     "&",
		"x=$(f() { f; }; f); echo on":                          "depth",
		"echo a > /dev/tcp/127.0.0.1/1; echo on":               "",
		"for i in 1 2; do echo hi; ulimit -n 5; done; echo on": "limits and times",
		"(jobs) | cat; echo on":                                "job control",
		"printf 'echo a\\nread x\\nb\\n' | sh; echo on":        "input",
		"yes '(a b' | bash; echo on":                           "",
	} {
		_, got := commands(t, line)
		if got.Refused == nil || got.Status != 2 || strings.Contains(string(got.Stdout), "on\n") || construct != "" && !strings.Contains(got.Refused.Construct, construct) {
			t.Errorf("%s: status %d, refused %+v, printed %q", line, got.Status, got.Refused, got.Stdout)
		}
	}
}

// TestLostInputIsLoud: where a command was sent input that others were to read, the next reader is told.
func TestLostInputIsLoud(t *testing.T) {
	_, got := commands(t, "{ head -n 1; cat; } < in")
	if got.Status != 1 || !strings.Contains(string(got.Stderr), "what is left is not known") {
		t.Errorf("status %d, %s", got.Status, got.Stderr)
	}
}

// TestSignalEndsWhatRuns: a client's interrupt reaches the command that runs, and the shell ends with its status.
func TestSignalEndsWhatRuns(t *testing.T) {
	for signal, want := range map[string]int{"INT": 130, "TERM": 143} {
		home := t.TempDir()
		got := signalled(t, home, signal, "touch ready; sleep 60; touch late")
		if _, err := os.Stat(filepath.Join(home, "late")); got != want || err == nil {
			t.Errorf("%s: status %d, want %d; what came after: %v", signal, got, want, err)
		}
	}
}

// signalled runs a line, and signals its shell once the file "ready" is there.
func signalled(t *testing.T, home, signal, line string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	running := make(chan struct{})
	host := localhost.New(localhost.Config{Home: home, Env: []string{"PATH=" + testshell.Path, "HOME=" + home}, Decide: func(e wire.Exec) error {
		if e.Argv[0] == "sleep" {
			close(running)
		}
		return nil
	}})
	door, child := net.Pipe()
	shell, err := governed.New(door, wire.Begin{Line: line, Home: home, Login: "root", Path: testshell.Path, Limits: limits}, host)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { process.Run(ctx, child, nil) })
	work.Go(func() {
		<-running
		shell.Signal(signal)
	})
	ended, err := shell.Serve(ctx)
	shell.Wait()
	work.Wait()
	if err != nil {
		t.Error(err)
	}
	return ended.Status
}

// TestDeniedCommandDoesNotEndAText: it is 126, and the text goes on.
func TestDeniedCommandDoesNotEndAText(t *testing.T) {
	home := t.TempDir()
	var stdout strings.Builder
	host := localhost.New(localhost.Config{Home: home, Env: []string{"PATH=" + testshell.Path, "HOME=" + home}, Stdout: &stdout, Decide: func(e wire.Exec) error {
		if e.Argv[0] == "id" {
			return &wire.Error{Kind: wire.KindDenied}
		}
		return nil
	}})
	door, child := net.Pipe()
	shell, err := governed.New(door, wire.Begin{Line: `id; echo $?; x=$(id); echo "$? [$x]"; eval 'i"d"' || echo no; set -e; id; echo on`, Home: home, Login: "root", Path: testshell.Path, Limits: limits}, host)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { process.Run(t.Context(), child, nil) })
	ended, err := shell.Serve(t.Context())
	shell.Wait()
	work.Wait()
	if want := "126\n126 []\nno\n"; err != nil || ended.Status != 126 || stdout.String() != want {
		t.Errorf("status %d, %v, printed %q, want %q", ended.Status, err, stdout.String(), want)
	}
}
