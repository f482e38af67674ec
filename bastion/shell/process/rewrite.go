package process

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// mark begins what only the rewriting writes: names of our builtins and paths that say what a redirection is.
const mark = "\x01"

// The marks of redirections, before the path.
const (
	markSimple = mark + "s" // it is of one simple command
	markData   = mark + "h" // no path: the text of a here-document
	markPipe   = mark + "p" // no path: the pipe that is there already is this very command's
	markOuter  = mark + "o" // no path: the input around the command in whose words $(…) stands
	markNull   = mark + "n" // no path: nothing
	markSplit  = mark + "w" // behind markSimple: the path has an expansion that is not quoted
)

// seen is what a shell's texts have used so far, which decides how much is rewritten. Safe for concurrent use.
type seen struct {
	mu        sync.Mutex
	errexit   bool
	defines   bool            // by a text that is not known yet
	functions map[string]bool // that it defines
}

func (s *seen) mayExit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errexit
}

// note looks for what a text turns on.
func (s *seen) note(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			if len(n.Args) > 1 {
				s.noteCall(n)
			}
		case *syntax.FuncDecl:
			s.noteFunction(n)
		}
		return true
	})
}

// noteCall sees set -e in all of its forms, and takes every set with words that are not plain for one.
func (s *seen) noteCall(call *syntax.CallExpr) {
	if lit := call.Args[0].Lit(); readers[lit] {
		s.mu.Lock()
		s.defines = true
		s.mu.Unlock()
	}
	for i, w := range call.Args {
		lit := w.Lit()
		if i == 0 && lit != "" && lit != "set" && lit != "builtin" && lit != "command" && lit != "shopt" {
			return
		}
		if i > 0 && (lit == "" || lit == "errexit" || strings.HasPrefix(lit, "-") && strings.Contains(lit, "e")) {
			s.mu.Lock()
			s.errexit = true
			s.mu.Unlock()
		}
	}
}

// rewriter changes a text's tree into one that interp runs as bash runs the text.
type rewriter struct {
	shell      *shell
	ctx        context.Context
	errexit    bool
	inner      int    // substitutions and pipelines around
	functions  int    // definitions around; a text within a text may be called by one
	kept       string // where the command whose words are rewritten keeps the standard error around it
	keyed      bool   // an array with keys is declared
	redirected bool   // the command whose words are rewritten has its input redirected
	err        error  // the first refusal
}

// rewrite changes a text within a text, whose every part package admit has let through.
func (sh *shell) rewrite(ctx context.Context, file *syntax.File) error {
	sh.seen.note(file)
	w := &rewriter{shell: sh, ctx: ctx, errexit: sh.seen.mayExit(), functions: 1}
	file.Stmts = w.list(file.Stmts, false)
	return w.err
}

func (w *rewriter) refuse(n syntax.Node, construct, reason string) {
	if w.err == nil {
		r := refuse(construct, "%s", reason).(*refusedError)
		if n.Pos().IsValid() {
			r.Column = int(n.Pos().Offset()) + 1
		}
		w.err = r
	}
}

// list rewrites statements in their order. tested says that errexit does not heed them.
func (w *rewriter) list(stmts []*syntax.Stmt, tested bool) []*syntax.Stmt {
	var done []*syntax.Stmt
	for _, st := range stmts {
		if st.Background {
			done = append(done, callStmt(mark+"job"))
		}
		done = append(done, w.stmt(st, tested))
	}
	return done
}

// stmt rewrites one statement.
func (w *rewriter) stmt(st *syntax.Stmt, tested bool) *syntax.Stmt {
	if st.Coprocess || st.Disown {
		w.refuse(st, "coproc", "run it in the foreground, or behind with &")
		return st
	}
	var statuses []*syntax.Stmt
	beside := errorsBeside(st)
	if beside && st.Negated && w.errexit {
		w.refuse(st, "2> beside $(…)", "with set -e and ! it is not read: put $(…) into a variable first")
	}
	if takeMark(st) {
		statuses = parts(st)
	}
	w.redirs(st)
	_, simple := st.Cmd.(*syntax.CallExpr)
	around, kept := w.redirected, w.kept
	w.redirected, w.kept = simple && readsElsewhere(st), ""
	if beside {
		w.kept = strconv.FormatInt(w.shell.kept.number(), 10)
	}
	number := w.kept
	st.Cmd = w.command(st.Cmd, tested || st.Negated)
	w.redirected, w.kept = around, kept
	if beside {
		st = keeping(st, number)
	}
	if st.Negated && w.errexit && mayEnd(st.Cmd) {
		unheededInside(st)
	}
	if st.Background && w.inner > 0 {
		w.refuse(st, "&", "in a pipeline or $(…) nothing runs behind: its reader would have to wait for it")
	}
	if st.Background {
		return w.background(st)
	}
	if statuses != nil {
		return keepStatuses(st, statuses)
	}
	return st
}

// command rewrites a command and all in it.
func (w *rewriter) command(cmd syntax.Command, tested bool) syntax.Command {
	switch c := cmd.(type) {
	case *syntax.CallExpr:
		w.call(c)
		if tested && w.errexit && w.shell.seen.mayBeFunction(c) {
			c.Assigns = append(c.Assigns, &syntax.Assign{Name: &syntax.Lit{Value: testedVariable}, Value: quoted("1")})
		}
		if len(c.Args) > 0 && len(c.Assigns) == 0 && c.Args[0].Lit() == "local" { // of sh, where the parser takes it for a command
			return localClause(c)
		}
	case *syntax.DeclClause:
		w.declares(c)
		if c.Variant.Value == "local" {
			shadow(c)
		}
	case *syntax.Block:
		c.Stmts = w.list(c.Stmts, tested)
	case *syntax.Subshell:
		c.Stmts = w.unheeded(w.list(c.Stmts, tested), tested)
	case *syntax.IfClause:
		w.ifClause(c, tested)
	case *syntax.WhileClause:
		c.Cond, c.Do = w.list(c.Cond, true), w.list(c.Do, tested)
	case *syntax.ForClause:
		w.forClause(c, tested)
	case *syntax.CaseClause:
		w.caseClause(c, tested)
	case *syntax.FuncDecl:
		w.functions++
		c.Body = w.stmt(c.Body, false)
		w.functions--
	case *syntax.ArithmCmd:
		c.X = w.reckons(c.X, forStatus)
	case *syntax.LetClause:
		return w.let(c)
	case *syntax.TestClause:
		c.X = w.test(c.X)
	case *syntax.BinaryCmd:
		w.binary(c, tested)
	case *syntax.TimeClause:
		return w.time(c, tested)
	case nil:
	default:
		w.refuse(cmd, "construct", "the governed shell does not know it")
	}
	return cmd
}

// shadow gives the variables of local that have no value an empty one: interp would leave them that of the caller's.
func shadow(c *syntax.DeclClause) {
	for _, a := range c.Args {
		if a.Name == nil && strings.HasPrefix(a.Value.Lit(), "-") {
			return // an array has no value to inherit
		}
		if a.Name != nil && a.Naked {
			a.Naked, a.Value = false, quoted("")
		}
	}
}

func localClause(c *syntax.CallExpr) syntax.Command {
	decl := &syntax.DeclClause{Variant: &syntax.Lit{Value: "local"}}
	for _, word := range c.Args[1:] {
		decl.Args = append(decl.Args, &syntax.Assign{Naked: true, Value: word})
	}
	return decl
}

func (w *rewriter) ifClause(c *syntax.IfClause, tested bool) {
	for ; c != nil; c = c.Else {
		c.Cond, c.Then = w.list(c.Cond, true), w.list(c.Then, tested)
	}
}

func (w *rewriter) forClause(c *syntax.ForClause, tested bool) {
	switch l := c.Loop.(type) {
	case *syntax.WordIter:
		for _, word := range l.Items {
			w.word(word)
		}
	case *syntax.CStyleLoop:
		l.Init, l.Cond, l.Post = w.reckons(l.Init, forLoop), w.reckons(l.Cond, forLoop), w.reckons(l.Post, forLoop)
	}
	c.Do = w.list(c.Do, tested)
}

func (w *rewriter) caseClause(c *syntax.CaseClause, tested bool) {
	w.single(c.Word)
	for _, item := range c.Items {
		for _, p := range item.Patterns {
			w.word(p)
		}
		item.Stmts = w.list(item.Stmts, tested)
	}
}

// binary rewrites lists and pipelines. In bash every part of a pipeline is a subshell; in interp the last is not.
func (w *rewriter) binary(c *syntax.BinaryCmd, tested bool) {
	if c.Op == syntax.AndStmt || c.Op == syntax.OrStmt {
		c.X, c.Y = w.stmt(c.X, true), w.stmt(c.Y, tested)
		return
	}
	w.inner++
	defer func() { w.inner-- }()
	c.X = w.stmt(c.X, tested)
	if stmts := w.unheeded([]*syntax.Stmt{c.X}, tested); len(stmts) > 1 {
		c.X = blockOf(stmts...)
	}
	reader := c.Y
	for b, ok := reader.Cmd.(*syntax.BinaryCmd); ok && piped(b); b, ok = reader.Cmd.(*syntax.BinaryCmd) {
		reader = b.X
	}
	c.Y = w.stmt(c.Y, tested)
	if _, simple := reader.Cmd.(*syntax.CallExpr); simple && !readsElsewhere(reader) {
		reader.Redirs = append([]*syntax.Redirect{{Op: syntax.RdrIn, Word: quoted(markPipe)}}, reader.Redirs...)
	}
	if b, ok := c.Y.Cmd.(*syntax.BinaryCmd); !ok || !piped(b) {
		c.Y = subshellOf(w.unheeded([]*syntax.Stmt{c.Y}, tested)...)
	}
}

func piped(b *syntax.BinaryCmd) bool { return b.Op == syntax.Pipe || b.Op == syntax.PipeAll }

// background makes a statement one that runs behind, under a number that kill and wait know, and reads nothing.
func (w *rewriter) background(st *syntax.Stmt) *syntax.Stmt {
	st.Background = false
	inner := subshellOf(st)
	inner.Redirs = []*syntax.Redirect{{Op: syntax.RdrIn, Word: quoted(markNull)}}
	set := &syntax.Stmt{Cmd: &syntax.CallExpr{Assigns: []*syntax.Assign{{
		Name: &syntax.Lit{Value: jobVariable}, Value: wordOf(&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: bangVariable}}),
	}}}}
	end := func(status syntax.WordPart) *syntax.Stmt {
		st := callStmt(mark + "end")
		call := st.Cmd.(*syntax.CallExpr)
		call.Args = append(call.Args, wordOf(status))
		return st
	}
	good := &syntax.Stmt{Cmd: &syntax.BinaryCmd{Op: syntax.AndStmt, X: inner, Y: end(&syntax.Lit{Value: "0"})}}
	both := &syntax.BinaryCmd{Op: syntax.OrStmt, X: good, Y: end(&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "?"}})}
	outer := blockOf(set, &syntax.Stmt{Cmd: both})
	outer.Background = true
	return outer
}

// time measures as bash prints it, on standard error.
func (w *rewriter) time(c *syntax.TimeClause, tested bool) syntax.Command {
	begin, end := callStmt(mark+"timed"), callStmt(mark+"elapsed")
	if c.PosixFormat {
		call := end.Cmd.(*syntax.CallExpr)
		call.Args = append(call.Args, quoted("-p"))
	}
	stmts := []*syntax.Stmt{begin}
	if c.Stmt != nil {
		stmts = append(stmts, w.stmt(c.Stmt, tested))
	}
	return blockOf(append(stmts, end)...).Cmd
}

func blockOf(stmts ...*syntax.Stmt) *syntax.Stmt {
	return &syntax.Stmt{Cmd: &syntax.Block{Stmts: stmts}}
}

func subshellOf(stmts ...*syntax.Stmt) *syntax.Stmt {
	return &syntax.Stmt{Cmd: &syntax.Subshell{Stmts: stmts}}
}

// callStmt calls a builtin of ours.
func callStmt(name string) *syntax.Stmt {
	return &syntax.Stmt{Cmd: &syntax.CallExpr{Args: []*syntax.Word{quoted(name)}}}
}

func wordOf(parts ...syntax.WordPart) *syntax.Word { return &syntax.Word{Parts: parts} }
