package process

import (
	"errors"
	"fmt"

	"gatehouse/bastion/shell/wire"
)

// errEnded is the end of the session: the door is gone, or said so.
var errEnded = errors.New("the session is over")

// endError ends a shell, or all that runs of a line, with a status: it is a cause of contexts.
type endError struct {
	status int
	text   string
}

func (e *endError) Error() string { return e.text }

// refusedError ends a line because something in it cannot be done as bash does it, or because a bound was reached.
type refusedError struct{ wire.Refused }

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s at column %d: %s", e.Construct, e.Column, e.Reason)
}

// refuse says that a construct is not read; what is known only while it runs has no better column than its command's.
func refuse(construct, format string, args ...any) error {
	return &refusedError{wire.Refused{Construct: construct, Column: 1, Reason: fmt.Sprintf(format, args...)}}
}

// statusRefused is the status of a refused text, as bash's for a syntax error.
const statusRefused = 2
