package process

import (
	"context"
	"errors"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/admit"
)

// program is a text that is ready to run, line by line: a line is what bash reads at a time, up to a new line that ends a command, and
// what a fault of an expansion ends.
type program [][]*syntax.Stmt

// prepare reads a text of the shell's own and rewrites it.
func (sh *shell) prepare(ctx context.Context, text string) (program, error) {
	file, err := sh.admit(text)
	if err != nil {
		return nil, err
	}
	return sh.program(ctx, file, text)
}

// program rewrites what was read and admitted.
func (sh *shell) program(ctx context.Context, file *syntax.File, text string) (program, error) {
	file.Name = sh.name
	sh.seen.note(file)
	w := &rewriter{shell: sh, ctx: ctx, errexit: sh.seen.mayExit()}
	var all program
	for _, line := range lines(file.Stmts, text) {
		all = append(all, w.list(line, false))
	}
	return all, w.err
}

// lines are statements by the line that they stand on.
func lines(stmts []*syntax.Stmt, text string) [][]*syntax.Stmt {
	var all [][]*syntax.Stmt
	for i, st := range stmts {
		if i > 0 && together(stmts[i-1], st, text) {
			all[len(all)-1] = append(all[len(all)-1], st)
			continue
		}
		all = append(all, []*syntax.Stmt{st})
	}
	return all
}

// together says that no new line stands between two statements.
func together(first, second *syntax.Stmt, text string) bool {
	if !first.Semicolon.IsValid() || !second.Pos().IsValid() {
		return false
	}
	from, to := int(first.Semicolon.Offset()), int(second.Pos().Offset())
	if from > to || to > len(text) {
		return false
	}
	return !strings.Contains(strings.ReplaceAll(text[from:to], "\\\n", ""), "\n")
}

// run runs a program. whole says that the shell ends with it. The error is the interpreter's.
func (sh *shell) run(ctx context.Context, all program, whole bool) (err error) {
	sh.Shell.err.last.Store(nil)
	for _, line := range all {
		for _, st := range line {
			err = sh.runner.Run(ctx, st)
			if ctx.Err() != nil {
				return err // for the runner that is an exit as well
			}
			if sh.discarded() {
				err = interp.ExitStatus(1)
				setLast(runnerValue(sh.runner), 1)
				break
			}
			if sh.exited = sh.runner.Exited(); sh.exited {
				return sh.leave(ctx, err)
			}
		}
	}
	if whole {
		sh.exited = true
		return sh.leave(ctx, err)
	}
	return err
}

// discarded says that a fault has ended the line that ran, and forgets it.
func (sh *shell) discarded() bool {
	env := environOf(runnerValue(sh.runner))
	if !sh.runner.Exited() || !env.Get(discardVariable).IsSet() {
		return false
	}
	_ = env.Set(discardVariable, expand.Variable{})
	return true
}

// leave runs the trap of EXIT, which sees the status that the shell ends with. It changes it by exit, or by what set -e heeds.
func (sh *shell) leave(ctx context.Context, err error) error {
	var status interp.ExitStatus
	if errors.As(err, &status) && status == 1 && sh.unset() {
		err = interp.ExitStatus(uint8(sh.unsetStatus()))
	} else if err != nil && !errors.As(err, &status) {
		return err
	}
	text := sh.atExit
	if sh.atExit = ""; text == "" {
		return err
	}
	file, fail := syntax.NewParser().Parse(strings.NewReader(text), sh.name)
	if fail != nil {
		return fail
	}
	errors.As(err, &status)
	before := int(status)
	sh.leaving = &before
	setLast(runnerValue(sh.runner), before)
	for _, st := range file.Stmts {
		fail := sh.runner.Run(ctx, st)
		switch {
		case ctx.Err() != nil || sh.discarded():
			return err
		case sh.runner.Exited():
			return fail
		}
	}
	return err
}

// unbound keeps a message of a variable that is not set, which nobody sees.
func (s *Shell) unbound(p []byte) {
	if text := string(p[max(0, len(p)-512):]); strings.HasSuffix(text, ": unbound variable\n") {
		s.err.last.Store(&text)
	}
}

// unset reports whether a text was ended by a variable that is not set.
func (sh *shell) unset() bool {
	if _, required := sh.runner.Vars[admit.Unset]; required {
		return true
	}
	last := sh.Shell.err.last.Load()
	return last != nil && strings.HasSuffix(*last, ": unbound variable\n")
}

// unsetStatus is that of a shell's -c that a variable has ended. The interpreter has 1.
func (sh *shell) unsetStatus() int {
	switch {
	case sh.posix:
		return 2
	case sh.scripted || runnerValue(sh.runner).Elem().FieldByName("opts").Index(optionErrexit).Bool():
		return 1
	}
	return 127
}
