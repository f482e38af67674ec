package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// param reads ${…}.
func (w *walker) param(p *syntax.ParamExp) {
	if p.Param == nil || p.NestedParam != nil || p.Flags != nil || p.Width || p.IsSet || len(p.Modifiers) > 0 {
		w.refuse(p.Pos(), notUnderstood)
		return
	}
	name := p.Param.Value
	if w.sourced(p) {
		name = "0"
	}
	if !w.known.pipeReads[p] || w.in.Sh {
		w.refuseIf(p.Pos(), mayRead(name))
	}
	if p.Names != 0 {
		w.refuse(p.Pos(), namesByPrefix)
	}
	if len(name) > 1 && strings.Trim(name, "0123456789") == "" {
		w.refuse(p.Pos(), tenthParameter)
	}
	if p.Excl {
		w.indirect(p)
	}
	all := everything(p)
	w.setBefore(p)
	if w.known.hidden[name] && !p.Length && w.splits() {
		w.refuse(p.Pos(), globStart)
	}
	if w.known.associative[name] && (all || p.Excl) && !p.Length && !w.sorted() {
		w.refuse(p.Pos(), keyOrder)
	}
	switch {
	case p.Exp != nil:
		w.operation(p, all)
	case p.Repl != nil:
		w.replacement(p)
	case p.Slice != nil:
		if w.known.associative[name] {
			w.refuse(p.Pos(), keyOrder)
		}
	}
}

// everything says whether all elements of a list are meant.
func everything(p *syntax.ParamExp) bool {
	if p.Param.Value == "@" || p.Param.Value == "*" {
		return true
	}
	word, ok := p.Index.(*syntax.Word)
	return ok && (word.Lit() == "@" || word.Lit() == "*")
}

// indirect reads ${!name}: what it names must be a name.
func (w *walker) indirect(p *syntax.ParamExp) {
	switch {
	case p.Names != 0:
	case p.Index != nil && everything(p): // the keys
	case p.Index == nil && emptyDefault(p) && syntax.ValidName(p.Param.Value): // which is all that the interpreter ever gives
	case w.known.nounset || w.in.Nounset:
		w.refuse(p.Pos(), indirectUnset)
	case p.Index != nil || p.Exp != nil || p.Repl != nil || p.Slice != nil || !syntax.ValidName(p.Param.Value) && strings.Trim(p.Param.Value, "123456789") != "":
		w.refuse(p.Pos(), indirectMore)
	}
}

// emptyDefault says whether an expansion is ${name:-} or ${name-}.
func emptyDefault(p *syntax.ParamExp) bool {
	return p.Exp != nil && (p.Exp.Op == syntax.DefaultUnsetOrNull || p.Exp.Op == syntax.DefaultUnset) && (p.Exp.Word == nil || len(p.Exp.Word.Parts) == 0)
}

// sorted says whether what the current command prints goes straight to sort, which makes its order no matter.
func (w *walker) sorted() bool {
	for i := len(w.stack) - 1; i > 0; i-- {
		b, ok := w.stack[i-1].(*syntax.BinaryCmd)
		if !ok {
			if _, stmt := w.stack[i].(*syntax.Stmt); stmt {
				return false
			}
			continue
		}
		y := b.Y
		for {
			inner, pipe := y.Cmd.(*syntax.BinaryCmd)
			if !pipe {
				break
			}
			y = inner.X
		}
		call, ok := y.Cmd.(*syntax.CallExpr)
		return b.Op == syntax.Pipe && b.X == w.stack[i] && ok && len(call.Args) > 0 && (call.Args[0].Lit() == "sort" || call.Args[0].Lit() == "wc")
	}
	return false
}

// operation reads ${name-word} and its kin.
func (w *walker) operation(p *syntax.ParamExp, all bool) {
	word := p.Exp.Word
	switch p.Exp.Op {
	case syntax.OtherParamOps:
		if lit := word.Lit(); lit != "U" && lit != "u" && lit != "L" || all {
			w.refuse(p.Pos(), transformation)
		}
	case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll:
		if word != nil && len(word.Parts) > 0 {
			w.refuse(p.Pos(), casePattern)
		}
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		w.removal(p, all)
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull, syntax.DefaultUnset, syntax.DefaultUnsetOrNull,
		syntax.ErrorUnset, syntax.ErrorUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if all {
			w.refuse(p.Pos(), listDefault)
		}
		if p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull {
			w.refuseIf(p.Pos(), assigned(p.Param.Value))
			w.exports(p.Pos(), p.Param.Value)
			if word != nil && strings.HasPrefix(leading(word), "~") {
				w.refuse(p.Pos(), quotesInDefault)
			}
			if !syntax.ValidName(p.Param.Value) {
				w.refuse(p.Pos(), notUnderstood)
			}
		}
		w.fallback(p, word)
	default:
		w.refuse(p.Pos(), notUnderstood)
	}
}

// fallback reads the word of ${name:-word}, whose quotes mean one thing within quotes and another outside.
func (w *walker) fallback(p *syntax.ParamExp, word *syntax.Word) {
	if word == nil {
		return
	}
	if !quiet(word, false) {
		w.refuse(word.Pos(), eagerDefault)
	}
	quoted, splits := w.quoted(), w.splits()
	for i, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.SglQuoted:
			if quoted || splits && blank(part.Value) {
				w.refuse(part.Pos(), quotesInDefault)
			}
		case *syntax.DblQuoted:
			if splits && (len(part.Parts) != 1 || !isLit(part.Parts[0]) || blank(part.Parts[0].(*syntax.Lit).Value)) {
				w.refuse(part.Pos(), quotesInDefault)
			}
		case *syntax.Lit:
			if strings.Contains(part.Value, `\`) || i == 0 && strings.HasPrefix(part.Value, "~") && quoted {
				w.refuse(part.Pos(), quotesInDefault)
			}
		}
	}
}

// blank says whether splitting or globbing would make something of a text.
func blank(s string) bool { return s == "" || strings.ContainsAny(s, " \t\n*?[\\") }

// extended refuses +(…) and its kin in a pattern within ${…}, where the interpreter takes them for themselves and bash does as shopt says.
func (w *walker) extended(pattern *syntax.Word) {
	if pattern == nil || !w.known.extglob && !w.in.ExtGlob {
		return
	}
	for _, part := range pattern.Parts {
		if lit, ok := part.(*syntax.Lit); ok && operator(unescaped(lit.Value)) {
			w.refuse(lit.Pos(), extendedGlob)
		}
	}
}

// operator says whether a pattern has one of ?( *( +( @( and !(.
func operator(s string) bool {
	for i := 1; i < len(s); i++ {
		if s[i] == '(' && strings.IndexByte("?*+@!", s[i-1]) >= 0 {
			return true
		}
	}
	return false
}

// removal reads the pattern of ${name#pattern}. Where quotes make a part of it literal the tree is repaired; where some of it is a
// pattern besides, it is refused.
func (w *walker) removal(p *syntax.ParamExp, all bool) {
	w.extended(p.Exp.Word)
	if literal, pattern := quotedPattern(p.Exp.Word); literal && (pattern || all || p.Index != nil) {
		w.refuse(p.Pos(), quotedRemoval)
	}
	if p.Exp.Word != nil && len(p.Exp.Word.Parts) > 0 {
		if lit, ok := p.Exp.Word.Parts[0].(*syntax.Lit); ok && strings.HasPrefix(lit.Value, "~") {
			w.refuse(p.Pos(), tildeOther)
		}
	}
}

// quotedPattern says whether a word has quotes that keep characters of patterns literal, and whether it has any that are not.
func quotedPattern(word *syntax.Word) (literal, pattern bool) {
	if word == nil {
		return false, false
	}
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			plain := unescaped(part.Value)
			pattern = pattern || strings.ContainsAny(plain, "*?[")
		case *syntax.SglQuoted:
			value := part.Value
			if part.Dollar {
				value = strings.NewReplacer(`\n`, "", `\t`, "", `\r`, "").Replace(value)
			}
			literal = literal || strings.ContainsAny(value, `*?[\`)
		case *syntax.DblQuoted:
			for _, inner := range part.Parts {
				lit, ok := inner.(*syntax.Lit)
				literal = literal || !ok || strings.ContainsAny(lit.Value, `*?[\`)
			}
		default:
			pattern = true
		}
	}
	return literal, pattern
}

// replacement reads ${name/pattern/word}.
func (w *walker) replacement(p *syntax.ParamExp) {
	orig := p.Repl.Orig
	w.extended(orig)
	if orig == nil || len(orig.Parts) == 0 {
		w.refuse(p.Pos(), replaceAnchor)
		return
	}
	if lit, ok := orig.Parts[0].(*syntax.Lit); ok && (lit.Value == "" || strings.IndexByte("#%/~", lit.Value[0]) >= 0) {
		w.refuse(p.Pos(), replaceAnchor)
	}
	if lit := orig.Lit(); lit != "" && strings.Trim(lit, "*") == "" {
		w.refuse(p.Pos(), replaceStar)
	}
	for _, part := range orig.Parts {
		if _, ok := part.(*syntax.ParamExp); ok && len(orig.Parts) == 1 {
			w.refuse(part.Pos(), replacePattern) // its value may begin with # or %
		}
	}
	if w.known.associative[p.Param.Value] && everything(p) {
		w.refuse(p.Pos(), keyOrder)
	}
	if p.Repl.With == nil {
		return
	}
	for i, part := range p.Repl.With.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(part.Value, `&\`) || i == 0 && strings.HasPrefix(part.Value, "~") {
				w.refuse(part.Pos(), replaceAmpersand)
			}
		case *syntax.SglQuoted:
			if w.quoted() {
				w.refuse(part.Pos(), quotesInDefault)
			}
		case *syntax.DblQuoted:
		case *syntax.ArithmExp:
		default:
			w.refuse(part.Pos(), replaceAmpersand)
		}
	}
}
