package krl

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Bounds of an RSA key that OpenSSH loads as a CA of a list.
const (
	minRSABits = 1024
	maxRSABits = 16384
)

// checkKey accepts every plain key that has one wire form.
func checkKey(key ssh.PublicKey) error {
	if key == nil {
		return errors.New("no key")
	}
	if cert, ok := key.(*ssh.Certificate); ok {
		if cert == nil {
			return errors.New("no key")
		}
		return errors.New("a certificate: want its plain key, or its serial and CA")
	}
	_, err := readKey(key.Marshal())
	return err
}

// checkCA accepts the keys that every OpenSSH since 9.2 loads: one CA of a kind that it does not know makes it refuse the list.
func checkCA(key ssh.PublicKey) error {
	if err := checkKey(key); err != nil {
		return err
	}
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256:
		return nil
	case ssh.KeyAlgoRSA:
		return checkRSA(key)
	}
	return fmt.Errorf("type %q: not every OpenSSH could load the list", key.Type())
}

func checkRSA(key ssh.PublicKey) error {
	plain, err := ssh.ParsePublicKey(key.Marshal())
	if err != nil {
		return err
	}
	pub, ok := plain.(ssh.CryptoPublicKey).CryptoPublicKey().(*rsa.PublicKey)
	if !ok {
		return errors.New("an RSA key that is none")
	}
	if bits := pub.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("RSA with %d bits: want %d to %d", bits, minRSABits, maxRSABits)
	}
	return nil
}

// readKey reads a plain key that re-encodes to the same bytes: what is revoked is compared by them.
func readKey(wire []byte) (ssh.PublicKey, error) {
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return nil, err
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return nil, errors.New("a certificate where a plain key is due")
	}
	if !bytes.Equal(key.Marshal(), wire) {
		return nil, errors.New("a key that is not in its canonical form")
	}
	return key, nil
}
