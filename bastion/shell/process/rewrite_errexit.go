package process

import (
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// In bash set -e heeds nothing in what is tested, however deep: in the functions that it calls and in their subshells too. interp heeds a
// subshell's own again. What is tested in the text itself turns it off there; a function that is called where its status is tested has a
// variable set, by which the subshells in it know.

// readers are the builtins that read a text, which may define functions.
var readers = map[string]bool{"eval": true, "source": true, ".": true}

func (s *seen) noteFunction(f *syntax.FuncDecl) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.functions == nil {
		s.functions = map[string]bool{}
	}
	if f.Name != nil {
		s.functions[f.Name.Value] = true
	}
}

// mayBeFunction says that a command may call a function.
func (s *seen) mayBeFunction(call *syntax.CallExpr) bool {
	if len(call.Args) == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lit := call.Args[0].Lit()
	return lit == "" && len(s.functions) > 0 || readers[lit] || s.functions[lit] || s.defines && !interp.IsBuiltin(lit)
}

// unheeded keeps errexit from ending a subshell whose status is tested.
func (w *rewriter) unheeded(stmts []*syntax.Stmt, tested bool) []*syntax.Stmt {
	switch {
	case !w.errexit:
		return stmts
	case tested:
		return append([]*syntax.Stmt{callStmt(mark + "unheeded")}, stmts...)
	case w.functions > 0:
		heed := &syntax.BinaryCmd{Op: syntax.AndStmt, X: callStmt(mark + "heed"), Y: callStmt("true")}
		return append([]*syntax.Stmt{{Cmd: heed}}, stmts...)
	}
	return stmts
}

// heed turns errexit off in a subshell of a function whose status is tested. Its status is what $? was.
func (b *builtin) heed() error {
	if b.hc.Env.Get(testedVariable).String() != "" {
		if err := b.hc.Builtin(b.ctx, []string{"set", "+e"}); err != nil {
			return err
		}
	}
	return code(b.hc.LastExitStatus, nil)
}

// mayEnd says that set -e might end the shell within a command, whose status ! makes one that it does not heed.
func mayEnd(cmd syntax.Command) bool {
	switch c := cmd.(type) {
	case *syntax.BinaryCmd:
		return piped(c)
	case *syntax.CallExpr:
		if len(c.Args) == 0 {
			return false
		}
		lit := c.Args[0].Lit()
		return !interp.IsBuiltin(lit) || lit == "eval" || lit == "source" || lit == "." || lit == "command"
	case *syntax.Block, *syntax.IfClause, *syntax.WhileClause, *syntax.ForClause, *syntax.CaseClause:
		return true
	}
	return false
}

// unheededInside makes what is behind "!" one that set -e does not heed: interp heeds what is in it, and the last command of a pipeline.
func unheededInside(st *syntax.Stmt) {
	good := callStmt(mark + "status")
	call := good.Cmd.(*syntax.CallExpr)
	call.Args = append(call.Args, quoted("0"))
	inner := &syntax.Stmt{Cmd: st.Cmd, Redirs: st.Redirs}
	st.Cmd, st.Redirs = blockOf(&syntax.Stmt{Cmd: &syntax.BinaryCmd{Op: syntax.AndStmt, X: inner, Y: good}}).Cmd, nil
}
