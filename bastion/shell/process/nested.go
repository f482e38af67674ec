package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"mvdan.cc/sh/v3/interp"

	"gatehouse/bastion/shell/wire"
)

// shells are the programs whose texts are read here. They never start on the target.
var shells = []string{"sh", "bash", "dash", "/bin/sh", "/bin/bash", "/bin/dash", "/usr/bin/sh", "/usr/bin/bash", "/usr/bin/dash"}

func isShell(name string) bool { return slices.Contains(shells, name) }

// invocation is how a shell is called.
type invocation struct {
	text    string
	inLine  bool // -c
	stdin   bool // -s
	options []string
	rest    []string
}

// invoked reads a shell's arguments.
func invoked(args []string) (invocation, error) {
	var v invocation
	rest := args[1:]
	for len(rest) > 0 {
		arg := rest[0]
		if len(arg) < 2 || arg[0] != '-' && arg[0] != '+' {
			break
		}
		rest = rest[1:]
		switch arg {
		case "--":
			v.rest = rest
			return v.texted()
		case "--norc", "--noprofile", "--login", "--noediting":
			continue
		}
		for _, c := range arg[1:] {
			switch {
			case strings.ContainsRune("eufx", c):
				v.options = append(v.options, arg[:1]+string(c))
			case c == 'o' && len(rest) > 0:
				v.options, rest = append(v.options, arg[:1]+"o", rest[0]), rest[1:]
			case c == 'c':
				v.inLine = true
			case c == 's':
				v.stdin = true
			case c == 'l':
			default:
				return v, refuse(args[0]+" "+arg, "the governed shell does not read this option")
			}
		}
	}
	v.rest = rest
	return v.texted()
}

func (v invocation) texted() (invocation, error) {
	if !v.inLine {
		return v, nil
	}
	if len(v.rest) == 0 {
		return v, refuse("-c", "it has no text")
	}
	v.text, v.rest = v.rest[0], v.rest[1:]
	return v, nil
}

// nested reads what a shell is given as a shell of its own, with the exported variables only. It may run for limit, if that is not 0.
func (sh *shell) nested(ctx context.Context, hc interp.HandlerContext, args []string, limit time.Duration) error {
	v, err := invoked(args)
	if err != nil {
		return err
	}
	env := newEnviron(sh.begin, exports(hc.Env), path.Base(args[0]) != "bash")
	if mask, set := sh.umask(hc.Env); set {
		env.set(umaskVariable, octal(mask))
	}
	if old := hc.Env.Get("OLDPWD"); old.IsSet() {
		env.export("OLDPWD", old.String())
	}
	if job := hc.Env.Get(jobVariable); job.IsSet() {
		env.set(jobVariable, job.String())
	}
	stdin, _ := hc.Stdin.(*os.File)
	c := config{
		parent: sh, env: env, posix: path.Base(args[0]) != "bash", name: args[0], dir: hc.Dir, params: v.rest, options: v.options,
		stdin: stdin, stdout: hc.Stdout, stderr: hc.Stderr,
	}
	if !v.inLine && (len(v.rest) == 0 || v.stdin) {
		if limit > 0 {
			return refuse("timeout", "the text of a shell that it ends goes behind -c, or into a file")
		}
		return sh.nestedScript(ctx, hc, c)
	}
	text, link, err := sh.nestedText(ctx, hc, v, &c)
	if err != nil {
		return err
	}
	c.chain = append(sh.chainAt(hc), link)
	inner, err := sh.newShell(c)
	if err != nil {
		return refuse(args[0], "%v", err)
	}
	return inner.runNested(ctx, text, limit)
}

// nestedText is what a shell reads, and how it came by it.
func (sh *shell) nestedText(ctx context.Context, hc interp.HandlerContext, v invocation, c *config) (string, wire.Link, error) {
	base := path.Base(c.name)
	if v.inLine {
		if len(v.rest) > 0 {
			c.name, c.params = v.rest[0], v.rest[1:]
		}
		return v.text, wire.Link{By: base + " -c"}, nil
	}
	file := under(hc.Dir, v.rest[0])
	content, err := sh.readScript(ctx, hc, file)
	if err != nil {
		return "", wire.Link{}, sh.noScript(hc, c, v.rest[0], err)
	}
	c.name, c.params, c.file = v.rest[0], v.rest[1:], true
	return string(content), wire.Link{By: base + " " + file, SHA256: digest(content)}, nil
}

// nestedScript is a shell that reads its text, command by command, from its input.
func (sh *shell) nestedScript(ctx context.Context, hc interp.HandlerContext, c config) error {
	base, in := path.Base(c.name), sh.inputs.of(hc.Stdin)
	if in.kind == fromClient && sh.prompt {
		return refuse(base, "you are in a shell already; a text for another goes behind -c")
	}
	c.stdin, c.chain = sh.inputOfScript(in, c.posix), sh.chainAt(hc)
	inner, err := sh.newShell(c)
	if err != nil {
		return refuse(c.name, "%v", err)
	}
	return inner.runScript(ctx, in, base)
}

// noScript is a file that cannot be read as a script: 127 where it is not there.
func (sh *shell) noScript(hc interp.HandlerContext, c *config, name string, err error) error {
	posix := c.posix
	shown := fileError(name, err)
	if shown == err {
		return err
	}
	text := strings.Replace(shown.Error(), "bash: line 1: ", "bash: ", 1)
	if posix {
		text = "sh: 0: cannot open " + strings.TrimSuffix(strings.TrimPrefix(text, "bash: "), " or directory")
	}
	io.WriteString(hc.Stderr, text+"\n")
	if number(err) == errno["ENOENT"] && posix {
		return interp.ExitStatus(2)
	}
	if slices.Contains(c.options, "-e") {
		return interp.ExitStatus(1)
	}
	if number(err) == errno["ENOENT"] {
		return interp.ExitStatus(127)
	}
	return interp.ExitStatus(126)
}

// runNested runs the text of a shell in a shell.
func (sh *shell) runNested(ctx context.Context, text string, limit time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sh.cancelOwn = cancel
	all, err := sh.prepare(ctx, text)
	if err != nil {
		return err
	}
	if limit > 0 {
		defer time.AfterFunc(limit, sh.timeUp).Stop()
	}
	return sh.nestedEnd(ctx, sh.run(ctx, all, true))
}

// nestedEnd is what the end of a shell in a shell is to the command that began it.
func (sh *shell) nestedEnd(ctx context.Context, err error) error {
	var end *endError
	var status interp.ExitStatus
	switch cause := context.Cause(ctx); {
	case sh.timedOut.Load() && errors.As(cause, &end) && sh.atExit != "":
		return refuse("timeout", "the EXIT trap of a text that it ends would run in bash: let the text watch the time itself")
	case sh.timedOut.Load() && errors.As(cause, &end):
		return code(124, nil)
	case sh.killedAlone.Load() && errors.As(cause, &end):
		return code(end.status, nil)
	case err == nil, errors.As(err, &status):
		return err
	case cause != nil:
		return cause
	}
	return fmt.Errorf("%s: %w", sh.name, err)
}
