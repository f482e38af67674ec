package testshell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Path is where programs are looked for, by both.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Box is a folder in which one case at a time is run. It is not safe for concurrent use.
type Box struct {
	root    string // given to New
	home    string // the case's folder: the login's home
	timeout time.Duration
}

// NewBox makes a box in a folder of its own, whose name is in every case's output and should therefore have always the same length.
func NewBox(root string) (*Box, error) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	return &Box{root: root, home: filepath.Join(root, "home"), timeout: 20 * time.Second}, nil
}

// Close removes what the last case left.
func (b *Box) Close() error { return empty(b.home) }

// env is the whole environment of a login here, as sshd gives it.
func (b *Box) env() []string {
	return []string{"PATH=" + Path, "HOME=" + b.home, "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "LC_ALL=C.UTF-8"}
}

// Bash runs a case by bash, as sshd starts it.
func (b *Box) Bash(ctx context.Context, c Case) (Result, error) {
	if err := fill(b.home, c.Files); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	args := []string{"--norc", "--noprofile", "-c", "--", c.Script}
	stdin := c.Stdin
	if c.Piped {
		args, stdin = []string{"--norc", "--noprofile"}, c.Script
	}
	cmd := exec.CommandContext(ctx, "/bin/bash", args...)
	cmd.Args[0] = "bash"
	cmd.Dir, cmd.Env = b.home, append(b.env(), "PWD="+b.home)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) { // what runs on behind it has its output still
		return Result{}, fmt.Errorf("run bash: %w", err)
	}
	r := Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Status: status(cmd.ProcessState)}
	if ctx.Err() != nil {
		r.Status = -1
	}
	r.Files, err = left(b.home)
	return r, err
}

// status is a process's as a shell says it.
func status(s *os.ProcessState) int {
	if w := s.Sys().(syscall.WaitStatus); w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}

// Judge runs a case by bash and by a governed shell and compares them.
func (b *Box) Judge(ctx context.Context, c Case, start Start) (Class, string, error) {
	want, err := b.Bash(ctx, c)
	if err != nil {
		return "", "", err
	}
	got, err := b.Governed(ctx, c, start)
	if err != nil {
		return "", "", err
	}
	class, why := Compare(want, got)
	return class, why, nil
}

// SetTimeout bounds how long one text may run.
func (b *Box) SetTimeout(d time.Duration) { b.timeout = d }
