package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

const (
	drawLimit = 20 * time.Second
	pollEvery = 20 * time.Millisecond
)

// terminal is what a client drew, safe to look at while it draws.
type terminal struct {
	mu   sync.Mutex
	seen bytes.Buffer
}

// terminalLimit bounds what is kept of a terminal's output.
const terminalLimit = 1 << 20

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen.Len() < terminalLimit {
		t.seen.Write(p)
	}
	return len(p), nil
}

func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen.String()
}

// fullScreen runs top in a real terminal, makes the terminal larger, and looks at the size that arrived on the target.
func fullScreen(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w.screen.command("ssh -F demo-bot/ssh_config -t " + web1 + " top")
	cmd := exec.CommandContext(ctx, "ssh", "-F", w.clientConfig("demo-bot"), "-t", web1, "top")
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	side, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		return fmt.Errorf("start ssh in a terminal: %w", err)
	}
	defer side.Close()
	drawn, copied := &terminal{}, make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(drawn, side) // ends with EIO when the client has left the terminal
	}()

	draws := eventually(ctx, func() bool { return strings.Contains(drawn.String(), "load average") })
	w.screen.check("top draws on a terminal of 80×24", draws && w.remoteSize("top") == "80×24", w.remoteSize("top")+drawn.String())
	if err := pty.Setsize(side, &pty.Winsize{Cols: 132, Rows: 43}); err != nil {
		return err
	}
	grows := eventually(ctx, func() bool { return w.remoteSize("top") == "132×43" })
	w.screen.check("the window grows, and so does the target's terminal: 132×43", grows, w.remoteSize("top"))
	if _, err := side.WriteString("q"); err != nil {
		return err
	}
	err = cmd.Wait()
	<-copied
	w.screen.check("q ends it with exit status 0", err == nil, fmt.Sprint(err))
	return nil
}

// remoteSize asks the kernel for the size of the terminal that a program on the target has, in columns and rows.
func (w *world) remoteSize(program string) string {
	processes, err := w.target.Processes(program)
	if err != nil || len(processes) == 0 {
		return "no such program"
	}
	for _, p := range processes {
		file, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/0", p.PID), os.O_RDONLY|syscall.O_NOCTTY, 0)
		if err != nil {
			continue
		}
		size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
		if err = errors.Join(err, file.Close()); err == nil {
			return fmt.Sprintf("%d×%d", size.Col, size.Row)
		}
	}
	return "no terminal"
}

// eventually waits until ok holds; it gives up after drawLimit or when ctx ends.
func eventually(ctx context.Context, ok func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, drawLimit)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
