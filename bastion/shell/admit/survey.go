package admit

import (
	"slices"
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
	errexit     bool                       // set -e
	statuses    bool                       // it reads $?
	nounset     bool                       // set -u
	lists       map[string]bool            // given the value of a list
	extglob     bool                       // shopt -s extglob, or of what is not known
	written     map[string][]string        // the values that stand in the text
	piped       map[*syntax.BinaryCmd]bool // pipelines whose statuses are read
	pipeReads   map[*syntax.ParamExp]bool  // and where
	shadowed    map[string]bool            // declared local without a value
	empty       map[string]bool            // given a value that may be nothing
	hidden      map[string]bool            // given a pattern that would match hidden files
	locals      map[string][]*syntax.FuncDecl
}

// survey reads a tree once, before it is judged.
func survey(f *syntax.File) known {
	k := newKnown()
	k.add(f)
	return k
}

func newKnown() known {
	return known{functions: map[string]bool{}, associative: map[string]bool{}, readonly: map[string]int{}, set: map[string]int{}, exported: inherited(), lists: map[string]bool{},
		shadowed: map[string]bool{}, empty: map[string]bool{}, hidden: map[string]bool{}, locals: map[string][]*syntax.FuncDecl{}, written: map[string][]string{},
		piped: map[*syntax.BinaryCmd]bool{}, pipeReads: map[*syntax.ParamExp]bool{}}
}

// add surveys one more tree.
func (k *known) add(f *syntax.File) {
	preorder(f, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil {
				k.functions[n.Name.Value] = true
			}
			k.localsOf(n)
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
	k.pipes(f)
}

// passed says that what is known so far stands before all that follows.
func (k *known) passed() {
	for _, at := range []map[string]int{k.readonly, k.set} {
		for name := range at {
			at[name] = -1
		}
	}
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

// holds keeps what stands in the text as a value of a name, and a pattern that would match hidden files.
func (k *known) holds(name string, word *syntax.Word) {
	if word == nil {
		return
	}
	if v := literal(word); v.known {
		k.written[name] = append(k.written[name], v.text)
	}
	if l := leading(word); l != "" && (l[0] == '?' || l[0] == '[' && dotted(l)) && globby(l) {
		k.hidden[name] = true
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

// localsOf keeps the names that a function has for itself.
func (k *known) localsOf(f *syntax.FuncDecl) {
	preorder(f.Body, func(n syntax.Node) {
		d, ok := n.(*syntax.DeclClause)
		if !ok || d.Variant.Value == "export" || d.Variant.Value == "readonly" {
			return
		}
		for _, a := range d.Args {
			if a.Name == nil && strings.Contains(flagsOf(a.Value), "g") {
				return
			}
		}
		for _, a := range d.Args {
			if a.Name != nil {
				k.locals[a.Name.Value] = append(k.locals[a.Name.Value], f)
			}
		}
	})
}

// elsewhere refuses to export, or make readonly or global, what is local to another function, which may be one that is running.
func (w *walker) elsewhere(d *syntax.DeclClause) {
	if !w.inFunction() {
		return
	}
	global := false
	for _, a := range d.Args {
		global = global || a.Name == nil && strings.Contains(flagsOf(a.Value), "g")
	}
	if !global && d.Variant.Value != "export" && d.Variant.Value != "readonly" {
		return
	}
	for _, a := range d.Args {
		if a.Name == nil {
			continue
		}
		if w.localOf(a.Name.Value, global) {
			w.refuse(d.Pos(), localElsewhere)
		}
	}
}

// localOf says whether a name is a local of another function than the current one, or of any.
func (w *walker) localOf(name string, any bool) bool {
	return slices.ContainsFunc(w.known.locals[name], func(f *syntax.FuncDecl) bool {
		return any || !slices.Contains(w.stack, syntax.Node(f))
	})
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
