package process

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// What is trapped for EXIT runs as a text of the shell's own once the shell's text is over: where interp runs a trap, it heeds neither exit nor
// set -e. A function that calls exit is not over for bash while it runs, and its locals are there: then it runs in place.

// trapped keeps what was trapped for the shell's end.
func (b *builtin) trapped() error {
	b.shell.atExit, b.shell.trap = b.shell.trap, ""
	return b.hc.Builtin(b.ctx, []string{"trap", "--", ":", "EXIT"})
}

// leave runs what was trapped, once the shell's text is over with a status, and says what its status is then.
func (sh *shell) leave(ctx context.Context, status int) int {
	if sh.atExit == "" || ctx.Err() != nil {
		return status
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(after(sh.atExit, status)), sh.name)
	if err != nil {
		return status
	}
	sh.atExit, sh.leaving = "", &status
	if err = sh.runner.Run(ctx, file); ctx.Err() == nil && !sh.runner.Exited() {
		return status
	}
	return sh.status(ctx, err)
}

// trapHere says that something is trapped, and that a function of this very shell is running.
func (sh *shell) trapHere(hc interp.HandlerContext) bool {
	r := runnerOf(hc)
	return sh.trap != "" && r.Pointer() == reflect.ValueOf(sh.runner).Pointer() && r.Elem().FieldByName("inFunc").Bool()
}

// leaveHere is exit within a function.
func (b *builtin) leaveHere() error {
	status := b.hc.LastExitStatus
	if len(b.args) > 0 {
		n, err := strconv.Atoi(b.args[0])
		if err != nil {
			return refuse("exit "+b.args[0], "it must be a number")
		}
		status = n & 0xff
	}
	text := after(b.shell.trap, status)
	b.shell.trap, b.shell.leaving = "", &status
	if err := b.hc.Builtin(b.ctx, []string{"trap", "--", ":", "EXIT"}); err != nil {
		return err
	}
	err := b.hc.Builtin(b.ctx, []string{"eval", text})
	if exit := runnerOf(b.hc).Elem().FieldByName("exit"); exit.FieldByName("exiting").Bool() {
		return err
	}
	return b.hc.Builtin(b.ctx, []string{"exit", strconv.Itoa(status)})
}
