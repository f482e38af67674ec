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

// decimal says whether a number is written as its value is.
func decimal(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits == "0" || digits != "" && digits[0] != '0' && strings.Trim(digits, "0123456789") == "" && len(digits) < 19
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
