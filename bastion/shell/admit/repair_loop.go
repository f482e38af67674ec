package admit

import (
	"slices"
	"strconv"

	"mvdan.cc/sh/v3/syntax"
)

// In bash set -e does not heed a status that comes from the left side of && or from !, nor does it when a compound command passes that
// status on. The interpreter heeds it there. Nor does it keep the status of a loop's last turn. So where nobody sees a compound command's
// status, what is not heeded at its ends is made to be no status at all; and a loop whose status is seen keeps it in a variable.

// statuses changes every list of commands of a tree.
func (r *repairer) statuses(f *syntax.File) {
	var inner []func()
	body := func(s *syntax.Stmt) { inner = append(inner, func() { r.within(s, true) }) }
	list := func(stmts *[]*syntax.Stmt) { inner = append(inner, func() { *stmts = r.list(*stmts, true) }) }
	preorder(f, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			body(n.Body)
		case *syntax.CmdSubst:
			list(&n.Stmts)
		case *syntax.Subshell:
			list(&n.Stmts)
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe {
				body(n.X)
				body(n.Y)
			}
		}
	})
	f.Stmts = r.list(f.Stmts, true)
	for _, change := range inner { // from outside in: what is put in reads $?, and is not to be taken for the text's
		change()
	}
}

// list changes the commands of a list; seen says whether the status of its last is.
func (r *repairer) list(stmts []*syntax.Stmt, seen bool) []*syntax.Stmt {
	var all []*syntax.Stmt
	for i, s := range stmts {
		visible := i == len(stmts)-1 && seen || i < len(stmts)-1 && r.readsStatus(stmts[i+1])
		reads := r.readsStatus(s)
		r.within(s, visible)
		all = append(all, r.passed(s, visible, reads)...)
	}
	return all
}

// within changes what is in a compound command. What is a list of its own (a function, a subshell, a part of a pipe) is not its concern.
func (r *repairer) within(s *syntax.Stmt, seen bool) {
	seen = seen || s.Negated || s.Background
	switch c := s.Cmd.(type) {
	case *syntax.Block:
		c.Stmts = r.end(r.list(c.Stmts, seen), seen)
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			c.Cond, c.Then = r.list(c.Cond, true), r.end(r.list(c.Then, seen), seen)
		}
	case *syntax.CaseClause:
		for _, item := range c.Items {
			item.Stmts = r.end(r.list(item.Stmts, seen), seen)
		}
	case *syntax.BinaryCmd:
		if c.Op == syntax.AndStmt || c.Op == syntax.OrStmt {
			r.within(c.X, true)
			r.within(c.Y, seen)
		}
	case *syntax.WhileClause:
		c.Cond = r.list(c.Cond, true)
		r.loop(s, &c.Do, seen)
	case *syntax.ForClause:
		r.loop(s, &c.Do, seen)
	}
}

// end makes a status that nobody sees no status, at the end of a list.
func (r *repairer) end(stmts []*syntax.Stmt, seen bool) []*syntax.Stmt {
	if seen || len(stmts) == 0 {
		return stmts
	}
	return leaf(stmts, "")
}

// loop changes a loop.
func (r *repairer) loop(s *syntax.Stmt, body *[]*syntax.Stmt, seen bool) {
	if len(*body) == 0 {
		return
	}
	first := r.readsStatus((*body)[0])
	*body = r.list(*body, seen)
	if !seen {
		*body = append(leaf(*body, ""), call("true"))
		return
	}
	name := r.name()
	inner := *s
	inner.Redirs, inner.Negated, inner.Background, inner.Comments = nil, false, false, nil
	before := begun(name, r.readsStatus(s))
	*body = leaf(*body, name)
	w, while := s.Cmd.(*syntax.WhileClause)
	switch {
	case !first || while && !w.Until:
		*body = append([]*syntax.Stmt{set(name, "0")}, *body...)
	case while:
		*body = append(begun(name, true), *body...)
	default: // a turn of for sees the status of the one before
		last, old := name+"last", name+"old"
		before = append([]*syntax.Stmt{keep(last)}, begun(name, false)...)
		*body = slices.Concat([]*syntax.Stmt{assign(old, value(last)), set(last, "0"), set(name, "0"), restore(value(old))}, *body, []*syntax.Stmt{assign(last, value(name))})
	}
	b := &syntax.Block{Lbrace: s.Pos(), Rbrace: s.End(), Stmts: append(before, &inner, restore(value(name)))}
	s.Cmd, r.turns[b] = b, name
}

// name is a variable's that no text has.
func (r *repairer) name() string {
	r.loops++
	return "__gatehouse_loop" + strconv.Itoa(r.loops)
}

// begun says that nothing was a status yet. keeps says that $? must stay what it was.
func begun(name string, keeps bool) []*syntax.Stmt {
	if !keeps {
		return []*syntax.Stmt{set(name, "0")}
	}
	before := name + "before"
	return []*syntax.Stmt{keep(before), set(name, "0"), restore(value(before))}
}

// passed takes a compound command of a list apart where a status that set -e does not heed is passed on by it, and is seen: then what gives
// that status stands behind it. reads says that something in it reads $?.
func (r *repairer) passed(s *syntax.Stmt, seen, reads bool) []*syntax.Stmt {
	if !seen || s.Negated || s.Background {
		return []*syntax.Stmt{s}
	}
	var all []*syntax.Stmt
	end := s.Semicolon
	b, block := s.Cmd.(*syntax.Block)
	name, loop := r.turns[b]
	switch {
	case block && loop:
		all = b.Stmts[:len(b.Stmts)-1]
		all[len(all)-1].Redirs = s.Redirs
	case passes(s, false):
		name = r.name()
		all = append(begun(name, reads), leaf([]*syntax.Stmt{s}, name)...)
	default:
		return []*syntax.Stmt{s}
	}
	status := value(name)
	if len(s.Redirs) > 0 { // one that failed is a status, too
		failed := name + "failed"
		all = append(all, keep(failed))
		status = wordOf(&syntax.ArithmExp{X: &syntax.BinaryArithm{Op: syntax.Or, X: value(name), Y: value(failed)}})
	}
	all = append(all, restore(status))
	for _, part := range all { // all of it stands where the command stood
		part.Position, part.Semicolon = s.Pos(), s.Pos()
	}
	all[len(all)-1].Semicolon = end
	return all
}

// passes says whether a command may end in a status that set -e does not heed and the interpreter would. inside says that it is the end of
// a compound one.
func passes(s *syntax.Stmt, inside bool) bool {
	if s.Negated {
		return inside
	}
	last := func(stmts []*syntax.Stmt) bool { return len(stmts) > 0 && passes(stmts[len(stmts)-1], true) }
	switch c := s.Cmd.(type) {
	case *syntax.Block:
		return last(c.Stmts)
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			if last(c.Then) {
				return true
			}
		}
	case *syntax.CaseClause:
		for _, item := range c.Items {
			if last(item.Stmts) {
				return true
			}
		}
	case *syntax.BinaryCmd:
		if c.Op == syntax.AndStmt || c.Op == syntax.OrStmt {
			return inside && c.Op == syntax.AndStmt || passes(c.Y, inside)
		}
	}
	return false
}

// leaf keeps the status of a list's last command in a variable, or drops it, wherever set -e does not heed it. All else is as it was.
func leaf(stmts []*syntax.Stmt, name string) []*syntax.Stmt {
	last := len(stmts) - 1
	s := stmts[last]
	rest := stmts[:last:last]
	switch c := s.Cmd.(type) {
	case *syntax.Block, *syntax.IfClause, *syntax.CaseClause:
		if s.Negated {
			break
		}
		inside(c, name)
		return stmts
	case *syntax.BinaryCmd:
		if s.Negated || c.Op != syntax.AndStmt && c.Op != syntax.OrStmt {
			break
		}
		if c.Op == syntax.OrStmt {
			if then := leaf([]*syntax.Stmt{c.Y}, name); len(then) > 1 {
				c.Y = block(s, then)
			} else {
				c.Y = then[0]
			}
			return stmts
		}
		return append(rest, choice(s, c.X, leaf([]*syntax.Stmt{c.Y}, name), name))
	}
	if s.Negated {
		return append(rest, choice(s, s, []*syntax.Stmt{call("true")}, name))
	}
	if name != "" {
		return append(stmts, keep(name))
	}
	return stmts
}

// inside does it in each part of a compound command.
func inside(c syntax.Command, name string) {
	each := func(stmts []*syntax.Stmt) []*syntax.Stmt {
		if len(stmts) == 0 {
			return stmts
		}
		return leaf(stmts, name)
	}
	switch c := c.(type) {
	case *syntax.Block:
		c.Stmts = each(c.Stmts)
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			c.Then = each(c.Then)
		}
	case *syntax.CaseClause:
		for _, item := range c.Items {
			item.Stmts = each(item.Stmts)
		}
	}
}

// choice is cond && then, without a status where cond fails.
func choice(at, cond *syntax.Stmt, then []*syntax.Stmt, name string) *syntax.Stmt {
	c := &syntax.IfClause{Position: at.Pos(), ThenPos: at.Pos(), FiPos: at.End(), Cond: []*syntax.Stmt{cond}, Then: then}
	if name != "" {
		c.Else = &syntax.IfClause{Position: at.End(), FiPos: at.End(), Then: []*syntax.Stmt{keep(name)}}
	}
	return &syntax.Stmt{Position: at.Pos(), Cmd: c}
}

// restore gives a kept status, which set -e does not heed.
func restore(status *syntax.Word) *syntax.Stmt {
	exit := callOf(wordOf(&syntax.Lit{Value: "exit"}), status)
	sub := &syntax.Stmt{Cmd: &syntax.Subshell{Stmts: []*syntax.Stmt{{Cmd: exit}}}}
	return &syntax.Stmt{Cmd: &syntax.BinaryCmd{Op: syntax.AndStmt, X: sub, Y: call("true")}}
}

func keep(name string) *syntax.Stmt { return assign(name, value("?")) }

// value is a variable's.
func value(name string) *syntax.Word {
	return wordOf(&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: name}})
}

func set(name, value string) *syntax.Stmt {
	return assign(name, wordOf(&syntax.Lit{Value: value}))
}

func assign(name string, value *syntax.Word) *syntax.Stmt {
	return &syntax.Stmt{Cmd: &syntax.CallExpr{Assigns: []*syntax.Assign{{Name: &syntax.Lit{Value: name}, Value: value}}}}
}

func call(name string) *syntax.Stmt {
	return &syntax.Stmt{Cmd: callOf(wordOf(&syntax.Lit{Value: name}))}
}

func block(at *syntax.Stmt, stmts []*syntax.Stmt) *syntax.Stmt {
	return &syntax.Stmt{Position: at.Pos(), Cmd: &syntax.Block{Lbrace: at.Pos(), Rbrace: at.End(), Stmts: stmts}}
}

// readsStatus says whether $? is in a command, or what takes it by itself, or a function or text that might.
func (r *repairer) readsStatus(s *syntax.Stmt) bool {
	reads := false
	preorder(s, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.ParamExp:
			reads = reads || n.Param != nil && n.Param.Value == "?"
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				lit := n.Args[0].Lit()
				reads = reads || len(n.Args) == 1 && (lit == "return" || lit == "exit") || lit == "eval" || lit == "source" || lit == "." || r.known.functions[lit]
			}
		}
	})
	return reads
}
