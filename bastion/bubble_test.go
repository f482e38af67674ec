package bastion

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/rawssh"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// bubble is a door in simulated time, with everything about SSH as it is and with clients by pipes, which simulated time knows. Its decider lets
// certificates of its CA in, and its console echoes.
type bubble struct {
	t      *testing.T
	cas    *ca.Set
	server *Server
}

func (b *bubble) Authenticate(_ context.Context, in protocol.Authenticate) (protocol.Authenticated, error) {
	cert, err := ca.ParseCertificate(in.Certificate)
	if err != nil {
		return protocol.Authenticated{}, err
	}
	return protocol.Authenticated{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, NotAfter: time.Unix(int64(cert.ValidBefore), 0)}, nil
}

func (b *bubble) Decide(context.Context, protocol.Decide) (protocol.Decided, error) {
	return protocol.Decided{}, errors.New("nothing is decided here")
}

func (b *bubble) Forward(context.Context, protocol.Forward) (protocol.Forwarded, error) {
	return protocol.Forwarded{}, errors.New("nothing is forwarded here")
}

func (b *bubble) Preview(context.Context, string, access.Preview) error { return nil }

func (b *bubble) Renew(context.Context, protocol.Renew) (protocol.Enrolled, error) {
	return protocol.Enrolled{}, errors.New("nothing is renewed here")
}
func (b *bubble) Refuse(context.Context, protocol.Refuse) error         { return nil }
func (b *bubble) End(context.Context, protocol.End) error               { return nil }
func (b *bubble) CloseConnection(context.Context, protocol.Close) error { return nil }

// Run echoes until its input ends.
func (b *bubble) Run(_ context.Context, _ console.Credential, _ []string, std console.Streams) int {
	_, err := io.Copy(std.Out, std.In)
	if err != nil {
		return 1
	}
	return 0
}

// noStorage is what a console session does not need.
type noStorage struct {
	Recorder
	Starter
	store.Sessions
	Transfers
}

// inBubble runs a test in simulated time, with limits as it wants them.
func inBubble(t *testing.T, l Limits, f func(b *bubble)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t}
		certifier := newCertifier(t)
		b.cas = certifier.set
		var err error
		b.server, err = New(Config{Gate: b, Evidence: b, Certifier: certifier, Recorder: noStorage{}, Local: noStorage{}, Sessions: noStorage{}, Transfers: noStorage{}, Trust: certifier.trust(), HostKey: bare1(t),
			Limits: l, Log: hclog.NewNullLogger()})
		if err != nil {
			t.Fatal(err)
		}
		b.server.SetConsole(b)
		f(b)
		b.server.Shutdown(t.Context(), "the test is over")
	})
}

// key is a certificate that is good for so long.
func (b *bubble) key(ttl time.Duration) ssh.Signer {
	b.t.Helper()
	base := bare1(b.t)
	cert, err := b.cas.Agent.Issue(ca.AgentRequest{PublicKey: base.PublicKey(), Kind: policy.Person, Name: "ann", TTL: ttl})
	if err != nil {
		b.t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(cert, base)
	if err != nil {
		b.t.Fatal(err)
	}
	return signer
}

// pipe connects, and returns the client's end.
func (b *bubble) pipe() *slowPipe {
	near, far := net.Pipe()
	place, over := b.server.limits.admit(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)})
	if over != "" {
		b.t.Fatal(over)
	}
	b.server.work.Go(func() { b.server.handle(newConn(b.server, addressed{far}, nil, "", place)) })
	p := &slowPipe{Conn: near, queue: make(chan []byte, 1024), closed: make(chan struct{})}
	go p.pump()
	return p
}

// addressed gives a pipe a client's address.
type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

// slowPipe is a client's end that, unlike a pipe's, may write before the door reads, and stops reading when it is told to.
type slowPipe struct {
	net.Conn
	queue  chan []byte
	frozen atomic.Bool
	closed chan struct{}
	once   atomic.Bool
}

func (p *slowPipe) pump() {
	for {
		select {
		case b := <-p.queue:
			if _, err := p.Conn.Write(b); err != nil {
				return
			}
		case <-p.closed:
			return
		}
	}
}

func (p *slowPipe) Write(b []byte) (int, error) {
	select {
	case p.queue <- append([]byte(nil), b...):
		return len(b), nil
	case <-p.closed:
		return 0, net.ErrClosed
	}
}

func (p *slowPipe) Read(b []byte) (int, error) {
	if p.frozen.Load() {
		<-p.closed
		return 0, os.ErrClosed
	}
	return p.Conn.Read(b)
}

func (p *slowPipe) Close() error {
	if p.once.CompareAndSwap(false, true) {
		close(p.closed)
	}
	return p.Conn.Close()
}

// client is a good client, and its end of the pipe.
func (b *bubble) client(ttl time.Duration) (*ssh.Client, *slowPipe) {
	b.t.Helper()
	p := b.pipe()
	conn, chans, reqs, err := ssh.NewClientConn(p, "door", &ssh.ClientConfig{User: "console", Auth: []ssh.AuthMethod{ssh.PublicKeys(b.key(ttl))}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		b.t.Fatal(err)
	}
	return ssh.NewClient(conn, chans, reqs), p
}

// live is how many connections the door has.
func (b *bubble) live() int {
	synctest.Wait()
	live, starting := b.server.limits.counts()
	return live + starting
}

// after lets time go on and wants so many connections then.
func (b *bubble) after(d time.Duration, want int, why string) {
	b.t.Helper()
	time.Sleep(d)
	if got := b.live(); got != want {
		b.t.Errorf("%s: %d connections, want %d", why, got, want)
	}
}

// raw is a client that can say anything.
func (b *bubble) raw(ttl time.Duration) (*rawssh.Conn, *slowPipe) {
	b.t.Helper()
	p := b.pipe()
	c := rawssh.New(p)
	_ = p.SetDeadline(time.Time{})
	for _, step := range []func() error{
		func() error { return c.Hello(rawssh.Version) }, c.Exchange, func() error { return c.Service("ssh-userauth") },
		func() error { return c.Authenticate("console", b.key(ttl)) },
	} {
		if err := step(); err != nil {
			b.t.Fatal(err)
		}
	}
	return c, p
}
