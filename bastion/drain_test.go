package bastion

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/rawssh"
	"gatehouse/policy"
)

// Wherever the SSH library gives a connection up while more packets have come than it keeps, nothing of it stays: no goroutine, no packet.
func TestNothingIsReadAheadForEver(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	bystander := w.client("console", bot)
	exec(bystander, "help")
	before := goleak.IgnoreCurrent()
	many := func(p []byte) [][]byte {
		return append([][]byte{p}, bytes.Split(bytes.Repeat([]byte("\x50\x00x"), 99), []byte("x"))[:99]...)
	}
	bad := rawssh.AuthRequest("x", "publickey", append([]byte{1}, bytes.Join([][]byte{rawssh.String("ssh-ed25519"), rawssh.String(string(bare1(t).PublicKey().Marshal())),
		rawssh.String(string(ssh.Marshal(ssh.Signature{Format: "ssh-ed25519", Blob: make([]byte, 64)})))}, nil)...))
	for _, a := range []struct {
		when   string
		attack func()
	}{
		{"before authentication", func() {
			c, err := rawssh.Dial(w.addr, "")
			w.must(err)
			w.must(c.Hello(rawssh.Version))
			w.must(c.Exchange())
			_ = c.SendAll(many(append([]byte{rawssh.MsgServiceRequest}, rawssh.String("x")...))...)
			c.Drain()
			_ = c.Close()
		}},
		{"while authenticating", func() {
			c, err := rawssh.Connect(w.addr, "")
			w.must(err)
			_ = c.SendAll(many(bad)...)
			c.Drain()
			_ = c.Close()
		}},
		{"afterwards", func() {
			c, err := rawssh.Login(w.addr, "", "console", bot)
			w.must(err)
			_ = c.SendAll(many(rawssh.Data(99, []byte("x")))...)
			c.Drain()
			_ = c.Close()
		}},
	} {
		for range 5 {
			a.attack()
		}
		w.awaitConnections(1)
		if err := goleak.Find(before); err != nil {
			t.Fatalf("%s: %.3000v", a.when, err)
		}
	}
}

// What comes by a read that began before the first key exchange was through is kept until authentication begins, and is whole then.
func TestWhatCameEarlyIsKept(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	c := &conn{Conn: near, gate: make(chan struct{})}
	defer c.Close()
	got := make(chan []byte)
	read := func() {
		b := make([]byte, 4096)
		n, err := c.take(b)
		if err != nil {
			t.Error(err)
		}
		got <- b[:n]
	}
	go read()
	time.Sleep(20 * time.Millisecond) // it waits for the client
	c.signed.Store(true)
	sent := bytes.Repeat([]byte("0123456789"), 200)
	go func() {
		if _, err := far.Write(sent); err != nil {
			t.Error(err)
		}
	}()
	first := <-got
	if len(first) != aheadBytes {
		t.Errorf("%d bytes were let in", len(first))
	}
	go read()
	select {
	case b := <-got:
		t.Fatalf("%d bytes more", len(b))
	case <-time.After(50 * time.Millisecond):
	}
	c.passGate()
	if all := append(first, <-got...); !bytes.Equal(all, sent) {
		t.Errorf("%d bytes of %d", len(all), len(sent))
	}
}

// A library in which the queue is not where it was keeps the door from starting; ours has it.
func TestLibraryFits(t *testing.T) {
	if err := fits(queue); err != nil {
		t.Error(err)
	}
	changed := func(ssh.ServerPreAuthConn) chan []byte { return queue(&struct{ ssh.ServerPreAuthConn }{}) }
	if err := fits(changed); err == nil || !strings.Contains(err.Error(), "SSH library") {
		t.Errorf("another library: %v", err)
	}
}
