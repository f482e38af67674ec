package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gatehouse/internal/answer"
)

// The most that a message of the old protocol may take, and how deep folders may lie in each other.
const (
	maxMessage  = 8 << 10
	maxFolders  = 64
	maxExpanded = 10_000 // paths that patterns stand for
)

// scp is one transfer by the old protocol: a dialogue in lines and single bytes, one file after the other.
type scp struct {
	*Session
	cmd    SCP
	in     *bufio.Reader
	listed int  // names that are still to be sent, of all folders that were entered
	failed bool // something could not be done: the exit status is 1
}

// ServeSCP serves the far end of an scp and returns its exit status. Its error is what ended the session.
func (s *Session) ServeSCP(ctx context.Context, cmd SCP, in io.Reader, out io.Writer) (status int, err error) {
	s.client = out
	c := &scp{Session: s, cmd: cmd, in: bufio.NewReaderSize(in, 32<<10)}
	if cmd.Sink {
		err = c.sink(ctx)
	} else {
		err = c.source(ctx)
	}
	var told *toldError
	switch {
	case errors.As(err, &told): // the client gave up, in good order
		return 1, nil
	case err != nil:
		return 1, s.failure(err)
	case c.failed:
		return 1, nil
	}
	return 0, nil
}

// toldError is a fatal message of the client's.
type toldError struct{ text string }

func (e *toldError) Error() string { return "the client says: " + e.text }

// do does one step on the target, while nobody closes the session.
func (s *Session) do(ctx context.Context, step func(ctx context.Context) error) error {
	s.serving.Lock()
	defer s.serving.Unlock()
	if err := s.target.Err(); err != nil || s.closed {
		return errors.Join(errNotGiven, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, operationLimit, fmt.Errorf("the target took longer than %s to answer", operationLimit))
	defer cancel()
	return step(ctx)
}

// ok tells the client that its message was taken.
func (c *scp) ok() error { return c.send([]byte{0}) }

// complain tells the client, in a line, what could not be done. An error that is no refusal is handed back.
func (c *scp) complain(name string, err error) error {
	r, ok := asRefusal(err)
	if !ok {
		return err
	}
	c.failed = true
	return c.send([]byte("\x01scp: " + answer.Visible(cutName(name)+": "+r.text) + "\n"))
}

func cutName(name string) string {
	if len(name) > 512 {
		return name[:512] + "…"
	}
	return name
}

// heard reads the client's answer: nil for yes, a refusal for a complaint, and an error for the end.
func (c *scp) heard() error {
	b, err := c.in.ReadByte()
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrGone, err)
	case b == 0:
		return nil
	case b > 2:
		return fmt.Errorf("%w: it answers %q", ErrClient, b)
	}
	text, err := c.line()
	if err != nil {
		return err
	}
	c.failed = true
	if b == 2 {
		return &toldError{text}
	}
	return &refusal{0, text}
}

// line reads up to a line feed.
func (c *scp) line() (string, error) {
	var b strings.Builder
	for b.Len() < maxMessage {
		x, err := c.in.ReadByte()
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrGone, err)
		}
		if x == '\n' {
			return b.String(), nil
		}
		b.WriteByte(x)
	}
	return "", fmt.Errorf("%w: a message of over %d bytes", ErrClient, maxMessage)
}
