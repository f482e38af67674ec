package process

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// job begins a job: its number is $! from now on.
func (b *builtin) job() error {
	j := b.shell.jobs.begin()
	if j == nil {
		return refuse("&", "at most %d commands run behind at a time", maxJobs)
	}
	return b.set(bangVariable, strconv.FormatInt(j.id, 10))
}

// end ends the job that it runs in, with the status it is given.
func (b *builtin) end() error {
	status, _ := strconv.Atoi(strings.Join(b.args, ""))
	id, _ := strconv.ParseInt(b.hc.Env.Get(jobVariable).String(), 10, 64)
	b.shell.jobs.end(id, status)
	return code(status, nil)
}

// wait is the builtin.
func (b *builtin) wait() error {
	if _, err := b.options("", ""); err != nil {
		return err
	}
	b.shell.running.Add(1)
	defer b.shell.running.Add(-1)
	if len(b.args) == 0 {
		return b.hc.Builtin(b.ctx, []string{"wait"})
	}
	status := 0
	for _, arg := range b.args {
		id, err := strconv.ParseInt(arg, 10, 64)
		j := b.shell.jobs.find(id)
		if err != nil {
			b.say(0, "`%s': not a pid or valid job spec", arg)
			status = 1
			continue
		}
		if j == nil {
			b.say(0, "pid %s is not a child of this shell", arg)
			status = 127
			continue
		}
		select {
		case <-j.done:
			status = j.status
		case <-b.ctx.Done():
			return context.Cause(b.ctx)
		}
	}
	return code(status, nil)
}

// kill is the builtin where it is about this shell and what runs behind it; everything else is the target's own kill.
func (b *builtin) kill() error {
	args := b.args
	if len(args) == 0 {
		return b.say(2, "usage: kill [-s sigspec | -n signum | -sigspec] pid")
	}
	signal, ok := 15, true
	if len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		name := args[0][1:]
		args = args[1:]
		if (name == "s" || name == "n") && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		signal, ok = signalNumber(name)
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	mine := 0
	for _, a := range args {
		if strings.HasPrefix(a, "%") {
			return refuse("kill "+a, "use kill $!, or the number that $! had")
		}
		if b.owns(a) {
			mine++
		}
	}
	switch {
	case mine == 0:
		return code(b.shell.command(b.ctx, b.hc, append([]string{"kill"}, b.args...)))
	case mine < len(args):
		return refuse("kill", "processes of the target and of this shell are killed by separate commands")
	case !ok:
		return b.say(1, "%s: invalid signal specification", b.args[0])
	}
	if signal == 2 || signal == 3 {
		for _, a := range args {
			if id, err := strconv.ParseInt(a, 10, 64); err == nil && b.shell.jobs.find(id) != nil {
				return refuse("kill -INT", "what runs behind does not heed it in bash: use kill -TERM")
			}
		}
	}
	status := 0
	for _, a := range args {
		status = max(status, b.killOne(a, signal))
	}
	return code(status, nil)
}

func signalNumber(name string) (int, bool) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, n >= 0 && n < 65
	}
	n := int(unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG")))
	return n, n > 0
}

func (b *builtin) owns(arg string) bool {
	id, err := strconv.ParseInt(arg, 10, 64)
	return err == nil && (b.shell.jobs.find(id) != nil || b.shell.find(id) != nil)
}

// find is the shell with a number: this one, or one around it.
func (sh *shell) find(id int64) *shell {
	for s := sh; s != nil; s = s.parent {
		if s.pid == id {
			return s
		}
	}
	return nil
}

// killOne signals a job, or ends a shell.
func (b *builtin) killOne(arg string, signal int) int {
	id, _ := strconv.ParseInt(arg, 10, 64)
	if s := b.shell.find(id); s != nil {
		if _, trapped := s.trapped.Load(signalName(signal)); trapped {
			b.shell.stop(refuse("kill $$", "the shell has a trap for the signal, which does not run here"))
			return 2
		}
		if signal != 0 {
			s.killed(signal)
		}
		return 0
	}
	j := b.shell.jobs.find(id)
	select {
	case <-j.done:
		b.say(0, "(%s) - No such process", arg)
		return 1
	default:
	}
	if signal != 0 {
		j.kill(signal)
	}
	return 0
}

func signalName(n int) string { return strings.TrimPrefix(unix.SignalName(unix.Signal(n)), "SIG") }

// killed ends a shell as a signal does.
func (sh *shell) killed(signal int) {
	why := &endError{128 + signal, fmt.Sprintf("killed by signal %d", signal)}
	if sh.parent == nil {
		sh.end(why)
		return
	}
	sh.killedAlone.Store(true)
	sh.cancelOwn(why)
}

// jobKilled says with which status a command that runs behind is to end.
func (sh *shell) jobKilled(hc interp.HandlerContext) (int, bool) {
	v := hc.Env.Get(jobVariable)
	if !v.IsSet() {
		return 0, false
	}
	id, _ := strconv.ParseInt(v.String(), 10, 64)
	j := sh.jobs.find(id)
	if j == nil || j.killed.Load() == 0 {
		return 0, false
	}
	return 128 + int(j.killed.Load()), true
}
