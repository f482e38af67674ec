package privilege

import (
	"encoding/json"
	"errors"
	"fmt"

	webauthnproto "github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse/policy/access"
)

// maxAssertion bounds what a browser's authenticator may answer.
const maxAssertion = 16 << 10

// AskPasskey returns the options for navigator.credentials.get: exactly that challenge, one of the person's own passkeys, and the
// person must be verified by it.
func AskPasskey(w *webauthn.WebAuthn, person webauthn.User, challenge []byte) (json.RawMessage, *webauthn.SessionData, error) {
	options, session, err := w.BeginLogin(person, webauthn.WithChallenge(challenge), webauthn.WithUserVerification(webauthnproto.VerificationRequired))
	if err != nil {
		return nil, nil, fmt.Errorf("begin approval by passkey: %w", err)
	}
	text, err := json.Marshal(options)
	if err != nil {
		return nil, nil, fmt.Errorf("encode passkey options: %w", err)
	}
	return text, session, nil
}

// VerifyPasskey checks an assertion for the challenge of session by one of the person's passkeys: our origin and relying party, user
// presence and verification, the signature, a counter that did not go back. It returns the passkey as it is to be kept now, and the
// proof. All that the browser sends is foreign.
func VerifyPasskey(w *webauthn.WebAuthn, person webauthn.User, session webauthn.SessionData, nonce, assertion []byte) (*webauthn.Credential, access.Proof, error) {
	if len(assertion) == 0 || len(assertion) > maxAssertion {
		return nil, access.Proof{}, fmt.Errorf("an assertion of %d bytes", len(assertion))
	}
	parsed, err := webauthnproto.ParseCredentialRequestResponseBytes(assertion)
	if err != nil {
		return nil, access.Proof{}, err
	}
	if session.UserVerification != webauthnproto.VerificationRequired {
		return nil, access.Proof{}, errors.New("the challenge did not ask for user verification")
	}
	used, err := w.ValidateLogin(person, session, parsed)
	if err != nil {
		return nil, access.Proof{}, err
	}
	if used.Authenticator.CloneWarning {
		return nil, access.Proof{}, errors.New("the counter of this passkey went back: it may have been copied. Remove it, and approve with another")
	}
	answer := parsed.Raw.AssertionResponse
	return used, access.Proof{Kind: access.PasskeyProof, Nonce: nonce, Key: used.PublicKey, Credential: used.ID,
		AuthenticatorData: answer.AuthenticatorData, ClientData: answer.ClientDataJSON, Signature: answer.Signature}, nil
}
