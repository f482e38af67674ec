package governed_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/yamux"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/testshell/localhost"
)

// patience is how long anything that must happen may take.
const patience = 20 * time.Second

// liar is a process of a shell that somebody has taken over: it speaks the protocol by hand, and not as it should. host is what stands
// behind the door; of programs it lets run true, cat, sleep and yes.
type liar struct {
	t       *testing.T
	home    string
	host    *localhost.Host
	out     *strings.Builder
	mux     *yamux.Session
	raw     net.Conn
	control net.Conn
	cancel  context.CancelCauseFunc
	ended   chan served
}

type served struct {
	ended governed.Ended
	err   error
}

// errSession is the session's own end.
var errSession = errors.New("the session is over")

// takeOver starts a shell whose process is ours.
func takeOver(t *testing.T) *liar {
	t.Helper()
	l := &liar{t: t, home: t.TempDir(), out: &strings.Builder{}, ended: make(chan served, 1)}
	l.host = localhost.New(localhost.Config{Home: l.home, Env: []string{"PATH=/usr/bin:/bin"}, Stdin: strings.NewReader("input"), Stdout: l.out,
		Decide: func(e wire.Exec) error {
			switch e.Argv[0] {
			case "true", "cat", "sleep", "yes":
				return nil
			}
			return &wire.Error{Kind: wire.KindDenied}
		}})
	door, process := net.Pipe()
	shell, err := governed.New(door, wire.Begin{Line: "true", Home: l.home, Limits: wire.Limits{Commands: 1000}}, l.host)
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancelCause(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		ended, err := shell.Serve(ctx)
		shell.Wait()
		l.ended <- served{ended, err}
	}()
	c := yamux.DefaultConfig()
	c.EnableKeepAlive, c.LogOutput = false, io.Discard
	l.raw = process
	if l.mux, err = yamux.Client(process, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.cancel(errSession)
		_ = l.mux.Close()
		<-over // nothing is left of it
	})
	return l
}

// stream opens a stream and writes b as it is.
func (l *liar) stream(b []byte) net.Conn {
	l.t.Helper()
	s, err := l.mux.OpenStream()
	if err != nil {
		l.t.Fatal(err)
	}
	_ = s.SetDeadline(time.Now().Add(patience))
	if len(b) > 0 {
		_, _ = s.Write(b) // the door may have ended it all already
	}
	return s
}

func (l *liar) ask(a wire.Ask) net.Conn {
	l.t.Helper()
	s := l.stream(nil)
	_ = wire.WriteJSON(s, wire.FrameAsk, a) // the same
	return s
}

func (l *liar) begin() {
	l.t.Helper()
	l.control = l.ask(wire.Ask{Op: wire.OpBegin})
	var a wire.Answer
	if err := wire.ReadJSON(l.control, wire.FrameAnswer, &a); err != nil || a.Begin == nil {
		l.t.Fatalf("begin: %+v, %v", a, err)
	}
	if err := wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Line: 1, Text: "true"}); err != nil { // of which its commands are
		l.t.Fatal(err)
	}
}

// command is an exec that is right, for change to make it wrong.
func (l *liar) command(change func(e *wire.Exec), argv ...string) net.Conn {
	e := wire.Exec{Argv: argv, Dir: l.home, Stdin: wire.InNull, Stdout: wire.ToPipe, Stderr: wire.ToNull, Line: 1}
	if change != nil {
		change(&e)
	}
	return l.ask(wire.Ask{Op: wire.OpExec, Exec: &e})
}

// started waits until a command runs.
func (l *liar) started(s net.Conn) {
	l.t.Helper()
	if f, _, err := wire.Read(s, nil); err != nil || f != wire.FrameStarted {
		l.t.Fatalf("got %q, %v, want that it runs", byte(f), err)
	}
}

// failure is the error that a command's stream ends with.
func (l *liar) failure(s net.Conn) wire.Kind {
	l.t.Helper()
	for {
		f, _, err := wire.Read(s, nil)
		if err != nil {
			l.t.Fatalf("a command's stream: %v", err)
		}
		switch f {
		case wire.FrameExit:
			return ""
		case wire.FrameStarted, wire.FrameOut, wire.FrameErr:
		default:
			return wire.KindDenied
		}
	}
}

// refused wants an answer that is an error, and a shell that goes on.
func (l *liar) refused(s net.Conn, kind wire.Kind) {
	l.t.Helper()
	f, b, err := wire.Read(s, nil)
	if err != nil || f != wire.FrameFail && f != wire.FrameAnswer || !strings.Contains(string(b), `"kind":"`+string(kind)+`"`) {
		l.t.Fatalf("got a frame %q %s, %v, want an error of kind %s", byte(f), b, err, kind)
	}
	l.alive()
}

// alive wants that the shell still runs commands.
func (l *liar) alive() {
	l.t.Helper()
	s := l.command(nil, "true")
	defer s.Close()
	if kind := l.failure(s); kind != "" {
		l.t.Fatalf("the shell runs nothing any more: %s", kind)
	}
}

// over wants that the door has ended the shell, for that reason.
func (l *liar) over(want error) {
	l.t.Helper()
	select {
	case got := <-l.ended:
		if !errors.Is(got.err, want) {
			l.t.Fatalf("the shell ended with %v, want %v", got.err, want)
		}
	case <-time.After(patience):
		l.t.Fatal("the door goes on with it")
	}
}

// TestAProcessThatLiesIsRefused: whatever a taken-over process of a shell sends is answered with an error or ends its own shell, in a time
// that is bounded; and a shell beside it goes on.
func TestAProcessThatLiesIsRefused(t *testing.T) {
	beside := takeOver(t)
	beside.begin()
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			lie(takeOver(t))
			beside.alive()
		})
	}
}
