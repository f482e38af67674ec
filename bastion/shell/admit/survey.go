package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// known is what a text says about itself somewhere, whatever runs first.
type known struct {
	functions   map[string]bool
	associative map[string]bool // declared -A
	readonly    map[string]int  // declared readonly, and where
	matches     bool            // it reads BASH_REMATCH
	set         map[string]int  // given a value by an assignment of the text, and where first
	exported    map[string]bool // exported in the text, or from the beginning
	allExported bool            // set -a
	errexit     bool            // set -e
	statuses    bool            // it reads $?
	nounset     bool            // set -u
	lists       map[string]bool // given the value of a list
}

// survey reads a tree once, before it is judged.
func survey(f *syntax.File) known {
	k := known{functions: map[string]bool{}, associative: map[string]bool{}, readonly: map[string]int{}, set: map[string]int{}, exported: inherited(), lists: map[string]bool{}}
	preorder(f, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil {
				k.functions[n.Name.Value] = true
			}
		case *syntax.DeclClause:
			k.declared(n)
		case *syntax.Assign:
			k.assigned(n)
		case *syntax.BinaryArithm:
			k.reckons(n)
		case *syntax.WordIter:
			k.turns(n)
		case *syntax.CallExpr:
			k.called(n)
		case *syntax.ParamExp:
			k.statuses = k.statuses || n.Param != nil && n.Param.Value == "?"
			k.matches = k.matches || n.Param != nil && n.Param.Value == "BASH_REMATCH"
		}
	})
	return k
}

// preorder visits every node that is there.
func preorder(n syntax.Node, visit func(syntax.Node)) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case nil:
			return true
		case *syntax.ArithmExp:
			if n.X == nil {
				return false
			}
		case *syntax.ArithmCmd:
			if n.X == nil {
				return false
			}
		}
		visit(n)
		return true
	})
}

// assigned keeps the names that are set, and those of lists.
func (k *known) assigned(a *syntax.Assign) {
	if a.Name == nil {
		return
	}
	k.sets(a.Name.Value, a.Pos())
	k.lists[a.Name.Value] = k.lists[a.Name.Value] || a.Array != nil || a.Index != nil
}

func (k *known) declared(d *syntax.DeclClause) {
	flags := ""
	for _, a := range d.Args {
		if a.Name == nil {
			flags += flagsOf(a.Value)
		}
	}
	for _, a := range d.Args {
		if a.Name == nil {
			continue
		}
		if d.Variant.Value == "export" || strings.Contains(flags, "x") {
			k.exported[a.Name.Value] = true
		}
		if strings.ContainsAny(flags, "aA") {
			k.lists[a.Name.Value] = true
		}
		if strings.Contains(flags, "A") {
			k.associative[a.Name.Value] = true
		}
		if _, before := k.readonly[a.Name.Value]; !before && (d.Variant.Value == "readonly" || strings.Contains(flags, "r") && d.Variant.Value != "local") {
			k.readonly[a.Name.Value] = offset(a.Pos())
		}
	}
}

// flagsOf are the letters of a word of options.
func flagsOf(word *syntax.Word) string {
	if word == nil {
		return ""
	}
	lit := word.Lit()
	if len(lit) > 1 && (lit[0] == '-' || lit[0] == '+') {
		return lit[1:]
	}
	return ""
}

// associative says whether a name is declared with -A.
func (w *walker) associative(name *syntax.Lit) bool {
	return name != nil && w.known.associative[name.Value]
}

// associativeElem says whether the current element's array is declared with -A.
func (w *walker) associativeElem() bool {
	for i := len(w.stack) - 1; i >= 0; i-- {
		if a, ok := w.stack[i].(*syntax.Assign); ok {
			return w.associative(a.Name)
		}
	}
	return false
}
