package check

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// What a target may take of us.
const (
	loginLimit = 30 * time.Second // for everything about one login
	dialLimit  = 10 * time.Second
	maxBytes   = 1 << 20 // from the target, on one connection
)

// errTooMuch ends a connection on which the target does not stop.
var errTooMuch = errors.New("the target sent more than any answer needs")

// bounded is a connection that ends after so many bytes.
type bounded struct {
	net.Conn
	left atomic.Int64
}

// Read reads while there is room.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.left.Add(-int64(n)) < 0 {
		return 0, errTooMuch
	}
	return n, err
}

// visit is one connection to a target: what it showed of itself, and what became of the certificates.
type visit struct {
	server   string        // the target's version line
	hostKey  ssh.PublicKey // as it was shown, a certificate maybe
	trusted  bool          // it is the expected one
	client   *ssh.Client   // nil: it did not let us in
	accepted int           // index of the certificate that it took, or would have taken; -1: none
	methods  []string      // ways of signing in that it offers besides publickey
	closers  []func()
}

func (v *visit) close() {
	for _, c := range v.closers {
		c()
	}
}

// errOnlyAsked stops a sign-in whose certificate was taken: that is all that was to be found out.
var errOnlyAsked = errors.New("only asked")

// asking is a certificate's signer that notes when the target asks for a signature, which it does for what it accepts.
type asking struct {
	ssh.Signer
	sign  bool // really
	asked func()
}

// SignWithAlgorithm signs, or stops the sign-in.
func (a asking) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	a.asked()
	if !a.sign {
		return nil, errOnlyAsked
	}
	signer, ok := a.Signer.(ssh.AlgorithmSigner)
	if !ok {
		return a.Signer.Sign(rand, data)
	}
	return signer.SignWithAlgorithm(rand, data, algorithm)
}

// Sign is SignWithAlgorithm with the key's own.
func (a asking) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return a.SignWithAlgorithm(rand, data, a.PublicKey().Type())
}

// dial connects up to the authentication, recognises the host, and shows it the certificates that get makes: enter says whether
// to go in with one that it accepts. The error is that of the connection; what was seen before it is in the visit.
func (c *checker) dial(ctx context.Context, login string, enter bool, get func() ([]ssh.Signer, error)) (*visit, error) {
	v := &visit{accepted: -1}
	raw, err := (&net.Dialer{Timeout: dialLimit}).DialContext(ctx, "tcp", c.cfg.Target.Address)
	if err != nil {
		return v, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	v.closers = append(v.closers, func() { stop(); _ = raw.Close() })
	limited := &bounded{Conn: raw}
	limited.left.Store(maxBytes)
	sound := ssh.SupportedAlgorithms()
	config := &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: sound.KeyExchanges, MACs: sound.MACs},
		User:              login,
		ClientVersion:     "SSH-2.0-Gatehouse",
		HostKeyAlgorithms: c.algorithms,
		HostKeyCallback: func(host string, addr net.Addr, key ssh.PublicKey) error {
			v.hostKey = key
			err := c.recognise(host, addr, key)
			v.trusted = err == nil
			return err
		},
		Auth: []ssh.AuthMethod{
			ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
				signers, err := get()
				for i, s := range signers {
					signers[i] = asking{Signer: s, sign: enter, asked: func() { v.accepted = i }}
				}
				return signers, err
			}),
			ssh.PasswordCallback(func() (string, error) {
				v.methods = append(v.methods, "password")
				return "", errOnlyAsked
			}),
			ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) {
				v.methods = append(v.methods, "keyboard-interactive")
				return nil, errOnlyAsked
			}),
		},
	}
	conn, chans, reqs, err := ssh.NewClientConn(limited, c.cfg.Target.Address, config)
	if err != nil {
		return v, err
	}
	v.server = string(conn.ServerVersion())
	v.client = ssh.NewClient(conn, chans, reqs)
	v.closers = append(v.closers, func() { _ = v.client.Close() })
	return v, nil
}

// newKey is a key for one certificate of the check.
func (c *checker) newKey() (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return ssh.NewSignerFromKey(private)
}
