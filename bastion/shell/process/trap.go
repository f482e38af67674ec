package process

import (
	"reflect"
	"strconv"

	"mvdan.cc/sh/v3/interp"
)

// trapHere says that something is trapped, and that a function of this very shell is running.
func (sh *shell) trapHere(hc interp.HandlerContext) bool {
	r := runnerOf(hc)
	return sh.atExit != "" && r.Pointer() == reflect.ValueOf(sh.runner).Pointer() && r.Elem().FieldByName("inFunc").Bool()
}

// leaveHere is exit within a function: for bash that is not over while what was trapped runs, and its locals are there.
func (b *builtin) leaveHere() error {
	status := b.hc.LastExitStatus
	if len(b.args) > 0 {
		n, err := strconv.Atoi(b.args[0])
		if err != nil {
			return refuse("exit "+b.args[0], "it must be a number")
		}
		status = n & 0xff
	}
	text := after(b.shell.atExit, status)
	b.shell.atExit, b.shell.leaving = "", &status
	err := b.hc.Builtin(b.ctx, []string{"eval", text})
	if exit := runnerOf(b.hc).Elem().FieldByName("exit"); exit.FieldByName("exiting").Bool() {
		return err
	}
	return b.hc.Builtin(b.ctx, []string{"exit", strconv.Itoa(status)})
}
