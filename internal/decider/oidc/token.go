package oidc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
)

// MaxToken bounds a token in bytes.
const MaxToken = 16 << 10

// algorithms are those that a token may be signed with. HMAC is not among them and never can be: what verifies would sign.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA, jose.PS256}

// The bounds of RSA keys: shorter ones are broken, longer ones cost time that a stranger chooses.
const (
	minRSA = 2048
	maxRSA = 8192
)

// types are the typ headers of tokens that say who somebody is (RFC 8725, section 3.11), in lower case. Other types, as logout tokens,
// are by the same issuer and keys and mean something else.
var types = []string{"jwt", "at+jwt", "application/at+jwt"}

// forbidden are header parameters that bring a key along or change what is signed or how it is read.
var forbidden = []string{"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "cty", "enc", "epk"}

// parsed is a token whose signature is not verified yet.
type parsed struct {
	jws     *jose.JSONWebSignature
	alg     jose.SignatureAlgorithm
	kid     string
	payload []byte
	claims  map[string]any // what the payload would say
	id      string         // for tokens without jti
}

// parse takes a compact JWS apart and refuses what is not the one form that is understood.
func parse(raw string) (*parsed, error) {
	if len(raw) > MaxToken {
		return nil, refuse(CodeTooLarge, "the token is %d bytes long, at most %d are taken", len(raw), MaxToken)
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, refuse(CodeMalformed, "this is not a signed token: three parts with dots between them are expected")
	}
	var bytes [3][]byte
	for i, part := range parts {
		var err error
		if bytes[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return nil, refuse(CodeMalformed, "part %d of the token is not base64url", i+1)
		}
	}
	p := &parsed{payload: bytes[1]}
	if err := p.readHeader(bytes[0]); err != nil {
		return nil, err
	}
	var err error
	if p.claims, err = decodeObject(p.payload); err != nil {
		return nil, refuse(CodeMalformed, "the token's payload is not read: %s", quote(err))
	}
	if p.jws, err = jose.ParseSignedCompact(raw, algorithms); err != nil {
		return nil, refuse(CodeMalformed, "this is not a signed token").because(err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	p.id = "sha256:" + hex.EncodeToString(sum[:])
	return p, nil
}

func (p *parsed) readHeader(data []byte) error {
	header, err := decodeObject(data)
	if err != nil {
		return refuse(CodeMalformed, "the token's header is not read: %s", quote(err))
	}
	alg, _ := header["alg"].(string)
	p.alg = jose.SignatureAlgorithm(alg)
	if !slices.Contains(algorithms, p.alg) {
		return refuse(CodeAlgNotAllowed, "the token is signed with %s, taken are %v: change the issuer's signing algorithm", quote(alg), algorithms)
	}
	for _, name := range forbidden {
		if _, has := header[name]; has {
			return refuse(CodeMalformed, "the token's header says %s, which is never taken: keys come from the issuer alone", name)
		}
	}
	if typ, has := header["typ"]; has {
		if text, _ := typ.(string); !slices.Contains(types, strings.ToLower(text)) {
			return refuse(CodeMalformed, "the token is of type %s, taken are %v", quote(typ), types)
		}
	}
	kid, ok := header["kid"].(string)
	if !ok || !printable(kid, maxID, "") {
		return refuse(CodeUnknownKey, "the token does not name its key (kid): the issuer must")
	}
	p.kid = kid
	return nil
}

// verify checks the signature with each of the issuer's keys of this name; there is more than one where an issuer is careless.
func (p *parsed) verify(keys []jose.JSONWebKey) error {
	fits := false
	for _, key := range keys {
		if !fit(key, p.alg) {
			continue
		}
		fits = true
		if payload, err := p.jws.Verify(key.Key); err == nil && bytes.Equal(payload, p.payload) {
			return nil
		}
	}
	if !fits {
		return refuse(CodeAlgNotAllowed, "the issuer's key %s is not for %s", quote(p.kid), p.alg)
	}
	return refuse(CodeBadSignature, "the token's signature is not by the issuer's key %s: the token was altered or forged", quote(p.kid))
}

// fit says whether a key may verify signatures of an algorithm: by its type, and by its own alg where it has one.
func fit(key jose.JSONWebKey, alg jose.SignatureAlgorithm) bool {
	if key.Algorithm != "" && key.Algorithm != string(alg) {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return (alg == jose.RS256 || alg == jose.PS256) && k.N.BitLen() >= minRSA && k.N.BitLen() <= maxRSA
	case *ecdsa.PublicKey:
		return alg == jose.ES256 && k.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	}
	return false // symmetric and private keys above all
}
