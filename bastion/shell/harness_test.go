package shell_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/policy"
)

// recorderScript writes its own name and arguments, NUL-terminated, to a file of its own, and exits with the digit that
// ends its name.
const recorderScript = `#!/bin/dash
printf '%s\0' "${0##*/}" "$@" > "$OUT/$$"
case "$0" in *0) exit 0;; *1) exit 1;; *3) exit 3;; esac
`

// recorders are the commands that exist on the PATH of a host, with their exit statuses. Some have names that shells would
// take for something else.
var recorders = map[string]int{"p0": 0, "p1": 1, "p3": 3, "if": 0, "export": 0, "cd": 0, "it's 1": 1, "$x `y` 0": 0, "test": 0, "a b3": 3}

// host is a folder of recorders and the judge of what shells do.
type host struct {
	t         testing.TB
	bin, home string
}

func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{t: t, bin: t.TempDir(), home: t.TempDir()}
	for name := range recorders {
		if err := os.WriteFile(filepath.Join(h.bin, name), []byte(recorderScript), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(bash, filepath.Join(h.bin, "bash")); err != nil { // for lines that start it themselves
		t.Fatal(err)
	}
	return h
}

// run gives a line to a shell as sshd would and returns the argvs that arrived, sorted, and the exit status.
func (h *host) run(shell, line string) (argvs []string, status int) {
	h.t.Helper()
	out, err := os.MkdirTemp(h.bin, "out")
	if err != nil {
		h.t.Fatal(err)
	}
	defer os.RemoveAll(out)
	cmd := exec.Command(shell, "-c", line)
	cmd.Dir = out
	cmd.Env = []string{"PATH=" + h.bin, "OUT=" + out, "LC_ALL=C.UTF-8", "HOME=" + h.home}
	if err := cmd.Run(); err != nil {
		status = cmd.ProcessState.ExitCode()
	}
	files, err := os.ReadDir(out)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(out, f.Name()))
		if err != nil {
			h.t.Fatal(err)
		}
		argvs = append(argvs, string(text))
	}
	slices.Sort(argvs)
	return argvs, status
}

// predict says what a plan does on a host: the argvs that arrive, sorted, and the exit status. ok is false if the plan
// names a program that the host does not have, or is more than joined commands (package judge compares those).
func predict(p policy.Plan) (argvs []string, status int, ok bool) {
	if !bare(p) {
		return nil, 0, false
	}
	for _, argv := range p.Commands() {
		if _, known := recorders[argv[0]]; !known {
			return nil, 0, false
		}
	}
	status = walk(p, &argvs)
	slices.Sort(argvs)
	return argvs, status, true
}

func walk(p policy.Plan, argvs *[]string) int {
	if p.Op == policy.OpRun {
		*argvs = append(*argvs, strings.Join(p.Argv, "\x00")+"\x00")
		return recorders[p.Argv[0]]
	}
	status := 0
	for i, part := range p.Parts {
		if i > 0 && (p.Op == policy.OpAnd && status != 0 || p.Op == policy.OpOr && status == 0) {
			continue
		}
		status = walk(part, argvs)
	}
	return status
}

// bare reports whether a plan is nothing but argvs that are joined.
func bare(p policy.Plan) bool {
	return p.Dir == "" && p.Umask == "" && !p.Not && !p.Pipefail && len(p.Redirs)+len(p.Env)+len(p.Wrap)+len(p.Globs)+len(p.Tildes)+len(p.Starts) == 0 &&
		!slices.ContainsFunc(p.Parts, func(part policy.Plan) bool { return !bare(part) })
}
