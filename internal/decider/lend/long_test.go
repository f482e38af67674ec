package lend

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
)

// TestLongCarries: far more than a short stream's bytes go to a host that reads slowly, and after Flush the host's connection
// has all of them.
func TestLongCarries(t *testing.T) {
	got := make(chan int64, 1)
	name, port := host(t, func(c net.Conn) {
		time.Sleep(100 * time.Millisecond) // longer than it takes to fill every buffer on the way
		n, _ := io.Copy(io.Discard, c)
		got <- n
	})
	c, err := wire(t, BorrowerConfig{Lifetime: time.Millisecond, MaxBytes: 10}, nil).DialLong(t.Context(), name, port)
	if err != nil {
		t.Fatal(err)
	}
	const size = 3 * MaxBytes
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if n := <-got; n != size {
		t.Errorf("the host got %d bytes of %d", n, size)
	}
}

// TestLongWaits: the decider never tells the door more than the window ahead of what it wrote, and Flush waits for it.
func TestLongWaits(t *testing.T) {
	f := fakeDoor(t, BorrowerConfig{})
	c, stream := f.openLong(t)
	wrote := make(chan error, 1)
	go func() { _, err := c.Write(make([]byte, 2*window)); wrote <- err }()
	told := f.hear(t, window)
	select {
	case e := <-f.heard:
		t.Fatalf("after frames of %d bytes without a confirmation: %T", told, e)
	case <-wrote:
		t.Fatal("the write did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	for left := 2 * window; left > 0; {
		for _, n := range told {
			if err := f.say(protocol.OpStreamSent, protocol.StreamSent{Stream: stream, Bytes: int64(n)}); err != nil {
				t.Fatal(err)
			}
			left -= n
		}
		if left > 0 {
			told = f.hear(t, min(left, protocol.MaxStreamData/2))
		}
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestLongOfSmallFrames: however small what is written, the door's queue is never full.
func TestLongOfSmallFrames(t *testing.T) {
	near, far := net.Pipe()
	c, err := wire(t, BorrowerConfig{}, func(context.Context, string, string) (net.Conn, error) { return near, nil }).DialLong(t.Context(), "h", 1)
	if err != nil {
		t.Fatal(err)
	}
	const n = 4 * maxQueue
	wrote := make(chan error, 1)
	go func() {
		for range n {
			if _, err := c.Write([]byte("x")); err != nil {
				wrote <- err
				return
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		wrote <- c.Flush(ctx)
	}()
	time.Sleep(50 * time.Millisecond) // nobody reads
	if got, err := io.ReadFull(far, make([]byte, n)); err != nil {
		t.Errorf("%d bytes of %d: %v", got, n, err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	_ = c.Close()
	_ = far.Close()
}

// TestBroken: when the host is gone while it is written to, or its queue is full, the decider hears of it at once.
func TestBroken(t *testing.T) {
	near, far := net.Pipe()
	closed, stop := context.WithCancel(context.Background())
	w := wire(t, BorrowerConfig{}, func(context.Context, string, string) (net.Conn, error) { return brokenPipe{near, closed, stop}, nil })
	c, err := w.DialLong(t.Context(), "h", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var e *DialError
	if err := c.Flush(ctx); !errors.As(err, &e) || e.Reason != "broken pipe" {
		t.Errorf("flush says %v", err)
	}
	_ = far.Close()
}

// brokenPipe cannot be written to, and does not say so to a reader until it is closed.
type brokenPipe struct {
	net.Conn
	closed context.Context
	close  context.CancelFunc
}

func (b brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
func (b brokenPipe) Read([]byte) (int, error)  { <-b.closed.Done(); return 0, io.EOF }
func (b brokenPipe) Close() error              { b.close(); return b.Conn.Close() }

// TestLongLies: a door that says it wrote what it was not given ends the stream; of a short stream it may say nothing of the kind.
func TestLongLies(t *testing.T) {
	for _, n := range []int64{0, -1, 6, 1 << 62} {
		f := fakeDoor(t, BorrowerConfig{})
		c, stream := f.openLong(t)
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		f.hear(t, 5)
		if err := f.say(protocol.OpStreamSent, protocol.StreamSent{Stream: stream, Bytes: n}); code(err) != protocol.CodeRefused {
			t.Errorf("%d: %v", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := c.Flush(ctx); !errors.Is(err, ErrDoor) {
			t.Errorf("%d: flush says %v", n, err)
		}
		cancel()
		f.hungUp(t, stream)
	}
	f := fakeDoor(t, BorrowerConfig{})
	_, stream := f.open(t)
	for _, s := range []uint64{stream, 999} {
		if err := f.say(protocol.OpStreamSent, protocol.StreamSent{Stream: s, Bytes: 1}); code(err) != protocol.CodeRefused {
			t.Errorf("stream %d: %v", s, err)
		}
	}
}

// TestLongAreApart: as many long streams as there may be take nothing from the short ones, and one more waits.
func TestLongAreApart(t *testing.T) {
	f := fakeDoor(t, BorrowerConfig{})
	for range MaxLong {
		f.openLong(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := f.DialLong(ctx, "issuer.example", 443); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one more: %v", err)
	}
	f.open(t)
}

// openLong lends a long stream.
func (f *fake) openLong(t *testing.T) (*LongConn, uint64) {
	t.Helper()
	got := make(chan *LongConn, 1)
	go func() {
		c, err := f.DialLong(context.Background(), "issuer.example", 443)
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	e, ok := (<-f.heard).(protocol.DialEvent)
	if !ok || !e.Long {
		t.Fatalf("asked for %+v", e)
	}
	if err := f.say(protocol.OpStreamOpened, protocol.StreamOpened{Stream: e.Stream}); err != nil {
		t.Fatal(err)
	}
	return <-got, e.Stream
}

// hear takes what the door is told to send until it is at least n bytes, and says how large the frames were.
func (f *fake) hear(t *testing.T, n int) (frames []int) {
	t.Helper()
	var all bytes.Buffer
	for all.Len() < n {
		select {
		case e := <-f.heard:
			s, ok := e.(protocol.SendEvent)
			if !ok {
				t.Fatalf("heard %T after %d bytes", e, all.Len())
			}
			all.Write(s.Data)
			frames = append(frames, len(s.Data))
		case <-time.After(10 * time.Second):
			t.Fatalf("heard %d bytes of %d", all.Len(), n)
		}
	}
	return frames
}
