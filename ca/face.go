package ca

import (
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"
)

// MaxFaceTTL is the longest life of a certificate that clients see as a host's.
const MaxFaceTTL = 366 * 24 * time.Hour

// maxFaceNames bounds the names on one face certificate.
const maxFaceNames = 64

// FaceCA signs the host keys that Gatehouse shows to clients: the door's own, and the faces it wears for targets under
// ssh -J. Clients trust it with an @cert-authority line; Gatehouse itself never does. Safe for concurrent use.
type FaceCA struct{ authority }

// NewFaceCA returns the CA that clients trust.
func NewFaceCA(cfg Config) (*FaceCA, error) {
	a, err := newAuthority(cfg, MaxFaceTTL)
	if err != nil {
		return nil, fmt.Errorf("face CA: %w", err)
	}
	return &FaceCA{a}, nil
}

// FaceRequest asks for a host certificate that clients accept for the names.
type FaceRequest struct {
	PublicKey  ssh.PublicKey
	Principals []string      // what clients type: host names, addresses, target names; lower case, no wildcards, no port
	TTL        time.Duration // at most MaxFaceTTL
}

// Issue signs a host certificate for exactly the names asked for.
func (ca *FaceCA) Issue(r FaceRequest) (*ssh.Certificate, error) {
	if len(r.Principals) == 0 || len(r.Principals) > maxFaceNames {
		return nil, fmt.Errorf("issue face for %d names: want 1 to %d", len(r.Principals), maxFaceNames)
	}
	for _, name := range r.Principals {
		if err := checkHostName(name); err != nil {
			return nil, fmt.Errorf("issue face: %w", err)
		}
	}
	cert, err := ca.issue(&ssh.Certificate{
		Key:             r.PublicKey,
		CertType:        ssh.HostCert,
		KeyId:           "face=" + r.Principals[0],
		ValidPrincipals: r.Principals,
	}, r.TTL, MaxFaceTTL)
	if err != nil {
		return nil, fmt.Errorf("issue face for %q: %w", r.Principals, err)
	}
	return cert, nil
}
