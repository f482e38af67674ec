package ca

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/crypto/ssh"
)

// fileSigner is a key in memory, read from its file.
type fileSigner struct {
	ssh.Signer
	path      string
	encrypted bool
}

var _ Signer = (*fileSigner)(nil)

func openFileSigner(cfg SignerConfig, name string) (Signer, error) {
	path, err := cfg.keyPath(name)
	if err != nil {
		return nil, err
	}
	signer, err := loadKey(path, cfg.Passphrase)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load key %s: %w", path, ErrNoKey)
	}
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", path, err)
	}
	if err := writePublicKey(path, signer.PublicKey()); err != nil {
		return nil, fmt.Errorf("write %s.pub: %w", path, err)
	}
	return &fileSigner{Signer: signer, path: path, encrypted: cfg.Passphrase.Given()}, nil
}

func createFileSigner(cfg SignerConfig, name string) (Signer, error) {
	path, err := cfg.keyPath(name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("create key %s: %w", path, fs.ErrExist)
	}
	if err := checkNotLost(cfg, name); err != nil {
		if _, again := os.Lstat(path); again == nil { // another process has just made it
			err = fs.ErrExist
		}
		return nil, fmt.Errorf("create key %s: %w", path, err)
	}
	if err := createKey(path, cfg.Passphrase); err != nil {
		return nil, fmt.Errorf("create key %s: %w", path, err)
	}
	return openFileSigner(cfg, name)
}

// Sign signs; with an RSA key over SHA-512, as nobody takes SHA-1 any more.
func (s *fileSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	if rsa, ok := s.Signer.(ssh.AlgorithmSigner); ok && s.PublicKey().Type() == ssh.KeyAlgoRSA {
		return rsa.SignWithAlgorithm(rand, data, ssh.KeyAlgoRSASHA512)
	}
	return s.Signer.Sign(rand, data)
}

// Describe says whether the file is encrypted.
func (s *fileSigner) Describe() string {
	if s.encrypted {
		return "file " + s.path + ", encrypted"
	}
	return "file " + s.path + ", unencrypted"
}

// Close has nothing to give up: the key is in memory until it is collected.
func (s *fileSigner) Close() error { return nil }
