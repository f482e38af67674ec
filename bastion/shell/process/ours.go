package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// builtins are the builtins of bash that are ours.
var builtins = map[string]bool{
	"read": true, "mapfile": true, "readarray": true, "kill": true, "wait": true, "eval": true, "source": true, ".": true, "trap": true,
	"type": true, "hash": true, "echo": true, "printf": true, "test": true, "[": true, "pwd": true, "pushd": true, "popd": true, "dirs": true, "umask": true, "getopts": true,
}

// ours runs a builtin of ours.
func (sh *shell) ours(ctx context.Context, hc interp.HandlerContext, name string, args []string) error {
	b := &builtin{shell: sh, ctx: ctx, hc: hc, name: name, args: args}
	switch name {
	case "read":
		return b.read()
	case "mapfile", "readarray":
		return b.mapfile()
	case "kill":
		return b.kill()
	case "wait":
		return b.wait()
	case "eval":
		return b.eval()
	case "source", ".":
		return b.source()
	case "trap":
		return b.trap()
	case "type", "hash":
		return b.typeOf()
	case "command":
		return b.commandV()
	case "pushd", "popd", "dirs":
		return b.dirs()
	case "umask":
		return b.umask()
	case "getopts":
		return b.getopts()
	case "echo":
		return b.echo()
	case "printf":
		return b.printf()
	case "test", "[":
		return b.test()
	case "pwd":
		return b.pwd()
	}
	return b.hidden()
}

// builtin is one call of a builtin of ours.
type builtin struct {
	shell *shell
	ctx   context.Context
	hc    interp.HandlerContext
	name  string
	args  []string
}

// hidden are those that only the rewriting calls.
func (b *builtin) hidden() error {
	switch b.name {
	case "job":
		return b.job()
	case "end":
		return b.end()
	case "content":
		return b.content()
	case "status":
		n, _ := strconv.Atoi(strings.Join(b.args, ""))
		return code(n, nil)
	case "exec":
		return b.exec()
	case "unheeded":
		if err := b.hc.Builtin(b.ctx, []string{"set", "+e"}); err != nil {
			return err
		}
		return code(b.hc.LastExitStatus, nil)
	case "exit":
		return b.leaveHere()
	case "heed":
		return b.heed()
	case "sigpipe":
		return b.hc.Builtin(b.ctx, []string{"exit", "141"})
	case "pipe", "part", "pipestatus":
		return b.pipe()
	case "killed":
		return b.hc.Builtin(b.ctx, append([]string{"exit"}, b.args...))
	case "fail", "misused":
		for _, text := range b.args {
			fmt.Fprintln(b.hc.Stderr, text)
		}
		if b.name == "misused" {
			return interp.ExitStatus(2)
		}
		return interp.ExitStatus(1)
	}
	return b.clock()
}

// clock are the hidden builtins of time.
func (b *builtin) clock() error {
	now := time.Now()
	switch b.name {
	case "epochseconds":
		fmt.Fprintln(b.hc.Stdout, now.Unix())
	case "seconds":
		fmt.Fprintln(b.hc.Stdout, b.shell.seconds(b.hc.Env))
	case "since":
		n, _ := strconv.ParseInt(strings.Join(b.args, ""), 10, 64)
		fmt.Fprintln(b.hc.Stdout, now.Unix()-n)
	case "timed":
		b.shell.timed.Store(now.UnixNano())
		return code(b.hc.LastExitStatus, nil)
	case "elapsed":
		b.elapsed(now)
		return code(b.hc.LastExitStatus, nil)
	default:
		return refuse("command", "%q is not the name of a program", mark+b.name)
	}
	return nil
}

// elapsed prints what time prints; how much the processor did the target does not say.
func (b *builtin) elapsed(now time.Time) {
	took := now.Sub(time.Unix(0, b.shell.timed.Load()))
	if len(b.args) > 0 {
		fmt.Fprintf(b.hc.Stderr, "real %.2f\nuser 0.00\nsys 0.00\n", took.Seconds())
		return
	}
	minutes := int(took.Minutes())
	fmt.Fprintf(b.hc.Stderr, "\nreal\t%dm%.3fs\nuser\t0m0.000s\nsys\t0m0.000s\n", minutes, (took - time.Duration(minutes)*time.Minute).Seconds())
}

// say complains as bash does, and is the status.
func (b *builtin) say(status int, format string, args ...any) error {
	fmt.Fprintf(b.hc.Stderr, "bash: line 1: "+b.name+": "+format+"\n", args...)
	return code(status, nil)
}

// set assigns a variable of the text, or an array.
func (b *builtin) set(name string, value string) error {
	return b.assign(name, quote(value))
}

func (b *builtin) setArray(name string, values []string) error {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = quote(v)
	}
	return b.assign(name, "("+strings.Join(words, " ")+")")
}

func (b *builtin) assign(name, value string) error {
	return b.hc.Builtin(b.ctx, []string{"eval", name + "=" + value})
}

// quote is a text as a word, also of an assignment, in which the interpreter keeps backslashes. What no word can hold, NUL, shells drop.
func quote(text string) string {
	text = strings.ReplaceAll(text, "\x00", "")
	if !utf8.ValidString(text) {
		return quoteBytes(text)
	}
	return "'" + strings.ReplaceAll(text, "'", `'"'"'`) + "'"
}

// quoteBytes is for what is not UTF-8, which the parser does not read.
func quoteBytes(text string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(text) {
		fmt.Fprintf(&b, `\x%02x`, text[i])
	}
	return b.String() + "'"
}

// options takes the options of a builtin from its arguments. An option of with has a value. What is neither in plain nor in with is refused.
func (b *builtin) options(plain, with string) (map[byte]string, error) {
	found := map[byte]string{}
	for len(b.args) > 0 {
		arg := b.args[0]
		if arg == "--" {
			b.args = b.args[1:]
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			break
		}
		b.args = b.args[1:]
		for i := 1; i < len(arg); i++ {
			switch {
			case strings.IndexByte(plain, arg[i]) >= 0:
				found[arg[i]] = ""
				continue
			case strings.IndexByte(with, arg[i]) < 0:
				return nil, refuse(b.name+" -"+arg[i:i+1], "the governed shell does not read this option")
			case i+1 < len(arg):
				found[arg[i]] = arg[i+1:]
			case len(b.args) > 0:
				found[arg[i]], b.args = b.args[0], b.args[1:]
			default:
				return nil, refuse(b.name+" -"+arg[i:i+1], "it has no value")
			}
			break
		}
	}
	return found, nil
}

// checks are the builtins that the interpreter runs, or nobody, with what has to be looked at before.
var checks = map[string]func(args []string) ([]string, error){
	"cd": checkCD, "exec": checkExec,
	"jobs": never1, "fg": never1, "bg": never1, "disown": never1, "suspend": never1, "history": never1, "fc": never1, "bind": never1,
	"complete": never1, "compgen": never1, "compopt": never1, "enable": never1, "help": never1, "logout": never1, "caller": never1,
	"times": never1, "newgrp": never1, "ulimit": never1,
}

func never1(args []string) ([]string, error) {
	return nil, refuse(args[0], "the governed shell has no such builtin")
}

func checkCD(args []string) ([]string, error) {
	rest := args[1:]
	for len(rest) > 0 && (rest[0] == "-L" || rest[0] == "--") {
		rest = rest[1:]
	}
	switch {
	case len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-':
		return nil, refuse("cd "+rest[0], "only cd FOLDER and cd - are read")
	case len(rest) > 1:
		return []string{mark + "fail", "bash: line 1: cd: too many arguments"}, nil
	case len(rest) == 1 && strings.HasPrefix(rest[0], "//") && !strings.HasPrefix(rest[0], "///"):
		return nil, refuse("cd //", "write one slash: bash keeps two in PWD")
	case len(rest) == 1 && rest[0] == "":
		return []string{"true"}, nil
	}
	return append([]string{"cd"}, rest...), nil
}

func checkExec(args []string) ([]string, error) {
	if len(args) > 1 && args[1] == "--" {
		args = append([]string{"exec"}, args[2:]...)
	}
	if len(args) > 1 && strings.HasPrefix(args[1], "-") {
		return nil, refuse("exec "+args[1], "exec has no options here")
	}
	if len(args) > 1 {
		return append([]string{mark + "exec"}, args[1:]...), nil
	}
	return args, nil
}

// content is $(<FILE).
func (b *builtin) content() error {
	all, err := b.rest()
	if err != nil {
		return b.say(1, "%v", err)
	}
	_, err = b.hc.Stdout.Write(all)
	return err
}

// exec runs a command in the place of the shell: its EXIT trap does not run. Where a file cannot be opened the shell goes on.
func (b *builtin) exec() error {
	if b.cannotOpen() {
		return interp.ExitStatus(1)
	}
	if runnerOf(b.hc).Pointer() == reflect.ValueOf(b.shell.runner).Pointer() {
		b.shell.atExit = ""
	}
	var status interp.ExitStatus
	err := b.shell.execute(b.ctx, b.args)
	if err != nil && !errors.As(err, &status) {
		return err
	}
	return b.hc.Builtin(b.ctx, []string{"exit", strconv.Itoa(int(status))})
}

// cannotOpen opens the files of exec's redirections, and says whether that failed. The input of a command on the target stays its own.
func (b *builtin) cannotOpen() bool {
	if isShell(b.args[0]) {
		return b.shell.takeRedirects(b.ctx, b.hc)
	}
	if in := b.shell.inputs.of(b.hc.Stdin); in.own && in.kind == fromFile && in.file == nil {
		if _, err := b.shell.stat(b.ctx, in.path, true); err != nil {
			var number syscall.Errno
			errors.As(err, &number)
			fmt.Fprintf(b.shell.err, "bash: line 1: %s: %s\n", in.path, messages[number])
			return true
		}
	}
	return b.shell.takeOutputs(b.hc)
}

// pwd is the builtin.
func (b *builtin) pwd() error {
	opts, err := b.options("LP", "")
	if err != nil {
		return err
	}
	if _, physical := opts['P']; physical {
		return code(b.shell.command(b.ctx, b.hc, []string{"pwd", "-P"})) // the program's answer is the target's
	}
	return b.print(b.hc.Dir + "\n")
}

// printed is a tree as text again, which the interpreter reads once more.
func printed(file *syntax.File) (string, error) {
	var text strings.Builder
	err := syntax.NewPrinter().Print(&text, file)
	return text.String(), err
}

// silent says that nobody sees what a builtin prints.
func silent(w io.Writer) bool {
	f, ok := plain(w).(*outFile)
	return ok && f.null
}
