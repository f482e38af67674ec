package process

import (
	"context"
	"io"

	"gatehouse/bastion/shell/wire"
)

// Terminal is the client's terminal in the hands of a prompt. While one is there, nobody else asks for the client's input: the builtin read, a
// command whose input is the client's and that has no terminal of its own, and scripts on standard input read lines from here.
type Terminal interface {
	// ReadLine gives the next line that is typed, with its line feed; what was typed before a Ctrl-D has none, and a Ctrl-D alone is
	// io.EOF. With secret the terminal shows nothing of it. What was typed of a line when ctx ends is kept for the next reader.
	ReadLine(ctx context.Context, secret bool) ([]byte, error)
	// Used is the place in the client's input up to which it was used: Exec.Used.
	Used() int64
	// Lend gives the terminal to a command with one of its own, at Started.PTY, until GiveBack, with what Exit.Used says.
	Lend()
	GiveBack(used int64)
	// SetEcho shows what is typed from now on, or not: stty echo and stty -echo.
	SetEcho(on bool)
}

// setsEcho reports whether a command is one to the client's terminal that its discipline here carries out: on the target it would change nothing
// of it.
func (sh *shell) setsEcho(stdin io.Reader, args []string) bool {
	if sh.terminal == nil || len(args) != 2 || args[0] != "stty" || args[1] != "echo" && args[1] != "-echo" || sh.inputs.of(stdin).kind != fromClient {
		return false
	}
	sh.terminal.SetEcho(args[1] == "echo")
	return true
}

// AskInput asks for the client's input as a prompt does, which reads ahead.
func (s *Shell) AskInput(ctx context.Context, in wire.Input) (wire.Answer, error) {
	return s.link.ask(ctx, wire.Ask{Op: wire.OpInput, Input: &in})
}

// SetTerminal gives the shell its client's terminal, before its first text.
func (s *Shell) SetTerminal(t Terminal) { s.terminal = t }
