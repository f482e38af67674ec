package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// emptyBeside refuses empty quotes beside what is split: the interpreter drops them.
func (w *walker) emptyBeside(word *syntax.Word) {
	var empty syntax.Node
	splits := false
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.SglQuoted:
			if part.Value == "" {
				empty = part
			}
		case *syntax.DblQuoted:
			if len(part.Parts) == 0 {
				empty = part
			}
		case *syntax.ParamExp, *syntax.CmdSubst:
			splits = true
		}
	}
	if empty != nil && splits {
		w.refuse(empty.Pos(), emptyQuotes)
	}
}

// quotedInSet refuses quotes within [ ] of a pattern.
func (w *walker) quotedInSet(word *syntax.Word) {
	open := false
	for i, part := range word.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			if open && mayRange(part) && strings.Contains(literalBehind(word.Parts[i+1:]), "]") {
				w.refuse(part.Pos(), globQuotes)
			}
			continue
		}
		text := unescaped(lit.Value)
		if at := strings.LastIndexAny(text, "[]"); at >= 0 {
			open = text[at] == '['
		}
	}
}

// mayRange says that quotes hold a -, or a number that may be less than 0.
func mayRange(part syntax.WordPart) bool {
	switch part := part.(type) {
	case *syntax.SglQuoted:
		return strings.Contains(part.Value, "-")
	case *syntax.DblQuoted:
		for _, inner := range part.Parts {
			lit, ok := inner.(*syntax.Lit)
			if _, number := inner.(*syntax.ArithmExp); number || ok && strings.Contains(lit.Value, "-") {
				return true
			}
		}
	}
	return false
}

func literalBehind(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		if lit, ok := part.(*syntax.Lit); ok {
			b.WriteString(lit.Value)
		}
	}
	return b.String()
}

// sideEffects refuses what the words of a command's redirections set, and what cannot be told to be a command at all.
func (w *walker) sideEffects(s *syntax.Stmt, call *syntax.CallExpr) {
	if len(call.Args) == 0 {
		return
	}
	for _, r := range s.Redirs {
		for _, word := range []*syntax.Word{r.Word, r.Hdoc} {
			if word != nil && !quiet(word, false) && !randomOnly(word) {
				w.refuse(word.Pos(), targetAssigns)
			}
		}
	}
	if len(call.Assigns) > 0 && len(s.Redirs) > 0 && vanishes(call.Args) {
		w.refuse(s.Redirs[0].Pos(), assignmentInput)
	}
}

// randomOnly says that a word is not quiet for a number by chance alone.
func randomOnly(word *syntax.Word) bool {
	only := true
	preorder(word, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.UnaryArithm:
			only = only && n.Op != syntax.Inc && n.Op != syntax.Dec
		case *syntax.BinaryArithm:
			only = only && !assigns(n.Op)
		case *syntax.ParamExp:
			only = only && (n.Exp == nil || n.Exp.Op != syntax.AssignUnset && n.Exp.Op != syntax.AssignUnsetOrNull)
		}
	})
	return only
}

// vanishes says that every word of a command may come to nothing.
func vanishes(words []*syntax.Word) bool {
	for _, word := range words {
		for _, part := range word.Parts {
			switch part.(type) {
			case *syntax.ParamExp, *syntax.CmdSubst:
			default:
				return false
			}
		}
	}
	return true
}

// locale refuses a locale that the shell would have to read by.
func (w *walker) locale(a *syntax.Assign) {
	if a.Name != nil && a.Name.Value == "PATH" && !a.Append && !a.Naked {
		if a.Value == nil || literal(a.Value).known && literal(a.Value).text == "" {
			w.refuse(a.Pos(), steeringVariable)
		}
	}
	if a.Name == nil || a.Value == nil || a.Name.Value != "LC_ALL" && a.Name.Value != "LC_CTYPE" && a.Name.Value != "LANG" {
		return
	}
	if call, ok := w.parent(1).(*syntax.CallExpr); ok && len(call.Args) > 0 {
		return
	}
	switch v := literal(a.Value); {
	case v.known && (v.text == "C" || v.text == "POSIX" || v.text == "C.UTF-8" || v.text == "C.utf8" || v.text == ""):
	default:
		w.refuse(a.Pos(), localeVariable)
	}
}

// locals refuses what a function makes local a second time without a value.
func (w *walker) locals(f *syntax.FuncDecl) {
	seen := map[string]bool{}
	preorder(f.Body, func(n syntax.Node) {
		d, ok := n.(*syntax.DeclClause)
		if !ok || d.Variant.Value != "local" && d.Variant.Value != "declare" && d.Variant.Value != "typeset" {
			return
		}
		for _, a := range d.Args {
			if a.Name == nil {
				continue
			}
			if a.Naked && seen[a.Name.Value] {
				w.refuse(a.Pos(), localAgain)
			}
			seen[a.Name.Value] = true
		}
	})
}

// braceValue refuses braces in what a declaration sets, which bash expands there.
func (w *walker) braceValue(d *syntax.DeclClause) {
	for _, a := range d.Args {
		if a.Value == nil || a.Name == nil {
			continue
		}
		if copied := *a.Value; syntax.SplitBraces(&copied) {
			w.refuse(a.Value.Pos(), declareWord)
		}
	}
}

// letWords refuses what is no word of let to bash: < and | are bash's own where they are not quoted.
func (w *walker) letWords(l *syntax.LetClause) {
	preorder(l, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.ParenArithm:
			w.refuse(n.Pos(), notUnderstood)
		case *syntax.BinaryArithm:
			if strings.ContainsAny(n.Op.String(), "<>&|") {
				w.refuse(n.OpPos, notUnderstood)
			}
		}
	})
}

// negatedEnd refuses braces that end in a || ! b, under set -e, where what comes next reads the status.
func (w *walker) negatedEnd(b *syntax.Block) {
	if !w.known.errexit || !w.known.statuses || len(b.Stmts) == 0 {
		return
	}
	if _, function := w.parent(2).(*syntax.FuncDecl); function {
		return
	}
	last, ok := b.Stmts[len(b.Stmts)-1].Cmd.(*syntax.BinaryCmd)
	if ok && (last.Op == syntax.AndStmt || last.Op == syntax.OrStmt) && last.Y.Negated {
		w.refuse(last.Y.Pos(), negatedEnd)
	}
}
