// Package bundle signs policies and checks their signatures, so that a policy comes into force only with its author's word and
// those of reviewers who are other people.
//
// What is signed is a short text (Text) that names the role of the signer, a serial, the policy's hash and each file's
// SHA-256. Signatures are OpenSSH's (PROTOCOL.sshsig), in the namespace of this package: ssh-keygen -Y sign makes them and
// ssh-keygen -Y verify checks them. They stand one after the other in a file beside the policy, which is no part of what is
// signed.
//
// It trusts the file of allowed signers, which is the operator's, and the clock for the validity that the file may give a
// key. It guarantees: the role cannot be changed without the key; one person counts once, whatever keys they have; a key
// belongs to one person; the author is none of the reviewers; all signatures that count are of one serial. It cannot know
// that two names are two people.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"gatehouse/policy"
)

// Namespace is what a signature is for (ssh-keygen -n).
const Namespace = "gatehouse-policy@gatehouse.internal"

// version begins the signed text.
const version = "gatehouse-policy-bundle v1"

// The bounds of a signature file.
const (
	maxSignatures = 64
	maxFile       = 1 << 20
)

// Role says as what somebody signs.
type Role string

// The roles.
const (
	Author   Role = "author"
	Reviewer Role = "reviewer"
)

// Signature is one of a signature file.
type Signature struct {
	Role   Role
	Serial uint64
	Sig    *sshsig.Signature
}

// File is where the signatures of a policy are: policy.sig in its folder, or beside the one file with .sig behind its name.
func File(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, "policy.sig")
	}
	return path + ".sig"
}

// Text is what somebody signs: lines that end with a line feed, in this order.
//
//	gatehouse-policy-bundle v1
//	role author|reviewer
//	serial N
//	policy sha256:HEX
//	file HEX NAME          for each file, in the order of names
//
// A file whose name has a control character or a line separator is an error.
func Text(files []policy.File, role Role, serial uint64) ([]byte, error) {
	if role != Author && role != Reviewer {
		return nil, fmt.Errorf("%q is not a role: author or reviewer", role)
	}
	if serial == 0 {
		return nil, errors.New("a serial is a number from 1 on")
	}
	files = slices.SortedFunc(slices.Values(files), func(a, b policy.File) int { return strings.Compare(a.Name, b.Name) })
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nrole %s\nserial %d\npolicy %s\n", version, role, serial, policy.HashOf(files))
	for _, f := range files {
		if strconv.Quote(f.Name) != `"`+f.Name+`"` {
			return nil, fmt.Errorf("a file with the name %q cannot be signed", f.Name)
		}
		sum := sha256.Sum256(f.Data)
		fmt.Fprintf(&b, "file %s %s\n", hex.EncodeToString(sum[:]), f.Name)
	}
	return b.Bytes(), nil
}

// Sign signs a policy.
func Sign(files []policy.File, role Role, serial uint64, key ssh.Signer) (Signature, error) {
	text, err := Text(files, role, serial)
	if err != nil {
		return Signature{}, err
	}
	sig, err := sshsig.Sign(bytes.NewReader(text), key, sshsig.HashSHA512, Namespace)
	if err != nil {
		return Signature{}, fmt.Errorf("sign policy: %w", err)
	}
	return Signature{role, serial, sig}, nil
}

// Format renders signatures as a signature file: for each a line "ROLE SERIAL", then the armoured signature.
func Format(list []Signature) []byte {
	var b bytes.Buffer
	for _, s := range list {
		fmt.Fprintf(&b, "%s %d\n%s", s.Role, s.Serial, sshsig.Armor(s.Sig))
	}
	return b.Bytes()
}

// Parse reads a signature file.
func Parse(text []byte) ([]Signature, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("a signature file has at most %d bytes", maxFile)
	}
	var list []Signature
	for rest := bytes.TrimSpace(text); len(rest) > 0; {
		head, body, _ := bytes.Cut(rest, []byte("\n"))
		role, serial, err := heading(string(bytes.TrimSpace(head)))
		if err != nil {
			return nil, fmt.Errorf("signature %d: %w", len(list)+1, err)
		}
		if !bytes.HasPrefix(body, []byte("-----BEGIN ")) {
			return nil, fmt.Errorf("signature %d: after its heading comes -----BEGIN SSH SIGNATURE-----", len(list)+1)
		}
		block, after := pem.Decode(body)
		if block == nil || block.Type != sshsig.PEMType || len(block.Headers) > 0 {
			return nil, fmt.Errorf("signature %d is not an armoured SSH signature", len(list)+1)
		}
		sig, err := sshsig.ParseSignature(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("signature %d: %w", len(list)+1, err)
		}
		if list = append(list, Signature{role, serial, sig}); len(list) > maxSignatures {
			return nil, fmt.Errorf("a signature file has at most %d signatures", maxSignatures)
		}
		rest = bytes.TrimSpace(after)
	}
	return list, nil
}

// heading reads "author 7".
func heading(line string) (Role, uint64, error) {
	word, number, _ := strings.Cut(line, " ")
	serial, err := strconv.ParseUint(number, 10, 63)
	if role := Role(word); (role == Author || role == Reviewer) && err == nil && serial > 0 {
		return role, serial, nil
	}
	return "", 0, fmt.Errorf("%q is not a heading such as %q", line, "author 7")
}
