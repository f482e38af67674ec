package localhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
	"gatehouse/bastion/target"
)

// process is a command that runs here, in a process group of its own.
type process struct {
	stdout, stderr io.Reader
	stdin          io.WriteCloser
	group          int
	client         bool
	takesNone      bool
	exited         chan struct{}
	exit           target.Exit
	readers        []*os.File
}

var _ governed.Process = (*process)(nil)

// Start implements governed.Host. What a target's login shell would say of a program that is not there, the command says itself.
func (h *Host) Start(ctx context.Context, _ int64, e wire.Exec) (governed.Process, error) {
	if len(e.Argv) == 0 || !filepath.IsAbs(e.Dir) {
		return nil, &wire.Error{Kind: wire.KindAsked, Text: "a command has words and an absolute folder"}
	}
	if h.cfg.Decide != nil {
		if err := h.cfg.Decide(e); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	h.started = append(h.started, e)
	h.mu.Unlock()
	return h.start(ctx, e)
}

func (h *Host) start(ctx context.Context, e wire.Exec) (*process, error) {
	p := &process{exited: make(chan struct{}), client: e.Stdin == wire.InClient, takesNone: e.Inherit && !readers[filepath.Base(e.Argv[0])]}
	io, err := p.descriptors(e)
	if err != nil {
		return nil, err
	}
	defer io.close()
	if err := io.redirect(e); err != nil {
		fmt.Fprintf(io.fd[2], "bash: line 1: %v\n", err)
		return p.ended(1), nil
	}
	cmd, status, err := h.command(e)
	if err != nil {
		fmt.Fprintf(io.fd[2], "bash: line 1: %s: %v\n", e.Argv[0], err)
		return p.ended(status), nil
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = io.fd[0], io.fd[1], io.fd[2]
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(io.fd[2], "bash: line 1: %s: %v\n", e.Argv[0], err)
		if errors.Is(err, fs.ErrNotExist) { // what its first line names
			return p.ended(127), nil
		}
		return p.ended(126), nil
	}
	p.group = cmd.Process.Pid
	go p.wait(ctx, cmd)
	return p, nil
}

// wait ends with the command; a context that is done ends the command first.
func (p *process) wait(ctx context.Context, cmd *exec.Cmd) {
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-p.group, syscall.SIGKILL) })
	defer stop()
	_ = cmd.Wait()
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	p.exit = target.Exit{Known: true, Status: status.ExitStatus()}
	if status.Signaled() {
		p.exit = target.Exit{Signal: strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG"), Core: status.CoreDump()}
	}
	close(p.exited)
}

// ended is a command that has printed what it had to and is over.
func (p *process) ended(status int) *process {
	p.exit = target.Exit{Known: true, Status: status}
	close(p.exited)
	return p
}

// command finds the program as the target's login shell would, with the command's own environment and folder.
func (h *Host) command(e wire.Exec) (*exec.Cmd, int, error) {
	if st, err := os.Stat(e.Dir); err != nil || !st.IsDir() {
		return nil, 1, errors.New("cd: No such file or directory")
	}
	env := append([]string{}, h.cfg.Env...)
	for _, v := range e.Env {
		env = append(env, v.Name+"="+v.Value)
	}
	path, status, err := look(e.Argv[0], e.Dir, env)
	if err != nil {
		return nil, status, err
	}
	cmd := &exec.Cmd{Path: path, Args: e.Argv, Env: append(env, "PWD="+e.Dir), Dir: e.Dir}
	if script(path) {
		cmd.Path, cmd.Args = "/bin/bash", append([]string{"bash", path}, e.Argv[1:]...)
	}
	if e.Umask != "" {
		cmd.Args = append([]string{"bash", "-c", `umask "$1"; n=$2; p=$3; shift 3; exec -a "$n" "$p" "$@"`, "bash", e.Umask, cmd.Args[0], cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/bash"
	}
	return cmd, 0, nil
}

// look searches PATH as execvp does, which goes on after what may not be run.
func look(name, dir string, env []string) (string, int, error) {
	if name == "" {
		return "", 127, errors.New("command not found")
	}
	if strings.Contains(name, "/") {
		full := name
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, name)
		}
		st, err := os.Stat(full)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", 127, unix.ENOENT
		case err != nil:
			return "", 126, unix.ENOTDIR
		case st.IsDir():
			return "", 126, unix.EISDIR
		case unix.Access(full, unix.X_OK) != nil:
			return "", 126, unix.EACCES
		}
		return full, 0, nil
	}
	found := ""
	for _, v := range env { // the last one counts
		if value, is := strings.CutPrefix(v, "PATH="); is {
			found = value
		}
	}
	status, why := 127, errors.New("command not found")
	for _, folder := range filepath.SplitList(found) {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		full := filepath.Join(folder, name)
		st, err := os.Stat(full)
		if err != nil || st.IsDir() {
			continue
		}
		if unix.Access(full, unix.X_OK) == nil {
			return full, 0, nil
		}
		status, why = 126, unix.EACCES
	}
	return "", status, why
}

// script reports whether a program is a text without "#!", which shells read themselves.
func script(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	return !strings.HasPrefix(string(head), "#!") && !strings.HasPrefix(string(head), "\x7fELF")
}

func (p *process) Stdout() io.Reader              { return p.stdout }
func (p *process) Stderr() io.Reader              { return p.stderr }
func (p *process) Stdin() io.WriteCloser          { return p.stdin }
func (p *process) Resize(_, _, _, _ uint32) error { return nil }
func (p *process) Exited() <-chan struct{}        { return p.exited }
func (p *process) Exit() target.Exit              { return p.exit }
func (p *process) PTY() bool                      { return false }
func (p *process) ReadsClient() bool              { return p.client }
func (p *process) NoInput() bool                  { return p.takesNone }
func (p *process) Held() []byte                   { return nil }

// readers are programs whose rules would let them read: the others are given no input that was meant for a loop around them.
var readers = map[string]bool{"cat": true, "head": true, "tail": true, "grep": true, "sed": true, "awk": true, "sort": true, "uniq": true, "wc": true,
	"tr": true, "cut": true, "tee": true, "xargs": true, "od": true, "sha256sum": true, "md5sum": true, "base64": true, "rev": true, "tac": true, "nl": true,
	"paste": true, "dd": true, "python3": true, "perl": true, "column": true, "fold": true, "expand": true, "gzip": true, "jq": true, "diff": true}

// Signal implements governed.Process: the whole group gets it.
func (p *process) Signal(name string) error {
	no := unix.SignalNum("SIG" + name)
	if no == 0 {
		return fmt.Errorf("no signal %q", name)
	}
	if p.group == 0 {
		return nil
	}
	return syscall.Kill(-p.group, no)
}

// Close implements governed.Process.
func (p *process) Close() error {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.group, syscall.SIGKILL)
		<-p.exited
	}
	for _, f := range p.readers {
		_ = f.Close()
	}
	return p.stdin.Close()
}
