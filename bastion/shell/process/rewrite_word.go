package process

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// quotedPart is a text that nothing expands.
func quotedPart(text string) syntax.WordPart {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")
	return &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.Lit{Value: escape.Replace(text)}}}
}

func quoted(text string) *syntax.Word { return wordOf(quotedPart(text)) }

func (w *rewriter) call(c *syntax.CallExpr) {
	w.assigns(c.Assigns)
	for _, word := range c.Args {
		w.word(word)
	}
}

func (w *rewriter) assigns(all []*syntax.Assign) {
	for _, a := range all {
		if a.Index != nil {
			a.Index = w.index(a.Name.Value, a.Index, forElement)
		}
		if a.Array != nil {
			for _, e := range a.Array.Elems {
				if !w.keyed && !quotedKey(e.Index) {
					e.Index = w.index(a.Name.Value, e.Index, forElement)
				}
				w.word(e.Value)
			}
		}
		if a.Value != nil {
			w.pathTildes(a.Value)
			w.single(a.Value)
		}
		if a.Name != nil && a.Name.Value == "SECONDS" && a.Value != nil {
			a.Name = &syntax.Lit{Value: sinceVariable}
			a.Value = wordOf(callSubst(quoted(mark+"since"), wordOf(&syntax.DblQuoted{Parts: a.Value.Parts})))
		}
	}
}

// declares rewrites what declare sets. The keys of an array that it makes one with keys are no numbers.
func (w *rewriter) declares(c *syntax.DeclClause) {
	for _, a := range c.Args {
		w.keyed = w.keyed || a.Name == nil && strings.HasPrefix(a.Value.Lit(), "-") && strings.Contains(a.Value.Lit(), "A")
	}
	w.assigns(c.Args)
	w.keyed = false
}

// pathTildes expands those after the colons of an assignment, as in PATH.
func (w *rewriter) pathTildes(word *syntax.Word) {
	var parts []syntax.WordPart
	for _, p := range word.Parts {
		lit, ok := p.(*syntax.Lit)
		for ok {
			i := strings.Index(lit.Value, ":~")
			if i < 0 {
				break
			}
			rest := lit.Value[i+2:]
			if rest != "" && rest[0] != '/' && rest[0] != ':' {
				w.refuse(word, "tilde", "write the folder in full after a colon")
				return
			}
			parts = append(parts, &syntax.Lit{Value: lit.Value[:i+1]}, homePart())
			lit = &syntax.Lit{Value: rest}
			p = lit
		}
		parts = append(parts, p)
	}
	word.Parts = parts
}

func homePart() syntax.WordPart {
	return &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "HOME"}}}}
}

// word rewrites a word that is expanded as an argument is.
func (w *rewriter) word(word *syntax.Word) {
	if word == nil {
		return
	}
	w.tilde(word)
	w.parts(word.Parts)
}

// single rewrites a word that is one string whatever is in it. interp leaves the backslashes of such words as they are.
func (w *rewriter) single(word *syntax.Word) {
	if word == nil {
		return
	}
	w.tilde(word)
	var parts []syntax.WordPart
	for _, p := range word.Parts {
		lit, ok := p.(*syntax.Lit)
		if !ok || !strings.Contains(lit.Value, "\\") {
			parts = append(parts, p)
			continue
		}
		var plain strings.Builder
		for i := 0; i < len(lit.Value); i++ {
			c := lit.Value[i]
			if c == '\\' && i+1 < len(lit.Value) {
				if i++; lit.Value[i] == '\n' {
					continue
				}
				c = lit.Value[i]
			}
			plain.WriteByte(c)
		}
		parts = append(parts, quotedPart(plain.String()))
	}
	word.Parts = parts
	w.parts(word.Parts)
}

// target rewrites the word of a redirection, before which a mark may come: a tilde is then not at its beginning any more.
func (w *rewriter) target(word *syntax.Word) {
	if lit, ok := word.Parts[0].(*syntax.Lit); ok && (lit.Value == "~" && len(word.Parts) == 1 || strings.HasPrefix(lit.Value, "~/")) {
		word.Parts = append([]syntax.WordPart{homePart(), &syntax.Lit{Value: lit.Value[1:]}}, word.Parts[1:]...)
	}
	w.single(word)
}

func (w *rewriter) parts(parts []syntax.WordPart) {
	for i := range parts {
		w.part(&parts[i])
	}
}

func (w *rewriter) part(p *syntax.WordPart) {
	switch x := (*p).(type) {
	case *syntax.DblQuoted:
		w.parts(x.Parts)
	case *syntax.ParamExp:
		w.param(p, x)
	case *syntax.CmdSubst:
		if !isNumber(x) {
			x.Stmts = w.substitution(x.Stmts)
		}
	case *syntax.ArithmExp:
		*p = w.arithmExp(x)
	case *syntax.ProcSubst:
		w.refuse(x, "process substitution", "use a pipe or a file")
	}
}

// substitution rewrites $(…), in which errexit is off.
func (w *rewriter) substitution(stmts []*syntax.Stmt) []*syntax.Stmt {
	w.inner++
	defer func() { w.inner-- }()
	if len(stmts) == 1 && stmts[0].Cmd == nil && len(stmts[0].Redirs) == 1 {
		stmts = w.list(stmts, false)
		stmts[0].Cmd = callStmt(mark + "content").Cmd
		return stmts
	}
	redirected := w.redirected
	w.redirected = false
	stmts = w.unheeded(w.list(stmts, false), !w.shell.posix)
	if w.redirected = redirected; redirected { // bash expands words before it redirects
		inner := blockOf(stmts...)
		inner.Redirs = []*syntax.Redirect{{Op: syntax.RdrIn, Word: quoted(markOuter)}}
		stmts = []*syntax.Stmt{inner}
	}
	return stmts
}

// param rewrites the parameters of which interp knows nothing, or this machine's.
func (w *rewriter) param(p *syntax.WordPart, x *syntax.ParamExp) {
	if x.Param == nil {
		w.refuse(x, "expansion", "it is not read")
		return
	}
	plain := x.Exp == nil && x.Repl == nil && x.Slice == nil && !x.Length && !x.Excl && x.Index == nil
	switch x.Param.Value {
	case "$", "PPID":
		n := w.shell.pid
		if x.Param.Value == "PPID" {
			n = w.shell.parentID()
		}
		if plain {
			*p = &syntax.Lit{Value: strconv.FormatInt(n, 10)}
			return
		}
		w.refuse(x, "${"+x.Param.Value+"…}", "only the plain form is read")
	case "!":
		x.Param = &syntax.Lit{Value: bangVariable}
	case "0":
		x.Param = &syntax.Lit{Value: nameVariable}
	case "SECONDS", "EPOCHSECONDS":
		if name := x.Param.Value; plain {
			*p = callSubst(quoted(mark + strings.ToLower(name)))
			return
		}
		w.refuse(x, x.Param.Value, "only the plain form is read")
	}
	x.Index = w.index(x.Param.Value, x.Index, forIndex)
	if x.Slice != nil {
		x.Slice.Offset, x.Slice.Length = w.reckons(x.Slice.Offset, forWord), w.reckons(x.Slice.Length, forWord)
	}
	if x.Repl != nil {
		w.word(x.Repl.Orig)
		w.word(x.Repl.With)
	}
	if x.Exp != nil && x.Exp.Word != nil {
		w.guard(x)
		w.word(x.Exp.Word)
	}
	if name := x.Param.Value; x.Excl && x.Index == nil && x.Names == 0 && x.Exp == nil && (syntax.ValidName(name) || strings.Trim(name, "123456789") == "") {
		*p = w.indirect(x)
	}
}

// guard keeps the commands of a default from running where it is not used: interp expands every default.
func (w *rewriter) guard(x *syntax.ParamExp) {
	test := &syntax.Expansion{Op: syntax.AlternateUnset, Word: wordOf(&syntax.Lit{Value: "y"})}
	run := false
	switch x.Exp.Op {
	case syntax.DefaultUnset, syntax.ErrorUnset, syntax.AssignUnset:
	case syntax.DefaultUnsetOrNull, syntax.ErrorUnsetOrNull, syntax.AssignUnsetOrNull:
		test.Op = syntax.AlternateUnsetOrNull
	case syntax.AlternateUnset:
		run = true
	case syntax.AlternateUnsetOrNull:
		test.Op, run = syntax.AlternateUnsetOrNull, true
	default:
		return
	}
	subject := &syntax.ParamExp{Param: x.Param, Index: x.Index, Exp: test}
	w.guardNumbers(x.Exp.Word.Parts, subject, run)
	for _, s := range substitutions(x.Exp.Word.Parts) {
		set, unset := &syntax.CaseItem{Op: syntax.Break, Patterns: []*syntax.Word{wordOf(&syntax.Lit{Value: "y"})}},
			&syntax.CaseItem{Op: syntax.Break, Patterns: []*syntax.Word{wordOf(&syntax.Lit{Value: "*"})}}
		if run {
			set.Stmts = s.Stmts
		} else {
			unset.Stmts = s.Stmts
		}
		s.Stmts = []*syntax.Stmt{{Cmd: &syntax.CaseClause{
			Word: wordOf(&syntax.DblQuoted{Parts: []syntax.WordPart{subject}}), Items: []*syntax.CaseItem{set, unset},
		}}}
	}
}

// substitutions are the commands that a word runs, in quotes too.
func substitutions(parts []syntax.WordPart) []*syntax.CmdSubst {
	var all []*syntax.CmdSubst
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.CmdSubst:
			if isNumber(p) {
				all = append(all, substitutions(p.Stmts[0].Redirs[0].Word.Parts)...)
				continue
			}
			all = append(all, p)
		case *syntax.DblQuoted:
			all = append(all, substitutions(p.Parts)...)
		}
	}
	return all
}

func callSubst(args ...*syntax.Word) *syntax.CmdSubst {
	return &syntax.CmdSubst{Stmts: []*syntax.Stmt{{Cmd: &syntax.CallExpr{Args: args}}}}
}

// test rewrites an expression of [[.
func (w *rewriter) test(x syntax.TestExpr) syntax.TestExpr {
	switch x := x.(type) {
	case *syntax.Word:
		w.word(x)
	case *syntax.ParenTest:
		x.X = w.test(x.X)
	case *syntax.UnaryTest:
		switch x.Op {
		case syntax.TsUsrOwn, syntax.TsGrpOwn, syntax.TsModif, syntax.TsFdTerm:
			w.refuse(x, x.Op.String(), "use stat, or [ "+x.Op.String()+" FILE ]")
		}
		x.X = w.operand(x.X)
	case *syntax.BinaryTest:
		return w.testBoth(x)
	}
	return x
}

func (w *rewriter) testBoth(x *syntax.BinaryTest) syntax.TestExpr {
	if x.Op == syntax.TsDevIno {
		w.refuse(x, "-ef", "compare what stat prints")
	}
	if comparesNumbers[x.Op] {
		return w.compared(x)
	}
	x.X = w.operand(x.X)
	switch x.Op {
	case syntax.TsMatchShort, syntax.TsMatch, syntax.TsNoMatch, syntax.TsReMatch:
		x.Y = w.test(x.Y)
	default:
		x.Y = w.operand(x.Y)
	}
	return x
}

// operand is one string, or an expression.
func (w *rewriter) operand(x syntax.TestExpr) syntax.TestExpr {
	if word, ok := x.(*syntax.Word); ok {
		w.single(word)
		return x
	}
	return w.test(x)
}

// tilde expands ~NAME, ~+ and ~-, which interp would ask this machine for.
func (w *rewriter) tilde(word *syntax.Word) {
	if len(word.Parts) == 0 {
		return
	}
	lit, ok := word.Parts[0].(*syntax.Lit)
	if !ok || !strings.HasPrefix(lit.Value, "~") {
		return
	}
	name, rest := lit.Value[1:], ""
	if i := strings.IndexAny(name, "/:"); i >= 0 {
		name, rest = name[:i], name[i:]
	} else if len(word.Parts) > 1 {
		return // interp leaves it as bash does
	}
	if strings.Contains(name, `\`) { // which quotes: it is no home
		word.Parts = append([]syntax.WordPart{quotedPart("~"), &syntax.Lit{Value: lit.Value[1:]}}, word.Parts[1:]...)
		return
	}
	var first syntax.WordPart
	switch name {
	case "":
		if !strings.HasPrefix(rest, ":") {
			return
		}
		first = homePart()
	case "+":
		first = &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "PWD"}}}}
	case "-":
		first = &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "OLDPWD"}}}}
	default:
		home, err := w.shell.Home(w.ctx, name)
		if err != nil || home == "" {
			first = quotedPart("~" + name)
		} else {
			first = quotedPart(home)
		}
	}
	word.Parts = append([]syntax.WordPart{first, &syntax.Lit{Value: rest}}, word.Parts[1:]...)
}
