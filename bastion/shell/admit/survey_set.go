package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// inherited are the variables that a login's shell has exported from the beginning.
func inherited() map[string]bool {
	return map[string]bool{"HOME": true, "LANG": true, "LC_ALL": true, "LOGNAME": true, "MAIL": true, "PATH": true, "SHELL": true, "TERM": true, "TZ": true, "USER": true}
}

// sets keeps where a name is set first.
func (k *known) sets(name string, p syntax.Pos) {
	if _, before := k.set[name]; !before {
		k.set[name] = offset(p)
	}
}

// turns keeps the variable of a loop.
func (k *known) turns(n *syntax.WordIter) {
	k.sets(n.Name.Value, n.Name.Pos())
}

// called keeps what builtins set, and set -a.
func (k *known) called(c *syntax.CallExpr) {
	if len(c.Args) == 0 {
		return
	}
	switch c.Args[0].Lit() {
	case "read", "mapfile", "readarray", "printf", "getopts":
		for _, word := range c.Args[1:] {
			if lit := word.Lit(); syntax.ValidName(lit) {
				k.sets(lit, word.Pos())
				k.lists[lit], k.empty[lit] = true, true
			}
		}
	case "shopt":
		for _, word := range c.Args[1:] {
			k.extglob = k.extglob || word.Lit() == "" || word.Lit() == "extglob"
		}
	case "unset":
		for _, word := range c.Args[1:] {
			k.empty[word.Lit()] = true
		}
	case "set":
		for _, word := range c.Args[1:] {
			lit := word.Lit()
			k.errexit = k.errexit || lit == "errexit" || flagged(lit, 'e')
			k.nounset = k.nounset || lit == "nounset" || flagged(lit, 'u')
			k.allExported = k.allExported || lit == "allexport" || flagged(lit, 'a')
		}
	}
}

// flagged says whether a word of set has an option's letter.
func flagged(word string, letter byte) bool {
	return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.IndexByte(word, letter) > 0
}

// exports refuses to set an exported variable where the interpreter forgets that it is one.
func (w *walker) exports(p syntax.Pos, name string) {
	if w.known.exported[name] || w.known.allExported && syntax.ValidName(name) {
		w.refuse(p, exportedName)
	}
}

// setBefore refuses a list of which no word of the text says what is in it, where that makes a difference.
func (w *walker) setBefore(p *syntax.ParamExp) {
	name := p.Param.Value
	if !w.whole() || p.Index == nil || builtinList[name] {
		return
	}
	first, set := w.known.set[name]
	set = set && first < offset(p.Pos())
	switch {
	case p.Excl && !w.known.lists[name], everything(p) && w.known.nounset && !set:
		w.refuse(p.Pos(), neverSet)
	}
}

// whole says that nothing before the text can have set what it reads.
func (w *walker) whole() bool { return !w.in.Prompt && !w.in.Inside && w.in.Depth == 0 }

// reckons keeps what an expression sets.
func (k *known) reckons(n *syntax.BinaryArithm) {
	if word, ok := n.X.(*syntax.Word); ok && n.Op == syntax.Assgn {
		k.sets(word.Lit(), word.Pos())
	}
}

// builtinList are the lists that the shell sets.
var builtinList = map[string]bool{"BASH_REMATCH": true, "MAPFILE": true, pipeline: true, "REPLY": true, "@": true, "*": true}
