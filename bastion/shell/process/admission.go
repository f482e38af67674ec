package process

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/wire"
)

// admit reads a text of this shell's own.
func (sh *shell) admit(text string) (*syntax.File, error) {
	return standIn(text, sh.posix)
}

// admitInside reads a text within a text: of eval, source or a trap.
func (sh *shell) admitInside(text string, _ int) (*syntax.File, error) {
	return standIn(text, sh.posix)
}

// standIn admits what can be parsed.
func standIn(text string, posix bool) (*syntax.File, error) {
	if len(text) > maxScript {
		return nil, refuse("text", "it has at most %d bytes", maxScript)
	}
	lang := syntax.LangBash
	if posix {
		lang = syntax.LangPOSIX
	}
	file, err := syntax.NewParser(syntax.Variant(lang)).Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, &refusedError{wire.Refused{Construct: "syntax error", Column: 1, Reason: err.Error()}}
	}
	return file, nil
}
