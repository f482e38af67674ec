// Package admit decides which shell texts a governed shell runs.
//
// What it lets through gets bash's answer (5.2, and for Place.Sh what every sh agrees on) from mvdan.cc/sh's interpreter. What is known
// to differ, and what would touch the machine that the interpreter runs on, is refused by name and column, with what to write instead.
// It is about equality with bash, never about what may be done: that the door and the decider decide, command by command.
//
// A text is refused as a whole, before anything of it has run. Three readers do it: one over its bytes, which bounds size and nesting
// before the parser sees it; one over its tree; and, for what only shows when words are final, Call for each command that is one of the
// shell's own. Where the interpreter differs and the tree can say the same in other words that it gets right, the tree is changed
// (repair.go) instead of refused. What is refused and why is one table (table.go), from which the manual's list is made.
package admit

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/wire"
)

// The bounds of one text.
const (
	MaxText  = 64 << 10 // bytes
	MaxOpen  = 2048     // everything in it that could begin something nested, before it is parsed
	MaxNest  = 200      // commands and expansions in each other, once it is
	MaxDepth = 16       // texts in texts: eval, sh -c, source
)

// Place says where a text was found.
type Place struct {
	Sh      bool // it is a text of sh, not of bash
	Prompt  bool // it was typed at a prompt: aliases are on, and an error does not end the shell
	Inside  bool // it is read within a running shell's own commands (eval, a trap, source), whose functions and loops it is in
	File    bool // it is a file that bash was called with
	Nounset bool // set -u holds already
	ExtGlob bool // shopt -s extglob holds already
	Depth   int  // of texts in texts; 0 is the client's own

	piece bool // it is one command of a script: what follows is not known
}

// Admit reads a text. One of its results is nil.
func Admit(text string, in Place) (*syntax.File, *wire.Refused) {
	file, refused := read(text, in)
	if refused != nil {
		return nil, refused
	}
	w := &walker{text: text, in: in, known: survey(file)}
	if refused := w.file(file); refused != nil {
		return nil, refused
	}
	repair(file, in, w.known)
	return file, nil
}

// read bounds a text and parses it.
func read(text string, in Place) (*syntax.File, *wire.Refused) {
	if in.Depth > MaxDepth {
		return nil, refuse(0, textsInTexts)
	}
	if refused := bound(text); refused != nil {
		return nil, refused
	}
	return tree(text, in)
}

// tree parses a text that is bounded.
func tree(text string, in Place) (*syntax.File, *wire.Refused) {
	file, err := parse(text, syntax.LangBash)
	if err == nil && in.Sh {
		_, err = parse(text, syntax.LangPOSIX) // which refuses most that is not sh; the tree of the other knows local
	}
	if err != nil {
		return nil, syntaxRefusal(err)
	}
	return file, nil
}

func parse(text string, lang syntax.LangVariant) (*syntax.File, error) {
	return syntax.NewParser(syntax.Variant(lang), syntax.KeepComments(true)).Parse(strings.NewReader(text), "")
}

// syntaxRefusal makes a refusal of what the parser says.
func syntaxRefusal(err error) *wire.Refused {
	var parse syntax.ParseError
	if errors.As(err, &parse) {
		return refuseText(parse.Pos, notUnderstood, parse.Text)
	}
	var lang syntax.LangError
	if errors.As(err, &lang) {
		return refuseText(lang.Pos, notUnderstood, lang.Feature+" is not sh")
	}
	return refuseText(syntax.Pos{}, notUnderstood, err.Error())
}

func refuseText(p syntax.Pos, r rule, text string) *wire.Refused {
	refused := refuse(offset(p), r)
	refused.Reason = text
	return refused
}

// refuse says no at an offset of the text.
func refuse(at int, r rule) *wire.Refused {
	row := Table[r]
	return &wire.Refused{Construct: row.Construct, Column: at + 1, Reason: row.Reason}
}

func offset(p syntax.Pos) int {
	if !p.IsValid() {
		return 0
	}
	return int(p.Offset())
}
