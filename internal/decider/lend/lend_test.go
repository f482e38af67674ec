package lend

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/decider/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wired is a borrower and a lender at the two ends of the protocol.
type wired struct {
	*Borrower
	lender *Lender
}

func wire(t *testing.T, cfg BorrowerConfig, dial func(context.Context, string, string) (net.Conn, error)) *wired {
	t.Helper()
	near, far := net.Pipe()
	w := &wired{}
	server := protocol.NewServer(far, func(_ context.Context, op protocol.Op, body json.RawMessage) (any, error) {
		return w.Handle(op, body)
	}, func(_ protocol.Op, err error) { t.Error(err) })
	cfg.Tell = server.Event
	if cfg.Allow == nil {
		cfg.Allow = func(string, uint16) bool { return true }
	}
	w.Borrower = NewBorrower(cfg)
	server.OnGone(w.Borrower.Close)
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background()) }()
	events := protocol.Events{Dial: func(e protocol.DialEvent) { w.lender.Dial(e) }, Send: func(e protocol.SendEvent) { w.lender.Send(e) },
		HangUp: func(e protocol.HangUpEvent) { w.lender.HangUp(e) }, Bad: func(op protocol.Op, err error) { t.Errorf("%s: %v", op, err) }}
	ready := make(chan struct{})
	client := protocol.NewClient(near, func(op protocol.Op, body json.RawMessage) { <-ready; events.Handle(op, body) })
	w.lender = NewLender(LenderConfig{Decider: protocol.Door{Client: client}, Dial: dial})
	close(ready)
	t.Cleanup(func() {
		w.lender.Close()
		_ = client.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		<-client.Done()
	})
	return w
}

// host is a TCP server for the length of a test.
func host(t *testing.T, serve func(net.Conn)) (string, uint16) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { defer c.Close(); serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); work.Wait() })
	name, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return name, uint16(n)
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// TestCarry: what goes in at one end comes out at the other, both ways, in order, in more frames than one.
func TestCarry(t *testing.T) {
	name, port := host(t, echo)
	w := wire(t, BorrowerConfig{}, nil)
	for _, size := range []int{1, 1000, protocol.MaxStreamData, 1 << 20} {
		c, err := w.DialContext(t.Context(), name, port)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Repeat("abcdefghij\x00\xff", size/12+1)[:size]
		go func() { _, _ = io.WriteString(c, text) }()
		got := make([]byte, size)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
			t.Errorf("%d bytes: %v, the same: %t", size, err, string(got) == text)
		}
		_ = c.Close()
		if _, err := c.Read(got); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestEnd: the host's end is the stream's, after its last byte.
func TestEnd(t *testing.T) {
	name, port := host(t, func(c net.Conn) { _, _ = io.WriteString(c, "bye") })
	c, err := wire(t, BorrowerConfig{}, nil).DialContext(t.Context(), name, port)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "bye" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestNotAllowed: the door is not even asked for a host that is not on the list.
func TestNotAllowed(t *testing.T) {
	w := wire(t, BorrowerConfig{Allow: func(h string, p uint16) bool { return h == "issuer.example" && p == 443 }},
		func(context.Context, string, string) (net.Conn, error) { t.Error("asked"); return nil, io.EOF })
	for _, a := range []struct {
		host string
		port uint16
	}{{"issuer.example", 80}, {"example", 443}, {"issuer.example.", 443}, {"", 443}} {
		if _, err := w.DialContext(t.Context(), a.host, a.port); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%v: %v", a, err)
		}
	}
}

// TestUnreachable: the door's reason arrives, quoted and cut.
func TestUnreachable(t *testing.T) {
	w := wire(t, BorrowerConfig{}, func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no\x1b[2Jroute" + strings.Repeat("x", 10_000))
	})
	_, err := w.DialContext(t.Context(), "h", 443)
	var e *DialError
	if !errors.As(err, &e) || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 400 {
		t.Errorf("%v", err)
	}
}

// TestDeadlines: reads and writes end at their deadlines, dials with their context, whatever the other end does.
func TestDeadlines(t *testing.T) {
	name, port := host(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	w := wire(t, BorrowerConfig{}, nil)
	c, err := w.DialContext(t.Context(), name, port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	_ = c.SetDeadline(time.Unix(1, 0))
	if _, err := c.Write(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
	silent := wire(t, BorrowerConfig{}, func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := silent.DialContext(ctx, "h", 443); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dial: %v", err)
	}
}
