package process

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// number makes a word of an expression whose value package reckon works out: $(<PATH), where PATH is the question (reckon.go).
func (w *rewriter) number(purpose string, texts ...[]syntax.WordPart) *syntax.Word {
	parts := []syntax.WordPart{&syntax.Lit{Value: markReckon + purpose}}
	for i, text := range texts {
		if i > 0 {
			parts = append(parts, &syntax.Lit{Value: part})
		}
		parts = append(parts, text...)
	}
	path := wordOf(&syntax.DblQuoted{Parts: parts})
	return wordOf(&syntax.CmdSubst{Stmts: []*syntax.Stmt{{Redirs: []*syntax.Redirect{{Op: syntax.RdrIn, Word: path}}}}})
}

// isNumber says that a part asks for a number already.
func isNumber(p syntax.WordPart) bool {
	s, ok := p.(*syntax.CmdSubst)
	if !ok || len(s.Stmts) != 1 || s.Stmts[0].Cmd != nil || len(s.Stmts[0].Redirs) != 1 {
		return false
	}
	q, ok := s.Stmts[0].Redirs[0].Word.Parts[0].(*syntax.DblQuoted)
	if !ok || len(q.Parts) == 0 {
		return false
	}
	lit, ok := q.Parts[0].(*syntax.Lit)
	return ok && strings.HasPrefix(lit.Value, markReckon)
}

// reckons makes an expression of $((…)), ((…)) or let a number; constants stay.
func (w *rewriter) reckons(x syntax.ArithmExpr, purpose string) syntax.ArithmExpr {
	if x == nil || constant(x) {
		return x
	}
	if word, ok := x.(*syntax.Word); ok && (word == nil || len(word.Parts) == 1 && isNumber(word.Parts[0])) {
		return x
	}
	return w.number(purpose, w.expression(x))
}

// arithmExp is $((…)).
func (w *rewriter) arithmExp(x *syntax.ArithmExp) syntax.WordPart {
	if x.X == nil || constant(x.X) {
		return x
	}
	return w.number(forWord, w.expression(x.X)).Parts[0]
}

// guardNumbers keeps numbers of a default from being worked out where it is not used.
func (w *rewriter) guardNumbers(parts []syntax.WordPart, subject *syntax.ParamExp, run bool) {
	needed := forDefault
	if run {
		needed = forAlternative
	}
	for i, p := range parts {
		switch p := p.(type) {
		case *syntax.DblQuoted:
			w.guardNumbers(p.Parts, subject, run)
		case *syntax.ParamExp:
			if p.Exp != nil && p.Exp.Word != nil {
				w.guardNumbers(p.Exp.Word.Parts, subject, run)
			}
		case *syntax.ArithmExp:
			parts[i] = w.arithmExp(p)
		}
		if isNumber(parts[i]) {
			q := parts[i].(*syntax.CmdSubst).Stmts[0].Redirs[0].Word.Parts[0].(*syntax.DblQuoted)
			first := q.Parts[0].(*syntax.Lit)
			rest := &syntax.Lit{Value: part + strings.TrimPrefix(first.Value, markReckon)}
			q.Parts = append([]syntax.WordPart{&syntax.Lit{Value: markReckon + needed}, subject, rest}, q.Parts[1:]...)
		}
	}
}

// indirect is ${!name}, before which it is asked whether the name is one: the default of what is never set.
func (w *rewriter) indirect(x *syntax.ParamExp) syntax.WordPart {
	asked := w.number(forName, []syntax.WordPart{&syntax.Lit{Value: x.Param.Value}}).Parts[0]
	return &syntax.ParamExp{Param: &syntax.Lit{Value: noVariable}, Exp: &syntax.Expansion{Op: syntax.DefaultUnset, Word: wordOf(asked, x)}}
}

// let is its words, each an expression, of which one after a fault is not worked out.
func (w *rewriter) let(c *syntax.LetClause) {
	var texts [][]syntax.WordPart
	for _, x := range c.Exprs {
		texts = append(texts, w.expression(x))
	}
	c.Exprs = []syntax.ArithmExpr{w.number(forStatus, texts...)}
}

// constant says that an expression is a decimal number.
func constant(x syntax.ArithmExpr) bool {
	if u, ok := x.(*syntax.UnaryArithm); ok && u.Op == syntax.Minus {
		x = u.X
	}
	word, ok := x.(*syntax.Word)
	return ok && word != nil && plainNumber(word.Lit()) && word.Lit() != ""
}

// index makes a subscript a number, or the key that it is.
func (w *rewriter) index(name string, x syntax.ArithmExpr, purpose string) syntax.ArithmExpr {
	word, plain := x.(*syntax.Word)
	switch {
	case x == nil || plain && word == nil:
		return x
	case plain && (word.Lit() == "@" || word.Lit() == "*" || constant(x)):
		return x
	case plain && len(word.Parts) == 1 && isNumber(word.Parts[0]):
		return x
	}
	return w.number(purpose, []syntax.WordPart{&syntax.Lit{Value: name}}, w.expression(x))
}

// quotedKey says that a subscript is the quoted key of an associative array that is being declared.
func quotedKey(x syntax.ArithmExpr) bool {
	word, ok := x.(*syntax.Word)
	if !ok || word == nil || len(word.Parts) == 0 {
		return false
	}
	switch word.Parts[0].(type) {
	case *syntax.SglQuoted, *syntax.DblQuoted:
		return true
	}
	return false
}

// compared makes a comparison of numbers in [[ ]] a test of what comes of it.
func (w *rewriter) compared(x *syntax.BinaryTest) syntax.TestExpr {
	left, ok := x.X.(*syntax.Word)
	right, also := x.Y.(*syntax.Word)
	if !ok || !also {
		w.refuse(x, "[[", "numbers are compared with words alone")
		return x
	}
	op := []syntax.WordPart{&syntax.Lit{Value: x.Op.String()}}
	return &syntax.UnaryTest{Op: syntax.TsNempStr, X: w.number(forTest, op, w.text(left.Parts), w.text(right.Parts))}
}

// comparesNumbers are the operators of [[ ]] whose sides are expressions.
var comparesNumbers = map[syntax.BinTestOperator]bool{
	syntax.TsEql: true, syntax.TsNeq: true, syntax.TsLeq: true, syntax.TsGeq: true, syntax.TsLss: true, syntax.TsGtr: true,
}

// expression is an expression as text again, each operator as far from what is beside it as it stood.
func (w *rewriter) expression(x syntax.ArithmExpr) []syntax.WordPart {
	lit := func(text string) syntax.WordPart { return &syntax.Lit{Value: text} }
	switch x := x.(type) {
	case *syntax.Word:
		return w.text(x.Parts)
	case *syntax.ParenArithm:
		return append(append([]syntax.WordPart{lit("(")}, w.expression(x.X)...), lit(")"))
	case *syntax.UnaryArithm:
		op := x.Op.String()
		if x.Post {
			return append(w.expression(x.X), lit(op))
		}
		return append([]syntax.WordPart{lit(op + gap(x.OpPos, len(op), x.X.Pos()))}, w.expression(x.X)...)
	case *syntax.BinaryArithm:
		op := x.Op.String()
		all := append(w.expression(x.X), lit(gap(x.X.End(), 0, x.OpPos)+op+gap(x.OpPos, len(op), x.Y.Pos())))
		return append(all, w.expression(x.Y)...)
	}
	w.refuse(x, "arithmetic", "it is not read")
	return nil
}

// gap is what stands between two things of a text.
func gap(from syntax.Pos, size int, to syntax.Pos) string {
	if from.IsValid() && to.IsValid() && from.Offset()+uint(size) == to.Offset() {
		return ""
	}
	return " "
}

// text are the parts of a word as they stand within double quotes. Quotes are left out, as bash does.
func (w *rewriter) text(parts []syntax.WordPart) []syntax.WordPart {
	var all []syntax.WordPart
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			all = append(all, &syntax.Lit{Value: doubled(plainText(p.Value))})
		case *syntax.SglQuoted:
			if p.Dollar {
				w.refuse(p, "quotes in arithmetic", "leave them out")
			}
			all = append(all, &syntax.Lit{Value: doubled(p.Value)})
		case *syntax.DblQuoted:
			all = append(all, w.quotedText(p.Parts)...)
		case *syntax.ParamExp:
			all = append(all, w.named(p)...)
		default:
			var one syntax.WordPart = p
			w.part(&one)
			all = append(all, one)
		}
	}
	return all
}

// quotedText are the parts of a text in double quotes, which stay as they are.
func (w *rewriter) quotedText(parts []syntax.WordPart) []syntax.WordPart {
	var all []syntax.WordPart
	for _, p := range parts {
		if lit, ok := p.(*syntax.Lit); ok {
			all = append(all, lit)
			continue
		}
		all = append(all, w.text([]syntax.WordPart{p})...)
	}
	return all
}

// named is ${name…}, or name[index], which has no dollar. A list is joined.
func (w *rewriter) named(p *syntax.ParamExp) []syntax.WordPart {
	if p.Short && p.Index != nil && !p.Dollar.IsValid() {
		all := append([]syntax.WordPart{&syntax.Lit{Value: p.Param.Value + "["}}, w.expression(p.Index)...)
		return append(all, &syntax.Lit{Value: "]"})
	}
	if p.Param != nil && p.Param.Value == "@" && !p.Length {
		p.Param = &syntax.Lit{Value: "*"}
	}
	if word, ok := p.Index.(*syntax.Word); ok && word.Lit() == "@" && !p.Length {
		p.Index = wordOf(&syntax.Lit{Value: "*"})
	}
	var one syntax.WordPart = p
	w.part(&one)
	return []syntax.WordPart{one}
}

// plainText is a literal without the backslashes that quote in it.
func plainText(lit string) string {
	if !strings.Contains(lit, `\`) {
		return lit
	}
	var b strings.Builder
	for i := 0; i < len(lit); i++ {
		if lit[i] == '\\' && i+1 < len(lit) {
			if i++; lit[i] == '\n' {
				continue
			}
		}
		b.WriteByte(lit[i])
	}
	return b.String()
}

// doubled is a text as it is written within double quotes.
func doubled(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(text)
}
