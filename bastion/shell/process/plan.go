package process

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/interp"

	"gatehouse/bastion/shell/wire"
	"gatehouse/policy"
)

// maxDocument is how long a here-document may be to go with its command; a longer one is sent as its input.
const maxDocument = 64 << 10

// plan says what the door is asked to run.
func (sh *shell) plan(ctx context.Context, hc interp.HandlerContext, args []string) (wire.Exec, *stdin, error) {
	env, err := sh.changed(hc.Env)
	if err == nil {
		err = printable(args, env, hc.Dir)
	}
	if err != nil {
		return wire.Exec{}, nil, err
	}
	e := wire.Exec{Argv: slices.Clone(args), Env: env, Dir: hc.Dir, Line: sh.Shell.line.Load(), Prompt: sh.prompt || sh.terminal != nil, Chain: sh.chainAt(hc)}
	if mask, set := sh.umask(hc.Env); set {
		e.Umask = octal(mask)
	}
	if e.Group, err = strconv.ParseInt(hc.Env.Get(jobVariable).String(), 10, 64); err != nil {
		e.Group = sh.jobs.number()
	}
	in, err := sh.planInput(hc, &e)
	if err != nil {
		return e, nil, err
	}
	if err := sh.planOutput(hc, &e); err != nil {
		return e, nil, err
	}
	e.Wrote = [2]int64{sh.out.n.Load(), sh.Shell.err.n.Load()}
	return e, in, nil
}

// printable refuses what cannot be decided about: the door is told words in UTF-8.
func printable(args []string, env []policy.EnvVar, dir string) error {
	bad := !utf8.ValidString(dir)
	for _, a := range args {
		bad = bad || !utf8.ValidString(a)
	}
	for _, v := range env {
		bad = bad || !utf8.ValidString(v.Value)
	}
	if bad {
		return refuse("argument", "the words and variables of a command are UTF-8")
	}
	return nil
}

// planInput says where a command reads, and what is to be sent to it.
func (sh *shell) planInput(hc interp.HandlerContext, e *wire.Exec) (*stdin, error) {
	in := sh.inputs.of(hc.Stdin)
	in.mu.Lock()
	defer in.mu.Unlock()
	fresh := in.own && in.file == nil && !in.ended && len(in.buf) == 0
	switch {
	case !in.own && (readingOf(e.Argv) == readsNot || in.kind != fromClient && blindTo(e.Argv)):
		e.Stdin = wire.InNull // what is around it keeps its input
	case in.lost:
		return nil, errLost
	case in.kind == fromNull:
		e.Stdin = wire.InNull
	case in.kind == fromClient:
		e.Stdin = wire.InClient
	case in.kind == fromFile && fresh:
		e.Stdin = wire.InNull
		e.Redirs = append(e.Redirs, policy.Redir{FD: 0, Op: policy.RedirIn, Path: in.path})
	case in.kind == fromData && fresh && len(in.data) <= maxDocument && utf8.Valid(in.data) && !strings.Contains(string(in.data), "\x00"):
		e.Stdin = wire.InNull
		e.Redirs = append(e.Redirs, policy.Redir{FD: 0, Op: policy.RedirData, Data: string(in.data)})
	default:
		e.Stdin, e.Inherit = wire.InPipe, !in.own
	}
	return in, nil
}

// planOutput says where a command writes.
func (sh *shell) planOutput(hc interp.HandlerContext, e *wire.Exec) error {
	out, err := plain(hc.Stdout), plain(hc.Stderr)
	file, isFile := out.(*outFile)
	var fail error
	if e.Stdout, fail = sh.sink(out, 1, e); fail != nil {
		return fail
	}
	if out != err {
		e.Stderr, fail = sh.sink(err, 2, e)
		return fail
	}
	e.Stderr = wire.ToPair
	if isFile && !file.null {
		e.Stderr = wire.ToNull
		e.Redirs = append(e.Redirs, policy.Redir{FD: 2, Op: policy.RedirDup, To: 1})
	}
	return nil
}

// plain is a writer under its first name.
func plain(w io.Writer) io.Writer {
	for {
		again, ok := w.(*writerAgain)
		if !ok {
			return w
		}
		w = again.Writer
	}
}

func (sh *shell) sink(w io.Writer, fd int, e *wire.Exec) (wire.Sink, error) {
	switch w := w.(type) {
	case *output:
		if w == sh.out {
			return wire.ToOut, nil
		}
		return wire.ToErr, nil
	case *outFile:
		if w.null {
			return wire.ToNull, nil
		}
		around := !w.ofCommand()
		r, err := w.push(fd)
		if err != nil {
			return "", fileError(w.path, err)
		}
		if fd == 2 && around { // what is around the command is there before its own files are opened
			e.Redirs = append([]policy.Redir{r}, e.Redirs...)
			return wire.ToNull, nil
		}
		e.Redirs = append(e.Redirs, r)
		return wire.ToNull, nil
	}
	if w == nil || w == io.Discard {
		return wire.ToNull, nil
	}
	return wire.ToPipe, nil
}
