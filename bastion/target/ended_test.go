package target

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// silent is an SSH connection that answers nothing and ends when it is closed, as x/crypto's does to a channel that is opened in the
// moment of the end.
type silent struct {
	ssh.Conn
	closed   chan struct{}
	released chan struct{} // at the end of the test
}

func (s *silent) OpenChannel(string, []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	<-s.released
	return nil, nil, errors.New("closed")
}

func (s *silent) Wait() error {
	<-s.closed
	return errors.New("closed")
}

func (s *silent) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

// TestStartOnAConnectionThatEnds: a start that the connection never answers ends with it.
func TestStartOnAConnectionThatEnds(t *testing.T) {
	raw := &silent{closed: make(chan struct{}), released: make(chan struct{})}
	defer close(raw.released)
	chans, reqs := make(chan ssh.NewChannel), make(chan *ssh.Request)
	close(chans)
	close(reqs)
	c := newConn(raw, chans, reqs)
	started := make(chan error, 1)
	go func() {
		_, err := c.Start(context.Background(), "true", nil)
		started <- err
	}()
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-started:
		if !errors.Is(err, ErrUnreachable) {
			t.Errorf("Start: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Start waits for ever")
	}
}
