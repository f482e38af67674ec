package admit

import (
	"regexp"
	"strings"

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
