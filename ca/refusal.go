package ca

import "errors"

// Refusal is why a certificate is not accepted. It is comparable, so errors.Is finds the sentinels below in a wrapped error.
type Refusal struct {
	Reason string // what is wrong
	Hint   string // what its holder can do about it
}

// Error is the reason alone; the hint is for the client (see ClientLine).
func (r Refusal) Error() string { return r.Reason }

// The refusals of AgentCA.Verify and ParseCertificate. Details, for the operator's log, are wrapped around them.
var (
	ErrNotCertificate  = Refusal{"not a certificate", "plain keys open nothing here: ask for a certificate and name it with CertificateFile"}
	ErrMalformed       = Refusal{"the certificate is malformed", "ask for a new certificate"}
	ErrHostCertificate = Refusal{"a host certificate cannot authenticate a user", "ask for a user certificate"}
	ErrWrongCA         = Refusal{"the certificate is not signed by this door's agent CA", "ask for a certificate from this Gatehouse"}
	ErrSignature       = Refusal{"the certificate's signature does not verify", "ask for a new certificate"}
	ErrKey             = Refusal{"the key's type or size is not accepted", "make a key with: ssh-keygen -t ed25519"}
	ErrNotYetValid     = Refusal{"the certificate is not yet valid", "compare this machine's clock, or wait"}
	ErrExpired         = Refusal{"the certificate has expired", "ask for a new certificate"}
	ErrLifetime        = Refusal{"the certificate's lifetime is longer than its kind allows", "ask for a shorter certificate"}
	ErrNoPrincipal     = Refusal{"the certificate names no principal", "ask for a certificate for one agent or person"}
	ErrPrincipals      = Refusal{"the certificate names more than one principal", "ask for a certificate for one agent or person"}
	ErrPrincipalForm   = Refusal{"the certificate's principal is neither agent:NAME nor person:NAME", "ask for a certificate for one agent or person"}
	ErrCriticalOption  = Refusal{"the certificate has a critical option that is not known here", "ask for a certificate without it"}
	ErrSource          = Refusal{"the certificate is not good from this address", "connect from the address it was made for"}
	ErrField           = Refusal{"a field of the certificate is out of bounds", "ask for a new certificate"}
)

// ClientLine is one line for the holder of a refused certificate: the reason and what to do. It says nothing of the details
// that the error wraps.
func ClientLine(err error) string {
	var r Refusal
	if !errors.As(err, &r) {
		return "the certificate was not accepted"
	}
	return r.Reason + "; " + r.Hint
}
