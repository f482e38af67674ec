package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// repair changes a tree to one that the interpreter runs as bash runs the text. What is changed, and the fault that it is for:
//
//   - "a$@b" becomes "a""$@""b": within other text the interpreter makes one word of a list
//   - |& becomes 2>&1 |, which turns standard error after the command's own redirections
//   - a loop keeps the status of its last turn (repair_loop.go), and one that counts goes on after a turn that failed
//   - a compound command whose status nobody sees does not end a shell under set -e for the status of a test at its end
//   - return alone gives the last status, and shift fails where there is too little
//   - ${x#"$y"} removes $y as it stands (repair_word.go), and what is quoted in =~ is no pattern
//   - typeset in a function is local, and what is local without a value is unset (repair_declare.go)
//   - return in a subshell ends it, ${#m[@]} counts an associative array, ! binds in [[ ]] before &&, and && before ||
//   - ${x:?…} ends a shell with a status of its own
//   - under set -u an element that is not set ends it, and a list that is declared is one though nothing is in it
//   - x=v > f assigns where f cannot be opened, and x=$(…) 2>/dev/null turns nothing
//   - ${!x:-} is ${!x}, [[ -v m[k] ]] is [[ -n ${m[k]+x} ]] (repair_element.go)
//   - ${BASH_SOURCE[0]} is $0 in a file's text, and nothing in a line
//   - $(…) within ${x:-…} runs only where it is needed
//   - the ! of what runs behind is none
//   - an =~ that does not match leaves BASH_REMATCH empty (repair_match.go), and an empty branch of case gives 0
//   - a backslash in an assignment, a file's name or a test quotes, and ~ is the home of a file's name
func repair(f *syntax.File, in Place, k known) {
	r := &repairer{in: in, known: k, inner: map[*syntax.DeclClause]bool{}, turns: map[*syntax.Block]string{}}
	var all []syntax.Node // before any is changed: what is put in must not be changed again
	preorder(f, func(n syntax.Node) { all = append(all, n) })
	r.looped = looped(f)
	for _, n := range all {
		r.node(n)
	}
	r.statuses(f)
	r.matches(f)
}

// repairer changes one tree.
type repairer struct {
	in    Place
	known known
	loops int
	inner map[*syntax.DeclClause]bool // those in a shell of their own within a function

	looped map[*syntax.DeclClause]bool // those that may run more than once
	turns  map[*syntax.Block]string    // the loops, and where their status is
}

func (r *repairer) node(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.Stmt:
		r.stmt(n)
	case *syntax.BinaryCmd:
		pipeAll(n)
	case *syntax.Word:
		n.Parts = apart(r.counts(r.keys(n.Parts)))
	case *syntax.DblQuoted:
		n.Parts = r.counts(n.Parts)
	case *syntax.FuncDecl:
		r.returns(n.Body, false)
	case *syntax.Assign:
		appended(n)
		unescape(n.Value)
	case *syntax.CaseClause:
		unescape(n.Word)
		for i, item := range n.Items {
			if len(item.Stmts) == 0 && (item.Op == syntax.Break || i == len(n.Items)-1) { // its status is 0 whatever ran before
				item.Stmts = []*syntax.Stmt{call("true")}
			}
		}
	case *syntax.Redirect:
		file(n)
	case *syntax.TestClause:
		n.X = precedence(elements(n.X))
	case *syntax.BinaryTest:
		comparison(n)
	case *syntax.UnaryTest:
		if word, ok := n.X.(*syntax.Word); ok {
			unescape(word)
		}
	case *syntax.ParamExp:
		source(n, r.in)
		if n.Excl && emptyDefault(n) {
			n.Exp = nil
		}
		r.element(n)
		removal(n)
		lazy(n)
		required(n)
	}
}

// pipeAll makes a|&b what bash makes of it.
func pipeAll(b *syntax.BinaryCmd) {
	if b.Op != syntax.PipeAll {
		return
	}
	b.Op = syntax.Pipe
	last := b.X
	for inner, ok := last.Cmd.(*syntax.BinaryCmd); ok && (inner.Op == syntax.Pipe || inner.Op == syntax.PipeAll); inner, ok = last.Cmd.(*syntax.BinaryCmd) {
		last = inner.Y
	}
	last.Redirs = append(last.Redirs, &syntax.Redirect{Op: syntax.DplOut, OpPos: b.OpPos, N: &syntax.Lit{Value: "2"}, Word: wordOf(&syntax.Lit{Value: "1"})})
}

// apart takes lists out of the quotes that they share with other text, and makes "" ”.
func apart(parts []syntax.WordPart) []syntax.WordPart {
	var all []syntax.WordPart
	for _, part := range parts {
		q, ok := part.(*syntax.DblQuoted)
		if ok && len(q.Parts) == 0 { // which the interpreter forgets beside what is split
			part = &syntax.SglQuoted{Left: q.Left, Right: q.Right}
		}
		if !ok || len(q.Parts) < 2 || !hasList(q.Parts) {
			all = append(all, part)
			continue
		}
		from := 0
		for i, inner := range q.Parts {
			if !isList(inner) {
				continue
			}
			if i > from {
				all = append(all, &syntax.DblQuoted{Left: q.Left, Right: q.Right, Parts: q.Parts[from:i]})
			}
			all = append(all, &syntax.DblQuoted{Left: q.Left, Right: q.Right, Parts: q.Parts[i : i+1]})
			from = i + 1
		}
		if from < len(q.Parts) {
			all = append(all, &syntax.DblQuoted{Left: q.Left, Right: q.Right, Parts: q.Parts[from:]})
		}
	}
	return all
}

func hasList(parts []syntax.WordPart) bool {
	for _, part := range parts {
		if isList(part) {
			return true
		}
	}
	return false
}

// isList says whether a part is $@, ${a[@]}, or its keys.
func isList(part syntax.WordPart) bool {
	p, ok := part.(*syntax.ParamExp)
	if !ok || p.Param == nil || p.Length {
		return false
	}
	index, _ := p.Index.(*syntax.Word)
	return p.Param.Value == "@" || index != nil && index.Lit() == "@"
}

// stmt changes the simple commands that the interpreter's builtins read differently.
func (r *repairer) stmt(s *syntax.Stmt) {
	if d, ok := s.Cmd.(*syntax.DeclClause); ok {
		r.emptied(d)
		s.Cmd = r.locals(d)
		return
	}
	if b, ok := s.Cmd.(*syntax.BinaryCmd); ok && r.known.piped[b] {
		s.Comments = append(s.Comments, syntax.Comment{Text: PipeMark})
	}
	if b, list := s.Cmd.(*syntax.BinaryCmd); s.Background && s.Negated && !(list && (b.Op == syntax.AndStmt || b.Op == syntax.OrStmt)) {
		s.Negated = false // as in bash, which forgets it
	}
	call, ok := s.Cmd.(*syntax.CallExpr)
	if ok && len(call.Args) == 0 && len(call.Assigns) > 0 && !r.in.Sh && nowhere(s.Redirs) {
		s.Redirs = nil
	}
	if ok && len(call.Args) == 0 && len(call.Assigns) > 0 && len(s.Redirs) > 0 && quiet(call, true) {
		s.Cmd, s.Redirs = &syntax.Block{Lbrace: s.Pos(), Rbrace: s.End(), Stmts: []*syntax.Stmt{{Position: s.Pos(), Cmd: call}, {Position: s.Pos(), Cmd: callOf(wordOf(&syntax.Lit{Value: ":"})), Redirs: s.Redirs}}}, nil
	}
	if !ok || len(call.Args) == 0 {
		return
	}
	switch call.Args[0].Lit() {
	case "exit":
		s.Negated = false
	case "exec":
		s.Negated = s.Negated && len(call.Args) == 1
	case "return":
		s.Negated = false
		if len(call.Args) == 1 {
			call.Args = append(call.Args, wordOf(&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "?"}}))
		}
	case "shift":
		if !r.in.Sh {
			s.Cmd = shift(call)
		}
	case "set":
		call.Args = withoutE(call.Args)
	}
}

// withoutE leaves out the -E of set, which is for traps that there are not.
func withoutE(args []*syntax.Word) []*syntax.Word {
	kept := args[:1:1]
	for i, word := range args[1:] {
		lit := word.Lit()
		if len(lit) < 2 || lit[0] != '-' || lit[1] == '-' || !strings.Contains(lit, "E") {
			kept = append(kept, args[i+1])
			continue
		}
		if rest := strings.ReplaceAll(lit, "E", ""); rest != "-" {
			kept = append(kept, wordOf(&syntax.Lit{ValuePos: word.Pos(), ValueEnd: word.End(), Value: rest}))
		}
	}
	if len(kept) == 1 {
		return []*syntax.Word{wordOf(&syntax.Lit{ValuePos: args[0].Pos(), ValueEnd: args[0].End(), Value: "true"})}
	}
	return kept
}

// shift fails, as bash does, where there are fewer words than it is to take.
func shift(call *syntax.CallExpr) syntax.Command {
	n := wordOf(&syntax.Lit{Value: "1"})
	if len(call.Args) == 2 {
		n = call.Args[1]
	}
	if !quiet(n, true) {
		return call
	}
	given := wordOf(&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "#"}})
	enough := callOf(wordOf(&syntax.Lit{Value: "["}), given, wordOf(&syntax.Lit{Value: "-ge"}), n, wordOf(&syntax.Lit{Value: "]"}))
	return &syntax.IfClause{
		Position: call.Pos(), ThenPos: call.Pos(), FiPos: call.End(),
		Cond: []*syntax.Stmt{{Position: call.Pos(), Cmd: enough}},
		Then: []*syntax.Stmt{{Position: call.Pos(), Cmd: call}},
		Else: &syntax.IfClause{Position: call.Pos(), FiPos: call.End(), Then: []*syntax.Stmt{{Position: call.Pos(), Cmd: callOf(wordOf(&syntax.Lit{Value: "false"}))}}},
	}
}

func callOf(words ...*syntax.Word) *syntax.CallExpr { return &syntax.CallExpr{Args: words} }

func wordOf(parts ...syntax.WordPart) *syntax.Word { return &syntax.Word{Parts: parts} }
