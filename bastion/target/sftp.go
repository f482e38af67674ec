package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// SFTP opens the one SFTP stream of a connection whose certificate is pinned to internal-sftp (readonly.Command). The connection is
// the stream's own from then on, and is closed when this fails: Close severs it, because only that ends the reads and writes of a
// target that does not answer. Errors are those of Start; ErrRefused is a target whose sshd_config has no sftp subsystem.
//
// It has to be asked for as a subsystem: sshd answers an exec, in place of which such a certificate would have SFTP run, with a line
// of text. Which server the subsystem's line names does not matter then, the certificate's runs.
func (c *Conn) SFTP(ctx context.Context) (io.ReadWriteCloser, error) {
	s, err := c.sftp(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (c *Conn) sftp(ctx context.Context) (stream, error) {
	p, err := c.start(ctx, nil, "subsystem", subsystemRequest{"sftp"})
	if err != nil {
		_ = c.Close()
		if errors.Is(err, ErrRefused) {
			err = fmt.Errorf("%w: its sshd_config needs the line: Subsystem sftp internal-sftp", err)
		}
		return stream{}, err
	}
	go func() { _, _ = io.Copy(io.Discard, p.Stderr()) }() // unread, it would fill the channel's window
	return stream{Reader: p.Stdout(), Writer: p.Stdin(), conn: c, process: p}, nil
}

// stream is an SFTP stream on a connection of its own.
type stream struct {
	io.Reader
	io.Writer
	conn    *Conn
	process *Process
}

// Close ends the connection and waits for its end.
func (s stream) Close() error {
	err := s.conn.Close()
	_ = s.conn.Wait()
	return err
}

// Carry is SFTP for a certificate that carries files (readonly.Transfer). Closing lets the server end by itself first, so that it is
// known whether it did.
func (c *Conn) Carry(ctx context.Context) (*Carrying, error) {
	s, err := c.sftp(ctx)
	if err != nil {
		return nil, err
	}
	return &Carrying{stream: s}, nil
}

// Carrying is an SFTP stream that is known to have ended, or not.
type Carrying struct {
	stream
	ended bool
}

// Close tells the server that nothing more comes, gives it a moment to end, and ends the connection.
func (c *Carrying) Close() error {
	timer := time.NewTimer(abandonTimeout)
	defer timer.Stop()
	told := make(chan struct{})
	go func() {
		defer close(told)
		_ = c.process.Stdin().Close()
	}()
	select {
	case <-c.process.Exited():
		c.ended = c.process.Exit().Known
	case <-timer.C:
	}
	err := c.stream.Close()
	<-told
	return err
}

// Ended reports, after Close, whether the server has said that it ended.
func (c *Carrying) Ended() bool { return c.ended }
