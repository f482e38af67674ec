package bastion

import (
	"bytes"
	"io"
	"math/rand"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/rawssh"
	"gatehouse/internal/source"
)

const day = 24 * time.Hour

// echo opens a session on which everything comes back.
func (b *bubble) echo(c *ssh.Client) (in io.WriteCloser, out io.Reader, s *ssh.Session) {
	b.t.Helper()
	s, err := c.NewSession()
	if err != nil {
		b.t.Fatal(err)
	}
	in, err = s.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if out, err = s.StdoutPipe(); err != nil {
		b.t.Fatal(err)
	}
	if err := s.Start("echo"); err != nil {
		b.t.Fatal(err)
	}
	return in, out, s
}

// through sends bytes and wants them back.
func (b *bubble) through(in io.Writer, out io.Reader, n int) {
	b.t.Helper()
	sent := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(sent)
	failed := make(chan error, 1)
	go func() {
		_, err := in.Write(sent)
		failed <- err
	}()
	got := make([]byte, n)
	if _, err := io.ReadFull(out, got); err != nil || !bytes.Equal(got, sent) {
		b.t.Fatalf("%d bytes did not come back: %v", n, err)
	}
	if err := <-failed; err != nil {
		b.t.Fatal(err)
	}
}

// A session that lasts a day: it outlives its certificate, answers keepalives, has keys exchanged on both sides' wish, and loses no byte. After
// the certificate's end nothing new begins, and the connection ends with the session.
func TestADayLongSession(t *testing.T) {
	inBubble(t, Limits{RekeyBytes: 16 << 10}, func(b *bubble) {
		c, _ := b.client(15 * time.Minute)
		in, out, s := b.echo(c)
		b.through(in, out, 1<<20) // some two hundred key exchanges
		for range 24 {
			time.Sleep(time.Hour)
			b.through(in, out, 1000)
		}
		if _, err := c.NewSession(); err == nil {
			t.Error("a session began a day after the certificate's end")
		}
		if got := b.live(); got != 1 {
			t.Errorf("%d connections", got)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Wait(); err != nil {
			t.Errorf("the session's end: %v", err)
		}
		b.after(time.Second, 0, "after its last session")
		if got := b.server.limits.penalties.punished(); got != 0 {
			t.Errorf("%d sources have points", got)
		}
	})
}

// New keys by time are the client's to ask for: once an hour for a day costs it nothing.
func TestKeysByTime(t *testing.T) {
	inBubble(t, Limits{}, func(b *bubble) {
		c, _ := b.raw(8 * time.Hour)
		ch, err := c.OpenSession(1, rawssh.Window)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Send(rawssh.Request(ch, "exec", true, rawssh.String("echo"))); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Await(rawssh.MsgChannelSuccess); err != nil {
			t.Fatal(err)
		}
		for hour := range 24 {
			for range 60 { // the door asks whether we are there
				time.Sleep(time.Minute)
				if err := c.Send(rawssh.Data(ch, []byte("x"))); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Await(rawssh.MsgChannelData); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Exchange(); err != nil {
				t.Fatalf("hour %d: %v", hour, err)
			}
		}
		_ = c.Close()
		b.after(time.Second, 0, "after its client has left")
	})
}

// A client that answers stays; one that is gone without a word is given up after as many silent minutes as the limit has.
func TestKeepalive(t *testing.T) {
	inBubble(t, Limits{Idle: 30 * day, Stalled: day}, func(b *bubble) {
		c, p := b.client(8 * time.Hour)
		_, _, s := b.echo(c)
		b.after(7*time.Hour, 1, "a client that answers")
		p.frozen.Store(true)
		if _, err := s.SendRequest("wakes the reader", false, nil); err != nil {
			t.Error(err)
		}
		b.after(4*time.Minute, 1, "a client that is silent for four minutes")
		b.after(3*time.Minute, 0, "a client that is silent for seven")
		_ = p.Close()
	})
}

// A clock that jumps (a machine that slept, a first NTP answer) is not taken for a client's silence: the client is asked first.
func TestAClockThatJumps(t *testing.T) {
	inBubble(t, Limits{Idle: 30 * day}, func(b *bubble) {
		c, _ := b.client(8 * time.Hour)
		b.echo(c)
		for _, own := range b.server.conns {
			own.heard.Store(time.Now().Add(-time.Hour).UnixNano())
		}
		b.after(90*time.Second, 1, "after an hour that nobody has lived")
	})
}

// A connection without a channel is closed after the idle time, one with a channel is not.
func TestIdle(t *testing.T) {
	inBubble(t, Limits{Idle: 10 * time.Minute}, func(b *bubble) {
		c, _ := b.client(8 * time.Hour)
		in, _, s := b.echo(c)
		b.after(time.Hour, 1, "a session on which nothing happens")
		_ = in.Close()
		if err := s.Wait(); err != nil {
			t.Error(err)
		}
		b.after(8*time.Minute, 1, "eight minutes without a channel")
		b.after(4*time.Minute, 0, "twelve minutes without a channel")
	})
}

// A client that takes nothing from its socket while something waits for it is closed, and nothing of it stays.
func TestStalled(t *testing.T) {
	inBubble(t, Limits{Stalled: 2 * time.Minute, Keepalive: time.Hour}, func(b *bubble) {
		c, p := b.client(8 * time.Hour)
		in, _, _ := b.echo(c)
		p.frozen.Store(true)
		if _, err := in.Write(make([]byte, 1<<16)); err != nil {
			t.Error(err)
		}
		b.after(time.Minute, 1, "a minute")
		b.after(2*time.Minute, 0, "three minutes")
		if got := (&whole{t: t, server: b.server}).number("gatehouse_ssh_limit_total", "stalled"); got == 0 {
			t.Error("the limit was not counted")
		}
		_ = p.Close()
	})
}

// Who does not authenticate in time is closed and gets its points, wherever in the handshake it stops.
func TestAuthenticationInTime(t *testing.T) {
	inBubble(t, Limits{Authentication: 20 * time.Second}, func(b *bubble) {
		silent := b.pipe()
		half := rawssh.New(b.pipe())
		if err := half.Hello(rawssh.Version); err != nil {
			t.Fatal(err)
		}
		keyed := rawssh.New(b.pipe())
		if err := keyed.Hello(rawssh.Version); err != nil {
			t.Fatal(err)
		}
		if err := keyed.Exchange(); err != nil {
			t.Fatal(err)
		}
		b.after(19*time.Second, 3, "before the time is over")
		b.after(2*time.Second, 0, "after it")
		penalties := b.server.limits.penalties
		got := penalties.points[source.Of(sourceOf(addressed{}.RemoteAddr()))].value
		if got < 3*offenceLate.points-1 || got > 3*offenceLate.points {
			t.Errorf("%v points, want %v", got, 3*offenceLate.points)
		}
		for _, c := range []io.Closer{silent, half, keyed} {
			_ = c.Close()
		}
	})
}
