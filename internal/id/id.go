// Package id makes and checks the identifiers that people see: a type prefix, an underscore and a ULID, so that an id says
// what it names, sorts by time and can be shortened to any unique prefix.
package id

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Prefix is the type of thing that an id names.
type Prefix string

// The prefixes in use.
const (
	Connection Prefix = "con"
	Session    Prefix = "ses"
	Decision   Prefix = "dec"
	Denial     Prefix = "dn"
	Fault      Prefix = "err"
	Permit     Prefix = "prm"
	Enrolment  Prefix = "enr" // the proof that a certificate and its renewals stem from
	Revocation Prefix = "rev"
	Request    Prefix = "req" // a request over HTTPS
	JoinToken  Prefix = "jt"
	Check      Prefix = "chk" // a look at what a target accepts
	Passkey    Prefix = "pk"
	Hold       Prefix = "hld" // a legal hold
	Access     Prefix = "ar"  // somebody asks for a privilege
	Grant      Prefix = "gr"
	Lock       Prefix = "lck"
	Away       Prefix = "aw"
	Alert      Prefix = "alt"
	Challenge  Prefix = "chl"
)

// New returns a fresh id, "ses_01J…", 26 random and time bits in Crockford base 32 after the prefix.
func New(p Prefix, now time.Time) string {
	return string(p) + "_" + ulid.MustNew(ulid.Timestamp(now), rand.Reader).String()
}

// Valid reports whether s is a whole id with this prefix.
func Valid(p Prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, string(p)+"_")
	if !ok {
		return false
	}
	_, err := ulid.ParseStrict(rest)
	return err == nil
}

// Time returns when a valid id was made, in UTC at millisecond resolution.
func Time(s string) (time.Time, bool) {
	_, rest, ok := strings.Cut(s, "_")
	if !ok {
		return time.Time{}, false
	}
	u, err := ulid.ParseStrict(rest)
	if err != nil {
		return time.Time{}, false
	}
	return ulid.Time(u.Time()).UTC(), true
}
