package krl

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Revoked says whether the list revokes a plain key or a certificate, and by what. A certificate is revoked by its serial or
// key ID under its CA or under every CA, by its own key, and by its CA's key. Serial 0 is in no list (Range). The answer
// is that of ssh-keygen -Q and sshd; what cannot be read as they would read it is revoked.
func (l *List) Revoked(key ssh.PublicKey) (reason string, ok bool) {
	plain, cert, err := split(key)
	if err != nil {
		return "unreadable: " + err.Error(), true
	}
	if by, ok := l.keyRevoked(plain); ok {
		return "its key " + by, true
	}
	if cert == nil {
		return "", false
	}
	if by, ok := l.keyRevoked(cert.SignatureKey); ok {
		return "its CA's key " + by, true
	}
	if by, ok := l.certRevoked(cert, string(cert.SignatureKey.Marshal())); ok {
		return by + " of CA " + ssh.FingerprintSHA256(cert.SignatureKey), true
	}
	if by, ok := l.certRevoked(cert, ""); ok {
		return by + " of every CA", true
	}
	return "", false
}

// split reads the wire form of a key, so that no type of the caller's hides a certificate. cert is nil for a plain key. Its
// key ID is cut as OpenSSH cuts it: one NUL may end it, another place for one makes OpenSSH refuse the certificate.
func split(key ssh.PublicKey) (plain ssh.PublicKey, cert *ssh.Certificate, err error) {
	if key == nil {
		return nil, nil, fmt.Errorf("no key")
	}
	if c, ok := key.(*ssh.Certificate); ok && (c == nil || c.Key == nil || c.SignatureKey == nil) {
		return nil, nil, fmt.Errorf("a certificate without its keys")
	}
	parsed, err := ssh.ParsePublicKey(key.Marshal())
	if err != nil {
		return nil, nil, err
	}
	cert, ok := parsed.(*ssh.Certificate)
	if !ok {
		return parsed, nil, nil
	}
	if _, ok := cert.SignatureKey.(*ssh.Certificate); ok {
		return nil, nil, fmt.Errorf("a certificate signed by a certificate")
	}
	if cert.KeyId = strings.TrimSuffix(cert.KeyId, "\x00"); strings.Contains(cert.KeyId, "\x00") {
		return nil, nil, fmt.Errorf("a certificate with NUL in its key ID")
	}
	return cert.Key, cert, nil
}

// keyRevoked looks for a plain key by itself and by its fingerprints.
func (l *List) keyRevoked(key ssh.PublicKey) (by string, ok bool) {
	wire := key.Marshal()
	if _, ok := slices.BinarySearch(l.keys, string(wire)); ok {
		return ssh.FingerprintSHA256(key), true
	}
	sum1 := sha1.Sum(wire)
	if _, ok := slices.BinarySearchFunc(l.contents.SHA1, sum1, func(a, b [20]byte) int { return slices.Compare(a[:], b[:]) }); ok {
		return fmt.Sprintf("SHA1:%x", sum1), true
	}
	sum256 := sha256.Sum256(wire)
	if _, ok := slices.BinarySearchFunc(l.contents.SHA256, sum256, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) }); ok {
		return ssh.FingerprintSHA256(key), true
	}
	return "", false
}

// certRevoked looks for a certificate among those of one CA, given by its wire form, or of every CA, given by "".
func (l *List) certRevoked(cert *ssh.Certificate, ca string) (by string, ok bool) {
	i, ok := slices.BinarySearch(l.cas, ca)
	if !ok {
		return "", false
	}
	of := l.contents.Certificates[i]
	if _, ok := slices.BinarySearch(of.KeyIDs, cert.KeyId); ok {
		return fmt.Sprintf("key ID %q", cert.KeyId), true
	}
	_, ok = slices.BinarySearchFunc(of.Serials, cert.Serial, func(r Range, serial uint64) int {
		if r.First <= serial && serial <= r.Last {
			return 0
		}
		return cmp.Compare(r.First, serial)
	})
	return fmt.Sprintf("serial %d", cert.Serial), ok
}
