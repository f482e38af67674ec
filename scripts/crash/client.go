package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// line is what a client received, and when.
type line struct {
	at   time.Time
	text string
}

// witness is one session as its client saw it.
type witness struct {
	command string
	steady  bool // a counter: it prints all the time, and lives on a target until it is ended
	local   bool

	mu     sync.Mutex
	lines  []line
	status int // the client's exit status; -1 while it runs
}

// began says whether the client saw the session begin: some output, or an exit status of the command's own.
func (w *witness) began() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lines) > 0 || w.status == 0 || w.status == 126
}

// read notes lines until the client closes its output.
func (w *witness) read(r io.Reader) {
	in := bufio.NewScanner(r)
	for in.Scan() {
		w.mu.Lock()
		w.lines = append(w.lines, line{time.Now(), strings.TrimRight(in.Text(), "\r")})
		w.mu.Unlock()
	}
}

// ssh runs the stock client to its end and notes what it sees.
func (w *witness) ssh(ctx context.Context, config string, args ...string) error {
	cmd := exec.CommandContext(ctx, "ssh", append([]string{"-F", config, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"}, args...)...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	r, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.Stdout = out
	err = cmd.Start()
	_ = out.Close()
	if err != nil {
		return err
	}
	w.read(r)
	_ = cmd.Wait() // its status says how it ended
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = cmd.ProcessState.ExitCode()
	return nil
}
