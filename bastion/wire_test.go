package bastion

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/rawssh"
	"gatehouse/policy"
)

// What the door offers on the wire, every time and to everybody: strict key exchange, and nothing that is not modern.
func TestOfferedAlgorithms(t *testing.T) {
	w := newWhole(t)
	c, err := rawssh.Dial(w.addr, "")
	w.must(err)
	defer c.Close()
	w.must(c.Hello(rawssh.Version))
	init, err := c.AwaitInit()
	w.must(err)
	for _, both := range [][2][]string{
		{init.Kex, {"mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org", "kex-strict-s-v00@openssh.com"}},
		{init.HostKey, {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"}},
		{init.CiphersIn, ciphers}, {init.CiphersOut, ciphers}, {init.MACsIn, macs}, {init.MACsOut, macs},
		{init.CompressIn, {"none"}}, {init.CompressOut, {"none"}},
	} {
		if !slices.Equal(both[0], both[1]) {
			t.Errorf("offered %q, want %q", both[0], both[1])
		}
	}
}

// A packet that somebody on the network puts in before NEWKEYS ends the connection where both sides are strict (the Terrapin attack,
// CVE-2023-48795); without strictness on the client's side it is ignored, as RFC 4253 has it.
func TestStrictKeyExchange(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	for _, strict := range []bool{true, false} {
		c, err := rawssh.Dial(w.addr, "")
		w.must(err)
		w.must(c.Hello(rawssh.Version))
		init := rawssh.NewInit()
		if !strict {
			init.Kex = init.Kex[:1]
		}
		w.must(c.SendInit(init))
		_, err = c.AwaitInit()
		w.must(err)
		w.must(c.Send(append([]byte{rawssh.MsgIgnore}, rawssh.String("")...)))
		err = c.Agree()
		if (err == nil) == strict {
			t.Errorf("strict %t: the key exchange: %v", strict, err)
		}
		if !strict {
			w.must(c.Service("ssh-userauth"))
			w.must(c.Authenticate("console", bot))
		}
		w.must(c.Close())
	}
}

// The post-quantum key exchange is the one that a client which has it gets.
func TestPostQuantumKeyExchange(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	for _, kex := range []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519, ssh.KeyExchangeECDHP256, ssh.KeyExchangeDH14SHA256, ssh.InsecureKeyExchangeDH14SHA1} {
		config := &ssh.ClientConfig{User: "deploy@web-1", Auth: []ssh.AuthMethod{ssh.PublicKeys(bot)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second}
		config.KeyExchanges = []string{kex}
		c, err := ssh.Dial("tcp", w.addr, config)
		if want := slices.Contains(keyExchanges, kex); (err == nil) != want {
			t.Errorf("%s: %v", kex, err)
		}
		if err != nil {
			if !strings.Contains(err.Error(), "no common algorithm") {
				t.Errorf("%s: %v", kex, err)
			}
			continue
		}
		if got := c.Conn.(ssh.AlgorithmsConnMetadata).Algorithms().KeyExchange; got != kex {
			t.Errorf("agreed on %s, want %s", got, kex)
		}
		if out, errs, status := exec(c, "echo hi"); status != 0 || out != "hi\n" {
			t.Errorf("%s: %d %q %q", kex, status, out, errs)
		}
		w.must(c.Close())
	}
}
