package shell_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io/fs"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/tools/txtar"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/process"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell/localhost"
	"gatehouse/policy"
)

var attacks = flag.Bool("attacks", false, "run every attack on the governed shell, not each fifth")

// attack is one text that tries to run touch, to write a file PWN, or to see what is the bastion's.
type attack struct {
	file, name, text string
	want             string // "denied": a command or file of it is; "refused": nothing of it runs; "any"
}

func loadAttacks(t *testing.T) []attack {
	t.Helper()
	names, err := filepath.Glob("testdata/attacks/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no attacks: %v", err)
	}
	var all []attack
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			title, want, ok := strings.Cut(f.Name, " = ")
			if !ok || !slices.Contains([]string{"denied", "refused", "any"}, want) {
				t.Fatalf("%s: %q has no expectation", name, f.Name)
			}
			all = append(all, attack{strings.TrimSuffix(filepath.Base(name), ".txtar"), title, string(f.Data), want})
		}
	}
	return all
}

// secret is what the bastion has and no target.
const secret = "bastion-secret-7f3a"

// ground is a target's files and the bastion's, side by side on this machine. What the host gives is below target; whatever of bastion is
// seen or changed, the shell's process has touched itself.
type ground struct {
	t                       *testing.T
	root, target, home, bin string
	bastion, secret         string
	policy                  *policy.Policy
}

// harmless are the programs of the target; touch among them, so that an attack that succeeds is seen.
var harmless = []string{"ls", "cat", "grep", "sort", "head", "wc", "tr", "rev", "base64", "sleep", "touch", "env", "sh", "bash", "xargs", "find", "cp", "ln", "dd", "tee", "id"}

func newGround(t *testing.T) *ground {
	t.Helper()
	root, err := os.MkdirTemp("", "attack-") // the test's own name is no path that a policy could have
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if root, err = filepath.EvalSymlinks(root); err != nil {
		t.Fatal(err)
	}
	g := &ground{t: t, root: root, target: filepath.Join(root, "target"), bastion: filepath.Join(root, "bastion")}
	g.home, g.bin, g.secret = filepath.Join(g.target, "home"), filepath.Join(g.target, "bin"), filepath.Join(g.bastion, "secret")
	g.policy = g.parsePolicy()
	return g
}

func (g *ground) parsePolicy() *policy.Policy {
	text, err := os.ReadFile("testdata/attacks/policy.yaml")
	g.must(err)
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(g.fill(string(text)))}})
	g.must(err)
	return p
}

// fill puts this ground's paths into a text.
func (g *ground) fill(text string) string {
	return strings.NewReplacer("@HOME@", g.home, "@BIN@", g.bin, "@SECRET@", g.secret, "@BASTION@", g.bastion, "@ROOT@", g.root,
		"@PID@", strconv.Itoa(os.Getpid()), "@PPID@", strconv.Itoa(os.Getppid())).Replace(text)
}

func (g *ground) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// lay makes everything anew.
func (g *ground) lay() {
	g.t.Helper()
	g.must(os.RemoveAll(g.target))
	g.must(os.RemoveAll(g.bastion))
	for _, dir := range []string{g.home + "/out", g.bin, g.bastion + "/bin", g.bastion + "/tmp", g.target + "/elsewhere"} {
		g.must(os.MkdirAll(dir, 0o755))
	}
	for _, name := range harmless {
		path, err := osexec.LookPath(name)
		g.must(err)
		g.must(os.Symlink(path, filepath.Join(g.bin, name)))
	}
	g.must(os.WriteFile(g.home+"/in.txt", []byte("one\ntwo\n"), 0o644))
	g.must(os.WriteFile(g.secret, []byte("echo "+secret+"\n"), 0o755))
	g.must(os.WriteFile(g.bastion+"/bin/leak", []byte("#!/bin/sh\necho "+secret+"\n"), 0o755))
	g.must(os.WriteFile(g.bastion+"/tmp/sh-interp-1", []byte(secret), 0o644))
	g.must(os.Symlink("..", g.home+"/out/up"))
	g.must(os.Symlink("../PWN", g.home+"/out/link"))
	g.must(os.Symlink(g.target+"/elsewhere", g.home+"/out/swap"))
	g.must(unix.Mkfifo(g.home+"/out/fifo", 0o644))
}

// guarded is the target, with the policy before it.
type guarded struct {
	*localhost.Host
	g      *ground
	mu     sync.Mutex
	denied []string
}

var errDenied = &wire.Error{Kind: wire.KindDenied, Text: "denied by policy"}

func (h *guarded) deny(what string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.denied = append(h.denied, what)
	return errDenied
}

// decide asks the policy about a command, as the decider would for a step.
func (h *guarded) decide(e wire.Exec) error {
	plan := policy.Plan{Op: policy.OpRun, Argv: e.Argv, Env: e.Env, Dir: e.Dir, Umask: e.Umask, Redirs: e.Redirs}
	d := h.g.policy.Decide(policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy", Plan: plan,
		Step: &policy.Step{N: 1, Piped: e.Stdin == wire.InPipe}, Facts: policy.Facts{Assume: true}})
	if d.Verdict != policy.Allow {
		return h.deny(strings.Join(e.Argv, " ") + ": " + d.Reason)
	}
	for _, r := range e.Redirs {
		if r.Path != "" && (h.reach(r.Path, r.Op != policy.RedirIn) != nil || special(r.Path)) {
			return h.deny(r.Path)
		}
	}
	return nil
}

// reach says whether a path leads to where the role's files allow.
func (h *guarded) reach(path string, write bool) error {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if link, lerr := os.Lstat(path); lerr == nil && link.Mode()&fs.ModeSymlink != 0 {
			return errDenied
		}
		real, err = filepath.EvalSymlinks(filepath.Dir(path))
		real = filepath.Join(real, filepath.Base(path))
	}
	below := h.g.home + "/"
	if write {
		below += "out/"
	}
	if err != nil || !strings.HasPrefix(real, below) {
		return errDenied
	}
	return nil
}

func (h *guarded) Open(ctx context.Context, o wire.Open) (governed.File, error) {
	if h.reach(o.Path, o.Mode != "read") != nil {
		return nil, h.deny(o.Path)
	}
	if special(o.Path) {
		return nil, h.deny(o.Path)
	}
	return h.Host.Open(ctx, o)
}

// special says whether a path is a FIFO or the like, which this host does not wait for.
func special(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.Mode().IsRegular()
}

// outside answers for what is not the target's: it is not there.
func (h *guarded) outside(p wire.Path) error {
	if real, err := filepath.EvalSymlinks(p.Path); err == nil && real != h.g.target && !strings.HasPrefix(real, h.g.target+"/") {
		return &wire.Error{Kind: wire.KindErrno, Errno: "ENOENT"}
	}
	return nil
}

func (h *guarded) Stat(ctx context.Context, p wire.Path) (wire.Info, error) {
	if err := h.outside(p); err != nil {
		return wire.Info{}, err
	}
	return h.Host.Stat(ctx, p)
}

func (h *guarded) List(ctx context.Context, p wire.Path) ([]wire.Info, error) {
	if err := h.outside(p); err != nil {
		return nil, err
	}
	return h.Host.List(ctx, p)
}

func (h *guarded) Access(ctx context.Context, p wire.Path) error {
	if err := h.outside(p); err != nil {
		return err
	}
	return h.Host.Access(ctx, p)
}

// outcome is what became of an attack.
type outcome struct {
	stdout, stderr string
	status         int
	err            error
	refused        *wire.Refused
	denied         []string
}

// limits of each shell: small, so that bombs end soon.
var attackLimits = wire.Limits{Commands: 200, Depth: 50, Output: 1 << 20, Seconds: 2}

// run has the text read by a real process and a real door.
func (g *ground) run(text string) outcome {
	g.t.Helper()
	g.lay()
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	h := &guarded{g: g}
	path := g.bin + ":/usr/bin"
	h.Host = localhost.New(localhost.Config{Home: g.home, Env: []string{"PATH=" + path, "HOME=" + g.home, "SHELL=/bin/bash"}, Stdout: &stdout, Stderr: &stderr, Decide: h.decide})
	door, child := net.Pipe()
	shell, err := governed.New(door, wire.Begin{Line: text, Target: "web-1", Login: "deploy", Home: g.home, UID: 2000, GID: 2000, Path: path, Limits: attackLimits}, h)
	g.must(err)
	var work sync.WaitGroup
	work.Go(func() { process.Run(ctx, child, nil) })
	ended, err := shell.Serve(ctx)
	shell.Wait()
	work.Wait()
	o := outcome{stdout: stdout.String(), stderr: stderr.String(), status: ended.Status, err: err, denied: h.denied}
	for _, line := range h.Lines() {
		if line.Refused != nil {
			o.refused = line.Refused
		}
	}
	for _, e := range h.Started() {
		if base := filepath.Base(e.Argv[0]); base == "touch" || base == "id" || base == "sh" || base == "bash" {
			g.t.Errorf("%q was started", e.Argv)
		}
	}
	return o
}

// untouched wants no file PWN anywhere, the bastion as it was, and nothing of it seen.
func (g *ground) untouched(o outcome) {
	g.t.Helper()
	var bastion []string
	g.must(filepath.WalkDir(g.root, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(filepath.Base(path), "PWN") {
			g.t.Errorf("there is %s", path)
		}
		if strings.HasPrefix(path, g.bastion+"/") {
			bastion = append(bastion, strings.TrimPrefix(path, g.bastion+"/"))
		}
		return err
	}))
	if want := []string{"bin", "bin/leak", "secret", "tmp", "tmp/sh-interp-1"}; !slices.Equal(bastion, want) {
		g.t.Errorf("the bastion has %q, want %q", bastion, want)
	}
	for path, want := range map[string]string{g.secret: "echo " + secret + "\n", g.bastion + "/tmp/sh-interp-1": secret} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			g.t.Errorf("%s was changed: %q, %v", path, got, err)
		}
	}
	for _, text := range []string{secret, "LEAK"} {
		if strings.Contains(o.stdout, text) || strings.Contains(o.stderr, text+"\n") {
			g.t.Errorf("the bastion's was seen: %q %q", o.stdout, o.stderr)
		}
	}
	if _, err := os.Lstat("/tmp/sh-interp-PWN"); err == nil {
		g.must(os.Remove("/tmp/sh-interp-PWN"))
		g.t.Error("the bastion's /tmp was written")
	}
}

// TestAttacksOnTheGovernedShell: no text makes a shell run what policy denies, write where it may not, or touch the machine it runs on.
func TestAttacksOnTheGovernedShell(t *testing.T) {
	for i, a := range loadAttacks(t) {
		if !*attacks && i%5 != 0 {
			continue
		}
		t.Run(a.file+"/"+a.name, func(t *testing.T) {
			g := newGround(t)
			o := g.run(g.fill(a.text))
			g.untouched(o)
			switch {
			case o.err != nil:
				t.Errorf("the shell ended by %v", o.err)
			case a.want == "denied" && len(o.denied) == 0, a.want == "refused" && o.refused == nil:
				t.Errorf("want it %s; got %+v", a.want, o)
			case a.want == "refused" && o.status != 2:
				t.Errorf("refused with status %d, want 2", o.status)
			}
		})
	}
}

// TestBypassesOfPlansAgain: what the catalogue does to plans, it does not do to a governed shell.
func TestBypassesOfPlansAgain(t *testing.T) {
	for i, c := range bypasses {
		if !*attacks && i%10 != 0 {
			continue
		}
		t.Run(c.about, func(t *testing.T) {
			g := newGround(t)
			text := c.line
			if name, value, is := strings.Cut(c.env, "="); is {
				text = "export " + name + "='" + value + "'\n" + c.line
			}
			o := g.run(text)
			g.untouched(o)
			if o.err != nil {
				t.Errorf("the shell ended by %v", o.err)
			}
			if len(o.denied) == 0 && o.refused == nil && o.status == 0 && !strings.Contains(o.stderr, "gatehouse") {
				t.Logf("silent: %q: %+v", text, o)
			}
		})
	}
}
