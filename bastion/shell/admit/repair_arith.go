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
		x.X = r.filled(r.arithm(x.X, ends))
	case *syntax.UnaryArithm:
		x.X = r.filled(r.arithm(x.X, ends))
	case *syntax.BinaryArithm:
		x.X, x.Y = r.arithm(x.X, ends), r.filled(r.arithm(x.Y, ends))
		if x.Op != syntax.Add && x.Op != syntax.Sub { // there what is left is a sign
			x.X = r.filled(x.X)
		}
		x.Y = guarded(x.Op, x.Y, ends)
	}
	return x
}

// filled ends the shell where $name as an operand is nothing, which is a fault to bash and 0 to the interpreter. At a prompt it is 0.
func (r *repairer) filled(x syntax.ArithmExpr) syntax.ArithmExpr {
	word, ok := x.(*syntax.Word)
	if !ok || len(word.Parts) != 1 || r.in.Prompt {
		return x
	}
	p, ok := word.Parts[0].(*syntax.ParamExp)
	if !ok || p.Exp != nil || p.Repl != nil || p.Slice != nil || p.Length || p.Excl || strings.Trim(p.Param.Value, "?#$!") == "" || everything(p) {
		return x
	}
	full := *p
	full.Short, full.Exp = false, &syntax.Expansion{Op: syntax.ErrorUnsetOrNull, Word: wordOf(&syntax.SglQuoted{Value: "gatehouse: it is nothing, which is no number: the text ends here"})}
	return wordOf(&full)
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
