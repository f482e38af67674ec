package hostile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/rawssh"
)

func beforeProof() []Case {
	service := func(name string) []byte { return append([]byte{rawssh.MsgServiceRequest}, rawssh.String(name)...) }
	blob := freshKey().PublicKey().Marshal()
	password := append([]byte{0}, rawssh.String("secret")...)
	list := []Case{
		keyed("slowloris: keys and nothing", true, false, left(raw())),
		keyed("a broken tag", true, true, func(_ *Env, c *rawssh.Conn) error {
			b := c.Seal(rawssh.AuthRequest("x", "none", nil))
			b[len(b)-1] ^= 1
			return raw(b)(nil, c)
		}),
		keyed("a length out of the air", true, true, raw([]byte{255, 255, 255, 240}, make([]byte, 1<<12))),
		keyed("an empty packet under keys", false, true, packets([]byte{})),
		keyed("an unknown service", false, true, packets(service("ssh-connection"))),
		keyed("a service of 200 KB", false, true, packets(service(strings.Repeat("x", 200<<10)))),
		keyed("a channel without authentication", true, true, packets(rawssh.Open("session", 0, 1<<20, 1<<15, nil))),
		keyed("a global request without authentication", true, true, packets(rawssh.Global("tcpip-forward", true, nil))),
		keyed("a success of one's own", false, true, packets([]byte{rawssh.MsgAuthSuccess})),
		keyed("an answer without a question", false, true, packets([]byte{61, 0, 0, 0, 0})),
		keyed("none, two hundred times", true, true, repeat(200, rawssh.AuthRequest("x", "none", nil))),
		keyed("passwords", true, true, repeat(200, rawssh.AuthRequest("root", "password", password))),
		keyed("a password of 200 KB", false, true, repeat(20, rawssh.AuthRequest("root", "password", append([]byte{0}, rawssh.String(strings.Repeat("x", 200<<10))...)))),
		keyed("keyboard-interactive", true, true, repeat(200, rawssh.AuthRequest("root", "keyboard-interactive", append(rawssh.String(""), rawssh.String("")...)))),
		keyed("hostbased", false, true, repeat(200, rawssh.AuthRequest("root", "hostbased", rawssh.String("ssh-ed25519")))),
		keyed("gssapi", false, true, repeat(200, rawssh.AuthRequest("root", "gssapi-with-mic", []byte{255, 255, 255, 255}))),
		keyed("a method of 200 KB", false, true, repeat(20, rawssh.AuthRequest("root", strings.Repeat("m", 200<<10), nil))),
		keyed("a thousand keys", true, true, func(_ *Env, c *rawssh.Conn) error {
			for range 1000 {
				if err := c.Send(rawssh.Offer("root", "ssh-ed25519", freshKey().PublicKey().Marshal())); err != nil {
					return err
				}
			}
			return nil
		}),
		keyed("the good key, asked about for ever", false, true, func(e *Env, c *rawssh.Conn) error {
			return repeat(200, rawssh.Offer(e.User, e.Key.PublicKey().Type(), e.Key.PublicKey().Marshal()))(e, c)
		}),
		keyed("another user each time", false, true, func(_ *Env, c *rawssh.Conn) error {
			for i := range 200 {
				if err := c.Send(rawssh.Offer(fmt.Sprintf("u%d@t%d", i, i), "ssh-ed25519", blob)); err != nil {
					return err
				}
			}
			return nil
		}),
		keyed("a signature of nothing", true, true, packets(rawssh.AuthRequest("x", "publickey", append([]byte{1}, bytes.Join([][]byte{rawssh.String("ssh-ed25519"), rawssh.String(string(blob)), rawssh.String("")}, nil)...)))),
		keyed("a signature for another session", true, true, func(e *Env, c *rawssh.Conn) error {
			other, err := rawssh.Connect(e.Addr, e.From)
			if err != nil {
				return err
			}
			defer other.Close()
			request, err := other.Prove(e.User, e.Key.PublicKey().Type(), e.Key)
			if err != nil {
				return err
			}
			return c.Send(request)
		}),
		keyed("an algorithm that is not the key's", false, false, func(e *Env, c *rawssh.Conn) error {
			request, err := c.Prove(e.User, "ssh-rsa", e.Key)
			if err != nil {
				return err
			}
			return c.Send(request)
		}),
		keyed("half a proof, and left open", false, false, left(func(e *Env, c *rawssh.Conn) error {
			request, err := c.Prove(e.User, e.Key.PublicKey().Type(), e.Key)
			if err != nil {
				return err
			}
			b := c.Seal(request)
			return raw(b[:len(b)-20])(e, c)
		})),
		keyed("key exchanges before authentication", false, true, storm(200)),
		keyed("an extension of 200 KB", false, true, packets(append([]byte{rawssh.MsgExtInfo, 0, 0, 0, 1}, append(rawssh.String("x"), rawssh.String(strings.Repeat("y", 200<<10))...)...))),
		keyed("pings", false, true, repeat(10_000, append([]byte{rawssh.MsgPing}, rawssh.String("x")...))),
	}
	for name, user := range map[string]string{"no name": "", "200 KB of name": strings.Repeat("u", 200<<10), "a name of NULs": "\x00\x00", "a name that drives a terminal": "\x1b]0;x\a@\x1b[2J", "many @": strings.Repeat("@", 1000)} {
		list = append(list, keyed("a user of "+name, name == "200 KB of name", false, func(e *Env, c *rawssh.Conn) error {
			if err := c.Authenticate(user, freshKey()); err != rawssh.ErrRefused {
				return fmt.Errorf("answered with %v", err)
			}
			return nil
		}))
	}
	offer := rawssh.Offer("root", "ssh-ed25519", blob)
	for _, n := range []int{1, 3, 9, 20, 40, 45, 60, len(offer) - 1} {
		list = append(list, keyed(fmt.Sprintf("an offer cut at %d", n), n == 20, true, func(e *Env, c *rawssh.Conn) error {
			return repeat(20, offer[:n])(e, c) // a key that is cut off is a failed attempt
		}))
	}
	return list
}

func freshKey() ssh.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		panic(err) // an Ed25519 key is one
	}
	return signer
}

// repeat sends a packet many times.
func repeat(n int, packet []byte) func(*Env, *rawssh.Conn) error {
	return func(_ *Env, c *rawssh.Conn) error {
		for range n {
			if err := c.Send(packet); err != nil {
				return err
			}
		}
		return nil
	}
}

// certificates are keys to offer: what they cost before they are refused.
func certificates() []Case {
	authority := freshKey()
	bomb := func(change func(c *ssh.Certificate)) []byte {
		cert := &ssh.Certificate{Key: freshKey().PublicKey(), CertType: ssh.UserCert, KeyId: "x", ValidPrincipals: []string{"agent:bot"}, ValidBefore: ssh.CertTimeInfinity}
		change(cert)
		if err := cert.SignCert(rand.Reader, authority); err != nil {
			panic(err) // an Ed25519 authority signs what it is given
		}
		return cert.Marshal()
	}
	many := func(n int) []string { return strings.Split(strings.Repeat("agent:bot,", n), ",") }
	options := map[string]string{}
	for i := range 5000 {
		options[fmt.Sprintf("option-%d@example.com", i)] = "value"
	}
	rsa := func(bits uint) []byte {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return ssh.Marshal(struct {
			Kind string
			E, N *big.Int
		}{"ssh-rsa", big.NewInt(65537), n.Add(n, big.NewInt(15))})
	}
	good := bomb(func(*ssh.Certificate) {})
	const kind = ssh.CertAlgoED25519v01
	blobs := []struct {
		name, algorithm string
		core            bool
		blob            []byte
	}{
		{"another CA's certificate", kind, true, good},
		{"ten thousand principals", kind, true, bomb(func(c *ssh.Certificate) { c.ValidPrincipals = many(10_000) })},
		{"five thousand options", kind, false, bomb(func(c *ssh.Certificate) { c.CriticalOptions = options })},
		{"five thousand extensions", kind, false, bomb(func(c *ssh.Certificate) { c.Extensions = options })},
		{"a key ID of 200 KB", kind, false, bomb(func(c *ssh.Certificate) { c.KeyId = strings.Repeat("k", 200<<10) })},
		{"a principal of 200 KB", kind, false, bomb(func(c *ssh.Certificate) { c.ValidPrincipals = []string{strings.Repeat("p", 200<<10)} })},
		{"no principal", kind, false, bomb(func(c *ssh.Certificate) { c.ValidPrincipals = nil })},
		{"a host certificate", kind, false, bomb(func(c *ssh.Certificate) { c.CertType = ssh.HostCert })},
		{"a certificate of type 77", kind, false, bomb(func(c *ssh.Certificate) { c.CertType = 77 })},
		{"a certificate of never", kind, false, bomb(func(c *ssh.Certificate) { c.ValidAfter, c.ValidBefore = ssh.CertTimeInfinity, 0 })},
		{"a certificate for a certificate", kind, true, nested(good)},
		{"RSA of 16384 bits", ssh.KeyAlgoRSASHA256, true, rsa(16384)},
		{"RSA of 65536 bits", ssh.KeyAlgoRSASHA256, false, rsa(65536)},
		{"RSA of 512 bits", ssh.KeyAlgoRSASHA256, false, rsa(512)},
		{"RSA of 8 bits", ssh.KeyAlgoRSASHA256, false, rsa(8)},
		{"RSA with SHA-1", ssh.KeyAlgoRSA, false, rsa(2048)},
		{"DSA", "ssh-dss", true, ssh.Marshal(struct {
			Kind       string
			P, Q, G, Y *big.Int
		}{"ssh-dss", big.NewInt(23), big.NewInt(11), big.NewInt(2), big.NewInt(3)})},
		{"a point that is on no curve", ssh.KeyAlgoECDSA256, true, ssh.Marshal(struct {
			Kind, Curve string
			Q           []byte
		}{ssh.KeyAlgoECDSA256, "nistp256", append([]byte{4}, bytes.Repeat([]byte{7}, 64)...)})},
		{"a key of zero bytes", ssh.KeyAlgoED25519, false, ssh.Marshal(struct {
			Kind string
			Key  []byte
		}{ssh.KeyAlgoED25519, nil})},
		{"a key of a kind of 200 KB", ssh.KeyAlgoED25519, false, rawssh.String(strings.Repeat("k", 200<<10))},
	}
	for _, n := range []int{4, 40, 80, 120, 200, len(good) - 40, len(good) - 1} {
		blobs = append(blobs, struct {
			name, algorithm string
			core            bool
			blob            []byte
		}{fmt.Sprintf("a certificate cut at %d", n), kind, n == 80, good[:n]})
	}
	var list []Case
	for _, b := range blobs {
		list = append(list, keyed("offer: "+b.name, b.core, false, func(e *Env, c *rawssh.Conn) error {
			if err := c.Send(rawssh.Offer(e.User, b.algorithm, b.blob)); err != nil {
				return err
			}
			p, err := c.Await(rawssh.MsgAuthFailure, rawssh.MsgAuthPKOK)
			if err == nil && p[0] == rawssh.MsgAuthPKOK {
				return fmt.Errorf("the door would take it")
			}
			return nil // a failure, or the end
		}))
	}
	return list
}

// nested is a certificate whose key is a certificate.
func nested(inner []byte) []byte {
	return bytes.Join([][]byte{rawssh.String(ssh.CertAlgoED25519v01), rawssh.String("nonce"), rawssh.String(string(inner)), make([]byte, 12), rawssh.String("x"),
		rawssh.String(""), make([]byte, 16), rawssh.String(""), rawssh.String(""), rawssh.String(""), rawssh.String(string(inner)), rawssh.String(string(inner))}, nil)
}
