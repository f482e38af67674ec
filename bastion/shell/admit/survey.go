package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// known is what a text says about itself somewhere, whatever runs first.
type known struct {
	functions   map[string]bool
	associative map[string]bool            // declared -A
	readonly    map[string]int             // declared readonly, and where
	matches     bool                       // it reads BASH_REMATCH
	set         map[string]int             // given a value by an assignment of the text, and where first
	exported    map[string]bool            // exported in the text, or from the beginning
	allExported bool                       // set -a
	nounset     bool                       // set -u
	lists       map[string]bool            // given the value of a list
	extglob     bool                       // shopt -s extglob, or of what is not known
	written     map[string][]string        // the values that stand in the text
	piped       map[*syntax.BinaryCmd]bool // pipelines whose statuses are read
	pipeReads   map[*syntax.ParamExp]bool  // and where
	shadowed    map[string]bool            // declared local without a value
	empty       map[string]bool            // given a value that may be nothing
}

// survey reads a tree once, before it is judged.
func survey(f *syntax.File) known {
	k := known{functions: map[string]bool{}, associative: map[string]bool{}, readonly: map[string]int{}, set: map[string]int{}, exported: inherited(), lists: map[string]bool{}, written: map[string][]string{},
		shadowed: map[string]bool{}, empty: map[string]bool{},
		piped: map[*syntax.BinaryCmd]bool{}, pipeReads: map[*syntax.ParamExp]bool{}}
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
			k.matches = k.matches || n.Param != nil && n.Param.Value == "BASH_REMATCH"
		}
	})
	k.pipes(f)
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
	if v := literalOrNothing(a.Value); v == "" {
		k.empty[a.Name.Value] = true
	}
	k.lists[a.Name.Value] = k.lists[a.Name.Value] || a.Array != nil || a.Index != nil
	if a.Array != nil {
		for _, e := range a.Array.Elems {
			k.holds(a.Name.Value, e.Value)
		}
	}
	k.holds(a.Name.Value, a.Value)
}

// literalOrNothing is a word's text, where that is known.
func literalOrNothing(word *syntax.Word) string {
	if word == nil {
		return ""
	}
	if v := literal(word); v.known {
		return v.text
	}
	return ""
}

// holds keeps what stands in the text as a value of a name.
func (k *known) holds(name string, word *syntax.Word) {
	if word == nil {
		return
	}
	if v := literal(word); v.known {
		k.written[name] = append(k.written[name], v.text)
	}
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
		k.shadowed[a.Name.Value] = k.shadowed[a.Name.Value] || a.Naked && d.Variant.Value != "export" && d.Variant.Value != "readonly"
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
