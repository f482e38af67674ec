package process

import (
	"reflect"
	"strconv"
	"strings"

	"gatehouse/bastion/shell/admit"
)

// trap is the builtin, for EXIT. What is set for a signal never runs; that there is something is kept.
func (b *builtin) trap() error {
	if len(b.args) > 0 && b.args[0] == "--" {
		b.args = b.args[1:]
	}
	if len(b.args) == 0 || b.args[0] == "-p" || b.args[0] == "-l" {
		return refuse("trap", "it is not listed")
	}
	action, names := b.args[0], b.args[1:]
	if len(names) == 0 {
		action, names = "-", b.args
	}
	if _, err := strconv.Atoi(action); err == nil {
		action, names = "-", b.args
	}
	for _, name := range names {
		if err := b.trapOne(action, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *builtin) trapOne(action, name string) error {
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if n, err := strconv.Atoi(name); err == nil && n > 0 {
		name = signalName(n)
	}
	exit := name == "EXIT" || name == "0"
	switch {
	case exit && b.shell.leaving != nil:
		return nil // it runs already, and no other after it
	case exit && runnerOf(b.hc).Pointer() != reflect.ValueOf(b.shell.runner).Pointer():
		return refuse("trap EXIT", "a subshell has no trap of its own; use one in the shell, or bash -c")
	case !exit && action == "-":
		b.shell.trapped.Delete(name)
		return nil
	case !exit && (action == "" || !admit.Trapped(name, admit.Place{Prompt: b.shell.prompt && b.shell.parent == nil})):
		return refuse("trap "+name, "it is not read")
	case action == "" || action == "-":
		b.shell.atExit = ""
		return nil
	}
	text, err := b.readText(action, len(b.shell.chainAt(b.hc))+1)
	if err != nil {
		return err
	}
	if !exit {
		b.shell.trapped.Store(name, true)
		return nil
	}
	b.shell.atExit = text
	return nil
}
