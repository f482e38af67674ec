package ca

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"gatehouse/policy"
)

// ProbeRequest asks for a certificate with which an administrator's check finds out what a target accepts. It is pinned to a
// line that only reads, and lives as long as any pinned certificate.
type ProbeRequest struct {
	PublicKey    ssh.PublicKey
	Target       string       // whose principal it is; empty: the bare login, which a good target does not accept
	Login        policy.Login // account
	ForceCommand string       // the one line that it runs, required
	Connection   string       // id of the check
}

// ProbeTarget signs the certificate of a check with the target CA's key of that fingerprint: the active one, also where it is
// empty, or the next one, which signs nothing else yet. Unlike every other one it carries the permit-* extensions of forwarding:
// that a target refuses them all the same is what the check wants to see.
func (s *Set) ProbeTarget(fingerprint string, r ProbeRequest) (*ssh.Certificate, error) {
	cert, err := r.certificate()
	if err != nil {
		return nil, fmt.Errorf("issue probe for target %q: %w", r.Target, err)
	}
	s.mu.Lock() // a key that is probed with does not change its state meanwhile
	defer s.mu.Unlock()
	by, done, err := s.probing(fingerprint)
	if err != nil {
		return nil, fmt.Errorf("issue probe for target %q: %w", r.Target, err)
	}
	cert, err = by.issue(cert, MaxPinnedTTL, MaxPinnedTTL)
	if err = errors.Join(err, done()); err != nil {
		return nil, fmt.Errorf("issue probe for target %q: %w", r.Target, err)
	}
	return cert, nil
}

// probing is the authority of the target CA's key, and how to let go of it.
func (s *Set) probing(fingerprint string) (by authority, done func() error, err error) {
	m := s.Manifest()
	name, key, ok := m.Find(fingerprint)
	switch {
	case fingerprint == "", ok && name == NameTarget && key.State == Active:
		return s.Target.authority, func() error { return nil }, nil
	case !ok || name != NameTarget || key.State != Next:
		return authority{}, nil, fmt.Errorf("%q is no key of the target CA that signs, or that is prepared", fingerprint)
	}
	signer, err := s.openKey(m, name, key)
	if err != nil {
		return authority{}, nil, err
	}
	by = s.Target.authority
	by.live = newLive(signer, nil, s.now(), MaxPinnedTTL)
	return by, signer.Close, nil
}

func (r ProbeRequest) certificate() (*ssh.Certificate, error) {
	who := policy.Identity{Kind: policy.Agent, Name: "gatehouse-check"}
	full := TargetRequest{PublicKey: r.PublicKey, Target: r.Target, Login: r.Login, Identity: who, Connection: r.Connection, ForceCommand: r.ForceCommand}
	principal := TargetPrincipal(r.Target, r.Login)
	if r.Target == "" {
		full.Target, principal = "none", string(r.Login) // the name is checked, and not used
	}
	if r.ForceCommand == "" {
		return nil, errors.New("a probe without its line")
	}
	return &ssh.Certificate{
		Key:             r.PublicKey,
		CertType:        ssh.UserCert,
		KeyId:           keyID(who, "", r.Connection),
		ValidPrincipals: []string{principal},
		Permissions: ssh.Permissions{CriticalOptions: map[string]string{"force-command": r.ForceCommand},
			Extensions: map[string]string{"permit-port-forwarding": "", "permit-agent-forwarding": "", "permit-X11-forwarding": ""}},
	}, full.validate()
}
