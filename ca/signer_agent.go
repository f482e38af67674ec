package ca

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/sys/unix"
)

// maxAgentAnswer bounds one answer of an ssh-agent: about a thousand keys.
const maxAgentAnswer = 256 << 10

// agentSigner is a key behind an ssh-agent's socket. It holds one connection and makes another when that fails. It starts no
// goroutine: every read and write has a deadline.
type agentSigner struct {
	// Immutable.
	cfg  SignerConfig
	name string
	key  ssh.PublicKey

	turn   chan struct{} // holds one token; whoever has it owns what is below
	conn   *agentConn    // nil: none
	closed bool
}

var _ Signer = (*agentSigner)(nil)

func openAgentSigner(cfg SignerConfig, name string) (Signer, error) {
	s := &agentSigner{cfg: cfg, name: name, turn: make(chan struct{}, 1)}
	key, err := s.find(time.Now().Add(cfg.timeout()))
	if err == nil {
		err = keepPublicKey(cfg, name, key)
	}
	if err != nil {
		s.hangUp()
		return nil, fmt.Errorf("key %s of the ssh-agent at %s: %w", name, cfg.Socket, err)
	}
	s.key = key
	s.turn <- struct{}{}
	return s, nil
}

func createAgentSigner(cfg SignerConfig, name string) (Signer, error) {
	return nil, fmt.Errorf("%w: an ssh-agent cannot make a key; make one (ssh-keygen -t ed25519 -C %s -f FILE) and add it: SSH_AUTH_SOCK=%s ssh-add FILE",
		ErrNoKey, name, cfg.Socket)
}

// Describe names the socket and the key in it.
func (s *agentSigner) Describe() string {
	return fmt.Sprintf("ssh-agent %s, key %s %s", s.cfg.Socket, s.name, ssh.FingerprintSHA256(s.key))
}

// PublicKey is the key that was there when the signer was opened; another one is never signed with.
func (s *agentSigner) PublicKey() ssh.PublicKey { return s.key }

// Sign asks the agent, on a new connection if the one at hand has failed, and ends within the time-out.
func (s *agentSigner) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	deadline := time.Now().Add(s.cfg.timeout())
	wait := time.NewTimer(s.cfg.timeout())
	defer wait.Stop()
	select {
	case <-s.turn:
	case <-wait.C:
		return nil, fmt.Errorf("%w: the ssh-agent at %s is busy", ErrSigner, s.cfg.Socket)
	}
	defer func() { s.turn <- struct{}{} }()
	if s.closed {
		return nil, fmt.Errorf("%w: the signer is closed", ErrSigner)
	}
	used := s.conn != nil
	sig, err := s.sign(deadline, data)
	if err != nil && used && time.Now().Before(deadline) { // the agent was started again, maybe
		sig, err = s.sign(deadline, data)
	}
	return sig, err
}

// sign makes one attempt. The connection does not survive a failure.
func (s *agentSigner) sign(deadline time.Time, data []byte) (sig *ssh.Signature, err error) {
	defer func() {
		if err != nil {
			s.hangUp()
		}
	}()
	if err := s.dial(deadline); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigner, err)
	}
	var flags agent.SignatureFlags
	if s.key.Type() == ssh.KeyAlgoRSA {
		flags = agent.SignatureFlagRsaSha512
	}
	sig, err = s.conn.client.SignWithFlags(s.key, data, flags)
	if err != nil {
		return nil, fmt.Errorf("%w: ssh-agent %s: %w", ErrSigner, s.cfg.Socket, plainAgentError(err))
	}
	return sig, checkRemote(s.key, data, sig)
}

// Close ends the connection, after a signature that is under way.
func (s *agentSigner) Close() error {
	<-s.turn
	s.closed = true
	s.hangUp()
	s.turn <- struct{}{}
	return nil
}

// find looks for the one key with the comment, or the fingerprint, that is the signer's name.
func (s *agentSigner) find(deadline time.Time) (ssh.PublicKey, error) {
	if err := s.dial(deadline); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigner, err)
	}
	listed, err := s.conn.client.List()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigner, plainAgentError(err))
	}
	var found []ssh.PublicKey
	for _, k := range listed {
		key, err := ssh.ParsePublicKey(k.Blob)
		if err != nil {
			continue // a kind of key that is not known here
		}
		if _, isCert := key.(*ssh.Certificate); isCert || k.Comment != s.name && ssh.FingerprintSHA256(key) != s.name {
			continue
		}
		found = append(found, key)
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: it has %d others", ErrNoKey, len(listed))
	case 1:
		return found[0], checkPublicKey(found[0])
	}
	return nil, fmt.Errorf("%d keys have that comment: remove the others with ssh-add -d", len(found))
}

// dial makes sure of a connection and gives it the deadline.
func (s *agentSigner) dial(deadline time.Time) error {
	if s.conn == nil {
		conn, err := dialAgent(s.cfg, deadline)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	return s.conn.raw.SetDeadline(deadline)
}

func (s *agentSigner) hangUp() {
	if s.conn != nil {
		_ = s.conn.raw.Close() // it is given up, however it ends
		s.conn = nil
	}
}

// agentConn is a connection to an ssh-agent, and x/crypto's client on it.
type agentConn struct {
	raw    *net.UnixConn
	client agent.ExtendedAgent
}

// dialAgent connects to a socket that only this user, or root, can have made and can use, and asks the kernel who answers.
func dialAgent(cfg SignerConfig, deadline time.Time) (*agentConn, error) {
	trusted := cfg.trustedUsers()
	var st unix.Stat_t
	if err := unix.Lstat(cfg.Socket, &st); err != nil {
		return nil, fmt.Errorf("socket %s: %w", cfg.Socket, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return nil, fmt.Errorf("socket %s: it is not a socket", cfg.Socket)
	case st.Mode&0o077 != 0:
		return nil, fmt.Errorf("socket %s: others may use it (mode %04o): run chmod 600 on it", cfg.Socket, st.Mode&0o777)
	case !slices.Contains(trusted, st.Uid):
		return nil, fmt.Errorf("socket %s: it belongs to user %d, and this process is user %d: run the ssh-agent as that user", cfg.Socket, st.Uid, os.Geteuid())
	}
	dialer := net.Dialer{Deadline: deadline}
	c, err := dialer.Dial("unix", cfg.Socket)
	if err != nil {
		return nil, err
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("not a unix connection"), c.Close())
	}
	peer, err := peerUser(conn)
	if err == nil && !slices.Contains(trusted, peer) {
		err = fmt.Errorf("socket %s: user %d answers there", cfg.Socket, peer)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	// Without a Close the client starts no goroutine; the deadline ends its reads.
	return &agentConn{raw: conn, client: agent.NewClient(&boundedAnswers{rw: conn})}, nil
}

// trustedUsers are whose sockets are believed: this process's user's, root's and the configured one's.
func (c SignerConfig) trustedUsers() []uint32 { return []uint32{uint32(os.Geteuid()), 0, c.User} }

// peerUser asks the kernel whose process made the socket listen.
func peerUser(conn *net.UnixConn) (uint32, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) { peer, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if asked != nil {
		return 0, fmt.Errorf("ask who listens: %w", asked)
	}
	return peer.Uid, nil
}

// boundedAnswers ends a connection whose other side announces an answer over maxAgentAnswer (draft-ietf-sshm-ssh-agent,
// section 3: a length of four bytes, then the message).
type boundedAnswers struct {
	rw   io.ReadWriter
	head []byte // of an answer's length, what was not handed on yet
	left uint32 // of an answer, what was not handed on yet
}

func (b *boundedAnswers) Write(p []byte) (int, error) { return b.rw.Write(p) }

func (b *boundedAnswers) Read(p []byte) (int, error) {
	if len(b.head) == 0 && b.left == 0 {
		var head [4]byte
		if _, err := io.ReadFull(b.rw, head[:]); err != nil {
			return 0, err
		}
		if b.left = binary.BigEndian.Uint32(head[:]); b.left > maxAgentAnswer {
			return 0, fmt.Errorf("an answer of %d bytes: want at most %d", b.left, maxAgentAnswer)
		}
		b.head = head[:]
	}
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	n, err := b.rw.Read(p[:min(len(p), int(b.left))])
	b.left -= uint32(n)
	return n, err
}

// plainAgentError says what an agent's refusal means.
func plainAgentError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(err.Error(), "i/o timeout"):
		return errors.New("it did not answer in time")
	case strings.Contains(err.Error(), "failed to sign"):
		return errors.New("it refuses to sign: the key was removed, or the agent is locked")
	}
	return err
}
