package admit

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// arithm changes an expression. ends says that a fault in it ends the shell, as one in $((…)) does; in ((…)) it is a status.
func (r *repairer) arithm(x syntax.ArithmExpr, ends bool) syntax.ArithmExpr {
	switch x := x.(type) {
	case *syntax.ParenArithm:
		x.X = r.arithm(x.X, ends)
	case *syntax.UnaryArithm:
		x.X = r.arithm(x.X, ends)
	case *syntax.BinaryArithm:
		x.X, x.Y = r.arithm(x.X, ends), r.arithm(x.Y, ends)
		x.Y = guarded(x.Op, x.Y, ends)
	}
	return x
}

// filled ends the shell where a $name that is an operand is nothing, which is a fault to bash and 0 to the interpreter. Bash sees it
// before it reckons, also where it would not be reckoned with. At a prompt it is 0.
func (r *repairer) filled(x syntax.ArithmExpr) syntax.ArithmExpr {
	if x == nil || r.in.Prompt {
		return x
	}
	for _, p := range operands(x, true) {
		full := *p
		full.Short, full.Exp = false, &syntax.Expansion{Op: syntax.ErrorUnsetOrNull, Word: wordOf(&syntax.SglQuoted{Value: "gatehouse: it is nothing, which is no number: the text ends here"})}
		x = &syntax.ParenArithm{X: &syntax.BinaryArithm{Op: syntax.Comma, X: wordOf(&full), Y: paren(x)}}
	}
	return x
}

// operands are the plain $name of an expression that must not be nothing. alone says that x has nothing before it, or is an operand of
// nothing; left of + and -, which are signs then, it is no fault either.
func operands(x syntax.ArithmExpr, alone bool) []*syntax.ParamExp {
	switch x := x.(type) {
	case *syntax.ParenArithm:
		return operands(x.X, false)
	case *syntax.UnaryArithm:
		return operands(x.X, false)
	case *syntax.BinaryArithm:
		sign := x.Op == syntax.Add || x.Op == syntax.Sub
		return append(operands(x.X, sign), operands(x.Y, false)...)
	case *syntax.Word:
		if p, ok := dollar(x); ok && !alone {
			return []*syntax.ParamExp{p}
		}
	}
	return nil
}

// dollar is the $name that a word is.
func dollar(word *syntax.Word) (*syntax.ParamExp, bool) {
	if len(word.Parts) != 1 {
		return nil, false
	}
	p, ok := word.Parts[0].(*syntax.ParamExp)
	return p, ok && p.Exp == nil && p.Repl == nil && p.Slice == nil && !p.Length && !p.Excl && strings.Trim(p.Param.Value, "?#$!") != "" && !everything(p)
}

// guarded is the right side of an operator that does not take every number.
func guarded(op syntax.BinAritOperator, y syntax.ArithmExpr, ends bool) syntax.ArithmExpr {
	if word, ok := y.(*syntax.Word); ok {
		if n, err := strconv.ParseUint(word.Lit(), 10, 6); err == nil && n > 0 {
			return y
		}
	}
	switch op {
	case syntax.Shl, syntax.Shr, syntax.ShlAssgn, syntax.ShrAssgn:
		return &syntax.ParenArithm{X: &syntax.BinaryArithm{Op: syntax.And, X: paren(y), Y: wordOf(&syntax.Lit{Value: "63"})}}
	case syntax.Quo, syntax.Rem, syntax.QuoAssgn, syntax.RemAssgn:
		if ends {
			return either(y, y, "gatehouse: division by 0: the text ends here")
		}
	case syntax.Pow:
		if ends {
			return either(&syntax.BinaryArithm{Op: syntax.Geq, X: paren(y), Y: wordOf(&syntax.Lit{Value: "0"})}, y, "gatehouse: exponent less than 0: the text ends here")
		}
	}
	return y
}

// Fault is the variable, never set, whose name the interpreter writes before the message of a fault in arithmetic.
const Fault = "__gatehouse_fault"

// either is y where cond holds; otherwise the shell ends, with a message.
func either(cond, y syntax.ArithmExpr, message string) syntax.ArithmExpr {
	fault := wordOf(&syntax.ParamExp{
		Param: &syntax.Lit{Value: Fault},
		Exp:   &syntax.Expansion{Op: syntax.ErrorUnsetOrNull, Word: wordOf(&syntax.SglQuoted{Value: message})},
	})
	colon := &syntax.BinaryArithm{Op: syntax.TernColon, X: paren(y), Y: fault}
	return &syntax.ParenArithm{X: &syntax.BinaryArithm{Op: syntax.TernQuest, X: paren(cond), Y: colon}}
}

func paren(x syntax.ArithmExpr) syntax.ArithmExpr { return &syntax.ParenArithm{X: x} }
