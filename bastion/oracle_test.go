package bastion

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/rawssh"
	"gatehouse/policy"
)

func plainSigner() (ssh.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromSigner(key)
}

// selfSigned is a certificate that looks like ours and is by another CA.
func selfSigned(t *testing.T, change func(*ssh.Certificate)) ssh.Signer {
	t.Helper()
	base, authority := bare1(t), bare1(t)
	cert := &ssh.Certificate{Key: base.PublicKey(), CertType: ssh.UserCert, KeyId: "x", ValidPrincipals: []string{"agent:bot"}, ValidBefore: uint64(time.Now().Add(time.Minute).Unix())}
	change(cert)
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert, base)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// conversation is every byte that the door says to a client which shows a key, or proves it, as one of the packets' contents.
func (w *whole) conversation(user string, key ssh.PublicKey, prove ssh.Signer) string {
	w.t.Helper()
	c, err := rawssh.Connect(w.addr, "")
	w.must(err)
	defer c.Close()
	w.must(c.Send(rawssh.AuthRequest(user, "none", nil)))
	request := rawssh.Offer(user, key.Type(), key.Marshal())
	if prove != nil {
		request, err = c.Prove(user, key.Type(), prove)
		w.must(err)
	}
	w.must(c.Send(request))
	w.must(c.Send(rawssh.AuthRequest(user, "none", nil))) // what is said after it ends the record
	var said strings.Builder
	for failures := 0; failures < 2; {
		p, err := c.Receive()
		if err != nil {
			fmt.Fprintf(&said, "end")
			break
		}
		if p[0] == rawssh.MsgExtInfo || p[0] == rawssh.MsgServiceAccept {
			continue
		}
		if p[0] == rawssh.MsgAuthPKOK || p[0] == rawssh.MsgAuthSuccess {
			fmt.Fprintf(&said, "%d ", p[0]) // its content is the key
			break
		}
		if p[0] == rawssh.MsgAuthFailure {
			failures++
		}
		fmt.Fprintf(&said, "%x ", p)
	}
	return said.String()
}

// Whoever has not proven a key of ours learns nothing from how he is refused: not whether a user name means anything, a certificate is by
// another CA, malformed in content or expired, an agent exists. Of a certificate that is ours he learns that it is ours, which its CA's key
// tells him anyway: not whether it is good, revoked, or leads anywhere.
func TestNoOracleBeforeProof(t *testing.T) {
	w := newWhole(t)
	good := w.certify(policy.Agent, "bot", 10*time.Minute)
	short := w.certify(policy.Agent, "bot", time.Minute)
	refused := map[string]ssh.PublicKey{
		"an unknown key":               bare1(t).PublicKey(),
		"another CA's certificate":     selfSigned(t, func(*ssh.Certificate) {}).PublicKey(),
		"one that is expired":          selfSigned(t, func(c *ssh.Certificate) { c.ValidBefore = 1 }).PublicKey(),
		"one for a host":               selfSigned(t, func(c *ssh.Certificate) { c.CertType = ssh.HostCert }).PublicKey(),
		"one for an agent that is not": selfSigned(t, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"agent:nobody"} }).PublicKey(),
		"one for nobody":               selfSigned(t, func(c *ssh.Certificate) { c.ValidPrincipals = nil }).PublicKey(),
		"ours, changed":                changed(t, good),
	}
	first := ""
	for name, key := range refused {
		for _, user := range []string{"deploy@web-1", "deploy@nowhere", "root@web-1", "console", "@@", ""} {
			got := w.conversation(user, key, nil)
			if first == "" {
				first = got
			}
			if got != first || !strings.Contains(got, fmt.Sprintf("%x", notAccepted)) {
				t.Errorf("%s as %q hears\n%s, another\n%s", name, user, got, first)
			}
		}
	}
	w.expire(short)
	gone := w.certify(policy.Agent, "other", 10*time.Minute)
	w.revoke("agent:other")
	for name, key := range map[string]ssh.Signer{"good": good, "expired": short, "revoked": gone} {
		for _, user := range []string{"deploy@web-1", "deploy@nowhere", "@@", "console"} {
			if got := w.conversation(user, key.PublicKey(), nil); !strings.HasSuffix(got, fmt.Sprintf(" %d ", rawssh.MsgAuthPKOK)) || strings.Contains(got, fmt.Sprintf("%x", "gatehouse")) {
				t.Errorf("whoever shows one of ours that is %s as %q hears %s", name, user, got)
			}
		}
	}
}

// changed is a certificate of ours of which somebody has changed a byte.
func changed(t *testing.T, key ssh.Signer) ssh.PublicKey {
	t.Helper()
	wire := bytes.Replace(key.PublicKey().Marshal(), []byte("agent:bot"), []byte("agent:bob"), 1)
	out, err := ssh.ParsePublicKey(wire)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// expire lets the door's and the decider's time go on until a certificate is over, for the door alone.
func (w *whole) expire(key ssh.Signer) {
	over := time.Unix(int64(key.PublicKey().(*ssh.Certificate).ValidBefore), 0).Add(time.Second)
	verifier, err := ca.NewAgentVerifier(*agentKeys(w), func() time.Time { return over })
	w.must(err)
	w.server.trust.agents = verifier
}

func agentKeys(w *whole) *[]ssh.PublicKey {
	wires, err := ssh.ParsePublicKey(w.server.cfg.Trust.AgentCAs[0])
	w.must(err)
	return &[]ssh.PublicKey{wires}
}

func (w *whole) revoke(handle string) {
	w.t.Helper()
	body, err := json.Marshal(protocol.Revoke{By: "test", Handles: []string{handle}, Reason: "a test"})
	w.must(err)
	_, err = w.decider.HandleAdmin(w.t.Context(), protocol.OpRevoke, body)
	w.must(err)
}

// Its holder hears why, and what to do about it.
func TestHolderHearsWhy(t *testing.T) {
	w := newWhole(t)
	short := w.certify(policy.Agent, "bot", time.Minute)
	w.expire(short)
	c, err := rawssh.Connect(w.addr, "")
	w.must(err)
	defer c.Close()
	if err := c.Authenticate("deploy@web-1", short); err != rawssh.ErrRefused {
		t.Errorf("an expired certificate: %v", err)
	}
	if want := "the certificate has expired; ask for a new certificate"; !strings.Contains(c.Banner, want) {
		t.Errorf("its holder hears %q, want %q", c.Banner, want)
	}
}
