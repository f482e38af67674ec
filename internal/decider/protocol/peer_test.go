package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair is both ends of a socket pair.
func pair(t *testing.T) (net.Conn, net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	t.Cleanup(func() { _ = ends[0].Close(); _ = ends[1].Close() })
	return ends[0], ends[1]
}

func serve(s *Server) chan error {
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background()) }()
	return done
}

// TestErrors: a refusal crosses as it is, the text of anything else stays.
func TestErrors(t *testing.T) {
	door, decider := pair(t)
	var mu sync.Mutex
	var kept error
	done := serve(NewServer(decider, func(_ context.Context, op Op, _ json.RawMessage) (any, error) {
		if op == "no" {
			return nil, &Error{Code: CodeRefused, Msg: "no"}
		}
		return nil, errors.New("the key is in /secret")
	}, func(_ Op, err error) { mu.Lock(); kept = err; mu.Unlock() }))
	c := NewClient(door, nil)
	var e *Error
	if err := c.Call(t.Context(), "no", Empty{}, nil); !errors.As(err, &e) || e.Code != CodeRefused || e.Msg != "no" {
		t.Errorf("refusal: %v", err)
	}
	if err := c.Call(t.Context(), "other", Empty{}, nil); !errors.As(err, &e) || e.Code != CodeInternal || strings.Contains(e.Msg, "secret") {
		t.Errorf("internal: %v", err)
	}
	mu.Lock()
	if kept == nil || !strings.Contains(kept.Error(), "secret") {
		t.Errorf("kept %v", kept)
	}
	mu.Unlock()
	_ = c.Close()
	<-c.Done()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := c.Call(t.Context(), "no", Empty{}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// TestGarbageEndsServe: what is no request ends the connection, and with it whatever was under way.
func TestGarbageEndsServe(t *testing.T) {
	for name, wire := range map[string]string{
		"no frame": "GET / HTTP/1.1\r\n\r\n", "an event": "\x00\x00\x00\x12" + `{"v":1,"op":"end"}`, "an answer": "\x00\x00\x00\x15" + `{"v":1,"id":1,"ok":{}}`,
		"both": "\x00\x00\x00\x20" + `{"v":1,"id":1,"op":"end","ok":{}}`[:32], "a cut frame": "\x00\x00\x00\x12{",
	} {
		door, decider := pair(t)
		done := serve(NewServer(decider, func(context.Context, Op, json.RawMessage) (any, error) { return Empty{}, nil }, nil))
		if _, err := io.WriteString(door, wire); err != nil {
			t.Fatal(err)
		}
		_ = door.(*net.UnixConn).CloseWrite()
		if err := <-done; err == nil {
			t.Errorf("%s: Serve ended without an error", name)
		}
	}
}

// TestUnread: a door that never reads does not hold the decider up for longer than its patience.
func TestUnread(t *testing.T) {
	door, decider := pair(t)
	s := NewServer(decider, func(context.Context, Op, json.RawMessage) (any, error) { return Empty{}, nil }, nil)
	s.patience = 20 * time.Millisecond
	done := serve(s)
	big := RevokeEvent{Reason: strings.Repeat("x", MaxFrame/2)}
	var err error
	for range 64 { // until the socket's buffer is full
		if err = s.Event(EventRevoke, big); err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("event: %v", err)
	}
	<-done // the connection is over
	_ = door.Close()
}

// unwritable is a connection whose writes fail, and whose reads end only when it is closed.
type unwritable struct {
	err    error
	closed chan struct{}
	once   sync.Once
}

func (u *unwritable) Read([]byte) (int, error)  { <-u.closed; return 0, net.ErrClosed }
func (u *unwritable) Write([]byte) (int, error) { return 0, u.err }
func (u *unwritable) Close() error              { u.once.Do(func() { close(u.closed) }); return nil }

// TestGoneAtWrite: an end that closes while it is written to has closed, which is no fault; a write that fails otherwise is one.
func TestGoneAtWrite(t *testing.T) {
	for err, want := range map[error]error{syscall.EPIPE: nil, syscall.ECONNRESET: nil, io.ErrClosedPipe: nil, os.ErrDeadlineExceeded: os.ErrDeadlineExceeded} {
		s := NewServer(&unwritable{err: err, closed: make(chan struct{})}, nil, nil)
		done := serve(s)
		if got := s.Event(EventRevoke, Empty{}); !errors.Is(got, err) {
			t.Errorf("event: %v", got)
		}
		if got := <-done; !errors.Is(got, want) {
			t.Errorf("after %v Serve says %v", err, got)
		}
	}
}

// TestInFlight: the bodies of requests that are worked on are bounded together; what waits goes on when there is room.
func TestInFlight(t *testing.T) {
	door, decider := pair(t)
	entered, release := make(chan struct{}, 64), make(chan struct{})
	const room = 4
	body := strings.Repeat("x", 1000)
	s := NewServer(decider, func(context.Context, Op, json.RawMessage) (any, error) {
		entered <- struct{}{}
		<-release
		return Empty{}, nil
	}, nil)
	s.room = int64(room * (len(body) + len(`""`)))
	done := serve(s)
	c := NewClient(door, nil)
	var work sync.WaitGroup
	for range 2 * room {
		work.Go(func() {
			if err := c.Call(context.Background(), "x", body, nil); err != nil {
				t.Error(err)
			}
		})
	}
	for range room {
		<-entered
	}
	select {
	case <-entered:
		t.Error("more than the bound is worked on")
	case <-time.After(50 * time.Millisecond): // long enough for one that should not come
	}
	close(release)
	work.Wait()
	_ = c.Close()
	<-c.Done()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
