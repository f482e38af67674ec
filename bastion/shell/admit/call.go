package admit

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/wire"
)

// argument is a word of a command, as far as it is known before the command runs.
type argument struct {
	text  string
	known bool
	at    int // offset in the text
}

// call reads a simple command.
func (w *walker) call(c *syntax.CallExpr) {
	w.statusAssigned(c.Assigns)
	if len(c.Args) == 0 {
		return
	}
	if c.Args[0].Lit() == "in" {
		w.refuse(c.Args[0].Pos(), loneIn)
		return
	}
	args := make([]argument, len(c.Args))
	for i, word := range c.Args {
		args[i] = literal(word)
	}
	w.statusAfter(c.Args)
	if args[0].known && w.known.functions[args[0].text] {
		for _, a := range c.Assigns {
			if w.known.shadowed[a.Name.Value] {
				w.refuse(a.Pos(), localBefore)
			}
		}
		return
	}
	r, i := builtin(args, w.in)
	if r == fine {
		r, i = w.placed(args)
	}
	if r != fine {
		w.refuse(c.Args[i].Pos(), r)
	}
}

// statusAfter refuses $? behind a substitution among the words of one command: bash gives the substitution's.
func (w *walker) statusAfter(words []*syntax.Word) {
	substituted := false
	for _, word := range words {
		preorder(word, func(n syntax.Node) {
			switch n := n.(type) {
			case *syntax.CmdSubst:
				substituted = true
			case *syntax.ParamExp:
				if substituted && n.Param != nil && n.Param.Value == "?" {
					w.refuse(n.Pos(), statusAfter)
				}
			}
		})
	}
}

// statusAssigned does the same for assignments that stand beside each other.
func (w *walker) statusAssigned(all []*syntax.Assign) {
	var words []*syntax.Word
	for _, a := range all {
		if a.Value != nil {
			words = append(words, a.Value)
		}
	}
	w.statusAfter(words)
}

// literal is a word without its quotes, where nothing in it is expanded.
func literal(word *syntax.Word) argument {
	a := argument{at: offset(word.Pos()), known: true}
	var b strings.Builder
	for i, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if i == 0 && strings.HasPrefix(part.Value, "~") || strings.ContainsAny(unescaped(part.Value), "*?[{") {
				a.known = part.Value == "[" && len(word.Parts) == 1
			}
			b.WriteString(unquoted(part.Value))
		case *syntax.SglQuoted:
			a.known = a.known && !part.Dollar
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			inner := (&syntax.Word{Parts: part.Parts}).Lit()
			a.known = a.known && (inner != "" || len(part.Parts) == 0) && !strings.Contains(inner, `\`)
			b.WriteString(inner)
		default:
			a.known = false
		}
	}
	a.text = b.String()
	return a
}

// unquoted removes backslashes, and keeps what they quote.
func unquoted(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Call judges a command of the shell's own once its words are final. The column of what it refuses is 1: the words have no place in the
// text any more.
func Call(args []string, in Place) *wire.Refused {
	if len(args) == 0 {
		return nil
	}
	words := make([]argument, len(args))
	for i, a := range args {
		words[i] = argument{text: a, known: true}
	}
	if r, _ := builtin(words, in); r != fine {
		return refuse(0, r)
	}
	return nil
}

// placed judges a command by where it stands.
func (w *walker) placed(args []argument) (rule, int) {
	if !args[0].known || w.in.Inside {
		return fine, 0
	}
	switch args[0].text {
	case "unset":
		for i, a := range args {
			if _, ok := w.known.readonly[a.text]; a.known && ok {
				return readonlyAgain, i
			}
			if name, _, _ := strings.Cut(a.text, "["); a.known && w.inFunction() && w.localOf(name, false) {
				return localElsewhere, i
			}
		}
	case "return":
		if !w.inFunction() {
			return returnOutside, 0
		}
	case "break", "continue":
		w.leaves(times(args))
		loops := w.within(func(n syntax.Node) bool {
			switch n.(type) {
			case *syntax.ForClause, *syntax.WhileClause:
				return true
			}
			return false
		})
		if n := times(args); loops < n {
			return breakOutside, 0
		}
	case "trap":
		if w.inSubshell() {
			return trapSubshell, 0
		}
	}
	return fine, 0
}

// times is how many loops a break ends.
func times(args []argument) int {
	if len(args) < 2 {
		return 1
	}
	if n, err := strconv.Atoi(args[1].text); args[1].known && err == nil {
		return n
	}
	return 1
}

// inSubshell says whether the current command runs in a shell of its own.
func (w *walker) inSubshell() bool {
	for _, n := range w.stack {
		switch n := n.(type) {
		case *syntax.Subshell, *syntax.CmdSubst:
			return true
		case *syntax.Stmt:
			if n.Background {
				return true
			}
		case *syntax.BinaryCmd:
			if n.Op == syntax.Pipe || n.Op == syntax.PipeAll {
				return true
			}
		}
	}
	return false
}

// builtin judges a command of the shell's own by its words, and says which of them is at fault.
func builtin(args []argument, in Place) (rule, int) {
	if !args[0].known {
		return fine, 0
	}
	name := args[0].text
	if r := absent[name]; r != fine {
		return r, 0
	}
	if !in.Sh && strings.HasPrefix(name, "%") { // fg of that job
		return jobControl, 0
	}
	if in.Sh && slices.Contains(bashOnly, name) {
		return notSh, 0
	}
	judge, ok := judges[name]
	if !ok {
		return fine, 0
	}
	r, i := judge(args[1:], in)
	return r, i + 1
}

// bashOnly are the builtins that not every sh has.
var bashOnly = []string{"source", "shopt", "pushd", "popd", "dirs", "mapfile", "readarray", "builtin", "let", "declare", "typeset", "[["}

// absent are the builtins that a governed shell has not.
var absent = map[string]rule{
	"jobs": jobControl, "fg": jobControl, "bg": jobControl, "disown": jobControl, "suspend": jobControl,
	"history": interactiveOnly, "fc": interactiveOnly, "bind": interactiveOnly, "complete": interactiveOnly, "compgen": interactiveOnly, "compopt": interactiveOnly,
	"enable": interactiveOnly, "help": interactiveOnly, "logout": interactiveOnly, "caller": callStack, "times": resourceLimits, "ulimit": resourceLimits, "newgrp": resourceLimits,
	"coproc": coprocess, "select": selectLoop,
}
