package ca

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// HostKeyError says that a host is not the target it should be. It names both sides, for the operator.
type HostKeyError struct {
	Target string
	Want   string // what would have been accepted, with fingerprints
	Got    string // what the host showed, with its fingerprint
	Reason string // why that is not it
}

func (e *HostKeyError) Error() string {
	return fmt.Sprintf("host key of target %q: %s: want %s, got %s", e.Target, e.Reason, e.Want, e.Got)
}

// HostKeyChecker returns what Gatehouse asks of a target's host key: a certificate by one of the host CA's keys with the target's
// name as its only principal, valid now; or the pinned key. Either may be empty, not both. A key is never accepted because it was seen
// before, or for the first time. now may be nil for time.Now. The callback returns *HostKeyError and may run concurrently.
func HostKeyChecker(target string, hostCA []ssh.PublicKey, pinned ssh.PublicKey, now func() time.Time) (ssh.HostKeyCallback, error) {
	if err := checkName("target", target); err != nil {
		return nil, err
	}
	if len(hostCA) == 0 && pinned == nil {
		return nil, fmt.Errorf("target %q has neither a host CA nor a pinned host key: add one to its entry", target)
	}
	if _, ok := pinned.(*ssh.Certificate); ok {
		return nil, fmt.Errorf("target %q: the pinned host key is a certificate: pin the key in it", target)
	}
	if now == nil {
		now = time.Now
	}
	c := hostKeyCheck{target: target, ca: hostCA, pinned: pinned, now: now}
	return func(_ string, _ net.Addr, key ssh.PublicKey) error { return c.check(key) }, nil
}

type hostKeyCheck struct {
	target string
	ca     []ssh.PublicKey
	pinned ssh.PublicKey
	now    func() time.Time
}

// check runs during the handshake, which has proven that the host holds the private key.
func (c hostKeyCheck) check(key ssh.PublicKey) error {
	proven := key
	cert, isCert := key.(*ssh.Certificate)
	if isCert {
		proven = cert.Key
	}
	if sameKey(proven, c.pinned) {
		return nil
	}
	err := errors.New("it is not the pinned key")
	if len(c.ca) > 0 {
		err = c.checkCertificate(cert)
	}
	if err == nil {
		return nil
	}
	return &HostKeyError{Target: c.target, Want: c.wanted(), Got: describe(key), Reason: err.Error()}
}

func (c hostKeyCheck) checkCertificate(cert *ssh.Certificate) error {
	if cert == nil {
		return errors.New("it is a plain key, not a certificate")
	}
	if cert.CertType != ssh.HostCert {
		return errors.New("it is not a host certificate")
	}
	if !slices.ContainsFunc(c.ca, func(k ssh.PublicKey) bool { return sameKey(k, cert.SignatureKey) }) {
		return errors.New("its certificate is by another CA")
	}
	if err := checkPublicKey(cert.Key); err != nil {
		return err
	}
	if err := verifySignature(cert); err != nil {
		return err
	}
	if err := checkValidity(cert, c.now(), MaxHostTTL); err != nil {
		return err
	}
	if !slices.Equal(cert.ValidPrincipals, []string{c.target}) {
		return fmt.Errorf("its certificate is for %q", cert.ValidPrincipals)
	}
	if len(cert.CriticalOptions) > 0 {
		return errors.New("its certificate has critical options, and none is known for hosts")
	}
	return nil
}

func (c hostKeyCheck) wanted() string {
	var want []string
	for _, k := range c.ca {
		want = append(want, "a certificate by host CA "+ssh.FingerprintSHA256(k))
	}
	if c.pinned != nil {
		want = append(want, "key "+ssh.FingerprintSHA256(c.pinned))
	}
	return strings.Join(want, " or ")
}

// describe names a key that a host showed: its own fingerprint, and its CA's if it is a certificate.
func describe(key ssh.PublicKey) string {
	if cert, ok := key.(*ssh.Certificate); ok {
		return fmt.Sprintf("key %s with a certificate by %s", ssh.FingerprintSHA256(cert.Key), ssh.FingerprintSHA256(cert.SignatureKey))
	}
	return "key " + ssh.FingerprintSHA256(key)
}
