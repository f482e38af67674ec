package check

import (
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// listen serves connections with f until the test ends. Each ends when the other side does, or with the test.
func listen(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			work.Go(func() { defer c.Close(); f(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		work.Wait()
	})
	return l.Addr().String()
}

// flood writes the same until nobody takes it any more.
func flood(w io.Writer, text string) {
	for block := []byte(strings.Repeat(text, 1000)); ; {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// TestHostilePeers: what is no SSH server is named in bounded time and space, and is shown no certificate.
func TestHostilePeers(t *testing.T) {
	for name, f := range map[string]func(net.Conn){
		"says nothing":        func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"hangs up":            func(net.Conn) {},
		"garbage":             func(c net.Conn) { _, _ = c.Write([]byte("\x1b[2J\x00\xff\r\n\r\n")); _, _ = io.Copy(io.Discard, c) },
		"endless lines":       func(c net.Conn) { flood(c, "no version\r\n") },
		"an endless line":     func(c net.Conn) { flood(c, "x") },
		"a version and noise": func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-x\r\n")); flood(c, "\x00") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, listen(t, f), nil, "deploy", "ann")
			cfg := d.config()
			cfg.Limit = 2 * time.Second
			r, found := run(t, cfg)
			want(t, found, "reachable", Broken, "does not answer as an SSH server")
			if r.Reached || r.Good() || d.probes > 0 || len(r.Findings) != 1 {
				t.Errorf("%+v, %d certificates", r, d.probes)
			}
			if strings.ContainsAny(r.Findings[0].Says, "\x1b\x00\r\n") {
				t.Errorf("%q reaches the terminal", r.Findings[0].Says)
			}
		})
	}
}

// host is an SSH server that does what a test wants.
type host struct {
	key     ssh.Signer
	session func(ssh.Channel, <-chan *ssh.Request)
	forward bool // accepts every forward
}

func newHost(t *testing.T) *host {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return &host{key: key}
}

func (h *host) serve(raw net.Conn) {
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-OpenSSH_9.9",
		PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(h.key)
	conn, channels, requests, err := ssh.NewServerConn(raw, config)
	if err != nil {
		return
	}
	defer conn.Close()
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		for r := range requests {
			_ = r.Reply(h.forward, nil)
		}
	})
	for c := range channels {
		if c.ChannelType() != "session" && !h.forward {
			_ = c.Reject(ssh.Prohibited, "no")
			continue
		}
		channel, reqs, err := c.Accept()
		if err != nil {
			return
		}
		if c.ChannelType() != "session" {
			work.Go(func() { ssh.DiscardRequests(reqs) })
			continue
		}
		work.Go(func() { h.session(channel, reqs) })
	}
}

// answers says yes to every request and prints after exec.
func answers(print func(ssh.Channel)) func(ssh.Channel, <-chan *ssh.Request) {
	return func(c ssh.Channel, requests <-chan *ssh.Request) {
		var work sync.WaitGroup
		defer work.Wait()
		for r := range requests {
			_ = r.Reply(true, nil)
			if r.Type == "exec" {
				work.Go(func() { print(c) })
			}
		}
	}
}

// good is an answer as the pinned script gives it.
const good = "gatehouse-check 1\ntime 4102444800\nlogin deploy\nshell /bin/sh\nreal /usr/bin/dash\nhome /home/deploy\nfile root 1 /bin/sh\nfile root 0 /etc/ssh\nend 1\n"

// TestHostileSessions: a host that is recognised and means harm: everything is taken, bounded and told.
func TestHostileSessions(t *testing.T) {
	var work sync.WaitGroup // all at once: most of each waits for the limit
	defer work.Wait()
	for name, c := range map[string]struct {
		session func(ssh.Channel, <-chan *ssh.Request)
		level   Level
		what    string
		says    string
	}{
		"endless output":  {answers(func(c ssh.Channel) { flood(c, "x\n") }), Broken, "deploy: look", errTooMuch.Error()},
		"endless errors":  {answers(func(c ssh.Channel) { flood(c.Stderr(), "x\n") }), Broken, "deploy: look", ""},
		"escapes":         {answers(func(c ssh.Channel) { _, _ = c.Write([]byte("\x1b[2Jfine\n\n\n")); _ = c.Close() }), Broken, "deploy: look", `\x1b`},
		"nothing":         {answers(func(c ssh.Channel) { _ = c.Close() }), Broken, "deploy: look", "not the pinned script"},
		"no end":          {answers(func(ssh.Channel) {}), Broken, "deploy: look", ""},
		"no answer":       {func(_ ssh.Channel, r <-chan *ssh.Request) { <-r; <-r }, NotChecked, "deploy: agent forwarding", ""},
		"cut short":       {answers(func(c ssh.Channel) { _, _ = io.WriteString(c, strings.TrimSuffix(good, "end 1\n")); _ = c.Close() }), Broken, "deploy: look", "it ends"},
		"a clock far off": {answers(func(c ssh.Channel) { _, _ = io.WriteString(c, good); _ = c.Close() }), Broken, "deploy: clock", "off"},
		"another login": {answers(func(c ssh.Channel) {
			_, _ = io.WriteString(c, strings.Replace(good, "login deploy", "login root", 1))
			_ = c.Close()
		}), Broken, "deploy: login", "root"},
	} {
		work.Go(func() {
			t.Run(name, func(t *testing.T) {
				h := newHost(t)
				h.session, h.forward = c.session, true
				d := newDesk(t, listen(t, h.serve), h.key.PublicKey(), "deploy")
				cfg := d.config()
				cfg.Limit = 3 * time.Second
				r, found := run(t, cfg)
				want(t, found, c.what, c.level, c.says)
				want(t, found, "deploy: forwarding", Broken, "forwards")
				for _, f := range r.Findings {
					if strings.ContainsAny(f.String(), "\x1b\x00\n\r") || len(f.Says) > 2*maxSays {
						t.Errorf("%q", f.String())
					}
				}
				if r.Good() {
					t.Error("such a host is good")
				}
			})
		})
	}
}

// TestTakesEverything: a host that lets every certificate in is broken, whatever it says of itself.
func TestTakesEverything(t *testing.T) {
	h := newHost(t)
	h.session = answers(func(c ssh.Channel) { _, _ = io.WriteString(c, good); _ = c.Close() })
	d := newDesk(t, listen(t, h.serve), h.key.PublicKey(), "deploy")
	_, found := run(t, d.config())
	want(t, found, "deploy: other certificates", Broken, "the bare login as principal opens")
	want(t, found, "deploy: target CA", OK, "opens")
}

// TestAnotherHost: no certificate is shown to a host that is not the expected one.
func TestAnotherHost(t *testing.T) {
	h, expected := newHost(t), newHost(t)
	d := newDesk(t, listen(t, h.serve), expected.key.PublicKey(), "deploy")
	r, found := run(t, d.config())
	want(t, found, "host key", Broken, "it is not the pinned key")
	if d.probes > 0 || !r.Reached || r.Good() || len(r.Accepted) > 0 {
		t.Errorf("%+v, %d certificates", r, d.probes)
	}
	byCA := newDesk(t, listen(t, h.serve), nil, "deploy")
	_, found = run(t, byCA.config())
	want(t, found, "host key", Broken, "it shows none of the kind that is expected")
	if byCA.probes > 0 {
		t.Errorf("%d certificates", byCA.probes)
	}
}

// TestBounded: a connection ends with the byte after the last that it may bring.
func TestBounded(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go func() { flood(b, "x") }()
	limited := &bounded{Conn: a}
	limited.left.Store(5000)
	n, err := io.CopyN(io.Discard, limited, 50_000)
	if n > 5000 || !errors.Is(err, errTooMuch) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
