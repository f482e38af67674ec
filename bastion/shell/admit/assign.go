package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// assign reads name=value, alone, before a command, or in a declaration.
func (w *walker) assign(a *syntax.Assign) {
	if a.Name == nil {
		return
	}
	name := a.Name.Value
	if !a.Naked || a.Array != nil {
		r := assigned(name)
		if name == "_" || name == "SHLVL" {
			r = fine // without effect
		}
		w.refuseIf(a.Pos(), r)
	}
	if at, ok := w.known.readonly[name]; ok && !a.Naked && offset(a.Pos()) > at && !w.declares("local") {
		w.refuse(a.Pos(), readonlyAgain)
	}
	if a.Append && (a.Index != nil && (!quiet(a.Index, true) || !w.alone()) || a.Array != nil && w.known.associative[name] || a.Array == nil && a.Index == nil && w.known.associative[name]) {
		w.refuse(a.Pos(), elementAppend)
	}
	if a.Append && a.Value != nil && !quiet(a.Value, false) {
		w.refuse(a.Value.Pos(), eagerDefault)
	}
	if at, ok := w.known.set[name]; ok && at < offset(a.Pos()) && w.declaresAssociative() {
		w.refuse(a.Pos(), associativeElement) // it may be an indexed one by then
	}
	if backwards(a.Index) {
		w.refuse(a.Pos(), elementBackwards)
	}
	if a.Array != nil {
		w.elements(a)
	}
	if name == "IFS" && !w.prefixes() {
		w.separator(a)
	}
}

// backwards reports an index that counts from the end, where bash gives the command up if there are too few elements.
func backwards(index syntax.ArithmExpr) bool {
	unary, ok := index.(*syntax.UnaryArithm)
	if ok {
		return unary.Op == syntax.Minus
	}
	word, ok := index.(*syntax.Word)
	return ok && strings.HasPrefix(word.Lit(), "-")
}

// declares says whether the current assignment is of a declaration of that name.
func (w *walker) declares(variant string) bool {
	d, ok := w.parent(1).(*syntax.DeclClause)
	return ok && d.Variant.Value == variant
}

// declaresAssociative says whether the current assignment is of a declaration with -A, outside of functions.
func (w *walker) declaresAssociative() bool {
	d, ok := w.parent(1).(*syntax.DeclClause)
	if !ok || w.inFunction() {
		return false
	}
	for _, a := range d.Args {
		if a.Name == nil && strings.Contains(flagsOf(a.Value), "A") {
			return true
		}
	}
	return false
}

// alone says whether the current assignment is a command of its own.
func (w *walker) alone() bool {
	call, ok := w.parent(1).(*syntax.CallExpr)
	return ok && len(call.Args) == 0
}

// prefixes says whether the current assignment is for one command only.
func (w *walker) prefixes() bool {
	call, ok := w.parent(1).(*syntax.CallExpr)
	return ok && len(call.Args) > 0
}

// elements reads a=(…).
func (w *walker) elements(a *syntax.Assign) {
	associative := w.known.associative[a.Name.Value]
	var words []*syntax.Word
	for _, e := range a.Array.Elems {
		if e.Value != nil {
			words = append(words, e.Value)
		}
	}
	w.statusAfter(words)
	for _, e := range a.Array.Elems {
		word, ok := e.Index.(*syntax.Word)
		switch {
		case e.Index == nil && associative, e.Index != nil && associative && !ok:
			w.refuse(e.Pos(), associativeElement)
		case e.Index != nil && !associative && ok && stringly(word):
			w.refuse(e.Pos(), associativeElement)
		case e.Value == nil:
			w.refuse(e.Pos(), associativeElement)
		}
	}
}

// stringly says whether an index is quoted, which the interpreter takes for that of an associative array.
func stringly(word *syntax.Word) bool {
	for _, part := range word.Parts {
		switch part.(type) {
		case *syntax.SglQuoted, *syntax.DblQuoted:
			return true
		}
	}
	return false
}

// separator reads an IFS that stays. Where something is split after it, only blanks are split alike.
func (w *walker) separator(a *syntax.Assign) {
	if a.Value == nil || blanks(a.Value) || restores(a.Value) {
		return
	}
	scope := w.stack[0]
	for i := len(w.stack) - 1; i > 0; i-- {
		switch n := w.stack[i].(type) {
		case *syntax.Subshell, *syntax.CmdSubst:
			scope = n
		case *syntax.FuncDecl:
			if !w.declares("local") {
				continue
			}
			scope = n
		default:
			continue
		}
		break
	}
	if (w.in.Prompt || w.in.piece) && scope == w.stack[0] || splitsIn(scope, w.known.functions) {
		w.refuse(a.Pos(), separatorOdd)
	}
}

// blanks says whether an IFS is nothing or only blanks.
func blanks(word *syntax.Word) bool {
	for _, part := range word.Parts {
		text := ""
		switch part := part.(type) {
		case *syntax.SglQuoted:
			text = part.Value
			if part.Dollar {
				text = strings.NewReplacer(`\n`, "", `\t`, "").Replace(text)
			}
		case *syntax.DblQuoted:
			text = (&syntax.Word{Parts: part.Parts}).Lit()
			if text == "" && len(part.Parts) > 0 {
				return false
			}
		default:
			return false
		}
		if strings.Trim(text, " \t\n") != "" {
			return false
		}
	}
	return true
}

// restores says whether a value is that of a variable whose name says that it keeps an earlier IFS.
func restores(word *syntax.Word) bool {
	name := ""
	syntax.Walk(word, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil {
			name = p.Param.Value
		}
		return true
	})
	return strings.HasSuffix(strings.ToUpper(name), "IFS")
}

// splitsIn says whether something in a scope is split into fields, or a function is called that might.
func splitsIn(scope syntax.Node, functions map[string]bool) bool {
	found := false
	check := func(word *syntax.Word) {
		for _, part := range word.Parts {
			switch part.(type) {
			case *syntax.ParamExp, *syntax.CmdSubst:
				found = true
			}
		}
	}
	preorder(scope, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.CallExpr:
			for _, word := range n.Args {
				check(word)
			}
			found = found || len(n.Args) > 0 && functions[n.Args[0].Lit()]
		case *syntax.WordIter:
			for _, word := range n.Items {
				check(word)
			}
		case *syntax.ArrayElem:
			if n.Value != nil {
				check(n.Value)
			}
		}
	})
	return found
}

// declaration reads declare, local, export, readonly and typeset.
func (w *walker) declaration(d *syntax.DeclClause) {
	named := false
	w.statusAssigned(d.Args)
	w.elsewhere(d)
	for _, a := range d.Args {
		switch {
		case a.Name != nil:
			named = true
			if a.Value != nil {
				if copied := *a.Value; syntax.SplitBraces(&copied) {
					w.refuse(a.Pos(), declareWord) // each of the words that the braces make would be one
				}
			}
		case a.Value != nil:
			named = w.declared(d.Variant.Value, a.Value) || named
		}
	}
	if !named {
		w.refuse(d.Pos(), listing)
	}
	if d.Variant.Value == "local" && !w.in.Inside && !w.inFunction() {
		w.refuse(d.Pos(), localOutside)
	}
}

// declared reads a word of a declaration that is no plain assignment, and says whether it names something.
func (w *walker) declared(variant string, word *syntax.Word) bool {
	lit := word.Lit()
	if lit == "--" {
		return false
	}
	if lit != "" && (lit[0] == '-' || lit[0] == '+') {
		allowed := "aAxr"
		switch variant {
		case "export":
			allowed = ""
		case "readonly":
			allowed = "aA"
		case "declare", "typeset":
			allowed = "aAxrg"
		}
		if lit[0] == '+' || len(lit) == 1 || strings.Trim(lit[1:], allowed) != "" {
			w.refuse(word.Pos(), declareOption)
		}
		return false
	}
	if lit == "" && variant != "export" && !strings.Contains(text(word), "=") {
		w.refuse(word.Pos(), declareWord)
	}
	if lit == "" && w.declaresNothing(word) {
		w.refuse(word.Pos(), declareWord)
	}
	return true
}

// declaresNothing says whether a word begins with what might be an option.
func (w *walker) declaresNothing(word *syntax.Word) bool {
	l := leading(word)
	return strings.HasPrefix(l, "-") || strings.HasPrefix(l, "+")
}

// text is all literal text of a word.
func text(word *syntax.Word) string {
	var b strings.Builder
	preorder(word, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.Lit:
			b.WriteString(n.Value)
		case *syntax.SglQuoted:
			b.WriteString(n.Value)
		}
	})
	return b.String()
}

func (w *walker) inFunction() bool {
	for _, n := range w.stack {
		if _, ok := n.(*syntax.FuncDecl); ok {
			return true
		}
	}
	return false
}
