package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// locals unsets what local declares without a value: the interpreter would leave it what it was outside. In a shell of its own, within a
// function, where the interpreter knows no local, it is a plain declaration: nothing of it is seen outside.
func (r *repairer) locals(d *syntax.DeclClause) syntax.Command {
	if d.Variant.Value == "typeset" {
		d.Variant = &syntax.Lit{ValuePos: d.Variant.ValuePos, ValueEnd: d.Variant.ValueEnd, Value: "declare"}
	}
	if d.Variant.Value != "local" {
		return d
	}
	flags := ""
	for _, a := range d.Args {
		if a.Name == nil {
			flags += flagsOf(a.Value)
		}
	}
	unset := callOf(wordOf(&syntax.Lit{Value: "unset"}), wordOf(&syntax.Lit{Value: "-v"}))
	for _, a := range d.Args {
		if a.Name == nil || !a.Naked {
			continue
		}
		a.Naked = false
		if strings.ContainsAny(flags, "aA") {
			a.Array = &syntax.ArrayExpr{Lparen: a.Name.End(), Rparen: a.Name.End()}
			continue
		}
		unset.Args = append(unset.Args, wordOf(&syntax.Lit{Value: a.Name.Value}))
	}
	if r.inner[d] {
		d.Variant = &syntax.Lit{ValuePos: d.Variant.ValuePos, ValueEnd: d.Variant.ValueEnd, Value: "declare"}
	}
	if len(unset.Args) == 2 || strings.Contains(flags, "r") {
		return d
	}
	return &syntax.Block{Lbrace: d.Pos(), Rbrace: d.End(), Stmts: []*syntax.Stmt{{Position: d.Pos(), Cmd: d}, {Position: d.End(), Cmd: unset}}}
}

// returns makes return in a shell of its own, within a function, exit: it ends that shell. It keeps which declarations stand in one.
func (r *repairer) returns(n syntax.Node, inside bool) {
	switch n := n.(type) {
	case *syntax.Stmt:
		if call, ok := n.Cmd.(*syntax.CallExpr); ok && inside && len(call.Args) > 0 && call.Args[0].Lit() == "return" {
			call.Args[0] = wordOf(&syntax.Lit{ValuePos: call.Pos(), ValueEnd: call.Pos(), Value: "exit"})
		}
		inside = inside || n.Background
	case *syntax.DeclClause:
		r.inner[n] = inside
	case *syntax.Subshell, *syntax.CmdSubst:
		inside = true
	case *syntax.BinaryCmd:
		inside = inside || n.Op == syntax.Pipe || n.Op == syntax.PipeAll
	case *syntax.FuncDecl:
		return // has its own turn
	}
	syntax.Walk(n, func(child syntax.Node) bool {
		if child == nil || child == n {
			return true
		}
		r.returns(child, inside)
		return false
	})
}

// counts puts what counts an associative array into the place of ${#m[@]}.
func (r *repairer) counts(parts []syntax.WordPart) []syntax.WordPart {
	for i, part := range parts {
		p, ok := part.(*syntax.ParamExp)
		if !ok || p.Param == nil || !p.Length || !r.known.associative[p.Param.Value] || !everything(p) {
			continue
		}
		keys := &syntax.ParamExp{Excl: true, Param: p.Param, Index: wordOf(&syntax.Lit{Value: "@"})}
		set := callOf(wordOf(&syntax.Lit{Value: "set"}), wordOf(&syntax.Lit{Value: "--"}), wordOf(&syntax.DblQuoted{Parts: []syntax.WordPart{keys}}))
		echo := callOf(wordOf(&syntax.Lit{Value: "echo"}), wordOf(&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "#"}}))
		parts[i] = &syntax.CmdSubst{Left: p.Pos(), Right: p.Pos(), Stmts: []*syntax.Stmt{{Cmd: set}, {Cmd: echo}}}
	}
	return parts
}

// lazy makes a substitution in ${x:-$(…)} run only where its word is needed: the interpreter runs it always.
func lazy(p *syntax.ParamExp) {
	if p.Exp == nil || p.Exp.Word == nil || p.Param == nil {
		return
	}
	test := &syntax.ParamExp{Param: p.Param, Index: p.Index, Exp: &syntax.Expansion{Word: wordOf(&syntax.Lit{Value: "x"})}}
	skip := "-n"
	switch p.Exp.Op {
	case syntax.AlternateUnset, syntax.DefaultUnset, syntax.ErrorUnset, syntax.AssignUnset:
		test.Exp.Op = syntax.AlternateUnset
	case syntax.AlternateUnsetOrNull, syntax.DefaultUnsetOrNull, syntax.ErrorUnsetOrNull, syntax.AssignUnsetOrNull:
		test.Exp.Op = syntax.AlternateUnsetOrNull
	default:
		return
	}
	if p.Exp.Op == syntax.AlternateUnset || p.Exp.Op == syntax.AlternateUnsetOrNull {
		skip = "-z"
	}
	preorder(p.Exp.Word, func(n syntax.Node) {
		c, ok := n.(*syntax.CmdSubst)
		if !ok || len(c.Stmts) == 0 {
			return
		}
		needless := callOf(wordOf(&syntax.Lit{Value: "["}), wordOf(&syntax.Lit{Value: skip}), wordOf(&syntax.DblQuoted{Parts: []syntax.WordPart{test}}), wordOf(&syntax.Lit{Value: "]"}))
		or := &syntax.BinaryCmd{Op: syntax.OrStmt, X: &syntax.Stmt{Cmd: needless}, Y: &syntax.Stmt{Cmd: &syntax.Block{Stmts: c.Stmts}}}
		c.Stmts = []*syntax.Stmt{{Cmd: or}}
	})
}

// emptied makes declare -A m declare a list that is empty: the interpreter would take it for one that is not set, whatever is put into it.
// One that may be declared again keeps what is in it.
func (r *repairer) emptied(d *syntax.DeclClause) {
	flags := ""
	for _, a := range d.Args {
		if a.Name == nil {
			flags += flagsOf(a.Value)
		}
	}
	if d.Variant.Value != "declare" && d.Variant.Value != "typeset" || !strings.ContainsAny(flags, "aA") || strings.ContainsAny(flags, "gr") || r.looped[d] || r.in.Prompt || r.in.Inside {
		return
	}
	for _, a := range d.Args {
		if at, set := r.known.set[nameOf(a)]; a.Name != nil && a.Naked && (!set || at > offset(a.Pos())) {
			a.Naked, a.Array = false, &syntax.ArrayExpr{Lparen: a.Name.End(), Rparen: a.Name.End()}
		}
	}
}

func nameOf(a *syntax.Assign) string {
	if a.Name == nil {
		return ""
	}
	return a.Name.Value
}

// looped are the declarations of a text that stand in loops.
func looped(f *syntax.File) map[*syntax.DeclClause]bool {
	found := map[*syntax.DeclClause]bool{}
	preorder(f, func(n syntax.Node) {
		switch n.(type) {
		case *syntax.ForClause, *syntax.WhileClause:
			preorder(n, func(n syntax.Node) {
				if d, ok := n.(*syntax.DeclClause); ok {
					found[d] = true
				}
			})
		}
	})
	return found
}

// keys quotes the indices of a list, which are numbers: the interpreter would split them as one text.
func (r *repairer) keys(parts []syntax.WordPart) []syntax.WordPart {
	for i, part := range parts {
		p, ok := part.(*syntax.ParamExp)
		if ok && p.Excl && p.Param != nil && p.Index != nil && everything(p) && !r.known.associative[p.Param.Value] {
			p.Index = wordOf(&syntax.Lit{Value: "@"})
			parts[i] = &syntax.DblQuoted{Left: p.Pos(), Right: p.Pos(), Parts: []syntax.WordPart{p}}
		}
	}
	return parts
}
