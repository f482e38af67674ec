package ca

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"
)

// lateSigner stands for a key that could not be opened at the start: a token that is away, a file that is lost. What it signed
// is accepted as before, because its public half is in the manifest; it signs again as soon as it can be opened.
type lateSigner struct {
	public ssh.PublicKey
	open   func() (Signer, error)

	turn   chan struct{} // holds one token; whoever has it owns what is below
	signer Signer        // nil until it could be opened
	closed bool
}

func newLateSigner(public ssh.PublicKey, open func() (Signer, error)) *lateSigner {
	s := &lateSigner{public: public, open: open, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
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

// opened waits no longer for others who try to open the key than a signature may take: a token that hangs hangs for all.
func (s *lateSigner) opened() (Signer, error) {
	timer := time.NewTimer(defaultSignerTimeout)
	defer timer.Stop()
	select {
	case <-s.turn:
	case <-timer.C:
		return nil, fmt.Errorf("%w: it is being opened", ErrSigner)
	}
	defer func() { s.turn <- struct{}{} }()
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
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
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
		return newLateSigner(public, open), nil
	}
	return signer, err
}
