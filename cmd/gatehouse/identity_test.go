package main

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

const identityPolicy = `version: 1
people: {ann: {}}
agents:
  bot: {owner: person:ann, roles: [r]}
  eve: {owner: person:ann}
roles:
  r: {targets: ["*"], logins: [deploy], allow: [show]}
`

// TestIdentityIsWhoSigned has clients that stock ssh cannot be made into: they sign with the wrong key, and change the user name
// on the way. Whatever the order, a connection belongs to the certificate whose key signed, or to nobody. What stock ssh can do,
// show somebody's certificate and sign for its own, is in certificates.txtar.
func TestIdentityIsWhoSigned(t *testing.T) {
	dir := openFolder(t)
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: mkdir(t, dir, "gate"), Binary: build(t, dir), Policy: identityPolicy,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: firstUID}}, Recorders: []string{"show"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"bot", "eve"} {
		if _, err := g.Enrol(t.Context(), "agent", name); err != nil {
			t.Fatal(err)
		}
	}
	bot, eve := holder(t, g, "bot"), holder(t, g, "eve")
	shown := stolen{bot.PublicKey(), eve}
	for name, offers := range map[string][]ssh.Signer{
		"somebody's certificate alone":                {shown},
		"somebody's certificate, then her own":        {shown, eve},
		"her own with a bad signature, then the same": {stolen{eve.PublicKey(), bot}, eve},
		"a host certificate":                          {hostCertified(t, g, bot)},
	} {
		for _, user := range []string{"console", "deploy@web-1"} {
			if c, err := dial(g, user, offers...); err == nil {
				c.Close()
				t.Errorf("%s, as %s: the door opened", name, user)
			}
		}
	}
	for _, own := range []ssh.Signer{bot, eve} { // for contrast
		c, err := dial(g, "console", own)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	t.Run("the last user name counts", func(t *testing.T) { testUserChange(t, g, bot) })
	t.Run("a signature is for its user name", func(t *testing.T) { testUserChangeAfterSigning(t, g, bot) })
}

// testUserChange begins as one route and signs as another: RFC 4252 section 5 lets the name change between attempts, and what
// was dialled ahead for the first name must not serve the second.
func testUserChange(t *testing.T, g *testgate.Gate, bot ssh.Signer) {
	user := []byte("deploy@web-1")
	raw := readKey(t, filepath.Join(filepath.Dir(g.Client("bot")), "id")) // a plain key: refused, but it brings the first name
	c, err := dial(g, unsafe.String(&user[0], len(user)), raw, changing{bot, func() { copy(user, "deploy@web-2") }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var exit *ssh.ExitError
	if _, err := output(t, c, "show"); !errors.As(err, &exit) || exit.ExitStatus() != 75 {
		t.Errorf("show on web-2, which is not in the inventory: %v, want status 75", err)
	}
	if calls, err := g.Hosts["web-1"].Calls(); err != nil || len(calls) > 0 {
		t.Errorf("web-1 was reached: %v, %v", calls, err)
	}
}

// testUserChangeAfterSigning puts another user name on a signed request.
func testUserChangeAfterSigning(t *testing.T, g *testgate.Gate, bot ssh.Signer) {
	user := []byte("deploy@web-2")
	if c, err := dial(g, unsafe.String(&user[0], len(user)), changingLate{bot, func() { copy(user, "deploy@web-1") }}); err == nil {
		c.Close()
		t.Error("a signature for deploy@web-2 opened deploy@web-1")
	}
}

// stolen shows one key and signs with another.
type stolen struct {
	public ssh.PublicKey
	signer ssh.Signer
}

func (s stolen) PublicKey() ssh.PublicKey { return s.public }

func (s stolen) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return s.signer.Sign(random, data)
}

// changing runs change before it is offered, changingLate after it has signed.
type changing struct {
	ssh.Signer
	change func()
}

func (c changing) PublicKey() ssh.PublicKey {
	c.change()
	return c.Signer.PublicKey()
}

type changingLate struct {
	ssh.Signer
	change func()
}

func (c changingLate) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	defer c.change()
	return c.Signer.Sign(random, data)
}

func mkdir(t *testing.T, dir, name string) string {
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// holder is an enrolled client's certificate with its key.
func holder(t *testing.T, g *testgate.Gate, name string) ssh.Signer {
	key := readKey(t, filepath.Join(filepath.Dir(g.Client(name)), "id"))
	text, err := os.ReadFile(filepath.Join(filepath.Dir(g.Client(name)), "id-cert.pub"))
	if err != nil {
		t.Fatal(err)
	}
	cert, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert.(*ssh.Certificate), key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func readKey(t *testing.T, path string) ssh.Signer {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// hostCertified is a good certificate made a host certificate, signed anew by the agent CA's own key.
func hostCertified(t *testing.T, g *testgate.Gate, good ssh.Signer) ssh.Signer {
	cert := *good.PublicKey().(*ssh.Certificate)
	cert.CertType = ssh.HostCert
	if err := cert.SignCert(rand.Reader, readKey(t, filepath.Join(decider.CADir(supervisor.DeciderDir(g.Data)), ca.AgentKeyFile))); err != nil {
		t.Fatal(err)
	}
	return stolen{&cert, good}
}

func dial(g *testgate.Gate, user string, offers ...ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", g.SSHAddr, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(offers...)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience}) // the question is who the client is
}

func output(t *testing.T, c *ssh.Client, line string) (string, error) {
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	out, err := session.Output(line)
	return string(out), err
}
