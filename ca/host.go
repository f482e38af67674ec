package ca

import (
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"
)

// MaxHostTTL is the longest life of a target's host certificate.
const MaxHostTTL = 366 * 24 * time.Hour

// HostCA signs targets' host keys. Gatehouse trusts it when it dials; no client and no target does. Safe for concurrent
// use.
type HostCA struct{ authority }

// NewHostCA returns the CA of targets' host keys.
func NewHostCA(cfg Config) (*HostCA, error) {
	a, err := newAuthority(cfg, MaxHostTTL)
	if err != nil {
		return nil, fmt.Errorf("host CA: %w", err)
	}
	return &HostCA{a}, nil
}

// HostRequest asks for a certificate that says: this is the host key of that target.
type HostRequest struct {
	PublicKey ssh.PublicKey
	Target    string        // the target's name in the inventory, not its address
	TTL       time.Duration // at most MaxHostTTL
}

// Issue signs a host certificate whose only principal is the target's name.
func (ca *HostCA) Issue(r HostRequest) (*ssh.Certificate, error) {
	if err := checkName("target", r.Target); err != nil {
		return nil, fmt.Errorf("issue host certificate: %w", err)
	}
	cert, err := ca.issue(&ssh.Certificate{
		Key:             r.PublicKey,
		CertType:        ssh.HostCert,
		KeyId:           "host=" + r.Target,
		ValidPrincipals: []string{r.Target},
	}, r.TTL, MaxHostTTL)
	if err != nil {
		return nil, fmt.Errorf("issue host certificate for %q: %w", r.Target, err)
	}
	return cert, nil
}
