package target

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// ErrForwardingOff says that the target's sshd opens no such forward: forwarding is off there, or nothing listens.
var (
	ErrForwardingOff = errors.New("the target's sshd does not forward")
	ErrNotListening  = errors.New("the target cannot connect to it")
)

// Stream is an open forward over a target.
type Stream struct {
	ssh.Channel
	conn *Conn
}

// Close ends the forward and its connection, which is its own.
func (s *Stream) Close() error { return s.conn.Close() }

// Forward opens a forward to host and port as the target sees them (RFC 4254 section 7.2).
func (c *Conn) Forward(ctx context.Context, host string, port uint16) (*Stream, error) {
	return c.forward(ctx, "direct-tcpip", struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}{host, uint32(port), "127.0.0.1", 0})
}

// ForwardSocket opens a forward to a unix socket of the target (OpenSSH's PROTOCOL, section 2.4).
func (c *Conn) ForwardSocket(ctx context.Context, path string) (*Stream, error) {
	return c.forward(ctx, "direct-streamlocal@openssh.com", struct {
		Path       string
		Reserved   string
		ReservedID uint32
	}{path, "", 0})
}

func (c *Conn) forward(ctx context.Context, kind string, payload any) (*Stream, error) {
	started := make(chan struct{})
	defer close(started)
	go c.hurry(ctx, started)
	channel, requests, err := c.open(kind, ssh.Marshal(payload))
	var refused *ssh.OpenChannelError
	switch {
	case errors.As(err, &refused) && refused.Reason == ssh.Prohibited:
		return nil, fmt.Errorf("%w: %w", ErrForwardingOff, err)
	case errors.As(err, &refused):
		return nil, fmt.Errorf("%w: %w", ErrNotListening, err)
	case err != nil:
		return nil, fmt.Errorf("%w: open forward: %w", ErrUnreachable, err)
	}
	go ssh.DiscardRequests(requests)
	return &Stream{channel, c}, nil
}
