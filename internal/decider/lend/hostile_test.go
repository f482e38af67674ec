package lend

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/decider/protocol"
)

// fake is a door that is not to be trusted: it hears what the decider asks and answers whatever the test likes.
type fake struct {
	*Borrower
	heard chan any // events, as they come
}

func fakeDoor(t *testing.T, cfg BorrowerConfig) *fake {
	t.Helper()
	f := &fake{heard: make(chan any, 1000)}
	cfg.Tell = func(_ protocol.Op, body any) error {
		if e, ok := body.(protocol.SendEvent); ok {
			e.Data = append([]byte{}, e.Data...)
			body = e
		}
		f.heard <- body
		return nil
	}
	cfg.Allow = func(string, uint16) bool { return true }
	f.Borrower = NewBorrower(cfg)
	t.Cleanup(f.Close)
	return f
}

// say sends a request as the door does.
func (f *fake) say(op protocol.Op, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	_, err = f.Handle(op, body)
	return err
}

// open lends a stream.
func (f *fake) open(t *testing.T) (net.Conn, uint64) {
	t.Helper()
	got := make(chan net.Conn, 1)
	go func() {
		c, err := f.DialContext(context.Background(), "issuer.example", 443)
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	var e protocol.DialEvent
	for ok := false; !ok; { // past what is said of earlier streams
		e, ok = (<-f.heard).(protocol.DialEvent)
	}
	if e.Address != "issuer.example:443" {
		t.Fatalf("asked for %+v", e)
	}
	if err := f.say(protocol.OpStreamOpened, protocol.StreamOpened{Stream: e.Stream}); err != nil {
		t.Fatal(err)
	}
	return <-got, e.Stream
}

// hungUp waits until the door is told to hang a stream up.
func (f *fake) hungUp(t *testing.T, stream uint64) {
	t.Helper()
	for {
		select {
		case e := <-f.heard:
			if h, ok := e.(protocol.HangUpEvent); ok && h.Stream == stream {
				return
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the door was not told to hang up")
		}
	}
}

func code(err error) string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// TestDoorBreaksRules: each breach ends its stream with the reason, is answered with a refusal, and the door is told to hang up.
func TestDoorBreaksRules(t *testing.T) {
	data := func(n int) protocol.StreamData { return protocol.StreamData{Data: make([]byte, n)} }
	for name, c := range map[string]struct {
		do   func(f *fake, stream uint64) error
		want error
	}{
		"opens twice": {func(f *fake, s uint64) error { return f.say(protocol.OpStreamOpened, protocol.StreamOpened{Stream: s}) }, ErrDoor},
		"fails afterwards": {func(f *fake, s uint64) error {
			return f.say(protocol.OpStreamOpened, protocol.StreamOpened{Stream: s, Error: "x"})
		}, ErrDoor},
		"sends nothing": {func(f *fake, s uint64) error { d := data(0); d.Stream = s; return f.say(protocol.OpStreamData, d) }, ErrDoor},
		"sends a large frame": {func(f *fake, s uint64) error {
			d := data(protocol.MaxStreamData + 1)
			d.Stream = s
			return f.say(protocol.OpStreamData, d)
		}, ErrDoor},
	} {
		f := fakeDoor(t, BorrowerConfig{})
		conn, stream := f.open(t)
		if err := c.do(f, stream); code(err) != protocol.CodeRefused {
			t.Errorf("%s: answered %v", name, err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, c.want) {
			t.Errorf("%s: read %v", name, err)
		}
		if _, err := conn.Write([]byte("x")); !errors.Is(err, c.want) {
			t.Errorf("%s: write %v", name, err)
		}
		f.hungUp(t, stream)
		if err := f.say(protocol.OpStreamData, protocol.StreamData{Stream: stream, Data: []byte("x")}); code(err) != protocol.CodeRefused {
			t.Errorf("%s: after the end %v", name, err)
		}
	}
}

// TestDoorDoesNotWait: two requests at once about a stream end it, so that what is read is in the order in which it was answered.
func TestDoorDoesNotWait(t *testing.T) {
	f := fakeDoor(t, BorrowerConfig{})
	conn, stream := f.open(t)
	answers := make(chan error, 2)
	for range 2 { // nobody reads: the first waits, the second comes in between
		go func() {
			answers <- f.say(protocol.OpStreamData, protocol.StreamData{Stream: stream, Data: []byte("x")})
		}()
	}
	for range 2 {
		if err := <-answers; code(err) != protocol.CodeRefused {
			t.Errorf("%v", err)
		}
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrDoor) {
		t.Errorf("%v", err)
	}
}

// TestNoSuchStream: streams that do not exist, never did, or are not open yet are refused and leave nothing behind.
func TestNoSuchStream(t *testing.T) {
	f := fakeDoor(t, BorrowerConfig{})
	for _, stream := range []uint64{0, 1, 7, 1<<64 - 1} {
		for op, in := range map[protocol.Op]any{protocol.OpStreamOpened: protocol.StreamOpened{Stream: stream}, protocol.OpStreamData: protocol.StreamData{Stream: stream, Data: []byte("x")},
			protocol.OpStreamEnd: protocol.StreamEnd{Stream: stream}} {
			if err := f.say(op, in); code(err) != protocol.CodeRefused {
				t.Errorf("%s %d: %v", op, stream, err)
			}
		}
	}
	for _, body := range []string{``, `{}x`, `{"stream":"1"}`, `{"stream":-1}`, `{"stream":1,"extra":1}`, `[]`, `{"stream":1,"data":"not base64!"}`} {
		if _, err := f.Handle(protocol.OpStreamData, json.RawMessage(body)); code(err) != protocol.CodeInvalid {
			t.Errorf("%s: %v", body, err)
		}
	}
	if _, err := f.Handle("other", nil); code(err) != protocol.CodeInvalid {
		t.Error(err)
	}
	// Data before the stream is open is no way around opening it.
	failed := make(chan error, 1)
	go func() {
		_, err := f.DialContext(context.Background(), "h", 1)
		failed <- err
	}()
	e := (<-f.heard).(protocol.DialEvent)
	if err := f.say(protocol.OpStreamData, protocol.StreamData{Stream: e.Stream, Data: []byte("x")}); code(err) != protocol.CodeRefused {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, ErrDoor) {
		t.Error(err)
	}
	if err := f.eventually(func() bool { return len(f.streams) == 0 }); err != nil {
		t.Errorf("streams are left: %v", err)
	}
}

// eventually waits for a condition of the borrower.
func (f *fake) eventually(ok func() bool) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		f.mu.Lock()
		done := ok()
		f.mu.Unlock()
		if done {
			return nil
		}
	}
	return errors.New("never")
}

// TestFlood: a stream ends at its bound, either way.
func TestFlood(t *testing.T) {
	f := fakeDoor(t, BorrowerConfig{MaxBytes: 100_000})
	conn, stream := f.open(t)
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	var err error
	sent := 0
	for ; err == nil && sent < 1_000_000; sent += 1000 {
		err = f.say(protocol.OpStreamData, protocol.StreamData{Stream: stream, Data: make([]byte, 1000)})
	}
	if code(err) != protocol.CodeRefused || sent != 101_000 {
		t.Errorf("after %d bytes: %v", sent, err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrTooMuch) {
		t.Errorf("read: %v", err)
	}
	conn, _ = f.open(t)
	for err = nil; err == nil; {
		_, err = conn.Write(make([]byte, 50_000))
	}
	if !errors.Is(err, ErrTooMuch) {
		t.Errorf("write: %v", err)
	}
}

// TestSilence: a door that says nothing, or nothing more, costs a stream's lifetime and no more; its slots come back.
func TestSilence(t *testing.T) {
	f := fakeDoor(t, BorrowerConfig{Lifetime: 30 * time.Millisecond})
	var work sync.WaitGroup
	for range 3 * MaxStreams {
		work.Go(func() {
			if _, err := f.DialContext(context.Background(), "h", 443); !errors.Is(err, ErrTooLong) {
				t.Errorf("%v", err)
			}
		})
	}
	work.Wait()
	f = fakeDoor(t, BorrowerConfig{Lifetime: 100 * time.Millisecond})
	conn, stream := f.open(t)
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("%v", err)
	}
	f.hungUp(t, stream)
}

// TestAtMost: at most MaxStreams at once; one more waits for its turn or its context.
func TestAtMost(t *testing.T) {
	f := fakeDoor(t, BorrowerConfig{})
	var first net.Conn
	for range MaxStreams {
		first, _ = f.open(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := f.DialContext(ctx, "h", 443); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one too many: %v", err)
	}
	if len(f.heard) != 0 {
		t.Errorf("the door was asked: %+v", <-f.heard)
	}
	_ = first.Close()
	f.hungUp(t, MaxStreams)
	f.open(t)
}

// TestDoorGone: with the door all its streams end at once, and no more are lent.
func TestDoorGone(t *testing.T) {
	f := fakeDoor(t, BorrowerConfig{})
	conn, _ := f.open(t)
	f.Close()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := f.DialContext(t.Context(), "h", 443); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	deaf := NewBorrower(BorrowerConfig{Allow: func(string, uint16) bool { return true }, Tell: func(protocol.Op, any) error { return io.ErrClosedPipe }})
	defer deaf.Close()
	if _, err := deaf.DialContext(t.Context(), "h", 443); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

// TestGoneDuringDial: a decider whose door goes away while it waits for a stream does not wait on: Serve returns.
func TestGoneDuringDial(t *testing.T) {
	near, far := net.Pipe()
	var b *Borrower
	server := protocol.NewServer(far, func(context.Context, protocol.Op, json.RawMessage) (any, error) {
		_, err := b.DialContext(context.Background(), "h", 443)
		return protocol.Empty{}, err
	}, func(protocol.Op, error) {})
	b = NewBorrower(BorrowerConfig{Tell: server.Event, Allow: func(string, uint16) bool { return true }, Lifetime: time.Hour})
	server.OnGone(b.Close)
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background()) }()
	asked := make(chan struct{}, 1)
	client := protocol.NewClient(near, func(op protocol.Op, _ json.RawMessage) {
		if op == protocol.EventDial {
			asked <- struct{}{}
		}
	})
	go func() { _ = client.Call(context.Background(), "x", protocol.Empty{}, nil) }()
	<-asked
	_ = client.Close()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Serve waits for a stream of a door that is gone")
	}
	<-client.Done()
}

// TestAnyDoor: whatever a door says, in whatever order, nothing panics, hangs or grows, and what is read is what was said, in order.
func TestAnyDoor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := fakeDoor(t, BorrowerConfig{MaxBytes: 1000, Lifetime: time.Minute})
		defer f.Close()
		var work sync.WaitGroup
		var mu sync.Mutex
		read := map[uint64]string{}
		for range rapid.IntRange(1, 3).Draw(rt, "streams") {
			work.Go(func() {
				c, err := f.DialContext(context.Background(), "h", 443)
				if err != nil {
					return
				}
				text, _ := io.ReadAll(c)
				mu.Lock()
				defer mu.Unlock()
				read[c.(*conn).s.id] = string(text)
			})
		}
		said := map[uint64]string{}
		for range rapid.IntRange(0, 30).Draw(rt, "sayings") {
			stream := rapid.Uint64Range(0, 4).Draw(rt, "stream")
			text := rapid.StringN(0, 300, 300).Draw(rt, "text")
			switch rapid.IntRange(0, 3).Draw(rt, "op") {
			case 0:
				_ = f.say(protocol.OpStreamOpened, protocol.StreamOpened{Stream: stream, Error: strings.Repeat("e", len(text)%2)})
			case 1, 2:
				if f.say(protocol.OpStreamData, protocol.StreamData{Stream: stream, Data: []byte(text)}) == nil {
					said[stream] += text
				}
			case 3:
				_ = f.say(protocol.OpStreamEnd, protocol.StreamEnd{Stream: stream, Error: text})
			}
		}
		f.Close()
		work.Wait()
		for stream, text := range read {
			if !strings.HasPrefix(text, said[stream]) || len(text) > 1000 {
				rt.Fatalf("stream %d: read %q, said %q", stream, text, said[stream])
			}
		}
	})
}
