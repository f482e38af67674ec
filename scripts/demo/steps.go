package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gatehouse/internal/testhost"
)

// How targets are named to a stock client.
const (
	web1  = "deploy@web-1@gatehouse"
	ops   = "ops@web-1@gatehouse" // with a governed shell
	local = "demo@bastion-host@gatehouse"
)

// step is one thing that the demo shows. It prints its commands and checks on the world's screen.
type step struct {
	title string
	run   func(context.Context, *world) error
}

// steps are the demo, in order.
var steps = []step{
	{"An allowed command", allowedCommand},
	{"An allowed pipeline", allowedPipeline},
	{"A command that no rule allows", denied("systemctl restart nginx", "not_allowed")},
	{"Trick: a second command behind the first", denied("uptime; cat /etc/shadow", "not_allowed")},
	{"Trick: a command inside an argument", denied("tail -n 1 $(cp /etc/shadow /tmp/loot)", "unsupported_syntax")},
	{"Trick: a redirection", denied("uptime > /home/deploy/.profile", "file_not_allowed")},
	{"Trick: a path that climbs out", denied("tail -n 1 /var/log/app/../../../etc/shadow", "bad_argument")},
	{"The tricks left no trace on the target", noTrace},
	{"The agent's certificate does not open the target itself", notDirectly},
	{"A full-screen program", fullScreen},
	{"A loop: the text stays here, each command of it is decided", governedLoop},
	{"A prompt, without a shell on the target", governedPrompt},
	{"The same through ssh -J", jumped},
	{"A command on the bastion's own machine", onBastion},
	{"On-call kills a session that runs too long", killed},
	{"A command that people must approve", approved},
	{"An agent may not look at sessions or kill", agentAtConsole},
	{"What was recorded, played back", replayed},
	{"The target's own log names agent and task", targetLog},
	{"The browser", browser},
	{"The audit log verifies", auditVerifies},
	{"A changed byte in the audit log is found", auditNoticesChange},
}

func allowedCommand(ctx context.Context, w *world) error {
	r, err := w.ssh(ctx, "demo-bot", web1, "uptime")
	if err != nil {
		return err
	}
	w.screen.check("it ran on web-1 and its exit status came back: 0", r.Status == 0 && strings.Contains(r.Stdout, "load average"), describe(r))
	return nil
}

func allowedPipeline(ctx context.Context, w *world) error {
	r, err := w.ssh(ctx, "demo-bot", web1, "tail -n 100 /var/log/app/api.log | grep -c ERROR")
	if err != nil {
		return err
	}
	w.screen.check(fmt.Sprintf("each command was decided on its own; the count is right: %d", errorsIn), r.Status == 0 && r.Stdout == strconv.Itoa(errorsIn)+"\n", describe(r))
	r, err = w.ssh(ctx, "demo-bot", web1, "tail -n 100 /var/log/app/api.log | grep nothing-like-this")
	w.screen.check("grep's own exit status came back: 1", err == nil && r.Status == 1 && r.Stderr == "", describe(r))
	return err
}

func noTrace(_ context.Context, w *world) error {
	for _, path := range []string{"/home/deploy/.profile", "/tmp/loot"} {
		here, err := w.target.Path(path)
		if err != nil {
			return err
		}
		_, err = os.Stat(here)
		w.screen.check(path+" was not written", os.IsNotExist(err), fmt.Sprint(err))
	}
	return nil
}

func notDirectly(ctx context.Context, w *world) error {
	folder := filepath.Join(w.dir, "demo-bot")
	config := filepath.Join(folder, "direct_config")
	if err := os.WriteFile(config+".known", []byte(w.target.KnownHosts()), 0o600); err != nil {
		return err
	}
	err := testhost.WriteSSHConfig(config, testhost.ClientHost{
		Alias: "web-1", Addr: w.target.Addr(), User: "deploy", Identity: filepath.Join(folder, "id_ed25519"), KnownHosts: config + ".known",
	})
	if err != nil {
		return err
	}
	w.screen.command("ssh -F demo-bot/direct_config web-1 uptime")
	r, err := testhost.SSH(ctx, config, nil, "web-1", "uptime")
	w.screen.output(r.Stderr)
	w.screen.check("past the door, the target refuses it", r.Status == 255 && strings.Contains(r.Stderr, "Permission denied (publickey)"), describe(r))
	return err
}

func jumped(ctx context.Context, w *world) error {
	r, err := w.ssh(ctx, "demo-bot", "-J", "gatehouse", "deploy@web-1", "uptime")
	if err != nil {
		return err
	}
	w.screen.check("the stock jump syntax works, with the door in between", r.Status == 0 && strings.Contains(r.Stdout, "load average"), describe(r))
	r, err = w.ssh(ctx, "demo-bot", "-J", "gatehouse", "deploy@web-1", "id")
	if err != nil {
		return err
	}
	w.screen.check("and the same policy holds: exit status 126", r.Status == 126 && r.Stdout == "", describe(r))
	return nil
}

func onBastion(ctx context.Context, w *world) error {
	r, err := w.ssh(ctx, "demo-bot", "-tt", local, "id")
	if err != nil {
		return err
	}
	w.screen.check("it ran as nobody, in a terminal of its own", r.Status == 0 && strings.Contains(r.Stdout, "(nobody)"), describe(r))
	return nil
}

func targetLog(_ context.Context, w *world) error {
	log := w.target.AuthLog()
	var found string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "Accepted publickey for deploy") && strings.Contains(line, "agt=demo-bot;own=person:ann;task=DEMO-1;") {
			found = line
		}
	}
	w.screen.output(found)
	w.screen.check("who and what for stands in sshd's log, without Gatehouse", found != "", log)
	return nil
}

func describe(r testhost.Result) string {
	return fmt.Sprintf("exit status %d, stdout %.300q, stderr %.600q", r.Status, r.Stdout, r.Stderr)
}
