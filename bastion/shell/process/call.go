package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// call sees every command, function and builtin before the interpreter does: it counts them, holds the bounds, and puts ours in the place
// of builtins that differ.
func (sh *shell) call(ctx context.Context, args []string) ([]string, error) {
	args, err := sh.called(ctx, args)
	return args, sh.fatal(err)
}

// fatal makes sure that what refuses a text ends all of it, wherever in it that was: a part that runs behind, in a pipe or in $(…) has nobody
// who would look at its error.
func (sh *shell) fatal(err error) error {
	var refused *refusedError
	if errors.As(err, &refused) {
		sh.stop(refused)
	}
	return err
}

func (sh *shell) called(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	if err := sh.bounded(args); err != nil {
		return nil, err
	}
	if status, killed := sh.jobKilled(hc); killed && args[0] != mark+"end" {
		return []string{mark + "killed", strconv.Itoa(status)}, nil
	}
	args, err := sh.resolve(ctx, hc, args)
	if err != nil {
		return nil, err
	}
	if !sh.shellReads(hc, args) {
		return args, nil
	}
	if failed := sh.takeRedirects(ctx, hc); failed {
		return []string{mark + "fail"}, nil
	}
	if prints[args[0]] && readerGone(hc) {
		return []string{mark + "sigpipe"}, nil
	}
	return args, nil
}

// The bounds that no configuration widens.
const (
	maxGoroutines = 4096 // what runs at a time: pipes, jobs, reads
	framesOfDepth = 16   // frames of the interpreter's own stack for one function in another
	checkDepth    = 8    // how many calls are not looked at
)

// bounded ends a line that has done too much.
func (sh *shell) bounded(args []string) error {
	n := sh.commands.Add(1)
	if most := sh.begin.Limits.Commands; most > 0 && n > most {
		return refuse("commands", "a line runs at most %d commands", most)
	}
	size := int64(0)
	for _, a := range args {
		size += int64(len(a))
	}
	if most := sh.begin.Limits.Output; most > 0 && size > most {
		return refuse("expansion", "the words of a command have at most %d bytes", most)
	}
	if n%checkDepth != 0 {
		return nil
	}
	if runtime.NumGoroutine() > maxGoroutines {
		return refuse("commands", "too many run at a time")
	}
	var pcs [1]uintptr
	if depth := sh.begin.Limits.Depth; depth > 0 && runtime.Callers(depth*framesOfDepth+200, pcs[:]) > 0 {
		return refuse("depth", "functions, subshells and shells are at most %d deep in each other", depth)
	}
	return nil
}

// resolve says what a command is: a function, a builtin of the interpreter's, or, with a mark, one of ours.
func (sh *shell) resolve(ctx context.Context, hc interp.HandlerContext, args []string) ([]string, error) {
	name := args[0]
	if strings.HasPrefix(name, mark) || isFunction(hc, name) {
		return args, nil
	}
	if err := sh.admitCall(args); err != nil {
		return nil, err
	}
	if name == "command" || name == "builtin" {
		return sh.resolvePrefixed(ctx, hc, args)
	}
	return sh.resolveBuiltin(ctx, hc, args)
}

// resolvePrefixed resolves what stands after command or builtin: never a function.
func (sh *shell) resolvePrefixed(ctx context.Context, hc interp.HandlerContext, args []string) ([]string, error) {
	rest := args[1:]
	for len(rest) > 0 && (rest[0] == "--" || args[0] == "command" && rest[0] == "-p") {
		rest = rest[1:]
	}
	switch {
	case len(rest) == 0:
		return []string{"true"}, nil
	case args[0] == "command" && (rest[0] == "-v" || rest[0] == "-V"):
		return append([]string{mark + "command"}, rest...), nil
	case strings.HasPrefix(rest[0], "-"):
		return nil, refuse(args[0]+" "+rest[0], "it is not read")
	case rest[0] == "command" || rest[0] == "builtin":
		return sh.resolvePrefixed(ctx, hc, rest)
	case !interp.IsBuiltin(rest[0]) && args[0] == "command":
		return append([]string{mark + "run"}, rest...), nil
	case !interp.IsBuiltin(rest[0]):
		return []string{mark + "fail", "bash: line 1: builtin: " + rest[0] + ": not a shell builtin"}, nil
	}
	got, err := sh.resolveBuiltin(ctx, hc, rest)
	if err != nil || strings.HasPrefix(got[0], mark) {
		return got, err
	}
	return append([]string{"builtin"}, got...), nil
}

// resolveBuiltin puts ours in the place of a builtin that differs.
func (sh *shell) resolveBuiltin(ctx context.Context, hc interp.HandlerContext, args []string) ([]string, error) {
	name := args[0]
	if builtins[name] {
		return append([]string{mark + name}, args[1:]...), nil
	}
	if check, ok := checks[name]; ok {
		var err error
		if args, err = check(args); err != nil || args[0] != "cd" {
			return args, err
		}
	}
	switch name {
	case "cd":
		if args, err := checkOld(hc, args); err != nil || args[0] != "cd" {
			return args, err
		}
		return sh.checkFolder(ctx, hc, args)
	case "exit":
		if len(args) == 1 && sh.leaving != nil {
			return append(args, strconv.Itoa(*sh.leaving)), nil
		}
		if sh.trapHere(hc) {
			return append([]string{mark + "exit"}, args[1:]...), nil
		}
	case "getopts":
		if len(args) > 2 && !syntax.ValidName(args[2]) {
			return []string{mark + "fail", "bash: line 1: getopts: `" + args[2] + "': not a valid identifier"}, nil
		}
	case "return":
		if r := runnerOf(hc).Elem(); !r.FieldByName("inFunc").Bool() && !r.FieldByName("inSource").Bool() {
			return []string{mark + "misused", "bash: line 1: return: can only `return' from a function or sourced script"}, nil
		}
		if len(args) == 1 {
			return append(args, strconv.Itoa(hc.LastExitStatus)), nil
		}
	case "shift":
		return sh.checkShift(hc, args)
	case "unset":
		for _, name := range args[1:] {
			if hc.Env.Get(name).ReadOnly {
				return []string{mark + "fail", "bash: line 1: unset: " + name + ": cannot unset: readonly variable"}, nil
			}
			if before(hc, name) {
				return []string{mark + "fail", "bash: line 1: unset: [" + name[strings.IndexByte(name, '[')+1:] + ": bad array subscript"}, nil
			}
		}
	}
	return args, nil
}

// checkOld fails cd - where there is no folder before.
func checkOld(hc interp.HandlerContext, args []string) ([]string, error) {
	if len(args) == 2 && args[1] == "-" && !hc.Env.Get("OLDPWD").IsSet() {
		return []string{mark + "fail", "bash: line 1: cd: OLDPWD not set"}, nil
	}
	return args, nil
}

// before says that an element of a list is counted from its end and lies before its beginning.
func before(hc interp.HandlerContext, element string) bool {
	name, index, ok := strings.Cut(strings.TrimSuffix(element, "]"), "[")
	n, err := strconv.Atoi(index)
	v := hc.Env.Get(name)
	return ok && err == nil && n < 0 && v.Kind != expand.Associative && -n > max(len(v.List), len(v.Str[:min(1, len(v.Str))]))
}

// checkFolder fails cd in bash's words where these go anywhere but to the client: to a file, or to another command.
func (sh *shell) checkFolder(ctx context.Context, hc interp.HandlerContext, args []string) ([]string, error) {
	if hc.Stderr == io.Writer(sh.err) || silent(hc.Stderr) || len(args) != 2 || args[1] == "-" {
		return args, nil
	}
	info, err := sh.stat(ctx, under(hc.Dir, args[1]), true)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err == nil {
		err = sh.access(ctx, under(hc.Dir, args[1]), interp.AccessExec)
	}
	var number syscall.Errno
	if errors.As(err, &number) && messages[number] != "" {
		return []string{mark + "fail", "bash: line 1: cd: " + args[1] + ": " + messages[number]}, nil
	}
	return args, nil
}

// checkShift fails where there are fewer parameters, as bash does.
func (sh *shell) checkShift(hc interp.HandlerContext, args []string) ([]string, error) {
	n := 1
	if len(args) > 1 {
		var err error
		if n, err = strconv.Atoi(args[1]); err != nil || n < 0 || len(args) > 2 {
			return nil, refuse("shift", "it has one number")
		}
	}
	if n > runnerOf(hc).Elem().FieldByName("Params").Len() {
		if sh.posix {
			return nil, refuse("shift", "there are fewer words, at which one sh ends and another goes on: look at $# first")
		}
		return []string{mark + "fail"}, nil
	}
	return args, nil
}

// shellReads says that a command's redirections are the shell's own to open: those of everything but a command on the target.
func (sh *shell) shellReads(hc interp.HandlerContext, args []string) bool {
	name := args[0]
	if _, _, is := sh.launched(args); is {
		return true
	}
	return name != mark+"run" && name != mark+"exec" && (strings.HasPrefix(name, mark) || isFunction(hc, name) || interp.IsBuiltin(name) || isShell(name))
}

// takeRedirects opens what was left to a command, and says whether that failed: then the command does not run.
func (sh *shell) takeRedirects(ctx context.Context, hc interp.HandlerContext) (failed bool) {
	in, around := sh.inputs.of(hc.Stdin), sh.around(hc)
	if in.own {
		in.own = false
		in.mu.Lock()
		defer in.mu.Unlock()
		if in.kind == fromFile && in.file == nil {
			if err := sh.openSource(ctx, in.source); err != nil {
				fmt.Fprintln(around, fileError(in.path, err))
				return true
			}
		}
	}
	return sh.takeOutputs(hc)
}

// takeOutputs does it for what a command writes to.
func (sh *shell) takeOutputs(hc interp.HandlerContext) (failed bool) {
	for _, w := range []any{hc.Stdout, hc.Stderr} {
		if f, ok := w.(*outFile); ok {
			if err := f.begin(); err != nil {
				fmt.Fprintln(sh.around(hc), fileError(f.path, err))
				return true
			}
		}
	}
	return false
}

// around is where the shell says that a command's file cannot be opened: not in a file of the command's own.
func (sh *shell) around(hc interp.HandlerContext) io.Writer {
	if f, ok := plain(hc.Stderr).(*outFile); ok && f.ofCommand() {
		return sh.Shell.err
	}
	return hc.Stderr
}

// prints are the builtins that a reader's going away ends, as SIGPIPE does.
var prints = map[string]bool{mark + "echo": true, mark + "printf": true, mark + "pwd": true}

// readerGone says that standard output is a pipe that nobody reads.
func readerGone(hc interp.HandlerContext) bool {
	f, ok := hc.Stdout.(*os.File)
	if !ok {
		return false
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd)}}
		if n, err := unix.Poll(poll, 0); err == nil && n > 0 {
			gone = poll[0].Revents&unix.POLLERR != 0
		}
	})
	return gone
}
