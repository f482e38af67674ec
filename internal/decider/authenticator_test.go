package decider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// authenticator is a passkey in software: honest, until a test changes a field. Chromium's own stands in the browser tests.
type authenticator struct {
	t          testing.TB
	key        *ecdsa.PrivateKey
	credential []byte
	handle     []byte
	count      uint32

	rp, origin string
	flags      byte
	steps      uint32 // by how much the counter goes up
}

// The flags of authenticator data (WebAuthn level 3, section 6.1).
const (
	userPresent  = 0x01
	userVerified = 0x04
	attestedKey  = 0x40
)

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &authenticator{t: t, key: key, credential: newHandle(), rp: "localhost", origin: "http://localhost:1", flags: userPresent | userVerified, steps: 1}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *authenticator) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// options are the parts of what the decider sends that an authenticator uses.
type options struct {
	PublicKey struct {
		Challenge          string
		User               struct{ ID string }
		ExcludeCredentials []struct{ ID string }
	}
}

func (a *authenticator) read(text []byte) options {
	a.t.Helper()
	var o options
	a.must(json.Unmarshal(text, &o))
	return o
}

func (a *authenticator) clientData(kind, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	a.must(err)
	return text
}

func (a *authenticator) data(flags byte) []byte {
	rp := sha256.Sum256([]byte(a.rp))
	return binary.BigEndian.AppendUint32(append(rp[:], flags), a.count)
}

// create answers navigator.credentials.create.
func (a *authenticator) create(text []byte) json.RawMessage {
	a.t.Helper()
	o := a.read(text)
	var err error
	a.handle, err = base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	a.must(err)
	public, err := a.key.PublicKey.ECDH()
	a.must(err)
	point := public.Bytes()
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	a.must(err)
	data := a.data(a.flags | attestedKey)
	data = append(data, make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.credential)))
	data = append(append(data, a.credential...), cose...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	a.must(err)
	return a.answer(map[string]any{"clientDataJSON": encode(a.clientData("webauthn.create", o.PublicKey.Challenge)), "attestationObject": encode(object)})
}

// get answers navigator.credentials.get.
func (a *authenticator) get(text []byte) json.RawMessage {
	a.t.Helper()
	a.count += a.steps
	client, data := a.clientData("webauthn.get", a.read(text).PublicKey.Challenge), a.data(a.flags)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, sum[:])
	a.must(err)
	return a.answer(map[string]any{"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(a.handle)})
}

func (a *authenticator) answer(response map[string]any) json.RawMessage {
	text, err := json.Marshal(map[string]any{"id": encode(a.credential), "rawId": encode(a.credential), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	a.must(err)
	return text
}
