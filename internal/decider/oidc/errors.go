package oidc

import "fmt"

// Code says in one word why something was refused. It goes into answers, audit entries and metrics.
type Code string

// The codes. Each is about the token, except the last five, which are about the issuer or the configuration.
const (
	CodeTooLarge      Code = "too_large"       // over MaxToken
	CodeMalformed     Code = "malformed"       // not a token of the one form that is understood
	CodeAlgNotAllowed Code = "alg_not_allowed" // none, HMAC, anything not listed, or not the key's own
	CodeUnknownKey    Code = "unknown_key"     // signed by a key that the issuer does not publish
	CodeBadSignature  Code = "bad_signature"
	CodeWrongIssuer   Code = "wrong_issuer"
	CodeWrongAudience Code = "wrong_audience"
	CodeExpired       Code = "expired"
	CodeNotYetValid   Code = "not_yet_valid"
	CodeTooLong       Code = "too_long" // lives longer than tokens may
	CodeActor         Code = "actor"    // an act chain that is not understood
	CodeWrongNonce    Code = "wrong_nonce"
	CodeCodeRefused   Code = "code_refused" // the issuer did not take the authorization code

	CodeIssuerUnreachable Code = "issuer_unreachable"
	CodeIssuerUntrusted   Code = "issuer_untrusted" // no TLS with a certificate by the pinned roots
	CodeIssuerLying       Code = "issuer_lying"     // what it says contradicts the configuration or the bounds
	CodeMisconfigured     Code = "misconfigured"
)

// Error is a refusal: a code for programs, and one line that says what to do for whoever brought the token or runs the service.
// What it quotes of a token is quoted and cut.
type Error struct {
	Code Code
	Line string
	Err  error // the cause, for the log; may be nil
}

func (e *Error) Error() string { return e.Line }

func (e *Error) Unwrap() error { return e.Err }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Line: fmt.Sprintf(format, args...)}
}

func (e *Error) because(err error) *Error {
	e.Err = err
	return e
}

// maxQuoted bounds what a line quotes of a token.
const maxQuoted = 200

// quote makes what somebody sent safe to show: ASCII, in quotes, cut.
func quote(v any) string {
	return fmt.Sprintf("%+.*q", maxQuoted, fmt.Sprint(v))
}
