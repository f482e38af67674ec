package ca

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"
)

// lateSigner stands for a key that could not be opened at the start: a token that is away, a file that is lost. What it signed
// is accepted as before, because its public half is in the manifest; it signs again as soon as it can be opened.
type lateSigner struct {
	public ssh.PublicKey
	open   func() (Signer, error)

	mu     sync.Mutex
	signer Signer // guarded by mu; nil until it could be opened
	closed bool   // guarded by mu
}

var _ Signer = (*lateSigner)(nil)

// PublicKey is what the manifest says.
func (s *lateSigner) PublicKey() ssh.PublicKey { return s.public }

// Sign opens the key if it must. Its errors wrap ErrSigner.
func (s *lateSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	signer, err := s.opened()
	if err != nil {
		return nil, err
	}
	return signer.Sign(rand, data)
}

func (s *lateSigner) opened() (Signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: it was closed", ErrSigner)
	}
	if s.signer != nil {
		return s.signer, nil
	}
	signer, err := s.open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigner, err)
	}
	s.signer = signer
	return signer, nil
}

// Describe says where the key is, or why it is not.
func (s *lateSigner) Describe() string {
	signer, err := s.opened()
	if err != nil {
		return "NOT AVAILABLE: " + err.Error()
	}
	return signer.Describe()
}

// Close gives the key up.
func (s *lateSigner) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.signer == nil {
		return nil
	}
	return s.signer.Close()
}

// available opens a key of the manifest, or a stand-in where there is hope that it will be openable later. A key that others
// can read, or another key under its name, is refused.
func available(public ssh.PublicKey, open func() (Signer, error)) (Signer, error) {
	signer, err := open()
	if errors.Is(err, ErrNoKey) || errors.Is(err, ErrSigner) {
		return &lateSigner{public: public, open: open}, nil
	}
	return signer, err
}
