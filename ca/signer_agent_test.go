package ca_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/ca"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// TestAgentHangs: an ssh-agent that is stopped answers nobody; everybody who asks is refused, and when it goes on the same
// signer signs again.
func TestAgentHangs(t *testing.T) {
	dir := t.TempDir()
	a := &realAgent{socket: filepath.Join(dir, "agent.sock")}
	a.start(t)
	t.Cleanup(func() { a.stop(t) })
	path := filepath.Join(dir, "key")
	keygen(t, "-q", "-t", "ed25519", "-N", "", "-C", "agent_ca", "-f", path)
	a.add(t, path)
	s := openSigner(t, ca.SignerConfig{Kind: ca.AgentSigner, Dir: dir, Socket: a.socket, Timeout: signerTimeout}, "agent_ca")
	signs(t, s)
	if err := a.freeze(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { refuses(t, s) })
	}
	wg.Wait()
	if err := a.thaw(); err != nil {
		t.Fatal(err)
	}
	recovers(t, s)
}

// TestAgentKeys: RSA keys sign over SHA-512, a fingerprint names a key, and two keys with one comment are none.
func TestAgentKeys(t *testing.T) {
	dir := t.TempDir()
	a := &realAgent{socket: filepath.Join(dir, "agent.sock")}
	a.start(t)
	t.Cleanup(func() { a.stop(t) })
	for _, k := range [][]string{{"rsa", "old_ca"}, {"ecdsa", "new_ca"}, {"ed25519", "twice"}, {"ecdsa", "twice"}} {
		path := filepath.Join(t.TempDir(), "key")
		keygen(t, "-q", "-t", k[0], "-N", "", "-C", k[1], "-f", path)
		a.add(t, path)
	}
	cfg := ca.SignerConfig{Kind: ca.AgentSigner, Dir: dir, Socket: a.socket, Timeout: 10 * time.Second}
	client, _ := newKey(t)
	for _, name := range []string{"old_ca", "new_ca"} {
		s := openSigner(t, cfg, name)
		cert, err := agentCAWith(t, s).Issue(agentRequest(client))
		if err != nil {
			t.Fatal(err)
		}
		if name == "old_ca" && cert.Signature.Format != ssh.KeyAlgoRSASHA512 {
			t.Errorf("signed with %s", cert.Signature.Format)
		}
		keygen(t, "-L", "-f", writeCert(t, cert)) // it verifies the signature
		same := openSigner(t, cfg, ssh.FingerprintSHA256(s.PublicKey()))
		if ssh.FingerprintSHA256(same.PublicKey()) != ssh.FingerprintSHA256(s.PublicKey()) {
			t.Error("the fingerprint names another key")
		}
	}
	if _, err := ca.OpenSigner(cfg, "twice"); err == nil || !strings.Contains(err.Error(), "2 keys have that comment") {
		t.Errorf("two keys: %v", err)
	}
	if _, err := ca.CreateSigner(cfg, "third"); !errors.Is(err, ca.ErrNoKey) || !strings.Contains(err.Error(), "ssh-add") {
		t.Errorf("create: %v", err)
	}
}

// hostileAgent answers at a socket as answer says; what it is asked is a whole message, what it says is put on the wire as it is.
func hostileAgent(t *testing.T, answer func(message []byte) []byte) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { defer c.Close(); converse(c, answer) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	return socket
}

func converse(c net.Conn, answer func([]byte) []byte) {
	for {
		var head [4]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(c, message); err != nil {
			return
		}
		reply := answer(message)
		if reply == nil {
			return
		}
		if _, err := c.Write(reply); err != nil {
			return
		}
	}
}

func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
}

// TestAgentLies: whatever an agent says instead of a signature by its key over the data, there is no certificate.
func TestAgentLies(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	honest := agent.NewKeyring()
	if err := honest.Add(agent.AddedKey{PrivateKey: private, Comment: "agent_ca"}); err != nil {
		t.Fatal(err)
	}
	_, foreign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ssh.NewSignerFromKey(foreign)
	if err != nil {
		t.Fatal(err)
	}
	const signRequest, signResponse = 13, 14
	signed := func(s *ssh.Signature) []byte {
		return framed(append([]byte{signResponse}, ssh.Marshal(struct{ Sig []byte }{ssh.Marshal(s)})...))
	}
	for name, lie := range map[string]func(message []byte) []byte{
		"another key's signature": func([]byte) []byte {
			sig, err := other.Sign(rand.Reader, []byte("x"))
			if err != nil {
				return nil
			}
			return signed(sig)
		},
		"its own signature over other data": func([]byte) []byte {
			return signed(&ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: ed25519.Sign(private, []byte("y"))})
		},
		"a signature of another kind": func([]byte) []byte {
			return signed(&ssh.Signature{Format: ssh.KeyAlgoECDSA256, Blob: make([]byte, 64)})
		},
		"an empty signature": func([]byte) []byte { return signed(&ssh.Signature{}) },
		"a failure":          func([]byte) []byte { return framed([]byte{5}) },
		"another message":    func([]byte) []byte { return framed([]byte{12, 0, 0, 0, 0}) },
		"an unknown message": func([]byte) []byte { return framed([]byte{200}) },
		"nothing":            func([]byte) []byte { return framed(nil) },
		"half an answer":     func([]byte) []byte { return []byte{0, 0, 1, 0, signResponse} },
		"a huge answer":      func([]byte) []byte { return append([]byte{0, 0xff, 0xff, 0xff}, make([]byte, 1<<20)...) },
		"a hang-up":          func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			socket := hostileAgent(t, func(message []byte) []byte {
				if len(message) > 0 && message[0] == signRequest {
					return lie(message)
				}
				return honestList(t, honest)
			})
			cfg := ca.SignerConfig{Kind: ca.AgentSigner, Dir: t.TempDir(), Socket: socket, Timeout: signerTimeout}
			s := openSigner(t, cfg, "agent_ca")
			client, _ := newKey(t)
			for range 3 {
				if cert, err := agentCAWith(t, s).Issue(agentRequest(client)); !errors.Is(err, ca.ErrSigner) || cert != nil {
					t.Errorf("got %v, %v", cert, err)
				}
			}
		})
	}
}

// honestList is an honest agent's list of keys, as it goes over the wire.
func honestList(t *testing.T, honest agent.Agent) []byte {
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() { defer close(served); _ = agent.ServeAgent(honest, theirs) }()
	defer func() { _ = ours.Close(); <-served }()
	if _, err := ours.Write(framed([]byte{11})); err != nil {
		t.Error(err)
	}
	var head [4]byte
	if _, err := io.ReadFull(ours, head[:]); err != nil {
		t.Error(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(ours, body); err != nil {
		t.Error(err)
	}
	return framed(body)
}

// TestAgentSocket: a socket that others may use, or that is somebody else's, is not spoken to; neither is somebody else's
// process behind a socket of ours.
func TestAgentSocket(t *testing.T) {
	dir := t.TempDir()
	a := &realAgent{socket: filepath.Join(dir, "agent.sock")}
	a.start(t)
	t.Cleanup(func() { a.stop(t) })
	foreign := foreignAgent(t)
	cfg := ca.SignerConfig{Kind: ca.AgentSigner, Dir: dir, Socket: a.socket, Timeout: signerTimeout}
	open := func(cfg ca.SignerConfig, want string) {
		t.Helper()
		if _, err := ca.OpenSigner(cfg, "agent_ca"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	open(cfg, "no key by that name")
	for _, mode := range []os.FileMode{0o660, 0o602, 0o666} {
		if err := os.Chmod(a.socket, mode); err != nil {
			t.Fatal(err)
		}
		open(cfg, "others may use it")
	}
	plain := cfg
	plain.Socket = filepath.Join(dir, "plain")
	write(t, plain.Socket, "", 0o600)
	open(plain, "it is not a socket")
	plain.Socket = filepath.Join(dir, "nowhere")
	open(plain, "no such file")
	plain.Socket = filepath.Join(dir, "link")
	if err := os.Symlink(a.socket, plain.Socket); err != nil {
		t.Fatal(err)
	}
	open(plain, "it is not a socket")
	other := cfg
	other.Socket = foreign
	open(other, "it belongs to user 65534")
	other.User = 65534
	open(other, "no key by that name")
	other.User = 0
	if err := os.Chown(foreign, 0, 0); err != nil {
		t.Fatal(err)
	}
	open(other, "user 65534 answers there")
}

// foreignAgent is an ssh-agent of another user.
func foreignAgent(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "agent.sock")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			_ = c.Close()
			return socket
		}
		if time.Now().After(deadline) {
			t.Fatal("ssh-agent does not listen")
		}
	}
}
