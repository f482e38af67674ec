package privilege

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"gatehouse/policy/access"
)

// maxSignature bounds an armored signature, in bytes.
const maxSignature = 16 << 10

// minRSA is the fewest bits of an RSA key whose signature counts.
const minRSA = 2048

// VerifySSH checks that armored is a signature, as ssh-keygen -Y sign makes it in the namespace of approvals, over exactly text, by
// one of keys (SSH wire format). It returns the key and the proof. A security key must have been touched.
func VerifySSH(keys [][]byte, text, nonce []byte, armored string) (access.Proof, error) {
	sig, err := parseSignature(armored)
	if err != nil {
		return access.Proof{}, err
	}
	wire := sig.PublicKey.Marshal()
	if !containsKey(keys, wire) {
		return access.Proof{}, fmt.Errorf("the key %s is none of your approval keys: the policy lists those", ssh.FingerprintSHA256(sig.PublicKey))
	}
	if err := checkAlgorithm(sig); err != nil {
		return access.Proof{}, err
	}
	if err := sshsig.Verify(bytes.NewReader(text), sig, sig.PublicKey, sig.HashAlgorithm, access.SignatureNamespace); err != nil {
		if errors.Is(err, sshsig.ErrNamespaceMismatch) {
			return access.Proof{}, fmt.Errorf("the signature is for %q: sign with ssh-keygen -Y sign -n %s", sig.Namespace, access.SignatureNamespace)
		}
		return access.Proof{}, errors.New("the signature is not over this text: sign exactly what was shown, to the byte")
	}
	return access.Proof{Kind: access.SSHProof, Nonce: nonce, Key: wire, Signature: []byte(armored)}, nil
}

// parseSignature reads one armored signature and nothing besides.
func parseSignature(armored string) (*sshsig.Signature, error) {
	if len(armored) > maxSignature {
		return nil, fmt.Errorf("a signature of %d bytes: at most %d", len(armored), maxSignature)
	}
	block, rest := pem.Decode([]byte(strings.TrimSpace(armored) + "\n"))
	if block == nil || block.Type != sshsig.PEMType || len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 || !strings.HasPrefix(strings.TrimSpace(armored), "-----BEGIN ") {
		return nil, errors.New("this is no signature of ssh-keygen -Y sign: it begins with -----BEGIN SSH SIGNATURE----- and nothing follows it")
	}
	sig, err := sshsig.ParseSignature(block.Bytes)
	if err != nil {
		return nil, errors.New("this signature cannot be read; make it with ssh-keygen -Y sign")
	}
	if _, isCert := sig.PublicKey.(*ssh.Certificate); isCert {
		return nil, errors.New("this signature names a certificate: sign with the key itself")
	}
	return sig, nil
}

// checkAlgorithm refuses what is weak: DSA, RSA with SHA-1 or a short key.
func checkAlgorithm(sig *sshsig.Signature) error {
	switch sig.PublicKey.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return nil
	case ssh.KeyAlgoRSA:
		if sig.Signature.Format != ssh.KeyAlgoRSASHA512 && sig.Signature.Format != ssh.KeyAlgoRSASHA256 {
			return fmt.Errorf("a signature by %s: OpenSSH makes rsa-sha2-512", sig.Signature.Format)
		}
		if bits := rsaBits(sig.PublicKey); bits < minRSA {
			return fmt.Errorf("an RSA key of %d bits: at least %d", bits, minRSA)
		}
		return nil
	}
	return fmt.Errorf("a key of the type %s signs no approval", sig.PublicKey.Type())
}

func containsKey(keys [][]byte, wire []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, wire) {
			return true
		}
	}
	return false
}
