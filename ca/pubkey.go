package ca

import (
	"bytes"
	"crypto/rsa"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Bounds of RSA keys: smaller ones are weak, larger ones only cost us time.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// maxCertificate bounds a certificate on the wire; ours are below 2 KiB.
const maxCertificate = 16 << 10

// checkPublicKey accepts the key types that certificates may certify and be signed by: Ed25519, ECDSA and RSA of 2048 to
// 8192 bits, and the FIDO forms of the first two. Anything else, certificates included, is ErrKey.
func checkPublicKey(key ssh.PublicKey) error {
	if key == nil {
		return fmt.Errorf("%w: no key", ErrKey)
	}
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256:
		return nil
	case ssh.KeyAlgoRSA:
		return checkRSA(key)
	}
	return fmt.Errorf("%w: type %q", ErrKey, key.Type())
}

// ParseClientKey reads a plain public key from its wire form, of a type that certificates may be for.
func ParseClientKey(wire []byte) (ssh.PublicKey, error) {
	if len(wire) > maxCertificate {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(wire))
	}
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return key, checkPublicKey(key)
}

func checkRSA(key ssh.PublicKey) error {
	holder, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return fmt.Errorf("%w: an RSA key that hides its size", ErrKey)
	}
	pub, ok := holder.CryptoPublicKey().(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("%w: an RSA key that is none", ErrKey)
	}
	if bits := pub.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("%w: RSA with %d bits, want %d to %d", ErrKey, bits, minRSABits, maxRSABits)
	}
	return nil
}

// ParseCertificate reads a certificate from its wire form, as a client or the door hands it in. A key that is not a
// certificate is ErrNotCertificate; bytes that do not re-encode to themselves are ErrMalformed, so that one certificate has
// one form only.
func ParseCertificate(wire []byte) (*ssh.Certificate, error) {
	if len(wire) > maxCertificate {
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(wire))
	}
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("%w: a plain %s key", ErrNotCertificate, key.Type())
	}
	if !bytes.Equal(cert.Marshal(), wire) {
		return nil, fmt.Errorf("%w: not in its canonical form", ErrMalformed)
	}
	return cert, nil
}

// sameKey compares two plain keys by their wire form.
func sameKey(a, b ssh.PublicKey) bool {
	return a != nil && b != nil && bytes.Equal(a.Marshal(), b.Marshal())
}
