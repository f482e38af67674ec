package admit

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// removal makes ${x#"$y"} an expansion that counts how much of x is y: the interpreter would take y for a pattern.
func removal(p *syntax.ParamExp) {
	if p.Exp == nil || p.Exp.Word == nil || p.Param == nil {
		return
	}
	if literal, pattern := quotedPattern(p.Exp.Word); !literal || pattern {
		return
	}
	x := "${" + p.Param.Value + "}"
	length := "${#" + p.Param.Value + "}"
	switch p.Exp.Op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix:
		p.Slice = &syntax.Slice{Offset: counted(p.Exp.Word, `[[ `+x+` == "$y"* ]] && echo ${#y} || echo 0`)}
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		p.Slice = &syntax.Slice{Offset: wordOf(&syntax.Lit{Value: "0"}), Length: counted(p.Exp.Word, `[[ `+x+` == *"$y" ]] && echo $(( `+length+` - ${#y} )) || echo `+length)}
	default:
		return
	}
	p.Exp = nil
}

// counted is a number that a text prints which knows a word as $y.
func counted(y *syntax.Word, text string) *syntax.Word {
	file, err := syntax.NewParser().Parse(strings.NewReader(strings.ReplaceAll(text, "y}", removed+"}")), "")
	if err != nil {
		return y // the texts are ours
	}
	preorder(file, func(n syntax.Node) {
		if p, ok := n.(*syntax.ParamExp); ok && p.Short && p.Param.Value == "y" {
			p.Param = &syntax.Lit{Value: removed}
		}
	})
	return wordOf(&syntax.CmdSubst{Stmts: append([]*syntax.Stmt{assign(removed, y)}, file.Stmts...)})
}

// removed is the variable of what is removed, within the text that counts it.
const removed = "__gatehouse_removed"

// Unset is the variable that ${x:?…} sets before it ends the shell, whose status is then another than that of what else ends it.
const Unset = "__gatehouse_unset"

// required notes that a shell ends by ${x:?…}.
func required(p *syntax.ParamExp) {
	if p.Exp == nil || p.Exp.Op != syntax.ErrorUnset && p.Exp.Op != syntax.ErrorUnsetOrNull {
		return
	}
	if p.Exp.Word == nil {
		p.Exp.Word = wordOf(&syntax.Lit{Value: "parameter not set"})
	}
	mark := &syntax.ParamExp{Param: &syntax.Lit{Value: Unset}, Exp: &syntax.Expansion{Op: syntax.AssignUnset}}
	p.Exp.Word = wordOf(append([]syntax.WordPart{mark}, p.Exp.Word.Parts...)...)
}

// expression makes a word of =~ one that RE2 reads as POSIX's: what is quoted is no pattern, and . is any character.
func expression(word *syntax.Word) *syntax.Word {
	parts := []syntax.WordPart{&syntax.SglQuoted{Left: word.Pos(), Right: word.Pos(), Value: "(?s)"}}
	for _, part := range word.Parts {
		switch p := part.(type) {
		case *syntax.SglQuoted:
			part = &syntax.SglQuoted{Left: p.Left, Right: p.Right, Value: regexp.QuoteMeta(p.Value)}
		case *syntax.DblQuoted:
			lit := (&syntax.Word{Parts: p.Parts}).Lit()
			part = &syntax.SglQuoted{Left: p.Left, Right: p.Right, Value: regexp.QuoteMeta(unquoted(lit))}
		}
		parts = append(parts, part)
	}
	return wordOf(parts...)
}

// comparison changes the words of one test.
func comparison(b *syntax.BinaryTest) {
	if x, ok := b.X.(*syntax.Word); ok {
		unescape(x)
	}
	y, ok := b.Y.(*syntax.Word)
	if !ok {
		return
	}
	switch b.Op {
	case syntax.TsReMatch:
		b.Y = expression(y)
	case syntax.TsMatchShort, syntax.TsMatch, syntax.TsNoMatch:
	default:
		unescape(y)
	}
}

// precedence makes ! bind before &&, and && before ||: the parser reads all of them from the right.
func precedence(x syntax.TestExpr) syntax.TestExpr {
	switch x := x.(type) {
	case *syntax.ParenTest:
		x.X = precedence(x.X)
	case *syntax.UnaryTest:
		if b, ok := x.X.(*syntax.BinaryTest); ok && x.Op == syntax.TsNot && (b.Op == syntax.AndTest || b.Op == syntax.OrTest) {
			return precedence(&syntax.BinaryTest{OpPos: b.OpPos, Op: b.Op, X: &syntax.UnaryTest{OpPos: x.OpPos, Op: x.Op, X: b.X}, Y: b.Y})
		}
		x.X = precedence(x.X)
	case *syntax.BinaryTest:
		x.X, x.Y = precedence(x.X), precedence(x.Y)
		if or, ok := x.Y.(*syntax.BinaryTest); ok && x.Op == syntax.AndTest && or.Op == syntax.OrTest {
			return &syntax.BinaryTest{OpPos: or.OpPos, Op: syntax.OrTest, X: &syntax.BinaryTest{OpPos: x.OpPos, Op: syntax.AndTest, X: x.X, Y: or.X}, Y: or.Y}
		}
	}
	return x
}

// unescape quotes what backslashes quote in a word that is no pattern: the interpreter would keep them.
func unescape(word *syntax.Word) {
	if word == nil {
		return
	}
	var parts []syntax.WordPart
	for _, part := range word.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok || !strings.Contains(lit.Value, `\`) {
			parts = append(parts, part)
			continue
		}
		for rest := lit.Value; rest != ""; {
			before, after, found := strings.Cut(rest, `\`)
			if before != "" {
				parts = append(parts, &syntax.Lit{ValuePos: lit.ValuePos, ValueEnd: lit.ValueEnd, Value: before})
			}
			if !found {
				break
			}
			_, size := utf8.DecodeRuneInString(after)
			parts = append(parts, &syntax.SglQuoted{Left: lit.ValuePos, Right: lit.ValueEnd, Value: after[:size]})
			rest = after[size:]
		}
	}
	word.Parts = parts
}

// file changes the name of a redirection's file.
func file(r *syntax.Redirect) {
	if r.Op == syntax.Hdoc || r.Op == syntax.DashHdoc || r.Op == syntax.DplOut {
		return
	}
	unescape(r.Word)
	if lit, ok := r.Word.Parts[0].(*syntax.Lit); ok && (lit.Value == "~" && len(r.Word.Parts) == 1 || strings.HasPrefix(lit.Value, "~/")) {
		home := &syntax.DblQuoted{Left: lit.ValuePos, Right: lit.ValueEnd, Parts: []syntax.WordPart{&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "HOME"}}}}
		rest := &syntax.Lit{ValuePos: lit.ValuePos, ValueEnd: lit.ValueEnd, Value: lit.Value[1:]}
		r.Word.Parts = append([]syntax.WordPart{home, rest}, r.Word.Parts[1:]...)
	}
}
