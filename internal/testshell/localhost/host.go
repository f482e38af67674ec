// Package localhost is a governed.Host for tests: it executes on this machine, in a folder, as a target would for its login. It has no
// policy: everything is allowed that Config.Decide lets pass. It is no part of the product and contains nothing.
package localhost

import (
	"context"
	"errors"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
)

// Config says where a shell's commands run and what they see.
type Config struct {
	Home string   // absolute; the login's home
	Env  []string // NAME=value: the whole environment of every command; PATH is where programs are looked for

	Stdin          io.Reader // the client's; nil is empty
	Stdout, Stderr io.Writer // the client's; nil is discarded

	// Decide is asked before a command starts. Its error is what Host.Start answers; a *wire.Error of kind denied ends as status 126. nil
	// allows everything.
	Decide func(e wire.Exec) error
}

// Host runs commands here. It is safe for concurrent use.
type Host struct {
	cfg   Config
	stdin io.Reader

	mu      sync.Mutex
	started []wire.Exec
	lines   []wire.Report
}

var _ governed.Host = (*Host)(nil)

// New makes a host.
func New(cfg Config) *Host {
	if cfg.Stdin == nil {
		cfg.Stdin = strings.NewReader("")
	}
	if cfg.Stdout == nil {
		cfg.Stdout = io.Discard
	}
	if cfg.Stderr == nil {
		cfg.Stderr = io.Discard
	}
	return &Host{cfg: cfg, stdin: cfg.Stdin}
}

// Started are the commands that were allowed, in the order in which they started.
func (h *Host) Started() []wire.Exec {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.started)
}

// Lines are the reports of lines, in their order.
func (h *Host) Lines() []wire.Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines)
}

// Stat implements governed.Host.
func (h *Host) Stat(_ context.Context, p wire.Path) (wire.Info, error) {
	var st unix.Stat_t
	call := unix.Stat
	if p.Link {
		call = unix.Lstat
	}
	if err := retry(func() error { return call(p.Path, &st) }); err != nil {
		return wire.Info{}, failed(err)
	}
	return info(p.Path, &st), nil
}

// List implements governed.Host.
func (h *Host) List(_ context.Context, p wire.Path) ([]wire.Info, error) {
	f, err := os.OpenFile(p.Path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, failed(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, failed(err)
	}
	list := []wire.Info{}
	for _, name := range names {
		var st unix.Stat_t
		if unix.Lstat(filepath.Join(p.Path, name), &st) == nil {
			list = append(list, info(name, &st))
		}
	}
	return list, nil
}

// Access implements governed.Host.
func (h *Host) Access(_ context.Context, p wire.Path) error {
	mode, known := map[string]uint32{"r": unix.R_OK, "w": unix.W_OK, "x": unix.X_OK}[p.Want]
	if !known {
		return &wire.Error{Kind: wire.KindAsked, Text: "access asks for r, w or x"}
	}
	if err := retry(func() error { return unix.Access(p.Path, mode) }); err != nil {
		return failed(err)
	}
	return nil
}

// Home implements governed.Host.
func (h *Host) Home(_ context.Context, name string) (string, error) {
	if name == "" {
		return h.cfg.Home, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return "", &wire.Error{Kind: wire.KindErrno, Errno: "ENOENT"}
	}
	return u.HomeDir, nil
}

// Stdout implements governed.Host.
func (h *Host) Stdout() io.Writer { return h.cfg.Stdout }

// Stderr implements governed.Host.
func (h *Host) Stderr() io.Writer { return h.cfg.Stderr }

// Stdin implements governed.Host.
func (h *Host) Stdin() io.Reader { return h.stdin }

// Line implements governed.Host. What was refused is told as the door tells it, less the JSON line.
func (h *Host) Line(r wire.Report) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, r)
	return nil
}

// Complete implements governed.Host: nothing is completed here.
func (h *Host) Complete(context.Context, string) ([]string, error) { return nil, nil }

// Help implements governed.Host.
func (h *Host) Help(context.Context) (string, error) { return "everything is allowed here\n", nil }

// History implements governed.Host.
func (h *Host) History(context.Context) ([]string, error) { return nil, nil }

func info(name string, st *unix.Stat_t) wire.Info {
	return wire.Info{Name: filepath.Base(name), Mode: st.Mode, Size: st.Size, MTime: st.Mtim.Sec, UID: st.Uid, GID: st.Gid}
}

// errnos are those that the protocol has; every other one is EIO.
var errnos = map[syscall.Errno]string{
	syscall.ENOENT: "ENOENT", syscall.ENOTDIR: "ENOTDIR", syscall.EISDIR: "EISDIR", syscall.EACCES: "EACCES", syscall.EPERM: "EACCES",
	syscall.EEXIST: "EEXIST", syscall.ELOOP: "ELOOP", syscall.ENAMETOOLONG: "ENAMETOOLONG",
}

func failed(err error) error {
	var no syscall.Errno
	name := "EIO"
	if errors.As(err, &no) && errnos[no] != "" {
		name = errnos[no]
	}
	return &wire.Error{Kind: wire.KindErrno, Errno: name}
}

func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// Terminal implements governed.Host: nothing here has a terminal of its own.
func (h *Host) Terminal() io.Writer { return h.cfg.Stdout }
