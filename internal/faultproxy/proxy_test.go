package faultproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// echo is a server that sends back what it gets.
func echo(t *testing.T) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	p, err := Listen(l.Addr().String())
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(p.Close(), l.Close())) })
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestPasses: what goes in comes out, whole and to its end, whatever the trouble is that passes by.
func TestPasses(t *testing.T) {
	p := echo(t)
	c := dial(t, p)
	text := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	go func() {
		_, _ = c.Write(text)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	p.Set(Trouble{Delay: time.Millisecond, Chunk: 1000})
	half := make([]byte, len(text)/2)
	_, err := io.ReadFull(c, half)
	must(t, err)
	p.Set(Trouble{})
	rest, err := io.ReadAll(c)
	must(t, err)
	if got := append(half, rest...); !bytes.Equal(got, text) {
		t.Errorf("%d bytes came, %d were sent", len(got), len(text))
	}
}

// TestTroubles: silence lasts until it is lifted, a cut ends what is open, a refusal what is new.
func TestTroubles(t *testing.T) {
	p := echo(t)
	c := dial(t, p)
	_, err := c.Write([]byte("a"))
	must(t, err)
	b := make([]byte, 1)
	_, err = io.ReadFull(c, b)
	must(t, err)
	p.Set(Trouble{Silence: true})
	_, err = c.Write([]byte("b"))
	must(t, err)
	must(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	if n, err := c.Read(b); n != 0 || err == nil {
		t.Errorf("in the silence: %q, %v", b[:n], err)
	}
	must(t, c.SetReadDeadline(time.Time{}))
	p.Set(Trouble{})
	_, err = io.ReadFull(c, b)
	must(t, err)
	if n := p.Cut(); n != 1 || b[0] != 'b' {
		t.Errorf("%d connections cut, after %q", n, b)
	}
	if n, err := c.Read(b); n != 0 || err == nil {
		t.Error("a connection outlived the cut")
	}
	p.Set(Trouble{Refuse: true})
	if n, err := dial(t, p).Read(b); n != 0 || err == nil {
		t.Error("a connection was let in")
	}
}
