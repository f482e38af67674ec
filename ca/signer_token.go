package ca

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// errTaken is a label that a key to be made would share.
var errTaken = fmt.Errorf("a key by that label is there: %w", fs.ErrExist)

// tokenSigner is a key in a PKCS#11 token.
type tokenSigner struct {
	// Immutable.
	cfg    SignerConfig
	name   string
	module *tokenModule
	public ssh.PublicKey

	closed atomic.Bool

	key *tokenKey // owned by the module's goroutine; nil: to be found again
}

var _ Signer = (*tokenSigner)(nil)

func openTokenSigner(cfg SignerConfig, name string) (Signer, error) {
	return tokenSignerWith(cfg, name, func(*tokenSession) error { return nil })
}

func createTokenSigner(cfg SignerConfig, name string) (Signer, error) {
	if err := checkNotLost(cfg, name); err != nil {
		return nil, fmt.Errorf("key %s in token %q: %w", name, cfg.Token, err)
	}
	return tokenSignerWith(cfg, name, func(s *tokenSession) error { return makeKey(s, name) })
}

// tokenSignerWith opens a session, lets first happen in it, and opens the key.
func tokenSignerWith(cfg SignerConfig, name string, first func(*tokenSession) error) (Signer, error) {
	module, err := loadModule(cfg.Module)
	if err != nil {
		return nil, err
	}
	module.acquire()
	s := &tokenSigner{cfg: cfg, name: name, module: module}
	var found *tokenKey
	err = module.do(cfg.openTimeout(), func() error {
		session, err := openSession(module, cfg)
		if errors.Is(err, ErrSigner) && module.restart() == nil { // the library may not have looked for tokens since
			session, err = openSession(module, cfg)
		}
		if err != nil {
			return err
		}
		if err := first(session); err != nil {
			session.close()
			return err
		}
		if found, err = findKey(session, name); err != nil {
			session.close()
		}
		return err
	})
	if err == nil {
		s.key, s.public = found, found.public
		err = s.prove()
	}
	if err == nil {
		err = keepPublicKey(cfg, name, s.public)
	}
	if err != nil {
		_ = s.Close() // there is nothing to lose
		return nil, fmt.Errorf("key %s in token %q: %w", name, cfg.Token, err)
	}
	return s, nil
}

// prove signs something, so that a public key that is not the private one's is found now.
func (s *tokenSigner) prove() error {
	challenge := make([]byte, 32)
	_, _ = rand.Read(challenge) // never fails (crypto/rand)
	_, err := s.Sign(rand.Reader, challenge)
	return err
}

// Describe names the token and the key in it.
func (s *tokenSigner) Describe() string {
	return fmt.Sprintf("pkcs11 token %q, key %s %s %s", s.cfg.Token, s.name, s.public.Type(), ssh.FingerprintSHA256(s.public))
}

// PublicKey is the key that was there when the signer was opened; another one is never signed with.
func (s *tokenSigner) PublicKey() ssh.PublicKey { return s.public }

// Sign asks the token, and ends within the time-out. Where the token has lost its session, or was away, it is asked once more
// from the beginning.
func (s *tokenSigner) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	if s.closed.Load() {
		return nil, fmt.Errorf("%w: the signer is closed", ErrSigner)
	}
	result := make(chan *ssh.Signature, 1)
	err := s.module.do(s.cfg.timeout(), func() error {
		sig, err := s.sign(data)
		if err == nil {
			result <- sig
		}
		return err
	})
	if errors.Is(err, ErrSigner) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: token %q: %w", ErrSigner, s.cfg.Token, err)
	}
	sig := <-result
	return sig, checkRemote(s.public, data, sig)
}

// sign tries with what is open, then with a new session, then with the library begun anew.
func (s *tokenSigner) sign(data []byte) (*ssh.Signature, error) {
	if s.key != nil && s.key.session.valid() {
		if sig, err := s.key.sign(data); err == nil {
			return sig, nil
		}
	}
	sig, err := s.signAfter(s.reopen, data)
	if err == nil || errors.Is(err, errWrongPIN) {
		return sig, err
	}
	again, restarted := s.signAfter(s.restart, data)
	if errors.Is(restarted, errPause) {
		return nil, err
	}
	return again, restarted
}

func (s *tokenSigner) signAfter(open func() error, data []byte) (*ssh.Signature, error) {
	if err := open(); err != nil {
		return nil, err
	}
	return s.key.sign(data)
}

// reopen finds the key again, in a new session.
func (s *tokenSigner) reopen() error {
	if s.key != nil {
		s.key.session.close()
		s.key = nil
	}
	session, err := openSession(s.module, s.cfg)
	if err != nil {
		return err
	}
	key, err := findKey(session, s.name)
	if err == nil && !sameKey(key.public, s.public) {
		err = fmt.Errorf("it shows another key under that label: %s, not %s", ssh.FingerprintSHA256(key.public), ssh.FingerprintSHA256(s.public))
	}
	if err != nil {
		session.close()
		return err
	}
	s.key = key
	return nil
}

func (s *tokenSigner) restart() error {
	if err := s.module.restart(); err != nil {
		return err
	}
	return s.reopen()
}

// Close gives up the session, without waiting for a token that hangs longer than the time-out.
func (s *tokenSigner) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	err := s.module.do(s.cfg.timeout(), func() error {
		if s.key != nil {
			s.key.session.close()
			s.key = nil
		}
		return nil
	})
	s.module.release(s.cfg.timeout())
	return err
}
