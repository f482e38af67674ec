// Command shellprompt drives the prompt of a governed shell as people and agents do: the stock ssh client on a terminal, under pexpect, a
// real Gatehouse and a real sshd as its target. The .py files beside it have the cases; a case that fails is a fault of the exit status.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// uid is the login's on the target.
const uid = 2001

// home is what the login has at home.
var home = map[string]string{
	"plain.txt": "first\nsecond\nthird\n", "with space.txt": "spaced\n", "it's.txt": "quoted\n", "umlaut-ä漢.txt": "wide\n", "-dash": "", "alone/inner.txt": "inner\n",
	"odd/evil\x1b]0;title\x07name": "", "odd/evil\x1b[2Jname": "",
	"names/a;mark pwned;b": "1\n", "names/c$(mark pwned)": "2\n", "names/d`mark pwned`": "3\n", "names/e\nmark pwned": "", "names/f\u202etxt": "", "names/g|mark pwned": "4\n",
	"names/h'\"mark pwned": "5\n", "names/~i": "6\n", "names/j&mark pwned#": "7\n", "names/k{a,b}[c]*?": "8\n", "names/l\\mark": "9\n", "names/m!mark": "10\n",
	"screen.txt":  "\x1b[2J\x1b[H\x1b[?25l\x1b[10;5Hdeploy@web-1:~$ \x1b]133;D;0\x07\x1b]133;A\x07\x1b[A\x1b[A\x1b[31m",
	"numbers.txt": numbers(300), "bin/mark": "#!/bin/sh\necho not the one\n",
	"long.txt": strings.Repeat("line of a long file\n", 200),
	"ask.py":   "import getpass\np = getpass.getpass('Secret: ')\nprint('got', len(p))\n",
}

// numbers are lines that differ.
func numbers(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "number %d.\n", i)
	}
	return out.String()
}

func main() {
	only := flag.String("only", "", "run the cases whose name begins so")
	verbose := flag.Bool("v", false, "show what each terminal was sent")
	flag.Parse()
	if err := run(context.Background(), *only, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "shellprompt:", err)
		os.Exit(1)
	}
}

// run starts what the cases need, and has them run.
func run(ctx context.Context, only string, verbose bool) (err error) {
	root, err := os.MkdirTemp("", "shellprompt")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	if err := os.Chmod(root, 0o755); err != nil {
		return err
	}
	gate, err := start(ctx, root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gate.Close()) }()
	cases := exec.CommandContext(ctx, "/usr/bin/python3", filepath.Join("scripts", "shellprompt", "run.py"))
	cases.Env = append(os.Environ(), "ROOT="+root, "BOT="+gate.Client("bot"), "ANN="+gate.Client("ann"), "BEN="+gate.Client("ben"), "ONLY="+only,
		"EVE="+gate.Client("eve"), "ADDR="+gate.SSHAddr, "BINARY="+filepath.Join("bin", "gatehouse"), fmt.Sprintf("DOOR=%d", gate.PID("door")), fmt.Sprintf("VERBOSE=%t", verbose), "LANG=C.UTF-8")
	cases.Stdout, cases.Stderr = os.Stdout, os.Stderr
	return cases.Run()
}

// start starts Gatehouse and its target, and enrols the agent and the people.
func start(ctx context.Context, root string) (*testgate.Gate, error) {
	text, err := os.ReadFile(filepath.Join("scripts", "shellprompt", "policy.yaml"))
	if err != nil {
		return nil, err
	}
	policy := string(text)
	for _, name := range []string{"ann", "ben"} {
		key := filepath.Join(root, "approval-"+name)
		if out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("make a key: %w: %s", err, out)
		}
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			return nil, err
		}
		policy = strings.ReplaceAll(policy, "@"+name+"@", strings.TrimSpace(string(public)))
	}
	binary, err := filepath.Abs(filepath.Join("bin", "gatehouse"))
	if err != nil {
		return nil, err
	}
	host := testhost.Config{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: uid, Shell: "/bin/bash"}, {Name: "other", UID: uid + 1, Shell: "/bin/bash"}}, Programs: map[string]string{
		"mark": "#!/bin/sh\necho \"mark $*\"\n",
		"loud": "#!/bin/sh\ntrap 'echo heard; exit 3' INT\necho ready\nsleep $1 & wait\n",
	}}
	dir := filepath.Join(root, "gate")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	gate, err := testgate.Start(ctx, testgate.Config{Dir: dir, Binary: binary, Policy: policy, Hosts: []testhost.Config{host}})
	if err != nil {
		return nil, err
	}
	return gate, errors.Join(furnish(gate.Hosts["web-1"]), enrol(ctx, gate))
}

func enrol(ctx context.Context, gate *testgate.Gate) error {
	_, err := gate.Enrol(ctx, "agent", "bot")
	_, more := gate.Enrol(ctx, "agent", "eve")
	err = errors.Join(err, more)
	for _, name := range []string{"ann", "ben"} {
		_, more := gate.Enrol(ctx, "person", name)
		err = errors.Join(err, more)
	}
	return err
}

// furnish puts files into the login's home.
func furnish(h *testhost.Host) error {
	for name, content := range home {
		path, err := h.Path("/home/deploy/" + name)
		if err != nil {
			return err
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			return err
		}
		if err := errors.Join(os.Chown(filepath.Dir(path), uid, uid), os.Chown(path, uid, uid)); err != nil {
			return err
		}
	}
	return nil
}
