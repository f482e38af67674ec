package process

import (
	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/admit"
	"gatehouse/bastion/shell/wire"
)

// admit reads a text of this shell's own.
func (sh *shell) admit(text string) (*syntax.File, error) {
	return admitted(admit.Admit(text, admit.Place{Sh: sh.posix, Prompt: sh.prompt && sh.parent == nil, Depth: len(sh.chain())}))
}

// admitInside reads a text within a text: of eval, source or a trap.
func (sh *shell) admitInside(text string, depth int) (*syntax.File, error) {
	return admitted(admit.Admit(text, admit.Place{Sh: sh.posix, Prompt: sh.prompt && sh.parent == nil, Inside: true, Depth: depth}))
}

func admitted(file *syntax.File, refused *wire.Refused) (*syntax.File, error) {
	if refused != nil {
		return nil, &refusedError{*refused}
	}
	return file, nil
}

// admitCall judges a builtin once its words are final.
func (sh *shell) admitCall(args []string) error {
	if refused := admit.Call(args, admit.Place{Sh: sh.posix, Prompt: sh.prompt && sh.parent == nil}); refused != nil {
		return &refusedError{*refused}
	}
	return nil
}
