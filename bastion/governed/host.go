// Package governed is the door's side of a governed shell: it answers what the shell's process asks (package wire), holds its bounds, and
// moves its bytes. It trusts nothing that the process says, and decides nothing: what is to be done on the target it asks of a Host, which
// decides each command and file as if it had come alone.
package governed

import (
	"context"
	"io"

	"gatehouse/bastion/shell/wire"
	"gatehouse/bastion/target"
)

// Host is the session of a governed shell. Its errors are *wire.Error where the shell is to go on, any other ends the shell. Safe for
// concurrent use.
type Host interface {
	// Start decides a command, waits for people where they must decide, and starts it. Denials and faults it tells the client itself.
	// n counts the shell's commands from 1. ctx ends with the command.
	Start(ctx context.Context, n int64, e wire.Exec) (Process, error)
	// Open decides about a file and opens it. A reader's Close is no error of the content; a writer's says whether all is there.
	Open(ctx context.Context, o wire.Open) (File, error)
	Stat(ctx context.Context, p wire.Path) (wire.Info, error)
	List(ctx context.Context, p wire.Path) ([]wire.Info, error)
	Access(ctx context.Context, p wire.Path) error
	Home(ctx context.Context, user string) (string, error)

	// Stdout and Stderr are the client's, recorded and metered; Stdin is its input. An error ends the shell.
	Stdout() io.Writer
	Stderr() io.Writer
	Stdin() io.Reader
	// Terminal is where what runs on a terminal of its own writes: to the client, with nothing done to its lines.
	Terminal() io.Writer

	// Line puts a line's beginning, refusal or end into the evidence. An error ends the shell.
	Line(r wire.Report) error
	Complete(ctx context.Context, word string) ([]string, error)
	Help(ctx context.Context) (string, error)
	History(ctx context.Context) ([]string, error)
}

// Process is a command that runs.
type Process interface {
	Stdout() io.Reader
	Stderr() io.Reader
	Stdin() io.WriteCloser
	Resize(cols, rows, width, height uint32) error
	Signal(name string) error
	Exited() <-chan struct{}
	Exit() target.Exit // meaningful once Exited is closed
	PTY() bool         // it has a terminal: its output is all on Stdout
	ReadsClient() bool // the rule lets the client's input reach it
	NoInput() bool     // the rule lets no input reach it that it inherits from around it: it reads /dev/null (wire.Exec.Inherit)
	Held() []byte      // all that it reads, taken by Shell.Input before it ran; nil: nothing was
	Close() error      // lets go of it; what still runs of it is ended
}

// File is an open file of the target: read or written from its beginning, or appended to.
type File interface {
	io.Reader
	io.Writer
	io.Closer
}
