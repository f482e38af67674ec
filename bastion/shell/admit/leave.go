package admit

import (
	"slices"

	"mvdan.cc/sh/v3/syntax"
)

// leaves refuses break and continue where the interpreter would go on with what stands behind them in the same statement. loops is how many
// they leave.
func (w *walker) leaves(loops int) {
	negated, at := false, w.stack[len(w.stack)-1].Pos()
	for i := len(w.stack) - 2; i >= 0; i-- {
		below, _ := w.stack[i+1].(*syntax.Stmt)
		ahead := false
		switch n := w.stack[i].(type) {
		case *syntax.Stmt:
			negated = negated || n.Negated
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
				return // a subshell, which has a loop of its own or none
			}
			ahead = n.X == below && (negated || n.Op == syntax.AndStmt)
		case *syntax.IfClause:
			ahead = slices.Contains(n.Cond, below)
		case *syntax.WhileClause:
			ahead = slices.Contains(n.Cond, below)
			loops--
		case *syntax.ForClause:
			loops--
		case *syntax.CaseItem:
			ahead = n.Op != syntax.Break
		case *syntax.FuncDecl, *syntax.Subshell, *syntax.CmdSubst:
			return
		}
		if ahead {
			w.refuse(at, breakAhead)
		}
		if loops <= 0 {
			return
		}
	}
}
