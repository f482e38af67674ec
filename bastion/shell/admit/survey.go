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
	aliases     map[string]bool
	matches     bool   // it reads BASH_REMATCH
	errexit     bool   // set -e
	nounset     bool   // set -u
	separators  []span // where IFS is something that is not blank
	fields      []int  // where something unquoted is split
}

// span is from where an assignment stands to the end of what it is seen in.
type span struct {
	at, end  int
	function bool
}

// survey reads a tree once, before it is judged.
func survey(f *syntax.File) known {
	k := known{functions: map[string]bool{}, associative: map[string]bool{}, readonly: map[string]int{}, aliases: map[string]bool{}}
	preorder(f, func(n syntax.Node) {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil {
				k.functions[n.Name.Value] = true
			}
		case *syntax.DeclClause:
			k.declared(n)
		case *syntax.ParamExp:
			k.matches = k.matches || n.Param != nil && n.Param.Value == "BASH_REMATCH"
		case *syntax.CallExpr:
			k.called(n)
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

func (k known) declared(d *syntax.DeclClause) {
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

func (k *known) called(c *syntax.CallExpr) {
	if len(c.Args) < 2 || c.Args[0].Lit() != "set" {
		return
	}
	for i, arg := range c.Args[1:] {
		lit := arg.Lit()
		if len(lit) < 2 || lit[0] != '-' || lit == "--" {
			continue
		}
		next := ""
		if i+2 < len(c.Args) {
			next = c.Args[i+2].Lit()
		}
		k.errexit = k.errexit || strings.Contains(lit, "e") || next == "errexit"
		k.nounset = k.nounset || strings.Contains(lit, "u") || next == "nounset"
	}
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
