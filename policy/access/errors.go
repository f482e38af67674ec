package access

import (
	"errors"
	"fmt"
)

// What a refusal is, by errors.Is. Its text is one line for whoever asked.
var (
	ErrInvalid  = errors.New("not a valid order")          // what is asked cannot be meant
	ErrRefused  = errors.New("refused")                    // it is not theirs to do, or not now
	ErrNotFound = errors.New("no such thing that is open") // unknown, or ended
	ErrFull     = errors.New("too many are open")          // a bound is reached
	ErrStale    = errors.New("the change was made before another one: make it again")
)

// refusal is an error of one of these kinds, with its own words.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func invalid(format string, args ...any) error {
	return &refusal{ErrInvalid, fmt.Sprintf(format, args...)}
}

func refused(format string, args ...any) error {
	return &refusal{ErrRefused, fmt.Sprintf(format, args...)}
}

func notFound(what, id string) error {
	return &refusal{ErrNotFound, fmt.Sprintf("no open %s %q", what, id)}
}

func full(format string, args ...any) error {
	return &refusal{ErrFull, fmt.Sprintf(format, args...)}
}
