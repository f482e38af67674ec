package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/creack/pty"

	"gatehouse/internal/testhost"
)

// loopLine is what no literal command says: what it runs is known only when it runs.
const loopLine = `for f in /var/log/app/*.log /etc/shadow; do echo "$f: $(grep -c ERROR $f) errors"; done`

// governedLoop shows that of a loop each command is decided by its final words, and that a denied one does not end it.
func governedLoop(ctx context.Context, w *world) error {
	r, err := w.ssh(ctx, "demo-bot", ops, loopLine)
	if err != nil {
		return err
	}
	w.screen.check("what may be read was counted", strings.Contains(r.Stdout, fmt.Sprintf("/var/log/app/api.log: %d errors\n", logLines/10)), describe(r))
	w.screen.check("what may not was denied when the loop came to it, and the loop went on", r.Status == 0 && strings.Contains(r.Stdout, "/etc/shadow:  errors\n") &&
		strings.Contains(r.Stderr, `"code":"bad_argument"`), describe(r))
	s, err := w.find(ctx, loopLine)
	if err != nil {
		return err
	}
	r, err = w.ssh(ctx, "ann", "gatehouse", "sessions show "+s.ID)
	w.screen.check("the recording has the line, and each command with its decision", err == nil && strings.Contains(r.Stdout, "✓ allow grep -c ERROR /var/log/app/api.log") &&
		strings.Contains(r.Stdout, "✗ deny  grep -c ERROR /etc/shadow"), describe(r))
	return err
}

// governedPrompt types at a prompt.
func governedPrompt(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w.screen.command("ssh -F demo-bot/ssh_config -t " + ops)
	cmd := exec.CommandContext(ctx, "ssh", "-F", w.clientConfig("demo-bot"), "-t", ops)
	cmd.Env = append(os.Environ(), "TERM=dumb")
	side, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 100, Rows: 30})
	if err != nil {
		return fmt.Errorf("start ssh in a terminal: %w", err)
	}
	defer side.Close()
	drawn, copied := &terminal{}, make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(drawn, side) // ends with EIO when the client has left the terminal
	}()
	says := func(what string) bool {
		return eventually(ctx, func() bool { return strings.Contains(drawn.String(), what) })
	}
	asks := says("ops@web-1:~$ ")
	w.screen.check("it asks for a line", asks, drawn.String())
	w.screen.check("and no shell runs on the target for it", w.onlySSHD(opsUID), fmt.Sprint(w.target.Processes("")))
	for _, typed := range []struct{ line, says, claim string }{
		{"last=$(tail -n 1 /var/log/app/api.log)", "$ last=", "a line is taken"},
		{"echo \"the last is: $last\"", "the last is: line", "and what it kept is there in the next"},
		{"id", "GATEHOUSE-DENIAL", "a command that no rule allows is denied, and the prompt stays"},
		{"exit 3", "exit 3", "exit ends it"},
	} {
		if _, err := side.WriteString(typed.line + "\r"); err != nil {
			return err
		}
		w.screen.check(typed.claim, says(typed.says), drawn.String())
	}
	_ = cmd.Wait() // its exit status is what is looked at
	<-copied
	w.screen.output(drawn.String())
	w.screen.check("its exit status came back: 3", cmd.ProcessState.ExitCode() == 3, cmd.ProcessState.String())
	return nil
}

// onlySSHD reports whether nothing but sshd runs for a login on the target.
func (w *world) onlySSHD(uid int) bool {
	all, err := w.target.Processes("")
	return err == nil && !slices.ContainsFunc(all, func(p testhost.Process) bool {
		return p.UID == uid && !strings.HasPrefix(strings.Join(p.Command, " "), "sshd: ")
	})
}
