package transfer

import (
	"context"
	"errors"
	"io"

	"gatehouse/policy"
)

// ErrNotSCP says that a line is not the far end of an scp.
var ErrNotSCP = errors.New("the line is not an scp's far end")

// SCP is what the far end of an old scp is asked for.
type SCP struct{}

// ParseSCP reads a line.
func ParseSCP(login policy.Login, line string) (*SCP, error) { return nil, ErrNotSCP }

// ServeSCP serves.
func (s *Session) ServeSCP(ctx context.Context, cmd SCP, in io.Reader, out io.Writer) (int, error) {
	return 1, nil
}
