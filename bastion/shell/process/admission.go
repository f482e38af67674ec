package process

import (
	"reflect"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/admit"
	"gatehouse/bastion/shell/wire"
)

// admit reads a text of this shell's own.
func (sh *shell) admit(text string) (*syntax.File, error) {
	in := sh.place(reflect.ValueOf(sh.runner))
	in.File, in.Depth = sh.file, len(sh.chain())
	return admitted(admit.Admit(text, in))
}

// admitInside reads a text within a text: of eval, source or a trap, which an interpreter of this shell runs.
func (sh *shell) admitInside(runner reflect.Value, text string, depth int) (*syntax.File, error) {
	in := sh.place(runner)
	in.Inside, in.Depth = true, depth
	return admitted(admit.Admit(text, in))
}

// optionExtGlob is the place of extglob among the interpreter's options.
const optionExtGlob = 9

// place says what holds where an interpreter is.
func (sh *shell) place(runner reflect.Value) admit.Place {
	options := runner.Elem().FieldByName("opts")
	return admit.Place{
		Sh: sh.posix, Prompt: sh.prompt && sh.parent == nil,
		Nounset: options.Index(optionNounset).Bool(), ExtGlob: options.Index(optionExtGlob).Bool(),
	}
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
