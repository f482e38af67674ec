// Package target reaches hosts. A connection is opened in two steps, so that the slow part (dial and key exchange) can run
// while the client is still authenticating, and the certificate is presented only when a decision exists.
//
// It trusts the endpoint's host key or host CA, given by the decider's inventory, and nothing that the host sends: streams
// are bytes, exit statuses are numbers. The key that opens a target is made here, for one connection, and never leaves
// memory (invariant 4).
package target

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/prompt"
)

// Login is an account on a target.
type Login string

// How long a step may take. MaxPending is half of stock sshd's LoginGraceTime.
const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	authTimeout      = 20 * time.Second
	MaxPending       = 60 * time.Second
)

// Why a target could not be used. The text of the wrapped error is for the operator.
var (
	ErrUnreachable = errors.New("the target does not answer")
	ErrUntrusted   = errors.New("the target's host key is not the expected one")
	ErrRefused     = errors.New("the target does not accept the certificate")
)

// Endpoint is where a target is and how it is recognised.
type Endpoint struct {
	Name              string
	Address           string // host:port
	HostKey           ssh.HostKeyCallback
	HostKeyAlgorithms []string

	Observe func(step string, took time.Duration, err error) // told of "dial" and "auth"; nil: nobody
}

func (e Endpoint) observe(step string, begun time.Time, err error) {
	if e.Observe != nil {
		e.Observe(step, time.Since(begun), err)
	}
}

// Pending is a connection that is open up to its authentication.
type Pending struct {
	endpoint Endpoint
	login    Login
	key      ed25519.PrivateKey
	public   ssh.PublicKey

	cancel context.CancelFunc
	signer chan ssh.Signer // receives the certificate signer, once
	result chan result     // receives the outcome, once
	once   sync.Once
}

type result struct {
	conn *Conn
	err  error
}

// Open makes a key and starts to dial in the background. The Pending ends by Authenticate, Close, or after MaxPending.
func Open(ctx context.Context, e Endpoint, login Login) (*Pending, error) {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make connection key: %w", err)
	}
	sshKey, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("make connection key: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, MaxPending)
	p := &Pending{endpoint: e, login: login, key: key, public: sshKey, cancel: cancel,
		signer: make(chan ssh.Signer, 1), result: make(chan result, 1)}
	go func() {
		conn, err := p.connect(ctx)
		p.result <- result{conn, err}
	}()
	return p, nil
}

// PublicKey is the key that the target certificate must certify.
func (p *Pending) PublicKey() ssh.PublicKey { return p.public }

// Dead reports whether the connection failed before it was used: there is no point in authenticating it.
func (p *Pending) Dead() bool { return len(p.result) > 0 }

// Close gives the connection up.
func (p *Pending) Close() {
	p.once.Do(func() {
		p.cancel()
		go func() { // the outcome may still be on its way
			if r := <-p.result; r.conn != nil {
				_ = r.conn.Close()
			}
			clear(p.key)
		}()
	})
}

// Authenticate presents the certificate and returns the connection: ErrUnreachable, ErrUntrusted, ErrRefused. The
// connection's key is wiped when the handshake is over: it signs once.
func (p *Pending) Authenticate(ctx context.Context, cert *ssh.Certificate) (*Conn, error) {
	base, err := ssh.NewSignerFromSigner(p.key)
	if err != nil {
		return nil, fmt.Errorf("use connection key: %w", err)
	}
	signer, err := ssh.NewCertSigner(cert, base)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("use target certificate: %w", err)
	}
	p.signer <- signer
	var r result
	select {
	case r = <-p.result:
	case <-ctx.Done():
		p.Close()
		return nil, context.Cause(ctx)
	}
	p.once.Do(func() { clear(p.key) })
	if r.err != nil {
		p.cancel()
		return nil, r.err
	}
	return r.conn, nil
}

// connect dials, exchanges keys, waits for the certificate and authenticates.
func (p *Pending) connect(ctx context.Context) (*Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	begun := time.Now()
	raw, err := dialer.DialContext(ctx, "tcp", p.endpoint.Address)
	if err != nil {
		err = fmt.Errorf("%w: dial %s: %w", ErrUnreachable, p.endpoint.Name, err)
		p.endpoint.observe("dial", begun, err)
		return nil, err
	}
	p.endpoint.observe("dial", begun, nil)
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	presented := false
	var untrusted error
	config := &ssh.ClientConfig{
		Config:            algorithms(),
		User:              string(p.login),
		ClientVersion:     "SSH-2.0-Gatehouse",
		HostKeyAlgorithms: p.endpoint.HostKeyAlgorithms,
		HostKeyCallback: func(host string, addr net.Addr, key ssh.PublicKey) error {
			untrusted = p.endpoint.HostKey(host, addr, key)
			return untrusted
		},
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			_ = raw.SetDeadline(time.Time{}) // the keys are exchanged; the decision may take its time
			select {
			case s := <-p.signer:
				presented, begun = true, time.Now()
				_ = raw.SetDeadline(time.Now().Add(authTimeout))
				return []ssh.Signer{s}, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		})},
	}
	_ = raw.SetDeadline(time.Now().Add(handshakeTimeout))
	c, chans, reqs, err := ssh.NewClientConn(prompt.Conn(raw), p.endpoint.Address, config)
	if err != nil {
		_ = raw.Close()
		err = p.explain(err, untrusted, presented)
		if ctx.Err() == nil { // else nobody wanted it any more
			p.endpoint.observe("auth", begun, err)
		}
		return nil, err
	}
	p.endpoint.observe("auth", begun, nil)
	_ = raw.SetDeadline(time.Time{})
	return newConn(c, chans, reqs), nil
}

// explain says which of the three reasons a failed handshake has.
func (p *Pending) explain(err, untrusted error, presented bool) error {
	switch {
	case untrusted != nil:
		return fmt.Errorf("%w: %w", ErrUntrusted, untrusted)
	case hasNoSuchKey(err):
		return fmt.Errorf("%w: %s: %w", ErrUntrusted, p.endpoint.Name, err)
	case presented && isAuthFailure(err):
		return fmt.Errorf("%w: %s as %s: %w", ErrRefused, p.endpoint.Name, p.login, err)
	}
	return fmt.Errorf("%w: handshake with %s: %w", ErrUnreachable, p.endpoint.Name, err)
}

// hasNoSuchKey reports whether the server has no host key of the expected kind, such as a certificate.
func hasNoSuchKey(err error) bool {
	var none *ssh.AlgorithmNegotiationError
	return errors.As(err, &none) && none.What == "host key"
}

// isAuthFailure reports whether the server answered and said no. x/crypto has no type for this on the client's side; a
// server that hangs up instead is a connection error.
func isAuthFailure(err error) bool {
	var netErr net.Error
	if errors.As(err, &netErr) || errors.Is(err, net.ErrClosed) {
		return false
	}
	var disconnect *ssh.ServerAuthError
	return errors.As(err, &disconnect) || containsAny(err.Error(), "unable to authenticate", "no supported methods remain")
}

// Conn is an authenticated connection to one target as one login, for one client connection.
type Conn struct {
	client *ssh.Client
	gone   chan struct{} // closed when the connection has ended
	err    error         // why; readable once gone is closed
}

func newConn(raw ssh.Conn, chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) *Conn {
	c := &Conn{client: ssh.NewClient(raw, chans, reqs), gone: make(chan struct{})}
	go func() {
		c.err = c.client.Wait()
		close(c.gone)
	}()
	return c
}

// Close ends the connection; a command without a pty lives on at the target until it is signalled or swept.
func (c *Conn) Close() error { return c.client.Close() }

// Wait returns when the connection has ended.
func (c *Conn) Wait() error {
	<-c.gone
	return c.err
}
