package admit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/wire"
)

// walker reads one tree and keeps the first thing in it that is refused.
type walker struct {
	text  string
	in    Place
	known known
	stack []syntax.Node // from the text's root to what is being read
	found *wire.Refused
}

// file reads all of a tree.
func (w *walker) file(f *syntax.File) *wire.Refused {
	syntax.Walk(f, func(n syntax.Node) bool {
		if n == nil {
			w.stack = w.stack[:len(w.stack)-1]
			return true
		}
		if w.found != nil {
			return false
		}
		w.stack = append(w.stack, n)
		if len(w.stack) > 4*MaxNest {
			w.refuse(n.Pos(), nesting)
		} else {
			w.node(n)
		}
		if w.found != nil {
			w.stack = w.stack[:len(w.stack)-1]
			return false
		}
		return true
	})
	return w.found
}

// refuse keeps the first refusal.
func (w *walker) refuse(p syntax.Pos, r rule) {
	if w.found == nil {
		w.found = refuse(offset(p), r)
	}
}

// refuseIf refuses where a reader of words says so.
func (w *walker) refuseIf(p syntax.Pos, r rule) {
	if r != fine {
		w.refuse(p, r)
	}
}

// node reads one node; its children come after it.
func (w *walker) node(n syntax.Node) {
	if w.in.Sh && bashAlone(n) {
		w.refuse(n.Pos(), notSh)
		return
	}
	switch n := n.(type) {
	case *syntax.Comment:
		w.comment(n)
	case *syntax.Stmt:
		w.stmt(n)
	case *syntax.Redirect:
		w.redirect(n)
	case *syntax.Block:
		w.negatedEnd(n)
	case *syntax.CallExpr:
		w.call(n)
	case *syntax.DeclClause:
		w.declaration(n)
		w.braceValue(n)
	case *syntax.Assign:
		w.locale(n)
		w.assign(n)
	case *syntax.FuncDecl:
		w.function(n)
		w.locals(n)
	case *syntax.ForClause:
		w.loop(n)
	case *syntax.CaseClause:
		w.statusAfter([]*syntax.Word{n.Word})
	case *syntax.CoprocClause:
		w.refuse(n.Pos(), coprocess)
	case *syntax.ArithmCmd:
		if n.X == nil {
			w.refuse(n.Pos(), notUnderstood)
		}
	case *syntax.LetClause:
		w.letWords(n)
	case *syntax.TestClause:
		w.test(n.X)
	case *syntax.ArithmExp, *syntax.Word, *syntax.UnaryArithm, *syntax.BinaryArithm, *syntax.FlagsArithm:
		w.arithmOrWord(n)
	case syntax.WordPart:
		w.part(n)
	}
}

// comment refuses one that the parser reads too far.
func (w *walker) comment(c *syntax.Comment) {
	if strings.Contains(c.Text, "\n") || strings.HasSuffix(c.Text, `\`) {
		w.refuse(c.Pos(), commentBackslash)
	}
	for _, n := range w.stack {
		if s, ok := n.(*syntax.CmdSubst); ok && s.Backquotes {
			w.refuse(c.Pos(), commentBackslash)
		}
	}
}

func (w *walker) stmt(s *syntax.Stmt) {
	if s.Coprocess || s.Disown {
		w.refuse(s.Pos(), coprocess)
	}
	if call, ok := s.Cmd.(*syntax.CallExpr); ok {
		w.sideEffects(s, call)
	} else if s.Negated && len(s.Redirs) > 0 {
		w.refuse(s.Redirs[0].Pos(), negatedRedirect)
	}
	if call, ok := s.Cmd.(*syntax.CallExpr); ok && len(call.Args) == 0 && len(s.Redirs) > 0 && (w.in.Sh || !nowhere(s.Redirs)) && (!quiet(call, true) || !ordered(call, s.Redirs)) {
		w.refuse(s.Redirs[0].Pos(), assignmentInput) // bash has it for nothing, the interpreter for what is in $(…)
	}
}

// nowhere says that redirections cannot fail and leave nothing. bash makes those of an assignment once all of it is worked out, so that
// they turn nothing of what $(…) prints.
func nowhere(redirs []*syntax.Redirect) bool {
	for _, r := range redirs {
		lit := ""
		if r.Word != nil {
			lit = r.Word.Lit()
		}
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrAll, syntax.AppAll, syntax.RdrClob, syntax.RdrIn:
			if lit != "/dev/null" {
				return false
			}
		case syntax.DplOut:
			if lit != "1" && lit != "2" {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// ordered reports whether it is one which of assignments and redirections comes first.
func ordered(call *syntax.CallExpr, redirs []*syntax.Redirect) bool {
	for _, r := range redirs {
		if r.Word != nil && r.Word.Lit() == "" {
			return false
		}
	}
	for _, a := range call.Assigns {
		if a.Array != nil {
			return false
		}
	}
	return true
}

func (w *walker) loop(f *syntax.ForClause) {
	if f.Select {
		w.refuse(f.Pos(), selectLoop)
	}
	if words, ok := f.Loop.(*syntax.WordIter); ok {
		if words.Name.Value != "_" {
			w.refuseIf(words.Name.Pos(), assigned(words.Name.Value))
			w.exports(words.Name.Pos(), words.Name.Value)
		}
		w.statusAfter(words.Items)
	}
}

// keywords are what the parser reads as its own, which bash would let a function shadow.
var keywords = []string{"declare", "export", "local", "readonly", "typeset", "nameref", "let", "time", "coproc", "select", "function", "if", "then", "else", "elif", "fi", "for", "in", "do", "done",
	"while", "until", "case", "esac"}

func (w *walker) function(f *syntax.FuncDecl) {
	switch {
	case f.Name == nil:
		w.refuse(f.Pos(), functionName)
	case slices.Contains(keywords, f.Name.Value) || !plain(f.Name.Value):
		w.refuse(f.Name.Pos(), functionName)
	}
	switch body := f.Body.Cmd.(type) {
	case *syntax.BinaryCmd:
		for x, ok := body, true; ok; x, ok = x.X.Cmd.(*syntax.BinaryCmd) { // what stands right behind
			body = x
		}
		w.refuse(body.OpPos, functionBody)
	case *syntax.CallExpr, *syntax.DeclClause, *syntax.LetClause, *syntax.TimeClause, *syntax.CoprocClause, *syntax.FuncDecl:
		w.refuse(f.Body.Pos(), notUnderstood)
	}
	if f.Body.Negated || f.Body.Background {
		w.refuse(f.Body.Pos(), functionBody)
	}
}

// plain says whether a name has only what every shell lets a function have.
func plain(name string) bool {
	for i := range len(name) {
		if !letter(name[i]) && name[i] != '-' && name[i] != '.' && name[i] != ':' && name[i] != '+' {
			return false
		}
	}
	return name != ""
}

// parent is the node that the current one is in, n levels up.
func (w *walker) parent(n int) syntax.Node {
	if i := len(w.stack) - 1 - n; i >= 0 {
		return w.stack[i]
	}
	return nil
}

// quoted says whether the current part stands between double quotes or in a here-document.
func (w *walker) quoted() bool {
	for i := len(w.stack) - 2; i >= 0; i-- {
		switch n := w.stack[i].(type) {
		case *syntax.DblQuoted:
			return true
		case *syntax.Redirect:
			if word, ok := w.stack[i+1].(*syntax.Word); ok && word == n.Hdoc {
				return true
			}
			return false
		case *syntax.CmdSubst, *syntax.Stmt, *syntax.ArithmExp:
			return false
		}
	}
	return false
}

// splits says whether the current part is in a word that becomes any number of fields, outside quotes.
func (w *walker) splits() bool {
	for i := len(w.stack) - 1; i > 0; i-- {
		word, ok := w.stack[i].(*syntax.Word)
		if !ok {
			if _, quoted := w.stack[i].(*syntax.DblQuoted); quoted {
				return false
			}
			continue
		}
		switch p := w.stack[i-1].(type) {
		case *syntax.CallExpr, *syntax.WordIter:
			return true
		case *syntax.ArrayElem:
			return p.Index == nil
		case *syntax.Assign:
			return p.Name == nil && p.Value == word
		case *syntax.ParamExp, *syntax.Redirect, *syntax.CaseClause, *syntax.CaseItem:
			if _, inside := p.(*syntax.ParamExp); inside {
				continue
			}
			return false
		default:
			return false
		}
	}
	return false
}

// within says how many commands of a kind the current one stands in, up to where a shell of its own or a function begins.
func (w *walker) within(is func(syntax.Node) bool) int {
	n := 0
	for i := len(w.stack) - 2; i >= 0; i-- {
		switch node := w.stack[i].(type) {
		case *syntax.FuncDecl, *syntax.Subshell, *syntax.CmdSubst:
			if !is(node) {
				return n
			}
		case *syntax.BinaryCmd:
			if node.Op == syntax.Pipe || node.Op == syntax.PipeAll {
				return n
			}
		}
		if is(w.stack[i]) {
			n++
		}
	}
	return n
}
