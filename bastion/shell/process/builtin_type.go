package process

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/wire"
)

// kind says what a name is to the shell: keyword, function, builtin, file or nothing, and the file's path.
func (b *builtin) kind(name string) (kind, path string) {
	switch {
	case syntax.IsKeyword(name):
		return "keyword", ""
	case isFunction(b.hc, name):
		return "function", ""
	case interp.IsBuiltin(name) || builtins[name]:
		return "builtin", ""
	}
	if path := b.lookPath(name, true); path != "" {
		return "file", path
	}
	return "", ""
}

// commandV is command -v: how a name would be run.
func (b *builtin) commandV() error {
	if b.args[0] == "-V" {
		return refuse("command -V", "use command -v")
	}
	names := b.args[1:]
	if len(names) > 0 && names[0] == "--" {
		names = names[1:]
	}
	status := 1
	switch {
	case len(names) == 0:
		return nil
	case b.shell.posix: // dash looks at the first alone
		names, status = names[:1], 127
	}
	for _, name := range names {
		kind, path := b.kind(name)
		switch kind {
		case "":
			continue
		case "file":
			fmt.Fprintln(b.hc.Stdout, path)
		default:
			fmt.Fprintln(b.hc.Stdout, name)
		}
		status = 0
	}
	return code(status, nil)
}

// typeOf is type; hash only asks whether there is such a program.
func (b *builtin) typeOf() error {
	hash := b.name == "hash"
	opts, err := b.options(map[bool]string{false: "tpP", true: "r"}[hash], "")
	if err != nil {
		return err
	}
	status := 0
	for _, name := range b.args {
		kind, path := b.kind(name)
		if _, ok := opts['P']; ok {
			if kind, path = "", b.lookPath(name, true); path != "" {
				kind = "file"
			}
		}
		if kind == "" {
			status = 1
			if b.shell.posix && !hash {
				status = 127
				fmt.Fprintf(b.hc.Stdout, "%s: not found\n", name)
			} else if _, ok := opts['t']; !ok {
				b.say(0, "%s: not found", name)
			}
			continue
		}
		if hash {
			continue
		}
		if err := b.typeOne(opts, name, kind, path); err != nil {
			return err
		}
	}
	return code(status, nil)
}

func (b *builtin) typeOne(opts map[byte]string, name, kind, path string) error {
	if _, ok := opts['t']; ok {
		fmt.Fprintln(b.hc.Stdout, kind)
		return nil
	}
	_, p := opts['p']
	_, search := opts['P']
	if p || search {
		if kind == "file" {
			fmt.Fprintln(b.hc.Stdout, path)
		}
		return nil
	}
	switch kind {
	case "function":
		if !silent(b.hc.Stdout) {
			return refuse("type "+name, "a function's text is not printed; use type -t")
		}
	case "file":
		fmt.Fprintf(b.hc.Stdout, "%s is %s\n", name, path)
	default:
		fmt.Fprintf(b.hc.Stdout, "%s is a shell %s\n", name, kind)
	}
	return nil
}

// lookPath finds a program, or with any file, a file, as the shell does: empty where there is none. Where the folders may not be looked at,
// what the identity may run is known by its name.
func (b *builtin) lookPath(name string, program bool) string {
	if strings.Contains(name, "/") {
		if path := under(b.hc.Dir, name); b.isProgram(path, program) {
			return name
		}
		return ""
	}
	for _, dir := range strings.Split(b.hc.Env.Get("PATH").String(), ":") {
		if path := under(b.hc.Dir, strings.TrimSuffix(dir, "/")+"/"+name); dir != "" && b.isProgram(path, program) {
			return path
		}
	}
	if !program || name == "" {
		return ""
	}
	got, err := b.shell.link.ask(b.ctx, wire.Ask{Op: wire.OpComplete, Word: name})
	if err == nil && slices.Contains(got.Words, name) {
		return name
	}
	return ""
}

func (b *builtin) isProgram(path string, program bool) bool {
	info, err := b.shell.stat(b.ctx, path, true)
	return err == nil && info.Mode().IsRegular() && (!program || info.Mode()&0o111 != 0)
}
