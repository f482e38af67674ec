package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// element is ${name[key]+x} for a literal name[key] whose key is a plain word, or nil.
func element(lit string) *syntax.ParamExp {
	name, rest, ok := strings.Cut(lit, "[")
	key, closed := strings.CutSuffix(rest, "]")
	if !ok || !closed || !syntax.ValidName(name) || key == "" {
		return nil
	}
	for i := range len(key) {
		if !letter(key[i]) {
			return nil
		}
	}
	if strings.Trim(key, "0123456789") == "" && !decimal(key) {
		return nil
	}
	return &syntax.ParamExp{Param: &syntax.Lit{Value: name}, Index: wordOf(&syntax.Lit{Value: key}), Exp: &syntax.Expansion{Op: syntax.AlternateUnset, Word: wordOf(&syntax.Lit{Value: "x"})}}
}

// elements makes -v name[key] a test of its value: the interpreter knows no -v of an element.
func elements(x syntax.TestExpr) syntax.TestExpr {
	switch x := x.(type) {
	case *syntax.ParenTest:
		x.X = elements(x.X)
	case *syntax.BinaryTest:
		x.X, x.Y = elements(x.X), elements(x.Y)
	case *syntax.UnaryTest:
		word, ok := x.X.(*syntax.Word)
		if !ok {
			x.X = elements(x.X)
			return x
		}
		if p := element(word.Lit()); x.Op == syntax.TsVarSet && p != nil {
			return &syntax.UnaryTest{OpPos: x.OpPos, Op: syntax.TsNempStr, X: wordOf(p)}
		}
	}
	return x
}

// sourceFile is the variable of which ${BASH_SOURCE[0]} is read.
const sourceFile = "BASH_SOURCE"

// none is a variable that nothing ever sets.
const none = "__gatehouse_none"

// sourced says whether an expansion is one of ${BASH_SOURCE[0]} whose value is known: a file that bash was called with is its $0, and a line
// is of no file.
func (w *walker) sourced(p *syntax.ParamExp) bool {
	if p.Param.Value != sourceFile || p.Excl || p.Length || p.Names != 0 || w.in.Sh || w.in.Inside || w.in.Prompt {
		return false
	}
	if word, ok := p.Index.(*syntax.Word); p.Index != nil && (!ok || word.Lit() != "0") {
		return false
	}
	return w.in.File || !w.inFunction()
}

// source puts that value's place into the tree.
func source(p *syntax.ParamExp, in Place) {
	if p.Param == nil || p.Param.Value != sourceFile {
		return
	}
	name := none
	if in.File {
		name = "0"
	}
	p.Param, p.Index, p.Short = &syntax.Lit{ValuePos: p.Param.ValuePos, ValueEnd: p.Param.ValueEnd, Value: name}, nil, false
}

// elementOf is a[i] in an expression, if i can be worked out twice, or nil.
func elementOf(word *syntax.Word) *syntax.ParamExp {
	if len(word.Parts) != 1 {
		return nil
	}
	p, ok := word.Parts[0].(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Index == nil || !syntax.ValidName(p.Param.Value) || p.Exp != nil || p.Repl != nil || p.Slice != nil || p.Excl || p.Length || everything(p) || !pure(p.Index) || backwards(p.Index) {
		return nil
	}
	return p
}

// checkKey is a builtin of the process's, which refuses a key that bash would read as more than itself.
const checkKey = "\x01key"

// setElement is ((a[i]++)) and its kin as an assignment and a test with the same status; nil for another expression.
func (r *repairer) setElement(x syntax.ArithmExpr) syntax.Command {
	var target *syntax.Word
	var value syntax.ArithmExpr
	test := "0"
	switch x := x.(type) {
	case *syntax.UnaryArithm:
		op, ok := map[syntax.UnAritOperator]syntax.BinAritOperator{syntax.Inc: syntax.Add, syntax.Dec: syntax.Sub}[x.Op]
		target, _ = x.X.(*syntax.Word)
		if !ok || target == nil {
			return nil
		}
		if x.Post && x.Op == syntax.Inc {
			test = "1"
		} else if x.Post {
			test = "-1"
		}
		value = &syntax.BinaryArithm{Op: op, X: target, Y: wordOf(&syntax.Lit{Value: "1"})}
	case *syntax.BinaryArithm:
		op, ok := map[syntax.BinAritOperator]syntax.BinAritOperator{syntax.AddAssgn: syntax.Add, syntax.SubAssgn: syntax.Sub, syntax.MulAssgn: syntax.Mul}[x.Op]
		target, _ = x.X.(*syntax.Word)
		switch {
		case target == nil || x.Op != syntax.Assgn && !ok:
			return nil
		case ok:
			value = &syntax.BinaryArithm{Op: op, X: target, Y: &syntax.ParenArithm{X: x.Y}}
		default:
			value = x.Y
		}
	}
	if target == nil {
		return nil
	}
	p := elementOf(target)
	if p == nil {
		return nil
	}
	set := &syntax.Assign{Name: p.Param, Index: p.Index, Value: wordOf(&syntax.ArithmExp{X: r.filled(r.arithm(value, false))})}
	old := wordOf(&syntax.ParamExp{Param: p.Param, Index: p.Index})
	stmts := []*syntax.Stmt{
		{Position: target.Pos(), Cmd: &syntax.CallExpr{Assigns: []*syntax.Assign{set}}},
		{Position: target.Pos(), Cmd: callOf(wordOf(&syntax.Lit{Value: "["}), old, wordOf(&syntax.Lit{Value: "-ne"}), wordOf(&syntax.Lit{Value: test}), wordOf(&syntax.Lit{Value: "]"}))},
	}
	if key, ok := p.Index.(*syntax.Word); ok && r.known.associative[p.Param.Value] {
		check := callOf(wordOf(&syntax.SglQuoted{Value: checkKey}), wordOf(&syntax.DblQuoted{Parts: key.Parts}))
		stmts = append([]*syntax.Stmt{{Position: target.Pos(), Cmd: check}}, stmts...)
	}
	return &syntax.Block{Lbrace: target.Pos(), Rbrace: target.End(), Stmts: stmts}
}

// appended makes a[i]+=x an assignment of the whole: the interpreter knows no other.
func appended(a *syntax.Assign) {
	if !a.Append || a.Index == nil || a.Array != nil {
		return
	}
	before := &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.ParamExp{Param: a.Name, Index: a.Index, Exp: &syntax.Expansion{Op: syntax.DefaultUnset}}}}
	parts := []syntax.WordPart{before}
	if a.Value != nil {
		parts = append(parts, a.Value.Parts...)
	}
	a.Append, a.Value = false, wordOf(parts...)
}

// element makes ${a[i]} that is not set end the shell under set -u: the interpreter looks at the whole list alone.
func (r *repairer) element(p *syntax.ParamExp) {
	if !r.known.nounset && !r.in.Nounset || p.Param == nil || p.Short || p.Index == nil || p.Exp != nil || p.Repl != nil || p.Slice != nil || p.Length || p.Excl || everything(p) || builtinList[p.Param.Value] {
		return
	}
	p.Exp = &syntax.Expansion{Op: syntax.ErrorUnset, Word: wordOf(&syntax.Lit{Value: "unbound variable"})}
}
