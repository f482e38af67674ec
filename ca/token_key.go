package ca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/miekg/pkcs11"
	"golang.org/x/crypto/ssh"
)

// What PKCS#11 3.0 added and the library's constants lack.
const (
	ckkECEdwards           = 0x40
	ckmECEdwardsKeyPairGen = 0x1055
	ckmEdDSA               = 0x1057
)

// The curves, as CKA_EC_PARAMS names them: DER object identifiers, for Ed25519 also the curve's name (PKCS#11 3.0, 2.3.10).
var (
	oidEd25519  = []byte{0x06, 0x03, 0x2b, 0x65, 0x70}
	nameEd25519 = append([]byte{0x13, 0x0c}, "edwards25519"...)
	oidP256     = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}
)

// tokenKey is a private key in a token, by its handle in a session, and its public half.
type tokenKey struct {
	session *tokenSession
	private pkcs11.ObjectHandle
	public  ssh.PublicKey
}

// findKey opens the key with the label. A private key that could leave the token is refused.
func findKey(s *tokenSession, label string) (*tokenKey, error) {
	private, err := s.labelled(pkcs11.CKO_PRIVATE_KEY, label)
	if err != nil {
		return nil, err
	}
	sensitive, err1 := s.flag(private, pkcs11.CKA_SENSITIVE)
	extractable, err2 := s.flag(private, pkcs11.CKA_EXTRACTABLE)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if !sensitive || extractable {
		return nil, errors.New("the key can be read out of the token (it is extractable, or not sensitive): make another, in the token")
	}
	public, err := s.labelled(pkcs11.CKO_PUBLIC_KEY, label)
	if errors.Is(err, ErrNoKey) {
		return nil, errors.New("the token has the private key, but not its public half")
	}
	if err != nil {
		return nil, err
	}
	k := &tokenKey{session: s, private: private}
	if k.public, err = s.publicKey(public); err != nil {
		return nil, err
	}
	return k, nil
}

// publicKey reads a public key object.
func (s *tokenSession) publicKey(object pkcs11.ObjectHandle) (ssh.PublicKey, error) {
	params, err1 := s.attribute(object, pkcs11.CKA_EC_PARAMS)
	point, err2 := s.attribute(object, pkcs11.CKA_EC_POINT)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return tokenPublicKey(params, point)
}

// tokenPublicKey understands CKA_EC_PARAMS and CKA_EC_POINT of Ed25519 and P-256. A point is the bytes themselves, or those in
// a DER octet string, or, for Ed25519 in some tokens, in a bit string.
func tokenPublicKey(params, point []byte) (ssh.PublicKey, error) {
	switch {
	case bytes.Equal(params, oidEd25519), bytes.Equal(params, nameEd25519):
		raw, err := unwrapPoint(point, ed25519.PublicKeySize)
		if err != nil {
			return nil, err
		}
		return ssh.NewPublicKey(ed25519.PublicKey(raw))
	case bytes.Equal(params, oidP256):
		raw, err := unwrapPoint(point, 65)
		if err != nil {
			return nil, err
		}
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
		if err != nil {
			return nil, fmt.Errorf("the key's point: %w", err)
		}
		return ssh.NewPublicKey(key)
	}
	return nil, fmt.Errorf("the key is on another curve (%x): want Ed25519 or P-256", params)
}

func unwrapPoint(point []byte, size int) ([]byte, error) {
	if len(point) == size {
		return point, nil
	}
	var octets []byte
	if rest, err := asn1.Unmarshal(point, &octets); err == nil && len(rest) == 0 && len(octets) == size {
		return octets, nil
	}
	var bits asn1.BitString
	if rest, err := asn1.Unmarshal(point, &bits); err == nil && len(rest) == 0 && bits.BitLength == size*8 {
		return bits.Bytes, nil
	}
	return nil, fmt.Errorf("the key's point takes %d bytes: want %d", len(point), size)
}

// sign makes a raw signature in the token and puts it in SSH's form (RFC 8709 section 6, RFC 5656 section 3.1.2).
func (k *tokenKey) sign(data []byte) (*ssh.Signature, error) {
	mechanism, input := uint(ckmEdDSA), data
	if k.public.Type() == ssh.KeyAlgoECDSA256 {
		digest := sha256.Sum256(data)
		mechanism, input = pkcs11.CKM_ECDSA, digest[:]
	}
	lib := k.session.module.lib
	if err := lib.SignInit(k.session.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, k.private); err != nil {
		return nil, fmt.Errorf("begin to sign: %w", err)
	}
	raw, err := lib.Sign(k.session.handle, input)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if len(raw) != 64 {
		return nil, fmt.Errorf("sign: a signature of %d bytes, want 64", len(raw))
	}
	if mechanism == ckmEdDSA {
		return &ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: raw}, nil
	}
	blob := ssh.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	return &ssh.Signature{Format: ssh.KeyAlgoECDSA256, Blob: blob}, nil
}

// makeKey makes a key pair in the token that cannot leave it: Ed25519, or P-256 where the token has no Ed25519.
func makeKey(s *tokenSession, label string) error {
	for _, class := range []uint{pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY} {
		_, err := s.labelled(class, label)
		if err == nil {
			return errTaken
		}
		if !errors.Is(err, ErrNoKey) {
			return err
		}
	}
	if _, err := s.module.lib.GetMechanismInfo(s.slot, []*pkcs11.Mechanism{pkcs11.NewMechanism(ckmECEdwardsKeyPairGen, nil)}); err != nil {
		return s.generate(pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.CKK_EC, oidP256, label)
	}
	if err := s.generate(ckmECEdwardsKeyPairGen, ckkECEdwards, oidEd25519, label); err == nil {
		return nil
	}
	return s.generate(ckmECEdwardsKeyPairGen, ckkECEdwards, nameEd25519, label) // older tokens know the curve by its name
}

func (s *tokenSession) generate(mechanism, kind uint, params []byte, label string) error {
	pairID := binary.BigEndian.AppendUint64(nil, randomID())
	public := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, kind),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, pairID),
	}
	private := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, kind),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, pairID),
	}
	_, _, err := s.module.lib.GenerateKeyPair(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, public, private)
	if err != nil {
		return fmt.Errorf("make a key in the token: %w", err)
	}
	return nil
}

// randomID joins the two halves of a pair in the token's own listings; nothing here relies on it.
func randomID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.BigEndian.Uint64(b[:])
}
