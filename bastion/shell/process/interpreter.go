package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/wire"
)

// shell is one interpreter: the shell that the client asked for, or one in it that sh -c or a script began.
type shell struct {
	*Shell
	runner *interp.Runner
	parent *shell
	env    *environ
	links  atomic.Pointer[[]wire.Link] // how it came to be
	posix  bool                        // sh, not bash
	name   string                      // $0
	file   bool                        // its text is the file of that name
	pid    int64                       // $$

	seen   seen // what its texts have used, for the rewriting
	last   int  // $?
	exited bool

	atExit   string // the text of trap … EXIT
	scripted bool   // its text comes by its input

	leaving *int     // the status before the text of trap … EXIT, while that runs
	trapped sync.Map // the signals for which there is a trap, by name

	cancelOwn   context.CancelCauseFunc // of a shell in a shell, while it runs
	killedAlone atomic.Bool             // kill $$ has ended it
	timedOut    atomic.Bool             // timeout has
}

// parentID is $PPID.
func (sh *shell) parentID() int64 {
	if sh.parent != nil {
		return sh.parent.pid
	}
	return firstID
}

// chain is through what the shell's texts came to be.
func (sh *shell) chain() []wire.Link { return *sh.links.Load() }

// through says what chain is from now on.
func (sh *shell) through(chain []wire.Link) { sh.links.Store(&chain) }

// config is what an interpreter begins with.
type config struct {
	parent         *shell
	env            *environ
	chain          []wire.Link
	posix          bool
	name           string
	file           bool
	dir            string
	params         []string
	options        []string // of set
	stdin          *os.File
	stdout, stderr io.Writer
}

func (s *Shell) newShell(c config) (*shell, error) {
	sh := &shell{Shell: s, parent: c.parent, env: c.env, posix: c.posix, name: c.name, file: c.file && !c.posix, pid: s.jobs.number()}
	sh.through(c.chain)
	sh.env.set(nameVariable, c.name)
	runner, err := interp.New(
		interp.Env(sh.env),
		interp.StdIO(c.stdin, c.stdout, c.stderr),
		interp.CallHandler(sh.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return sh.exec }),
		interp.OpenHandler(sh.openFor),
		interp.ReadDirHandler2(sh.list),
		interp.StatHandler(sh.stat),
		interp.AccessHandler(sh.access),
		func(r *interp.Runner) error { r.Dir, r.Params = c.dir, c.params; return nil },
	)
	if err != nil {
		return nil, err
	}
	runner.Reset()
	sh.env.ready()
	sh.runner = runner
	first := "unset GID"
	if len(c.options) > 0 { // last: what they turn on is not for our own text
		first += "\nset"
		for _, option := range c.options {
			first += " " + quote(option)
		}
	}
	if _, err := sh.hidden(first); err != nil {
		return nil, err
	}
	return sh, nil
}

// hidden runs a text of our own.
func (sh *shell) hidden(text string) (int, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(text), sh.name)
	if err != nil {
		return 0, err
	}
	for _, st := range file.Stmts {
		err = sh.runner.Run(context.Background(), st)
	}
	return sh.status(context.Background(), err), nil
}

// text reads a text and runs it. whole says that the shell ends with it.
func (sh *shell) text(ctx context.Context, text string, whole bool) int {
	all, err := sh.prepare(ctx, text)
	if err != nil {
		sh.refused(err)
		sh.last = statusRefused
		return sh.last
	}
	sh.last = sh.status(ctx, sh.run(ctx, all, whole))
	return sh.last
}

// status is what the end of a text is to its shell's starter.
func (sh *shell) status(ctx context.Context, err error) int {
	var end *endError
	if errors.As(context.Cause(ctx), &end) {
		return end.status
	}
	var code interp.ExitStatus
	if errors.As(err, &code) {
		return int(code)
	}
	var refused *refusedError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &refused) || errors.As(context.Cause(ctx), &refused):
		return statusRefused
	}
	return 1
}

// line is a line of the client.
func (sh *shell) line(ctx context.Context, text string) int {
	return sh.reported(ctx, text, func(ctx context.Context) int { return sh.text(ctx, text, !sh.prompt) })
}

// reported runs what is a line to the door: told, bounded, ended by what ends it.
func (s *Shell) reported(ctx context.Context, text string, run func(context.Context) int) int {
	sh := s.top
	n := sh.Shell.line.Add(1)
	sh.commands.Store(0)
	if err := sh.reports.send(wire.Report{Line: n, Text: text}); err != nil {
		return 1
	}
	ctx, cancel := context.WithCancelCause(ctx)
	sh.begins(cancel)
	defer sh.begins(nil)
	watch := sh.watch(ctx, cancel)
	status := run(ctx)
	watch()
	if ctx.Err() != nil {
		sh.jobs.endAll() // they have the line's context
	}
	if sh.prompt && !sh.exited && (ctx.Err() != nil || status == statusRefused) {
		sh.setStatus(status)
	}
	if len(sh.jobs.running()) == 0 {
		defer cancel(nil) // what runs behind has the line's context
	}
	var refused *refusedError
	if errors.As(context.Cause(ctx), &refused) {
		sh.refused(refused)
	}
	sh.reports.send(wire.Report{Line: n, Status: &status})
	return status
}

// setStatus makes a text that was refused, or ended from outside, what $? is of.
func (sh *shell) setStatus(status int) {
	file, err := syntax.NewParser().Parse(exitText(status), "")
	if err == nil {
		_ = sh.runner.Run(context.Background(), file.Stmts[0]) // its status is what it is for
	}
}

// exitText is a text that does nothing and has a status.
func exitText(status int) io.Reader { return strings.NewReader(fmt.Sprintf("(exit %d)", status)) }

// begins says what ends the line that runs.
func (s *Shell) begins(cancel context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel = cancel
	if cancel != nil && s.early {
		cancel(&endError{130, "interrupted"})
	}
	s.early = false
	if cancel != nil && s.ended != nil {
		cancel(s.ended)
	}
}

// refused tells the door why a text is not read; the door tells the client.
func (sh *shell) refused(err error) {
	var r *refusedError
	if !errors.As(err, &r) {
		r = &refusedError{wire.Refused{Construct: "text", Column: 1, Reason: err.Error()}}
	}
	select {
	case <-sh.taken: // of an earlier one
	default:
	}
	if sh.reports.send(wire.Report{Line: sh.Shell.line.Load(), Refused: &r.Refused}) != nil {
		return
	}
	select {
	case <-sh.taken:
	case <-sh.link.mux.CloseChan():
	}
}

// complain writes to the client's standard error.
func (s *Shell) complain(err error) { fmt.Fprintln(s.err, err) }

// variable is a variable's value.
func (sh *shell) variable(name string) string {
	if v, ok := sh.runner.Vars[name]; ok {
		return v.String()
	}
	return sh.env.Get(name).String()
}

func (sh *shell) functions() []string {
	names := []string{}
	for name := range sh.runner.Funcs {
		names = append(names, name)
	}
	return names
}
