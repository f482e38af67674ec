// Package judge compares what a plan does with what bash makes of the line that it is from: in the same folder, with
// programs that record how they are called. It is for tests and for scripts/difffuzz.
package judge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Programs are the names of the recording program on a box's PATH; the last digit is the exit status.
var Programs = []string{"p0", "q0", "r0", "p1", "p3"}

// Shells are the login shells that a plan's line must be right in.
var Shells = []string{"bash", "dash", "zsh", "fish"}

// maxRun bounds one line.
const maxRun = 20 * time.Second

// Box is a folder in which lines run: bin/, home/ and the record. Its home is made anew for every run. It is used by one
// goroutine.
type Box struct{ root string }

// Call is one call of a recording program.
type Call struct {
	Argv  []string `json:"argv"`
	Dir   string   `json:"dir"`
	Stdin string   `json:"stdin"` // hash
	Umask string   `json:"umask"`
	Env   []string `json:"env"` // variables whose names begin with V
}

// NewCall makes the record of a call.
func NewCall(argv []string, dir, stdin, umask string, environ []string) Call {
	c := Call{Argv: argv, Dir: dir, Stdin: stdin, Umask: umask}
	for _, v := range environ {
		if strings.HasPrefix(v, "V") {
			c.Env = append(c.Env, v)
		}
	}
	slices.Sort(c.Env)
	return c
}

// ShellSays reports whether a line is a shell's or launcher's own message, which differs from shell to shell and by how a
// program is named.
func ShellSays(line string) bool {
	if strings.Contains(line, ": failed to run command") {
		return true
	}
	for _, name := range []string{"bash: ", "/bin/bash: ", "sh: ", "/bin/sh: ", "dash: ", "environment: "} {
		if strings.HasPrefix(line, name) {
			return true
		}
	}
	return false
}

// Outcome is what can be seen of a run.
type Outcome struct {
	Status int
	Stdout string
	Calls  []string // each call as JSON, sorted
	Files  []string // name, mode and content of each file of the home, sorted
}

// nobody runs the lines where root would: random lines write to any path that they can spell.
const nobody = 65534

// New makes a box in an empty folder and builds the recording program. It needs the go command. Run by root, the lines run as
// nobody, who must be able to pass the folders above the box: those below the temporary folder are opened for that.
func New(root string) (*Box, error) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	if err := open(root); err != nil {
		return nil, err
	}
	b := &Box{root: root}
	first := filepath.Join(b.bin(), Programs[0])
	build := exec.Command("go", "build", "-o", first, "gatehouse/bastion/shell/judge/recorder")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the recorder: %w: %s", err, out)
	}
	for _, name := range Programs[1:] {
		if err := b.Link(name); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// open lets nobody into a box.
func open(root string) error {
	if os.Getuid() != 0 {
		return nil
	}
	if err := os.Chown(root, nobody, nobody); err != nil {
		return err
	}
	for dir := root; dir != "/" && dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if err := os.Chmod(dir, info.Mode()|0o755); err != nil {
			return err
		}
	}
	return nil
}

// give makes everything below a folder nobody's.
func give(folder string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	})
}

// Link gives the recording program one more name.
func (b *Box) Link(name string) error {
	return os.Link(filepath.Join(b.bin(), Programs[0]), filepath.Join(b.bin(), name))
}

// Home is where lines run.
func (b *Box) Home() string { return filepath.Join(b.root, "home") }

func (b *Box) bin() string { return filepath.Join(b.root, "bin") }

// Bash runs a line as its author meant it.
func (b *Box) Bash(line string) (Outcome, error) { return b.Run("bash", line) }

// Run gives a line to a shell as sshd does, in a fresh home.
func (b *Box) Run(shell, line string) (Outcome, error) {
	if err := b.reset(); err != nil {
		return Outcome{}, err
	}
	path, err := exec.LookPath(shell)
	if err != nil {
		return Outcome{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxRun)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, "-c", line)
	cmd.Args[0] = shell
	cmd.Dir = b.Home()
	cmd.Env = []string{"HOME=" + b.Home(), "USER=deploy", "SHELL=" + path, "PATH=" + b.path()}
	cmd.Stdin = strings.NewReader("the session's input\n")
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Outcome{}, fmt.Errorf("%s: %w", shell, err)
	}
	return b.outcome(cmd.ProcessState.ExitCode(), out.String())
}

func (b *Box) path() string { return b.bin() + ":/usr/bin:/bin" }

// reset makes the home that every line finds.
func (b *Box) reset() error {
	home := b.Home()
	if err := os.RemoveAll(home); err != nil {
		return err
	}
	os.Remove(filepath.Join(b.root, "calls.jsonl"))
	for _, dir := range []string{"d/e", "d e", "-d", "empty", ".config/fish", ".local/share/fish"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"a": "one\ntwo\n", "b": "three\n", "a b": "four\n", "x.go": "go\n", "y.go": "", ".hidden": "h\n", "d/a": "five\n", "d/e/z.go": "deep\n", "d e/f": "six\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return give(home)
}

func (b *Box) outcome(status int, stdout string) (Outcome, error) {
	if status == 126 {
		status = 127 // shells do not agree on what to say of a program that cannot be run
	}
	o := Outcome{Status: status, Stdout: withoutShells(stdout)}
	text, err := os.ReadFile(filepath.Join(b.root, "calls.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	o.Calls = slices.Sorted(strings.Lines(string(text)))
	err = filepath.WalkDir(b.Home(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".config" || d.Name() == ".local") {
			return filepath.SkipDir // fish's
		}
		content := []byte{}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() {
			content, err = os.ReadFile(path)
		}
		if err != nil {
			return err
		}
		o.Files = append(o.Files, fmt.Sprintf("%s %v %q", strings.TrimPrefix(path, b.Home()), info.Mode(), withoutShells(string(content))))
		return nil
	})
	return o, err
}

// withoutShells leaves out what shells say, and the folder of a program that names itself in its messages: a final plan
// starts it by its whole path.
func withoutShells(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !ShellSays(line) {
			b.WriteString(strings.TrimPrefix(line, "/usr/bin/"))
		}
	}
	return b.String()
}

// Argvs returns the argvs of the calls.
func (o Outcome) Argvs() ([][]string, error) {
	var argvs [][]string
	for _, text := range o.Calls {
		var c Call
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return nil, err
		}
		argvs = append(argvs, c.Argv)
	}
	return argvs, nil
}

// Differ says how two outcomes differ; it is empty if they do not.
func Differ(want, got Outcome) string {
	switch {
	case want.Status != got.Status:
		return fmt.Sprintf("status %d, want %d", got.Status, want.Status)
	case !slices.Equal(want.Calls, got.Calls):
		return fmt.Sprintf("calls %q, want %q", got.Calls, want.Calls)
	case want.Stdout != got.Stdout:
		return fmt.Sprintf("output %q, want %q", got.Stdout, want.Stdout)
	case !slices.Equal(want.Files, got.Files):
		return fmt.Sprintf("files %q, want %q", got.Files, want.Files)
	}
	return ""
}
