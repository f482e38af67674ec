package rawssh

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"

	"golang.org/x/crypto/ssh"
)

const tagSize = 16

// cipherState is one direction of aes128-gcm@openssh.com (RFC 5647, OpenSSH PROTOCOL section 1.6).
type cipherState struct {
	aead  cipher.AEAD
	nonce []byte
}

func newCipherState(key, iv []byte) (*cipherState, error) {
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &cipherState{aead, iv[:12]}, err
}

func (s *cipherState) next() {
	n := binary.BigEndian.Uint64(s.nonce[4:])
	binary.BigEndian.PutUint64(s.nonce[4:], n+1)
}

func (s *cipherState) seal(packet []byte) []byte {
	out := s.aead.Seal(packet[:4:4], s.nonce, packet[4:], packet[:4])
	s.next()
	return out
}

func (s *cipherState) open(head, body []byte) ([]byte, error) {
	out, err := s.aead.Open(nil, s.nonce, body, head)
	s.next()
	return out, err
}

// Init is a KEXINIT (RFC 4253 section 7.1).
type Init struct {
	Cookie                  [16]byte `sshtype:"20"`
	Kex, HostKey            []string
	CiphersOut, CiphersIn   []string
	MACsOut, MACsIn         []string
	CompressOut, CompressIn []string
	LanguagesOut, LangIn    []string
	FirstFollows            bool
	Reserved                uint32
}

// Strict is the name by which a client offers strict key exchange.
const Strict = "kex-strict-c-v00@openssh.com"

// NewInit is what this package can speak.
func NewInit() Init {
	i := Init{Kex: []string{"curve25519-sha256", "ext-info-c", Strict}, HostKey: []string{"ssh-ed25519"},
		CiphersOut: []string{"aes128-gcm@openssh.com"}, CiphersIn: []string{"aes128-gcm@openssh.com"},
		MACsOut: []string{"hmac-sha2-256-etm@openssh.com"}, MACsIn: []string{"hmac-sha2-256-etm@openssh.com"},
		CompressOut: []string{"none"}, CompressIn: []string{"none"}}
	_, _ = rand.Read(i.Cookie[:])
	return i
}

// SendInit begins a key exchange.
func (c *Conn) SendInit(i Init) error {
	c.ownInit = ssh.Marshal(&i)
	return c.Send(c.ownInit)
}

// AwaitInit waits for the server's side of it.
func (c *Conn) AwaitInit() (Init, error) {
	p, err := c.Await(MsgKexInit)
	if err != nil {
		return Init{}, err
	}
	c.ServerInit = p
	var i Init
	return i, ssh.Unmarshal(p, &i)
}

// Exchange is a whole key exchange: the first one, or one more.
func (c *Conn) Exchange() error {
	if err := c.SendInit(NewInit()); err != nil {
		return err
	}
	if _, err := c.AwaitInit(); err != nil {
		return fmt.Errorf("read KEXINIT: %w", err)
	}
	return c.Agree()
}

// Agree is what comes after both KEXINITs.
func (c *Conn) Agree() error {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	own := key.PublicKey().Bytes()
	if err := c.Send(ssh.Marshal(struct {
		Q []byte `sshtype:"30"`
	}{own})); err != nil {
		return err
	}
	p, err := c.Await(MsgKexECDHReply)
	if err != nil {
		return fmt.Errorf("read the key exchange's reply: %w", err)
	}
	var reply struct {
		HostKey   []byte `sshtype:"31"`
		Q         []byte
		Signature []byte
	}
	if err := ssh.Unmarshal(p, &reply); err != nil {
		return err
	}
	peer, err := ecdh.X25519().NewPublicKey(reply.Q)
	if err != nil {
		return err
	}
	secret, err := key.ECDH(peer)
	if err != nil {
		return err
	}
	k := ssh.Marshal(struct{ K *big.Int }{new(big.Int).SetBytes(secret)})
	h := sha256.Sum256(append(ssh.Marshal(struct{ ClientVersion, ServerVersion, ClientInit, ServerInit, HostKey, Own, Peer []byte }{
		[]byte(c.client), []byte(c.Server), c.ownInit, c.ServerInit, reply.HostKey, own, reply.Q}), k...))
	if c.session == nil {
		c.session = h[:]
	}
	return c.switchKeys(k, h[:])
}

// switchKeys sends and awaits NEWKEYS and derives the keys (RFC 4253 section 7.2).
func (c *Conn) switchKeys(k, h []byte) error {
	derive := func(letter byte) []byte {
		sum := sha256.Sum256(append(append(append(append([]byte{}, k...), h...), letter), c.session...))
		return sum[:]
	}
	if err := c.Send([]byte{MsgNewKeys}); err != nil {
		return err
	}
	var err error
	if c.write, err = newCipherState(derive('C'), derive('A')); err != nil {
		return err
	}
	if _, err := c.Await(MsgNewKeys); err != nil {
		return fmt.Errorf("read NEWKEYS: %w", err)
	}
	c.read, err = newCipherState(derive('D'), derive('B'))
	return err
}
