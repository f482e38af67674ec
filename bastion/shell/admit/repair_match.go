package admit

import "mvdan.cc/sh/v3/syntax"

// In bash an =~ that does not match leaves BASH_REMATCH empty; the interpreter leaves it what it was. So it is emptied before. As this must
// happen only where =~ is come to, a test of several parts becomes one command a part.

// matches changes the tests of a text that may look at BASH_REMATCH.
func (r *repairer) matches(f *syntax.File) {
	if !r.known.matches && !r.in.Prompt && !r.in.Inside {
		return
	}
	var all []*syntax.Stmt
	preorder(f, func(n syntax.Node) {
		if s, ok := n.(*syntax.Stmt); ok {
			all = append(all, s)
		}
	})
	for _, s := range all {
		if t, ok := s.Cmd.(*syntax.TestClause); ok && matchesIn(t.X) && !looksBack(t.X) {
			s.Cmd = matching(s, t.X)
		}
	}
}

// matching is a test as commands.
func matching(at *syntax.Stmt, x syntax.TestExpr) syntax.Command {
	part := func(x syntax.TestExpr) []*syntax.Stmt {
		return []*syntax.Stmt{{Position: at.Pos(), Cmd: matching(at, x)}}
	}
	choose := func(cond syntax.TestExpr, then, otherwise []*syntax.Stmt) syntax.Command {
		return &syntax.IfClause{
			Position: at.Pos(), ThenPos: at.Pos(), FiPos: at.End(), Cond: part(cond), Then: then,
			Else: &syntax.IfClause{Position: at.Pos(), FiPos: at.End(), Then: otherwise},
		}
	}
	good, bad := []*syntax.Stmt{call("true")}, []*syntax.Stmt{call("false")}
	if matchesIn(x) {
		switch x := x.(type) {
		case *syntax.ParenTest:
			return matching(at, x.X)
		case *syntax.UnaryTest:
			return choose(x.X, bad, good)
		case *syntax.BinaryTest:
			switch x.Op {
			case syntax.AndTest:
				return choose(x.X, part(x.Y), bad)
			case syntax.OrTest:
				return choose(x.X, good, part(x.Y))
			}
			empty := &syntax.Assign{Name: &syntax.Lit{Value: "BASH_REMATCH"}, Array: &syntax.ArrayExpr{Lparen: at.Pos(), Rparen: at.Pos()}}
			return &syntax.Block{Lbrace: at.Pos(), Rbrace: at.End(), Stmts: []*syntax.Stmt{
				{Position: at.Pos(), Cmd: &syntax.CallExpr{Assigns: []*syntax.Assign{empty}}},
				{Position: at.Pos(), Cmd: &syntax.TestClause{Left: at.Pos(), Right: at.End(), X: x}},
			}}
		}
	}
	return &syntax.TestClause{Left: at.Pos(), Right: at.End(), X: x}
}

func matchesIn(x syntax.TestExpr) bool {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return matchesIn(x.X)
	case *syntax.UnaryTest:
		return x.Op == syntax.TsNot && matchesIn(x.X)
	case *syntax.BinaryTest:
		return x.Op == syntax.TsReMatch || (x.Op == syntax.AndTest || x.Op == syntax.OrTest) && (matchesIn(x.X) || matchesIn(x.Y))
	}
	return false
}

// looksBack says whether a test reads what emptying would change.
func looksBack(x syntax.TestExpr) bool {
	looks := false
	preorder(x, func(n syntax.Node) {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil {
			looks = looks || p.Param.Value == "BASH_REMATCH" || p.Param.Value == "?"
		}
	})
	return looks
}
