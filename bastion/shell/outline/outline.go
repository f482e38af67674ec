// Package outline says what a governed shell would make of a text before any of it runs: that it is refused, or which commands stand in it
// and what is known of each.
//
// It is for people who write policies (gatehouse policy explain), and decides nothing: the shell itself goes by what its interpreter makes
// of the text. A command whose words the text does not settle (a variable, a glob, $(…)) is named as one that is decided when it runs.
package outline

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell"
	"gatehouse/bastion/shell/admit"
	"gatehouse/policy"
	"gatehouse/policy/lab"
)

// maxCommands bounds an outline.
const maxCommands = 256

// Read reads a text as a login's governed shell would.
func Read(login policy.Login, text string) lab.Outline {
	var o reader
	if refused := o.text(text, admit.Place{}, login, nil, state{}); refused != nil {
		o.Refused = refused
	}
	return o.Outline
}

// reader makes an outline.
type reader struct{ lab.Outline }

// state is what is around a command.
type state struct{ piped, loop bool }

// text adds one text's commands. What is refused in a text within another is refused when the shell comes to it: it is a command of
// which nothing is known.
func (o *reader) text(text string, in admit.Place, login policy.Login, chain []string, at state) *lab.Refusal {
	if _, refused := admit.Admit(text, in); refused != nil {
		return &lab.Refusal{Construct: refused.Construct, Column: refused.Column, Reason: refused.Reason}
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return &lab.Refusal{Construct: "syntax error", Column: 1, Reason: err.Error()}
	}
	w := walker{reader: o, text: text, in: in, login: login, chain: chain, functions: functions(file)}
	for _, s := range file.Stmts {
		w.statement(s, at)
	}
	return nil
}

// functions are the names that the text makes functions of.
func functions(file *syntax.File) []string {
	var names []string
	syntax.Walk(file, func(n syntax.Node) bool {
		if f, ok := n.(*syntax.FuncDecl); ok {
			names = append(names, f.Name.Value)
		}
		return true
	})
	return names
}

// walker goes through one text.
type walker struct {
	*reader
	text      string
	in        admit.Place
	login     policy.Login
	chain     []string
	functions []string
}

// statement adds the commands of a statement, those in its words first, as they run first.
func (w *walker) statement(s *syntax.Stmt, at state) {
	for _, r := range s.Redirs {
		w.words(r, at)
		if r.N == nil && slices.Contains([]syntax.RedirOperator{syntax.RdrIn, syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc}, r.Op) {
			at.piped = true
		}
	}
	switch c := s.Cmd.(type) {
	case nil:
	case *syntax.CallExpr:
		w.words(c, at)
		w.call(s, c, at)
	case *syntax.BinaryCmd:
		w.statement(c.X, at)
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			at = state{piped: true}
		}
		w.statement(c.Y, at)
	case *syntax.DeclClause:
		w.declared(c)
		w.words(c, at)
	default:
		at.loop = at.piped
		w.words(c, at)
	}
}

// words adds the commands within what is no command itself: $(…) of words, the bodies of loops and conditions.
func (w *walker) words(n syntax.Node, at state) {
	syntax.Walk(n, func(inner syntax.Node) bool {
		if s, ok := inner.(*syntax.Stmt); ok {
			w.statement(s, at)
			return false
		}
		return true
	})
}

// declared keeps the names that an export gives to what follows.
func (w *walker) declared(c *syntax.DeclClause) {
	export := c.Variant.Value == "export"
	for _, a := range c.Args {
		if a.Naked && a.Value != nil && a.Value.Lit() == "-x" {
			export = true
		} else if export && a.Name != nil && !slices.Contains(w.Exports, a.Name.Value) {
			w.Exports = append(w.Exports, a.Name.Value)
		}
	}
}

// call adds one simple command.
func (w *walker) call(s *syntax.Stmt, c *syntax.CallExpr, at state) {
	if len(c.Args) == 0 {
		return // assignments
	}
	if len(w.Commands) == maxCommands {
		w.Omitted++
		return
	}
	from, to := span(s)
	argv, known := literals(c.Args)
	out := lab.ShellCommand{Column: int(from) + 1, Text: w.text[from:to], Chain: w.chain, Piped: at.piped, Loop: at.loop}
	if len(argv) > 0 {
		out.Name = argv[0]
	}
	switch {
	case slices.Contains(w.functions, out.Name):
		out.Inside = true
	case known && (out.Name == "command" || out.Name == "exec") && len(argv) > 1 && !strings.HasPrefix(argv[1], "-"):
		out.Name = argv[1]
		plan(&out, w.login, out.Text[strings.Index(out.Text, argv[0])+len(argv[0]):], argv[1:], documents(s, c))
	case known && w.nested(argv, at):
		return
	case interp.IsBuiltin(out.Name):
		out.Inside = true
		w.Moves = w.Moves || slices.Contains([]string{"cd", "pushd", "popd"}, out.Name)
	case known:
		plan(&out, w.login, out.Text, argv, documents(s, c))
	}
	w.Commands = append(w.Commands, out)
}

// nested adds the commands of the text of a literal sh -c or eval.
func (w *walker) nested(argv []string, at state) bool {
	in := admit.Place{Depth: w.in.Depth + 1}
	link, text := argv[0], strings.Join(argv[1:], " ")
	switch name := argv[0][strings.LastIndexByte(argv[0], '/')+1:]; {
	case name == "eval":
		in.Inside = true
	case slices.Contains([]string{"sh", "bash", "dash"}, name) && len(argv) == 3 && argv[1] == "-c":
		in.Sh, link, text = name != "bash", name+" -c", argv[2]
	default:
		return false
	}
	return w.reader.text(text, in, w.login, append(slices.Clone(w.chain), link), at) == nil
}

// plan is a command as the door would be asked for it, with its redirections and variables: its Op stays "" if the text does not settle them.
func plan(c *lab.ShellCommand, login policy.Login, text string, argv []string, documents bool) {
	found, err := shell.ParseFor(shell.Context{Login: login}, strings.TrimSpace(text))
	if err != nil && documents {
		found, err = shell.Exactly(shell.Context{Login: login}, argv, shell.Around{}) // the text of a here-document is its input
	}
	if err == nil && found.ValidateStep() == nil {
		c.Plan = found
	}
}

// documents reports whether here-documents are all that stands around a command's words.
func documents(s *syntax.Stmt, c *syntax.CallExpr) bool {
	return len(c.Assigns) == 0 && len(s.Redirs) > 0 && !slices.ContainsFunc(s.Redirs, func(r *syntax.Redirect) bool { return r.Hdoc == nil })
}

// span is where a simple command stands in its text, its redirections with it, without what joins it to others.
func span(s *syntax.Stmt) (from, to uint) {
	from, to = s.Cmd.Pos().Offset(), s.Cmd.End().Offset()
	for _, r := range s.Redirs {
		from, to = min(from, r.Pos().Offset()), max(to, r.Word.End().Offset())
	}
	return from, to
}

// literals are words as the command gets them: as far as the text settles them, and whether that is all.
func literals(words []*syntax.Word) (argv []string, known bool) {
	for _, word := range words {
		text, ok := literal(word)
		if !ok {
			return argv, false
		}
		argv = append(argv, text)
	}
	return argv, true
}

// literal is a word without its quotes, where nothing in it is expanded.
func literal(word *syntax.Word) (string, bool) {
	plan, err := shell.Parse("echo " + source(word))
	if err != nil || plan.Op != policy.OpRun || len(plan.Globs)+len(plan.Tildes) > 0 || len(plan.Argv) != 2 {
		return "", false
	}
	return plan.Argv[1], true
}

// source is a word as it is written.
func source(word *syntax.Word) string {
	var b strings.Builder
	if syntax.NewPrinter().Print(&b, word) != nil {
		return "$" // which is no literal
	}
	return b.String()
}
