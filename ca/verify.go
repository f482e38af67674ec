package ca

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/policy"

	"golang.org/x/crypto/ssh"
)

// sourceAddress is the one critical option that an agent's certificate may carry (PROTOCOL.certkeys).
const sourceAddress = "source-address"

// Verified is what a certificate says about its holder, after every check. The owner is not in it: policy knows it.
type Verified struct {
	Kind     policy.Kind
	Name     string
	Task     string
	Serial   Serial
	KeyID    string
	NotAfter time.Time // UTC; the certificate is refused from this moment on

	Delegation string
	Grant      Grant  // zero for a certificate without one
	Trace      string // a traceparent
	Key        string // fingerprint of the certified key, "SHA256:…"
	CA         string // fingerprint of the CA's key

	Sources string // where it may be used from, prefixes joined by ","; empty: anywhere
}

// AgentVerifier checks certificates with the agent CA's public keys alone: the door has no others. During a rotation there are
// two. Safe for concurrent use; no lock is taken.
type AgentVerifier struct {
	keys *atomic.Pointer[[]ssh.PublicKey]
	now  func() time.Time
}

// NewAgentVerifier returns a verifier for certificates by the CA with these keys. now may be nil for time.Now.
func NewAgentVerifier(keys []ssh.PublicKey, now func() time.Time) (*AgentVerifier, error) {
	if now == nil {
		now = time.Now
	}
	v := &AgentVerifier{keys: &atomic.Pointer[[]ssh.PublicKey]{}, now: now}
	return v, v.Trust(keys)
}

// Trust puts these keys in the place of those before: certificates by another are refused from the next Verify on.
func (v *AgentVerifier) Trust(keys []ssh.PublicKey) error {
	if len(keys) == 0 {
		return errors.New("no agent CA key")
	}
	for _, key := range keys {
		if err := checkPublicKey(key); err != nil {
			return fmt.Errorf("agent CA key: %w", err)
		}
	}
	keys = slices.Clone(keys)
	v.keys.Store(&keys)
	return nil
}

func (v *AgentVerifier) trusts(key ssh.PublicKey) bool {
	return slices.ContainsFunc(*v.keys.Load(), func(k ssh.PublicKey) bool { return sameKey(k, key) })
}

// Verify accepts what an AgentVerifier with this CA's keys accepts.
func (ca *AgentCA) Verify(cert *ssh.Certificate, source netip.Addr) (Verified, error) {
	return (&AgentVerifier{keys: &ca.live.trusted, now: ca.now}).Verify(cert, source)
}

// Verify accepts a certificate that the CA made, is valid now and may be used from source. Every refusal wraps one of the
// sentinels in this package. That the client holds the private key is not checked here: the SSH handshake does that.
func (v *AgentVerifier) Verify(cert *ssh.Certificate, source netip.Addr) (Verified, error) {
	// 1. Made by us, as a user certificate, and unchanged since.
	if err := v.verifyOrigin(cert); err != nil {
		return Verified{}, err
	}
	// 2. For exactly one identity.
	kind, name, err := parsePrincipal(cert.ValidPrincipals)
	if err != nil {
		return Verified{}, err
	}
	// 3. Now, and not for longer than that kind may have.
	if err := checkValidity(cert, v.now(), maxTTL(kind)); err != nil {
		return Verified{}, err
	}
	// 4. Here: nothing in it demands what we do not know.
	sources, err := checkCriticalOptions(cert.CriticalOptions, source)
	if err != nil {
		return Verified{}, err
	}
	// 5. With fields that can be shown and logged.
	grant, err := checkFields(cert)
	if err != nil {
		return Verified{}, err
	}
	return Verified{
		Kind: kind, Name: name, Task: cert.Extensions[taskExtension],
		Serial: Serial(cert.Serial), KeyID: cert.KeyId,
		NotAfter:   time.Unix(int64(cert.ValidBefore), 0).UTC(),
		Delegation: cert.Extensions[delegationExtension], Grant: grant, Trace: cert.Extensions[traceExtension],
		Key: ssh.FingerprintSHA256(cert.Key), CA: ssh.FingerprintSHA256(cert.SignatureKey), Sources: joinSources(sources),
	}, nil
}

// verifyOrigin checks type, authority, signature and key: everything that does not depend on when and where.
func (v *AgentVerifier) verifyOrigin(cert *ssh.Certificate) error {
	if cert == nil || cert.Key == nil || cert.SignatureKey == nil || cert.Signature == nil {
		return fmt.Errorf("%w: incomplete", ErrMalformed)
	}
	if cert.CertType == ssh.HostCert {
		return ErrHostCertificate
	}
	if cert.CertType != ssh.UserCert {
		return fmt.Errorf("%w: type %d", ErrMalformed, cert.CertType)
	}
	if !v.trusts(cert.SignatureKey) {
		return fmt.Errorf("%w: signed by %s", ErrWrongCA, ssh.FingerprintSHA256(cert.SignatureKey))
	}
	if err := checkPublicKey(cert.Key); err != nil {
		return err
	}
	return verifySignature(cert)
}

// Made reports whether the CA made the certificate as a user certificate and nobody has changed it, however good it is.
func (v *AgentVerifier) Made(cert *ssh.Certificate) bool { return v.verifyOrigin(cert) == nil }

// verifySignature checks the CA's signature. An RSA signature over SHA-1 is refused, whoever made it.
func verifySignature(cert *ssh.Certificate) error {
	if f := cert.Signature.Format; f == ssh.KeyAlgoRSA {
		return fmt.Errorf("%w: made with SHA-1 (%q)", ErrSignature, f)
	}
	unsigned := *cert
	unsigned.Signature = nil
	wire := unsigned.Marshal()
	signed := wire[:len(wire)-4] // without the length of the empty signature
	if err := cert.SignatureKey.Verify(signed, cert.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// checkValidity compares in whole seconds, as the format does: valid from ValidAfter on, until before ValidBefore.
func checkValidity(cert *ssh.Certificate, now time.Time, max time.Duration) error {
	sec := uint64(now.Unix())
	if sec < cert.ValidAfter {
		return fmt.Errorf("%w: valid from second %d, now is %d", ErrNotYetValid, cert.ValidAfter, sec)
	}
	if sec >= cert.ValidBefore {
		return fmt.Errorf("%w: valid until second %d, now is %d", ErrExpired, cert.ValidBefore, sec)
	}
	if cert.ValidBefore-cert.ValidAfter > uint64((max+skew)/time.Second) {
		return fmt.Errorf("%w: %d seconds, at most %s and %s of skew", ErrLifetime, cert.ValidBefore-cert.ValidAfter, max, skew)
	}
	return nil
}

func parsePrincipal(principals []string) (policy.Kind, string, error) {
	switch {
	case len(principals) == 0:
		return "", "", ErrNoPrincipal
	case len(principals) > 1:
		return "", "", fmt.Errorf("%w: %d of them", ErrPrincipals, len(principals))
	}
	kind, name, _ := strings.Cut(principals[0], ":")
	if kind != string(policy.Agent) && kind != string(policy.Person) {
		return "", "", fmt.Errorf("%w: %q", ErrPrincipalForm, principals[0])
	}
	if err := checkName(kind, name); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrPrincipalForm, err)
	}
	return policy.Kind(kind), name, nil
}

// checkCriticalOptions enforces source-address and refuses every other option. It returns what that lists.
func checkCriticalOptions(options map[string]string, source netip.Addr) ([]netip.Prefix, error) {
	for name := range options {
		if name != sourceAddress {
			return nil, fmt.Errorf("%w: %q", ErrCriticalOption, name)
		}
	}
	option, ok := options[sourceAddress]
	if !ok {
		return nil, nil
	}
	sources, err := parseSources(option)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	source = source.Unmap().WithZone("")
	for _, p := range sources {
		if p.Contains(source) {
			return sources, nil
		}
	}
	return nil, fmt.Errorf("%w: %s is not in %q", ErrSource, source, option)
}

// checkFields bounds what logs and pages will show. Extensions that are not ours grant nothing and are left alone, as
// PROTOCOL.certkeys asks.
func checkFields(cert *ssh.Certificate) (Grant, error) {
	if cert.KeyId == "" || len(cert.KeyId) > MaxKeyID {
		return Grant{}, fmt.Errorf("%w: key ID of %d bytes", ErrField, len(cert.KeyId))
	}
	for i := range len(cert.KeyId) {
		if c := cert.KeyId[i]; c < 0x20 || c > 0x7e {
			return Grant{}, fmt.Errorf("%w: key ID %q", ErrField, cert.KeyId)
		}
	}
	grant, err := ParseGrant(cert.Extensions[grantExtension])
	err = cmp.Or(err, checkOwner(cert.Extensions[ownerExtension]), checkTask(cert.Extensions[taskExtension]),
		checkDelegation(cert.Extensions[delegationExtension]), checkTrace(cert.Extensions[traceExtension]),
		checkPolicyHash(cert.Extensions[policyExtension]))
	if err != nil {
		return Grant{}, fmt.Errorf("%w: %w", ErrField, err)
	}
	return grant, nil
}
