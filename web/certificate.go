package web

import "time"

// CertificateRequest is the body of POST /v1/certificates. Exactly one of Token, JoinToken and DeviceCode is the proof of who
// asks. The key pair was made by whoever asks; its private half never travels.
type CertificateRequest struct {
	Agent      string   `json:"agent,omitempty"`       // with Token or JoinToken: which agent
	PublicKey  string   `json:"public_key,omitempty"`  // one line as ssh-keygen writes it; with DeviceCode it is known already
	Token      string   `json:"token,omitempty"`       // an OpenID Connect token
	JoinToken  string   `json:"join_token,omitempty"`  // from gatehouse join-token create
	DeviceCode string   `json:"device_code,omitempty"` // from POST /v1/device
	TTL        string   `json:"ttl,omitempty"`         // "10m"; none: as long as there may be
	Task       string   `json:"task,omitempty"`
	Trace      string   `json:"trace,omitempty"`   // a W3C traceparent
	Sources    []string `json:"sources,omitempty"` // where it may be used from, "192.0.2.0/24"
}

// Certificate is the answer to it.
type Certificate struct {
	Certificate string     `json:"certificate"` // one line, what belongs into KEY-cert.pub
	Principal   string     `json:"principal"`   // "agent:NAME" or "person:NAME"
	KeyID       string     `json:"key_id"`
	Serial      string     `json:"serial"` // decimal
	NotAfter    time.Time  `json:"not_after"`
	RenewUntil  *time.Time `json:"renew_until,omitempty"` // until when ssh BASTION renew goes on
	KnownHosts  []string   `json:"known_hosts"`           // lines for known_hosts: the door, and every target behind it
}

// APIError is what the /v1 addresses answer instead, with a status of 400 or more.
type APIError struct {
	Code string `json:"code"`           // one word for programs
	Text string `json:"error"`          // one line: what is wrong
	Hint string `json:"hint,omitempty"` // one line: what to do
	ID   string `json:"id"`             // the same in the audit log or the service's log
}

func (e *APIError) Error() string {
	text := e.Text + " (" + e.Code + ", " + e.ID + ")"
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}
