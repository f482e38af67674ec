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
			w.bashAlone(n.OpPos)
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
	case syntax.Assgn, syntax.AddAssgn, syntax.SubAssgn, syntax.MulAssgn, syntax.AndAssgn, syntax.OrAssgn, syntax.XorAssgn,
		syntax.QuoAssgn, syntax.RemAssgn, syntax.ShlAssgn, syntax.ShrAssgn:
		w.variable(n.X)
	case syntax.Pow, syntax.Comma:
		w.bashAlone(n.OpPos)
	case syntax.TernQuest:
		if y, ok := n.Y.(*syntax.BinaryArithm); !ok || y.Op != syntax.TernColon {
			w.refuse(n.Pos(), notUnderstood)
		}
	case syntax.XorBool, syntax.AndBoolAssgn, syntax.OrBoolAssgn, syntax.XorBoolAssgn, syntax.PowAssgn:
		w.refuse(n.OpPos, notUnderstood)
	}
}

// bashAlone refuses in sh what not every sh reckons with.
func (w *walker) bashAlone(p syntax.Pos) {
	if w.in.Sh {
		w.refuse(p, notSh)
	}
}

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

// variable refuses to set what is not the text's to set.
func (w *walker) variable(x syntax.ArithmExpr) {
	word, ok := x.(*syntax.Word)
	if !ok {
		return
	}
	name := word.Lit()
	if p, ok := word.Parts[0].(*syntax.ParamExp); ok && len(word.Parts) == 1 && !p.Dollar.IsValid() {
		name = p.Param.Value
	}
	w.refuseIf(x.Pos(), assigned(name))
}

// operand reads a word of an expression. What its value is shows when it runs.
func (w *walker) operand(word *syntax.Word) {
	lit := word.Lit()
	for _, part := range word.Parts {
		if quotesNothing(part) && w.unquotes() {
			w.refuse(part.Pos(), arithmeticQuotes)
			return
		}
	}
	if lit == "" {
		return
	}
	if syntax.ValidName(lit) {
		w.refuseIf(word.Pos(), mayRead(lit))
		return
	}
	if w.in.Sh && !number(lit) {
		w.refuse(word.Pos(), notSh)
	}
}

// quotesNothing says that a part is quoted by what does not quote in arithmetic.
func quotesNothing(part syntax.WordPart) bool {
	switch part := part.(type) {
	case *syntax.SglQuoted:
		return true
	case *syntax.Lit:
		return strings.Contains(strings.ReplaceAll(part.Value, "\\\n", ""), `\`)
	}
	return false
}

// unquotes says that the current word is of $((…)) or the like, where single quotes are none.
func (w *walker) unquotes() bool {
	for i := len(w.stack) - 1; i >= 0; i-- {
		switch w.stack[i].(type) {
		case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.CStyleLoop:
			return true
		case *syntax.LetClause, *syntax.Assign, *syntax.ParamExp, *syntax.Stmt:
			return false
		}
	}
	return false
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
