package policy

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// The bounds of approvers' keys.
const (
	maxApprovalKeys = 16   // of one person
	maxKeyLine      = 4096 // bytes
	minRSABits      = 2048
	maxRSABits      = 16384
)

// approvalKey is a public key with which a person signs approvals on their own machine.
type approvalKey struct {
	wire    []byte // SSH wire format (RFC 4253 section 6.6)
	secret  string // names the private key: the same for each public key that it has
	comment string
	at      place
}

// ApprovalKeys returns the public keys by which a person may sign approvals, in SSH wire format; none for a stranger and who is disabled.
func (p *Policy) ApprovalKeys(person string) [][]byte {
	if !p.enabled(person) {
		return nil
	}
	var list [][]byte
	for _, k := range p.people[person].keys {
		list = append(list, bytes.Clone(k.wire))
	}
	return list
}

// readApprovalKeys reads a person's keys. One key is one person's.
func (b *builder) readApprovalKeys(v value, person string, s *subject) {
	items := v.list()
	if len(items) > maxApprovalKeys {
		v.problem("%s has more than %d keys", v.what, maxApprovalKeys)
		return
	}
	for _, item := range items {
		text, ok := item.text()
		if !ok {
			continue
		}
		key, err := parseApprovalKey(text)
		if err != nil {
			item.problem("%s is not a key: %v", item.what, err)
			continue
		}
		if holder, known := b.keys[key.secret]; known {
			item.problem("%s is also a key of the person %s: each person signs with a key of their own", item.what, holder)
			continue
		}
		b.keys[key.secret] = person
		key.at = item.at()
		s.keys = append(s.keys, key)
	}
}

// parseApprovalKey reads a line of authorized_keys without options: type, base64, comment. Of each key there is one encoding that it takes.
func parseApprovalKey(line string) (approvalKey, error) {
	sort, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	encoded, comment, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if len(line) > maxKeyLine || encoded == "" || !validReason(comment) {
		return approvalKey{}, errors.New(`write it as in a .pub file: "ssh-ed25519 AAAA… comment"`)
	}
	wire, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return approvalKey{}, errors.New("its second word is not base64")
	}
	secret, err := keySecret(sort, wire)
	if err != nil {
		return approvalKey{}, err
	}
	return approvalKey{wire: wire, secret: secret, comment: comment}, nil
}

// keySecret checks a public key, and names the private one that belongs to it: a security key's point is the same whatever it is
// used for.
func keySecret(sort string, wire []byte) (string, error) {
	r := wireReader{wire}
	named := string(r.next())
	if r.left == nil || named != sort {
		return "", fmt.Errorf("it says %s and is something else", quoteCut(sort))
	}
	secret, err := r.public(sort)
	if err == nil && (r.left == nil || len(r.left) > 0) {
		err = errors.New("it is cut off, or has more than a key")
	}
	return secret, err
}

// public reads what follows the type (RFC 8709, RFC 5656, RFC 4253; OpenSSH's PROTOCOL.u2f).
func (r *wireReader) public(sort string) (secret string, err error) {
	switch sort {
	case "ssh-ed25519", "sk-ssh-ed25519@openssh.com":
		secret, err = ed25519Secret(r.next())
	case "ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com":
		secret, err = r.ecdsaSecret("nistp256", ecdh.P256())
	case "ecdsa-sha2-nistp384":
		secret, err = r.ecdsaSecret("nistp384", ecdh.P384())
	case "ecdsa-sha2-nistp521":
		secret, err = r.ecdsaSecret("nistp521", ecdh.P521())
	case "ssh-rsa":
		secret, err = r.rsaSecret()
	default:
		return "", fmt.Errorf("%s is no sort of key that signs approvals: use ssh-ed25519, sk-ssh-ed25519@openssh.com, an ecdsa one, or ssh-rsa", quoteCut(sort))
	}
	if strings.HasPrefix(sort, "sk-") && len(r.next()) == 0 {
		return "", errors.New("a security key's application is missing")
	}
	return secret, err
}

func ed25519Secret(point []byte) (string, error) {
	if len(point) != 32 || slices.Max(point) == 0 {
		return "", errors.New("an Ed25519 key has 32 bytes")
	}
	return "ed25519 " + string(point), nil
}

func (r *wireReader) ecdsaSecret(curve string, on ecdh.Curve) (string, error) {
	if named := string(r.next()); named != curve {
		return "", fmt.Errorf("it is of the curve %s, and its type says %s", quoteCut(named), curve)
	}
	point := r.next()
	if _, err := on.NewPublicKey(point); err != nil {
		return "", fmt.Errorf("it is not a point of %s", curve)
	}
	return curve + " " + string(point), nil
}

func (r *wireReader) rsaSecret() (string, error) {
	exponent, modulus := r.next(), r.next()
	e, n := new(big.Int).SetBytes(exponent), new(big.Int).SetBytes(modulus)
	switch {
	case !bytes.Equal(mpint(e), exponent) || !bytes.Equal(mpint(n), modulus) || e.BitLen() > 32 || e.Bit(0) == 0 || e.BitLen() < 2 || n.Bit(0) == 0:
		return "", errors.New("its numbers are not those of an RSA key")
	case n.BitLen() < minRSABits || n.BitLen() > maxRSABits:
		return "", fmt.Errorf("an RSA key has %d to %d bits, this one %d", minRSABits, maxRSABits, n.BitLen())
	}
	return "rsa " + string(modulus), nil
}

// mpint is a positive number as SSH writes it (RFC 4251 section 5).
func mpint(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0] >= 0x80 {
		return append([]byte{0}, b...)
	}
	return b
}

// wireReader reads strings of the SSH wire format. left is nil once one was cut off.
type wireReader struct{ left []byte }

func (r *wireReader) next() []byte {
	if len(r.left) < 4 {
		r.left = nil
		return nil
	}
	size := binary.BigEndian.Uint32(r.left)
	if uint64(size) > uint64(len(r.left)-4) {
		r.left = nil
		return nil
	}
	s := r.left[4 : 4+size]
	r.left = r.left[4+size:]
	return s
}
