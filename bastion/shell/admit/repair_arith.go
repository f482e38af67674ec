package admit

import (
	"strconv"

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
			return either(y, y, "division by 0")
		}
	case syntax.Pow:
		if ends {
			return either(&syntax.BinaryArithm{Op: syntax.Geq, X: paren(y), Y: wordOf(&syntax.Lit{Value: "0"})}, y, "exponent less than 0")
		}
	}
	return y
}

// either is y where cond holds; otherwise the shell ends, with a message.
func either(cond, y syntax.ArithmExpr, message string) syntax.ArithmExpr {
	fault := wordOf(&syntax.ParamExp{
		Param: &syntax.Lit{Value: "__gatehouse_fault"},
		Exp:   &syntax.Expansion{Op: syntax.ErrorUnsetOrNull, Word: wordOf(&syntax.SglQuoted{Value: message})},
	})
	colon := &syntax.BinaryArithm{Op: syntax.TernColon, X: paren(y), Y: fault}
	return &syntax.ParenArithm{X: &syntax.BinaryArithm{Op: syntax.TernQuest, X: paren(cond), Y: colon}}
}

func paren(x syntax.ArithmExpr) syntax.ArithmExpr { return &syntax.ParenArithm{X: x} }
