package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/privilege"
	"gatehouse/policy/access"
)

// shown is what a proof says besides that it holds.
type shown struct {
	key    string // its fingerprint: "SHA256:…" of an SSH key, "passkey …" of a credential
	origin string // of a passkey's assertion: the page where it was made
}

// prove checks that a proof is over exactly this request, by the key that it names. Whose key that is, others say.
func prove(r access.Request, p access.Proof) (shown, error) {
	if len(p.Nonce) != 32 {
		return shown{}, fmt.Errorf("its nonce has %d bytes", len(p.Nonce))
	}
	switch p.Kind {
	case access.SSHProof:
		return proveSSH(r, p)
	case access.PasskeyProof:
		return provePasskey(r, p)
	}
	return shown{}, fmt.Errorf("%q is no proof", p.Kind)
}

func proveSSH(r access.Request, p access.Proof) (shown, error) {
	key, err := ssh.ParsePublicKey(p.Key)
	if err != nil {
		return shown{}, errors.New("its key cannot be read")
	}
	_, err = privilege.VerifySSH([][]byte{p.Key}, []byte(r.Text(p.Nonce)), p.Nonce, string(p.Signature))
	return shown{key: ssh.FingerprintSHA256(key)}, err
}

// Flags of authenticator data (WebAuthn level 2, section 6.1).
const (
	userPresent  = 0x01
	userVerified = 0x04
)

// provePasskey checks an assertion (WebAuthn level 2, section 7.2, steps 11 to 20): what the browser signed for, where, that a
// person was there and was verified, and the signature.
func provePasskey(r access.Request, p access.Proof) (shown, error) {
	origin, err := clientData(p.ClientData, r.Challenge(p.Nonce))
	if err != nil {
		return shown{}, err
	}
	if len(p.AuthenticatorData) < 37 {
		return shown{}, errors.New("its authenticator data is cut off")
	}
	party := sha256.Sum256([]byte(origin.Hostname()))
	switch flags := p.AuthenticatorData[32]; {
	case !bytes.Equal(p.AuthenticatorData[:32], party[:]):
		return shown{}, fmt.Errorf("the authenticator signed for another site than %s", origin.Hostname())
	case flags&userPresent == 0:
		return shown{}, errors.New("nobody touched the authenticator")
	case flags&userVerified == 0:
		return shown{}, errors.New("the authenticator did not verify who touched it")
	}
	key, err := webauthncose.ParsePublicKey(p.Key)
	if err != nil {
		return shown{}, errors.New("its key cannot be read")
	}
	hash := sha256.Sum256(p.ClientData)
	signed := append(bytes.Clone(p.AuthenticatorData), hash[:]...)
	if good, err := webauthncose.VerifySignature(key, signed, p.Signature); err != nil || !good {
		return shown{}, errors.New("the signature is not by this passkey, or over something else")
	}
	id := sha256.Sum256(p.Credential)
	return shown{key: "passkey SHA256:" + base64.RawStdEncoding.EncodeToString(id[:]), origin: origin.Scheme + "://" + origin.Host}, nil
}

// clientData checks what the browser says that it signed for, and returns where.
func clientData(text, challenge []byte) (*url.URL, error) {
	var d struct {
		Type        string `json:"type"`
		Challenge   string `json:"challenge"`
		Origin      string `json:"origin"`
		CrossOrigin bool   `json:"crossOrigin"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, errors.New("its client data cannot be read")
	}
	got, err := base64.RawURLEncoding.DecodeString(d.Challenge)
	switch {
	case d.Type != "webauthn.get":
		return nil, fmt.Errorf("it is a %.40q, no assertion", d.Type)
	case err != nil || !bytes.Equal(got, challenge):
		return nil, errors.New("it is an assertion for another request")
	case d.CrossOrigin:
		return nil, errors.New("it was made in a page of another site")
	}
	origin, err := url.Parse(d.Origin)
	if err != nil || origin.Hostname() == "" || origin.Scheme != "https" && origin.Hostname() != "localhost" {
		return nil, fmt.Errorf("it was made at %.80q", d.Origin)
	}
	return origin, nil
}
