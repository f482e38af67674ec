package bastion

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// An RSA key proves itself with SHA-2, never with SHA-1.
func TestRSAKeysSignWithSHA2(t *testing.T) {
	w := newWhole(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	base, err := ssh.NewSignerFromSigner(key)
	w.must(err)
	body, err := json.Marshal(protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: base.PublicKey().Marshal(), TTL: time.Minute, By: "test"})
	w.must(err)
	answer, err := w.decider.HandleAdmin(t.Context(), protocol.OpIssue, body)
	w.must(err)
	cert, err := ca.ParseCertificate(answer.(protocol.Issued).Certificate)
	w.must(err)
	for algorithm, welcome := range map[string]bool{ssh.KeyAlgoRSASHA512: true, ssh.KeyAlgoRSASHA256: true, ssh.KeyAlgoRSA: false} {
		restricted, err := ssh.NewSignerWithAlgorithms(base.(ssh.AlgorithmSigner), []string{algorithm})
		w.must(err)
		signer, err := ssh.NewCertSigner(cert, restricted)
		w.must(err)
		c, err := w.dial("console", signer)
		if (err == nil) != welcome {
			t.Errorf("%s: %v", algorithm, err)
		}
		if err == nil {
			w.must(c.Close())
		}
	}
}
