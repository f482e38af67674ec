package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

const (
	exitOK          = 0
	exitNegative    = 1
	exitUsage       = 2
	exitUnavailable = 75
)

// usageError is the user's own mistake, said in one line, with what to try.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, a ...any) error { return &usageError{message: fmt.Sprintf(format, a...)} }

// negative lists the errors that are an answer, each with what a person reads.
var negative = []struct {
	err  error
	text string // empty: the error's own
}{
	{store.ErrNotFound, ""},
	{store.ErrAmbiguous, "more than one session begins so; write more of the id"},
	{ErrNotLive, ""},
	{errNothing, ""},
	{recorder.ErrLive, ""},
	{recorder.ErrNotEncrypted, ""},
	{recorder.ErrBusy, ""},
	{ErrSignedOut, ""},
	{ErrLinkUsed, ""},
	{fs.ErrNotExist, "nothing was recorded of this session"},
}

// ExitCode maps an error of any verb to the exit code of the process or the SSH channel.
func ExitCode(err error) int {
	var usage *usageError
	var forbidden *ForbiddenError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return exitOK
	case errors.As(err, &usage), errors.Is(err, ErrReason), errors.Is(err, ErrUnmask), searchFault(err):
		return exitUsage
	case errors.As(err, &forbidden), errors.As(err, new(*notApprovedError)), errors.As(err, new(*recorder.EncryptedError)), errors.As(err, new(*HeldError)):
		return exitNegative
	}
	for _, n := range negative {
		if errors.Is(err, n.err) {
			return exitNegative
		}
	}
	return exitUnavailable
}

// Explain says an error in one line for a person.
func Explain(err error) string {
	var forbidden *ForbiddenError
	if errors.As(err, &forbidden) {
		return "not permitted: " + forbidden.Reason
	}
	if gone := (*GoneError)(nil); errors.As(err, &gone) {
		return gone.Error()
	}
	if locked := (*recorder.EncryptedError)(nil); errors.As(err, &locked) {
		return locked.Error()
	}
	for _, n := range negative {
		if errors.Is(err, n.err) && n.text != "" {
			return n.text
		}
	}
	return err.Error()
}
