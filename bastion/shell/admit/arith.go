package admit

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// arithmOrWord reads a node that may be an arithmetic expression; words are that too, where an expression holds them.
func (w *walker) arithmOrWord(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.Word:
		if w.arithmetic() {
			w.operand(n)
		} else {
			w.word(n)
		}
	case *syntax.UnaryArithm:
		if n.Op == syntax.Inc || n.Op == syntax.Dec {
			w.variable(n.X)
		}
	case *syntax.BinaryArithm:
		w.binary(n)
	case *syntax.FlagsArithm:
		w.refuse(n.Pos(), notUnderstood)
	case *syntax.ArithmExp:
		w.expression(n)
	}
}

func (w *walker) expression(n *syntax.ArithmExp) {
	if n.Unsigned {
		w.refuse(n.Pos(), notUnderstood)
	}
	if n.X == nil {
		w.refuse(n.Pos(), notUnderstood)
	}
}

func (w *walker) binary(n *syntax.BinaryArithm) {
	switch n.Op {
	case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn:
		w.variable(n.X)
	case syntax.QuoAssgn, syntax.RemAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
		w.variable(n.X)
		w.divisor(n.OpPos, n.Y)
	case syntax.Quo, syntax.Rem, syntax.Shl, syntax.Shr, syntax.Pow:
		w.divisor(n.OpPos, n.Y)
	case syntax.TernQuest:
		if y, ok := n.Y.(*syntax.BinaryArithm); !ok || y.Op != syntax.TernColon {
			w.refuse(n.Pos(), notUnderstood)
		}
	case syntax.XorBool, syntax.AndBoolAssgn, syntax.OrBoolAssgn, syntax.XorBoolAssgn, syntax.PowAssgn:
		w.refuse(n.OpPos, notUnderstood)
	}
}

// divisor refuses one that is written twice where the tree is repaired, and must be worked out once.
func (w *walker) divisor(p syntax.Pos, y syntax.ArithmExpr) {
	if !pure(y) {
		w.refuse(p, impureDivisor)
	}
}

// pure says whether an expression can be worked out twice.
func pure(n syntax.Node) bool { return quiet(n, true) }

// quiet says whether an expansion assigns nothing and, if substitutions are heeded, runs nothing.
func quiet(n syntax.Node, substitutions bool) bool {
	clean := true
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			clean = clean && !substitutions
			return false
		case *syntax.UnaryArithm:
			clean = clean && n.Op != syntax.Inc && n.Op != syntax.Dec
		case *syntax.BinaryArithm:
			clean = clean && !assigns(n.Op)
		case *syntax.ParamExp:
			clean = clean && (n.Exp == nil || n.Exp.Op != syntax.AssignUnset && n.Exp.Op != syntax.AssignUnsetOrNull) && (n.Param == nil || n.Param.Value != "RANDOM")
		case *syntax.Lit:
			clean = clean && n.Value != "RANDOM" && n.Value != "SRANDOM"
		}
		return clean
	})
	return clean
}

func assigns(op syntax.BinAritOperator) bool {
	switch op {
	case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.QuoAssgn, syntax.RemAssgn, syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
		return true
	}
	return false
}

// variable refuses an assignment to anything but a plain name.
func (w *walker) variable(x syntax.ArithmExpr) {
	word, ok := x.(*syntax.Word)
	if _, command := w.parent(1).(*syntax.ArithmCmd); ok && command && !w.known.nounset && !w.in.Nounset && elementOf(word) != nil {
		w.refuseIf(x.Pos(), assigned(elementOf(word).Param.Value))
		return
	}
	if !ok || !syntax.ValidName(word.Lit()) {
		w.refuse(x.Pos(), arithmeticTarget)
		return
	}
	w.refuseIf(x.Pos(), assigned(word.Lit()))
	w.exports(x.Pos(), word.Lit())
}

// operand reads a word of an expression.
func (w *walker) operand(word *syntax.Word) {
	lit := word.Lit()
	if lit == "" {
		w.dollarBeside(word)
		for _, part := range word.Parts {
			if p, ok := part.(*syntax.ParamExp); ok && len(word.Parts) == 1 && p.Exp == nil && p.Repl == nil && p.Slice == nil && !p.Length && w.known.texts[p.Param.Value] {
				w.refuse(word.Pos(), arithmeticValue)
			}
			if l, ok := part.(*syntax.Lit); ok && strings.Trim(l.Value, "0123456789#xXabcdefABCDEF") != "" && !syntax.ValidName(l.Value) {
				w.refuse(l.Pos(), arithmeticWord)
			}
		}
		return
	}
	if syntax.ValidName(lit) {
		w.refuseIf(word.Pos(), mayRead(lit))
		w.reckoned(word.Pos(), lit)
		if w.known.texts[lit] {
			w.refuse(word.Pos(), arithmeticValue)
		}
		return
	}
	if !number(lit) && lit != "@" && lit != "*" {
		w.refuse(word.Pos(), arithmeticNumber)
	}
}

// dollarBeside refuses $name in an expression that sets it: bash expands before it reckons.
func (w *walker) dollarBeside(word *syntax.Word) {
	p, ok := dollar(word)
	if !ok {
		return
	}
	var whole syntax.Node
	for i := len(w.stack) - 1; i >= 0 && whole == nil; i-- {
		switch n := w.stack[i].(type) {
		case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.CStyleLoop, *syntax.LetClause:
			whole = n
		case *syntax.Stmt:
			return
		}
	}
	if _, loop := whole.(*syntax.CStyleLoop); loop || whole == nil {
		return // its parts are expressions of their own
	}
	preorder(whole, func(n syntax.Node) {
		var to syntax.ArithmExpr
		switch n := n.(type) {
		case *syntax.BinaryArithm:
			if assigns(n.Op) {
				to = n.X
			}
		case *syntax.UnaryArithm:
			if n.Op == syntax.Inc || n.Op == syntax.Dec {
				to = n.X
			}
		}
		if name, ok := to.(*syntax.Word); ok && name.Lit() == p.Param.Value {
			w.refuse(word.Pos(), arithmeticOrder)
		}
	})
}

// number says whether bash and the interpreter read a number alike.
func number(s string) bool {
	switch {
	case s == "0":
		return true
	case strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X"):
		return parses(s[2:], 16)
	case strings.HasPrefix(s, "0"):
		return parses(s[1:], 8)
	}
	if base, digits, ok := strings.Cut(s, "#"); ok {
		n, err := strconv.Atoi(base)
		return err == nil && !strings.HasPrefix(base, "0") && n >= 2 && n <= 36 && parses(digits, n)
	}
	return parses(s, 10)
}

func parses(s string, base int) bool {
	_, err := strconv.ParseInt(s, base, 64)
	return err == nil && s[0] != '-' && s[0] != '+'
}

// arithmetic says whether the current word is an operand.
func (w *walker) arithmetic() bool {
	word, _ := w.stack[len(w.stack)-1].(*syntax.Word)
	switch p := w.parent(1).(type) {
	case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.UnaryArithm, *syntax.BinaryArithm, *syntax.ParenArithm, *syntax.CStyleLoop, *syntax.LetClause:
		return true
	case *syntax.ParamExp:
		return p.Index == word && !w.associative(p.Param) && word.Lit() != "@" && word.Lit() != "*" ||
			p.Slice != nil && (p.Slice.Offset == word || p.Slice.Length == word)
	case *syntax.Assign:
		return p.Index == word && !w.associative(p.Name)
	case *syntax.ArrayElem:
		return p.Index == word && !w.associativeElem()
	}
	return false
}

// let reads its words, which are whole expressions: what is quoted in them the interpreter does not read as one.
func (w *walker) let(l *syntax.LetClause) {
	preorder(l, func(n syntax.Node) {
		switch n.(type) {
		case *syntax.SglQuoted, *syntax.DblQuoted, *syntax.ParenArithm: // ( begins no word
			w.refuse(n.Pos(), letWord)
		}
	})
}
