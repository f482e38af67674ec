// Package account is what a person sees of their own ways in: passkeys, sign-ins, and the logins of programs that wait for
// them. The decider makes these values, the browser pages show them.
//
// It holds no secrets and decides nothing; names in it were written by people and are shown escaped.
package account

import (
	"errors"
	"time"

	"gatehouse/policy/access"
)

// ErrCeremony says that a sign-in or registration was used before, has expired, or began in another browser.
var ErrCeremony = errors.New("this sign-in has ended")

// RefusedError is the decider's no to a person, in one line for them.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// Passkey is a registered passkey.
type Passkey struct {
	ID      string    `json:"id"`   // "pk_…"; not the credential's own
	Name    string    `json:"name"` // as its person called it
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"` // last sign-in
	Synced  bool      `json:"synced,omitempty"`
}

// SignIn is a browser that is signed in.
type SignIn struct {
	By      string    `json:"by"`               // "setup", "link", "passkey" or "oidc:ISSUER"
	Source  string    `json:"source,omitempty"` // address
	Started time.Time `json:"started"`
	Seen    time.Time `json:"seen"`
	Current bool      `json:"current,omitempty"` // the one that asks
}

// Account is a person's own page.
type Account struct {
	Person   string    `json:"person"`
	Passkeys []Passkey `json:"passkeys"`
	SignIns  []SignIn  `json:"sign_ins"`
	Locked   string    `json:"locked,omitempty"`    // why this sign-in may not change passkeys; empty: it may
	OtherWay bool      `json:"other_way,omitempty"` // the person can sign in without any passkey

	ApprovalKeys []string      `json:"approval_keys,omitempty"` // fingerprints of the SSH keys that the policy has for their approvals
	Aways        []access.Away `json:"aways,omitempty"`         // who answers in their place, and in whose place they do
}

// SignedIn is a new sign-in. Cookie is its secret, shown once.
type SignedIn struct {
	Cookie  string    `json:"cookie"`
	Person  string    `json:"person"`
	Expires time.Time `json:"expires"`
	Setup   bool      `json:"setup,omitempty"` // by a set-up link: the next thing is a passkey
}

// Ceremony is a sign-in or registration that has begun. Secret goes into a cookie of the browser that began it.
type Ceremony struct {
	Secret  string    `json:"secret"`
	Options []byte    `json:"options,omitempty"` // JSON for navigator.credentials
	URL     string    `json:"url,omitempty"`     // where the browser goes
	Expires time.Time `json:"expires"`
}

// Device is the login of a program that waits for a person.
type Device struct {
	UserCode    string    `json:"user_code"`
	Source      string    `json:"source"` // address that asked
	Name        string    `json:"name,omitempty"`
	Fingerprint string    `json:"fingerprint"` // of the key that is to be certified
	Asked       time.Time `json:"asked"`
	Expires     time.Time `json:"expires"`
	Person      string    `json:"person"`           // whose certificate it would be
	Locked      string    `json:"locked,omitempty"` // why this sign-in may not confirm it; empty: it may
}

// DeviceCodes begin such a login (RFC 8628, section 3.2).
type DeviceCodes struct {
	DeviceCode string        `json:"device_code"` // the program's secret
	UserCode   string        `json:"user_code"`   // what the person compares or types
	URL        string        `json:"url"`         // the page for it
	Expires    time.Time     `json:"expires"`
	Interval   time.Duration `json:"interval_ns"` // between polls
}
