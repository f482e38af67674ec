package ca

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Inspection is what a key or a certificate is, and whether it would be accepted at that moment by whoever believes the CA.
type Inspection struct {
	Kind        string    `json:"kind"` // "public key", "user certificate", "host certificate"
	Type        string    `json:"type"` // the key's
	Key         string    `json:"key"`  // its fingerprint
	KeyID       string    `json:"key_id,omitempty"`
	Serial      Serial    `json:"serial,omitempty,string"`
	Principals  []string  `json:"principals,omitempty"`
	ValidAfter  time.Time `json:"valid_after,omitzero"`
	ValidBefore time.Time `json:"valid_before,omitzero"` // zero: for ever
	SignedBy    string    `json:"signed_by,omitempty"`   // the CA key's fingerprint

	CA         Name  `json:"ca,omitempty"`       // which of ours that is, or which of ours this key is itself
	CAState    State `json:"ca_state,omitempty"` // of that key
	Generation int   `json:"generation,omitempty"`

	CriticalOptions map[string]string  `json:"critical_options,omitempty"`
	Extensions      []string           `json:"extensions,omitempty"` // those that are not ours
	Private         []PrivateExtension `json:"private,omitempty"`    // ours

	Accepted string `json:"accepted,omitempty"` // by whom it would be accepted
	Refused  string `json:"refused,omitempty"`  // why it would not
}

// Inspect looks at a key with the manifest of an installation; source is where it is used from, the zero Addr stands for somewhere
// allowed. Policy and revocations are not asked here.
func Inspect(m Manifest, key ssh.PublicKey, source netip.Addr, now time.Time) Inspection {
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return inspectKey(m, key)
	}
	in := Inspection{Kind: "user certificate", Type: cert.Key.Type(), Key: ssh.FingerprintSHA256(cert.Key), KeyID: cert.KeyId, Serial: Serial(cert.Serial),
		Principals: cert.ValidPrincipals, ValidAfter: time.Unix(int64(cert.ValidAfter), 0).UTC(), SignedBy: ssh.FingerprintSHA256(cert.SignatureKey),
		CriticalOptions: cert.CriticalOptions, Private: PrivateExtensions(cert)}
	if cert.ValidBefore != ssh.CertTimeInfinity {
		in.ValidBefore = time.Unix(int64(cert.ValidBefore), 0).UTC()
	}
	if cert.CertType == ssh.HostCert {
		in.Kind = "host certificate"
	}
	for name := range cert.Extensions {
		if !strings.HasSuffix(name, "@gatehouse.internal") {
			in.Extensions = append(in.Extensions, name)
		}
	}
	slices.Sort(in.Extensions)
	name, by, known := m.Find(in.SignedBy)
	if known {
		in.CA, in.CAState, in.Generation = name, by.State, by.Generation
	}
	var err error
	if in.Accepted, err = accepted(m, name, known, by, cert, source, now); err != nil {
		in.Accepted, in.Refused = "", err.Error()
	}
	return in
}

func inspectKey(m Manifest, key ssh.PublicKey) Inspection {
	in := Inspection{Kind: "public key", Type: key.Type(), Key: ssh.FingerprintSHA256(key)}
	name, k, known := m.Find(in.Key)
	switch {
	case !known:
		in.Refused = ErrNotCertificate.Error() + "; " + ErrNotCertificate.Hint
		return in
	case !k.State.Trusted():
		in.Refused = fmt.Sprintf("it is a key of the %s CA that is %s", name, k.State)
	default:
		in.Accepted = believers[name] + ", as a key of the " + string(name) + " CA"
	}
	in.CA, in.CAState, in.Generation = name, k.State, k.Generation
	return in
}

// believers are those who trust each CA.
var believers = map[Name]string{NameAgent: "the door", NameTarget: "targets", NameHost: "Gatehouse when it dials", NameFace: "clients"}

func accepted(m Manifest, name Name, known bool, by Key, cert *ssh.Certificate, source netip.Addr, now time.Time) (string, error) {
	if !known {
		return "", errors.New("it is not signed by a CA of this Gatehouse")
	}
	if !by.State.Trusted() {
		return "", fmt.Errorf("the key of the %s CA that signed it is %s since %s", name, by.State, by.Since.Format(time.RFC3339))
	}
	trusted, err := m.Trusted(name)
	if err != nil {
		return "", err
	}
	clock := func() time.Time { return now }
	switch name {
	case NameAgent:
		v, err := NewAgentVerifier(trusted, clock)
		if err != nil {
			return "", err
		}
		return believers[name], acceptedAgent(v, cert, source)
	case NameTarget:
		return acceptedTarget(cert, now)
	case NameHost:
		return acceptedHost(trusted, cert, now)
	}
	return acceptedFace(cert, now)
}

// acceptedAgent asks the door's own verifier. Where no source is given one that the certificate allows is taken.
func acceptedAgent(v *AgentVerifier, cert *ssh.Certificate, source netip.Addr) error {
	if option, ok := cert.CriticalOptions[sourceAddress]; ok && !source.IsValid() {
		if sources, err := parseSources(option); err == nil && len(sources) > 0 {
			source = sources[0].Addr()
		}
	}
	_, err := v.Verify(cert, source)
	return err
}

// acceptedTarget holds a certificate to what Issue makes; a target that is set up as docs/targets.md says accepts no other.
func acceptedTarget(cert *ssh.Certificate, now time.Time) (string, error) {
	if cert.CertType != ssh.UserCert {
		return "", ErrHostCertificate
	}
	if err := verifySignature(cert); err != nil {
		return "", err
	}
	if len(cert.ValidPrincipals) != 1 {
		return "", ErrPrincipals
	}
	rest, ok := strings.CutPrefix(cert.ValidPrincipals[0], "gh:")
	target, login, both := strings.Cut(rest, ":")
	if !ok || !both {
		return "", fmt.Errorf("its principal %q is not gh:TARGET:LOGIN", cert.ValidPrincipals[0])
	}
	if err := checkValidity(cert, now, MaxTargetTTL); err != nil {
		return "", err
	}
	return fmt.Sprintf("target %s as %s", target, login), nil
}

func acceptedHost(trusted []ssh.PublicKey, cert *ssh.Certificate, now time.Time) (string, error) {
	if len(cert.ValidPrincipals) != 1 {
		return "", ErrPrincipals
	}
	check := hostKeyCheck{target: cert.ValidPrincipals[0], ca: trusted, now: func() time.Time { return now }}
	if err := check.checkCertificate(cert); err != nil {
		return "", err
	}
	return "Gatehouse when it dials target " + cert.ValidPrincipals[0], nil
}

func acceptedFace(cert *ssh.Certificate, now time.Time) (string, error) {
	if cert.CertType != ssh.HostCert {
		return "", errors.New("it is not a host certificate")
	}
	if len(cert.ValidPrincipals) == 0 {
		return "", ErrNoPrincipal
	}
	if err := verifySignature(cert); err != nil {
		return "", err
	}
	if err := checkValidity(cert, now, MaxFaceTTL); err != nil {
		return "", err
	}
	return "clients that connect to " + strings.Join(cert.ValidPrincipals, ", "), nil
}
