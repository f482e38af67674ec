package rawssh

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// ErrRefused is an authentication that the server has answered with a failure.
var ErrRefused = errors.New("authentication refused")

// Service asks for a service: ssh-userauth comes before authentication.
func (c *Conn) Service(name string) error {
	if err := c.Send(ssh.Marshal(struct {
		Name string `sshtype:"5"`
	}{name})); err != nil {
		return err
	}
	_, err := c.Await(MsgServiceAccept)
	return err
}

// AuthRequest is SSH_MSG_USERAUTH_REQUEST (RFC 4252 section 5); Rest is what the method adds.
func AuthRequest(user, method string, rest []byte) []byte {
	return append(ssh.Marshal(struct {
		User    string `sshtype:"50"`
		Service string
		Method  string
	}{user, "ssh-connection", method}), rest...)
}

// Offer is a query whether a public key would do.
func Offer(user, algorithm string, blob []byte) []byte {
	return AuthRequest(user, "publickey", ssh.Marshal(struct {
		Signed    bool
		Algorithm string
		Key       []byte
	}{false, algorithm, blob}))
}

// Prove is a request that is signed with the key. algorithm is what the request names.
func (c *Conn) Prove(user, algorithm string, signer ssh.Signer) ([]byte, error) {
	unsigned := AuthRequest(user, "publickey", ssh.Marshal(struct {
		Signed    bool
		Algorithm string
		Key       []byte
	}{true, algorithm, signer.PublicKey().Marshal()}))
	sig, err := signer.Sign(nil, append(ssh.Marshal(struct{ Session []byte }{c.session}), unsigned...))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return append(unsigned, ssh.Marshal(struct{ Sig []byte }{ssh.Marshal(sig)})...), nil
}

// Authenticate proves a key.
func (c *Conn) Authenticate(user string, signer ssh.Signer) error {
	request, err := c.Prove(user, signer.PublicKey().Type(), signer)
	if err != nil {
		return err
	}
	if err := c.Send(request); err != nil {
		return err
	}
	p, err := c.Await(MsgAuthSuccess, MsgAuthFailure)
	if err == nil && p[0] == MsgAuthFailure {
		err = ErrRefused
	}
	return err
}

// Connect is everything up to authentication: versions, keys, service.
func Connect(address, from string) (*Conn, error) {
	c, err := Dial(address, from)
	if err != nil {
		return nil, err
	}
	if err = c.Hello(Version); err == nil {
		err = c.Exchange()
	}
	if err == nil {
		err = c.Service("ssh-userauth")
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Login is Connect and Authenticate.
func Login(address, from, user string, signer ssh.Signer) (*Conn, error) {
	c, err := Connect(address, from)
	if err != nil {
		return nil, err
	}
	if err := c.Authenticate(user, signer); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
