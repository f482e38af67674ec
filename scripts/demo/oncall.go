package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"gatehouse/internal/testhost"
)

const (
	longLine   = "sleep 4711"
	killReason = "wrong host"
)

// session is what `sessions list --json` says of one session.
type session struct {
	ID      string `json:"id"`
	Command string `json:"command"`
	State   string `json:"state"`
	Login   string `json:"login"`
}

// sessions asks the console as ann, without showing it.
func (w *world) sessions(ctx context.Context, filter ...string) ([]session, error) {
	r, err := testhost.SSH(ctx, w.clientConfig("ann"), nil, append([]string{"gatehouse", "sessions", "list", "--json"}, filter...)...)
	if err != nil {
		return nil, err
	}
	var list struct {
		Sessions []session `json:"sessions"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil || r.Status != 0 {
		return nil, fmt.Errorf("list sessions: %w: %s", err, describe(r))
	}
	return list.Sessions, nil
}

// find is the newest session that ran a command.
func (w *world) find(ctx context.Context, command string, filter ...string) (session, error) {
	list, err := w.sessions(ctx, filter...)
	if err != nil {
		return session{}, err
	}
	for _, s := range list {
		if s.Command == command {
			return s, nil
		}
	}
	return session{}, fmt.Errorf("no session of %q in %v", command, list)
}

// killed lets the agent start something long, without a terminal, and ends it from ann's.
func killed(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	w.screen.command("ssh -F demo-bot/ssh_config " + web1 + " '" + longLine + "' &")
	agent := exec.CommandContext(ctx, "ssh", "-F", w.clientConfig("demo-bot"), web1, longLine)
	var stdout, stderr bytes.Buffer
	agent.Stdout, agent.Stderr = &stdout, &stderr
	if err := agent.Start(); err != nil {
		return err
	}
	running := eventually(ctx, func() bool { return w.runs(longLine) })
	w.screen.check("it runs on the target", running, "not running")

	s, err := w.find(ctx, longLine, "--live")
	if err == nil {
		err = w.kill(ctx, s)
	}
	if err != nil {
		return errors.Join(err, agent.Process.Kill(), agent.Wait())
	}
	_ = agent.Wait() // its exit status is what is looked at
	said := stderr.String()
	w.screen.output(said)
	w.screen.check("the agent's client ended with exit status 137", agent.ProcessState.ExitCode() == 137, fmt.Sprint(agent.ProcessState, said))
	w.screen.check("and was told by whom and why", strings.Contains(said, "person:ann") && strings.Contains(said, killReason), said)
	return nil
}

// kill ends a session as ann and checks that nothing of it still runs.
func (w *world) kill(ctx context.Context, s session) error {
	r, err := w.ssh(ctx, "ann", "gatehouse", fmt.Sprintf("kill %s --reason %q", s.ID, killReason))
	if err != nil {
		return err
	}
	w.screen.check("the kill reports that the process on the target ended", r.Status == 0 && strings.Contains(r.Stdout, "process on the target ended"), describe(r))
	w.screen.check("and it is really gone", !w.runs(longLine), "still running")
	after, err := w.find(ctx, longLine)
	w.screen.check("the session is on record as killed", err == nil && after.ID == s.ID && after.State == "killed", fmt.Sprint(after, err))
	return nil
}

func (w *world) runs(command string) bool {
	found, err := w.target.Processes(command)
	return err == nil && len(found) > 0
}

func agentAtConsole(ctx context.Context, w *world) error {
	for _, line := range []string{"sessions list", `kill --all --reason "mine"`} {
		r, err := w.ssh(ctx, "demo-bot", "gatehouse", line)
		if err != nil {
			return err
		}
		w.screen.check("refused with exit status 1 and no answer", r.Status == 1 && r.Stdout == "", describe(r))
	}
	return nil
}

func replayed(ctx context.Context, w *world) error {
	s, err := w.find(ctx, "uptime")
	if err != nil {
		return err
	}
	r, err := w.ssh(ctx, "ann", "gatehouse", "sessions play "+s.ID)
	if err != nil {
		return err
	}
	w.screen.check("the recording holds what the agent saw", r.Status == 0 && strings.Contains(r.Stdout, "load average"), describe(r))
	r, err = w.ssh(ctx, "ann", "gatehouse", "sessions list --denied")
	if err != nil {
		return err
	}
	refused, err := w.find(ctx, "systemctl restart nginx", "--denied")
	w.screen.check("denied lines are on record too", r.Status == 0 && err == nil && refused.State == "denied", fmt.Sprint(refused, err)+describe(r))
	return nil
}
