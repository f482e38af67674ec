package admit

import "mvdan.cc/sh/v3/syntax"

// PipeMark is the text of the comment by which a pipeline is marked whose statuses the next command reads.
const PipeMark = "\x01pipe"

// pipeline is the name of the list of statuses.
const pipeline = "PIPESTATUS"

// pipes finds the pipelines whose statuses are read by the very next command, and those readings. After any other command bash has the
// status of that one there.
func (k *known) pipes(f *syntax.File) {
	list := func(stmts []*syntax.Stmt) {
		for i := 1; i < len(stmts); i++ {
			b, ok := stmts[i-1].Cmd.(*syntax.BinaryCmd)
			if !ok || stmts[i-1].Negated || stmts[i-1].Background || len(stmts[i-1].Redirs) > 0 || !programs(b) {
				continue
			}
			for _, p := range readings(stmts[i]) {
				k.piped[b], k.pipeReads[p] = true, true
			}
		}
	}
	preorder(f, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.File:
			list(n.Stmts)
		case *syntax.Block:
			list(n.Stmts)
		case *syntax.Subshell:
			list(n.Stmts)
		case *syntax.CmdSubst:
			list(n.Stmts)
		case *syntax.IfClause:
			list(n.Cond)
			list(n.Then)
		case *syntax.WhileClause:
			list(n.Cond)
			list(n.Do)
		case *syntax.ForClause:
			list(n.Do)
		case *syntax.CaseItem:
			list(n.Stmts)
		}
	})
}

// programs says whether every part of a pipeline is a simple command. What ends one before it has a status, as exit does, is seen when it runs.
func programs(b *syntax.BinaryCmd) bool {
	if b.Op != syntax.Pipe && b.Op != syntax.PipeAll {
		return false
	}
	for _, s := range []*syntax.Stmt{b.X, b.Y} {
		switch c := s.Cmd.(type) {
		case *syntax.BinaryCmd:
			if !programs(c) {
				return false
			}
		case *syntax.CallExpr:
			if len(c.Args) == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// readings are where the first command of a statement reads the statuses.
func readings(s *syntax.Stmt) (found []*syntax.ParamExp) {
	var first syntax.Node = s.Cmd
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr, *syntax.DeclClause, *syntax.TestClause, *syntax.ArithmCmd:
	case *syntax.IfClause:
		return readings(c.Cond[0])
	case *syntax.CaseClause:
		first = c.Word
	case *syntax.BinaryCmd:
		if c.Op != syntax.AndStmt && c.Op != syntax.OrStmt {
			return nil
		}
		return readings(c.X)
	default:
		return nil
	}
	syntax.Walk(first, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false
		case *syntax.ParamExp:
			if n.Param != nil && n.Param.Value == pipeline && !n.Excl {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}
