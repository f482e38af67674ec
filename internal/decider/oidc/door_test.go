package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse/internal/decider/lend"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/testoidc"
)

// through makes a provider whose streams a door lends, over the protocol; dial is how that door reaches hosts, or pretends to.
func (w *world) through(dial func(ctx context.Context, network, address string) (net.Conn, error)) *Provider {
	w.Helper()
	near, far := net.Pipe()
	var borrower *lend.Borrower
	server := protocol.NewServer(far, func(_ context.Context, op protocol.Op, body json.RawMessage) (any, error) {
		return borrower.Handle(op, body)
	}, func(op protocol.Op, err error) { w.Errorf("%s: %v", op, err) })
	var p *Provider
	borrower = lend.NewBorrower(lend.BorrowerConfig{Tell: server.Event, Allow: func(host string, port uint16) bool { return p.Reaches(host, port) }})
	server.OnGone(borrower.Close)
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(context.Background()) }()
	ready := make(chan struct{})
	var lender *lend.Lender
	events := protocol.Events{Dial: func(e protocol.DialEvent) { lender.Dial(e) }, Send: func(e protocol.SendEvent) { lender.Send(e) },
		HangUp: func(e protocol.HangUpEvent) { lender.HangUp(e) }, Bad: func(op protocol.Op, err error) { w.Errorf("%s: %v", op, err) }}
	client := protocol.NewClient(near, func(op protocol.Op, body json.RawMessage) { <-ready; events.Handle(op, body) })
	lender = lend.NewLender(lend.LenderConfig{Decider: protocol.Door{Client: client}, Dial: dial})
	close(ready)
	p = w.open(func(c *Config) { c.Dial = borrower.DialContext })
	w.Cleanup(func() {
		lender.Close()
		_ = client.Close()
		<-served
		<-client.Done()
	})
	return p
}

// tampered is a connection whose incoming bytes pass a function.
type tampered struct {
	net.Conn
	read func(conn net.Conn, p []byte) (int, error)
}

func (c *tampered) Read(p []byte) (int, error) { return c.read(c.Conn, p) }

func tamper(read func() func(net.Conn, []byte) (int, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &tampered{c, read()}, nil
	}
}

// flip changes one bit of the nth byte that comes in.
func flip(n int) func() func(net.Conn, []byte) (int, error) {
	return func() func(net.Conn, []byte) (int, error) {
		seen := 0
		return func(c net.Conn, p []byte) (int, error) {
			k, err := c.Read(p)
			if n >= seen && n < seen+k {
				p[n-seen] ^= 1
			}
			seen += k
			return k, err
		}
	}
}

// TestHonestDoor: what a door carries as it is verifies tokens.
func TestHonestDoor(t *testing.T) {
	w := newWorld(t, nil)
	p := w.through(nil)
	for range 3 {
		if _, err := p.Verify(t.Context(), w.Sign(w.claims())); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileDoor: whatever a door does to the bytes, or wherever it takes them, no token is taken, and least of all one that the door made.
func TestHostileDoor(t *testing.T) {
	w := newWorld(t, nil)
	other := testoidc.New(t)
	otherAddress := net.JoinHostPort(other.Host, other.URL[len("https://127.0.0.1:"):])
	mine := &testoidc.Key{ID: w.Key().ID, Alg: jose.RS256, Private: other.Key().Private} // the door's own key under the issuer's name
	var mu sync.Mutex
	var first bytes.Buffer // what came in on the first stream
	streams := 0
	replay := tamper(func() func(net.Conn, []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		streams++
		if streams == 1 {
			return func(c net.Conn, p []byte) (int, error) {
				n, err := c.Read(p)
				mu.Lock()
				defer mu.Unlock()
				first.Write(p[:n])
				return n, err
			}
		}
		again := bytes.NewReader(first.Bytes())
		return func(_ net.Conn, p []byte) (int, error) { return again.Read(p) }
	})
	for name, c := range map[string]struct {
		dial func(context.Context, string, string) (net.Conn, error)
		want Code
	}{
		"flips a bit of the hello":       {tamper(flip(50)), CodeIssuerUntrusted},
		"flips a bit of the certificate": {tamper(flip(400)), CodeIssuerUntrusted},
		"flips a bit of the answer":      {tamper(flip(1300)), CodeIssuerUntrusted},
		"swaps the host": {func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, otherAddress)
		}, CodeIssuerUntrusted},
		"replays another stream": {replay, CodeIssuerUntrusted},
		"answers without TLS": {tamper(func() func(net.Conn, []byte) (int, error) {
			fake := bytes.NewReader([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
			return func(_ net.Conn, p []byte) (int, error) { return fake.Read(p) }
		}), CodeIssuerUntrusted},
		"says nothing": {tamper(func() func(net.Conn, []byte) (int, error) {
			return func(c net.Conn, p []byte) (int, error) {
				_, err := c.Read(p)
				return 0, err
			}
		}), CodeIssuerUnreachable},
		"cuts the stream off": {tamper(func() func(net.Conn, []byte) (int, error) {
			left := 1000
			return func(c net.Conn, p []byte) (int, error) {
				if left == 0 {
					return 0, io.EOF
				}
				n, err := c.Read(p[:min(left, len(p))])
				left -= n
				return n, err
			}
		}), CodeIssuerUnreachable},
		"does not dial": {func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") }, CodeIssuerUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.through(c.dial)
			p.keys.patience = 3 * time.Second
			if name == "says nothing" {
				p.keys.patience = 300 * time.Millisecond
			}
			_, err := p.Verify(t.Context(), w.SignWith(mine, w.claims(), nil))
			if got := codeOf(t, err); got != c.want {
				t.Errorf("%q, want %q: %v", got, c.want, err)
			}
		})
	}
}
