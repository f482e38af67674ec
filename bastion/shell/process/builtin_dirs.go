package process

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
)

// dirs are pushd, popd and dirs. The stack is a variable, so that a subshell has its own.
func (b *builtin) dirs() error {
	for _, a := range b.args {
		if len(a) > 1 && (a[0] == '-' || a[0] == '+') {
			return refuse(b.name+" "+a, "only the top of the stack is moved")
		}
	}
	stack := b.stack()
	switch {
	case b.name == "dirs":
		return b.show(b.hc.Dir, stack)
	case b.name == "popd" && len(b.args) > 0:
		return b.say(2, "%s: invalid argument", b.args[0])
	case b.name == "popd" && len(stack) == 0:
		return b.say(1, "directory stack empty")
	case b.name == "popd":
		return b.change(stack[0], stack[1:])
	case len(b.args) == 0 && len(stack) == 0:
		return b.say(1, "no other directory")
	case len(b.args) == 0:
		return b.change(stack[0], append([]string{b.hc.Dir}, stack[1:]...))
	case len(b.args) > 1:
		return b.say(1, "too many arguments")
	}
	return b.change(b.args[0], append([]string{b.hc.Dir}, stack...))
}

func (b *builtin) stack() []string {
	text := b.hc.Env.Get(stackVariable).String()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// change goes to a folder, and keeps and shows the stack.
func (b *builtin) change(dir string, stack []string) error {
	if strings.Contains(b.hc.Dir, "\n") {
		return refuse(b.name, "the folder's name has a line feed")
	}
	if err := b.hc.Builtin(b.ctx, []string{"cd", dir}); err != nil {
		return err
	}
	if err := b.set(stackVariable, strings.Join(stack, "\n")); err != nil {
		return err
	}
	return b.show(runnerOf(b.hc).Elem().FieldByName("Dir").String(), stack)
}

// show prints the stack as dirs does.
func (b *builtin) show(dir string, stack []string) error {
	home := b.hc.Env.Get("HOME").String()
	all := append([]string{dir}, stack...)
	for i, d := range all {
		if rest, ok := strings.CutPrefix(d, home); ok && home != "" && (rest == "" || rest[0] == '/') {
			all[i] = "~" + rest
		}
	}
	fmt.Fprintln(b.hc.Stdout, strings.Join(all, " "))
	return nil
}

// defaultUmask is what is taken for a login's where the text has set none.
const defaultUmask = 0o022

// umask is the mask where a handler is called, and whether the text has set it.
func (sh *shell) umask(env expand.Environ) (uint32, bool) {
	n, err := strconv.ParseUint(env.Get(umaskVariable).String(), 8, 12)
	if err != nil {
		return defaultUmask, false
	}
	return uint32(n), true
}

func octal(mask uint32) string { return fmt.Sprintf("%03o", mask) }

// umask is the builtin.
func (b *builtin) umask() error {
	mask, set := b.shell.umask(b.hc.Env)
	if len(b.args) == 0 {
		if !set {
			return code(b.shell.command(b.ctx, b.hc, []string{"sh", "-c", "umask"}))
		}
		io.WriteString(b.hc.Stdout, fmt.Sprintf("%04o\n", mask))
		return nil
	}
	n, err := strconv.ParseUint(b.args[0], 8, 32)
	if err != nil || n > 0o777 || len(b.args) > 1 {
		return refuse("umask", "it is three octal digits")
	}
	return b.set(umaskVariable, octal(uint32(n)))
}
