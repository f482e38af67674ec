package governed_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
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
}

// command is an exec that is right, for change to make it wrong.
func (l *liar) command(change func(e *wire.Exec), argv ...string) net.Conn {
	e := wire.Exec{Argv: argv, Dir: l.home, Stdin: wire.InNull, Stdout: wire.ToPipe, Stderr: wire.ToNull, Line: 1}
	if change != nil {
		change(&e)
	}
	return l.ask(wire.Ask{Op: wire.OpExec, Exec: &e})
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
	if kind := l.failure(l.command(nil, "true")); kind != "" {
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

// lies are what a process under an attacker's control tries, and what becomes of it.
var lies = map[string]func(l *liar){
	"a command before the beginning": func(l *liar) { l.command(nil, "true"); l.over(governed.ErrProtocol) },
	"two beginnings":                 func(l *liar) { l.begin(); l.ask(wire.Ask{Op: wire.OpBegin}); l.over(governed.ErrProtocol) },
	"no protocol at all":             func(l *liar) { _, _ = l.raw.Write([]byte("GET / HTTP/1.1\r\n\r\n")); l.over(governed.ErrDied) },
	"hangs up":                       func(l *liar) { l.begin(); l.mux.Close(); l.over(governed.ErrDied) },
	"closes the first stream alone":  func(l *liar) { l.begin(); l.control.Close(); l.over(governed.ErrDied) },
	"an ask that is no JSON":         func(l *liar) { l.begin(); l.stream([]byte("q\x00\x00\x00\x01x")); l.over(governed.ErrProtocol) },
	"an ask nested half a million deep": func(l *liar) {
		l.begin()
		_ = wire.Write(l.stream(nil), wire.FrameAsk, []byte(strings.Repeat("[", wire.MaxHead)))
		l.over(governed.ErrProtocol)
	},
	"an ask of four gigabytes":      func(l *liar) { l.begin(); l.stream([]byte("q\xff\xff\xff\xff")); l.over(governed.ErrProtocol) },
	"a frame of no kind":            func(l *liar) { l.begin(); l.stream([]byte("?\x00\x00\x00\x00")); l.over(governed.ErrProtocol) },
	"a report that is none":         func(l *liar) { l.begin(); _ = wire.Write(l.control, wire.FrameReport, []byte("[]")); l.over(governed.ErrProtocol) },
	"output on the first stream":    func(l *liar) { l.begin(); _ = wire.Write(l.control, wire.FrameOut, []byte("x")); l.over(governed.ErrProtocol) },
	"an operation that there isn't": func(l *liar) { l.begin(); l.refused(l.ask(wire.Ask{Op: "sessions"}), wire.KindAsked) },
	"an operation without its part": func(l *liar) { l.begin(); l.refused(l.ask(wire.Ask{Op: wire.OpStat}), wire.KindAsked) },
	"a command without words":       func(l *liar) { l.begin(); l.refused(l.command(nil), wire.KindAsked) },
	"a command that is denied":      func(l *liar) { l.begin(); l.refused(l.command(nil, "id"), wire.KindDenied) },
	"a relative folder": func(l *liar) {
		l.begin()
		l.refused(l.command(func(e *wire.Exec) { e.Dir = "../../etc" }, "true"), wire.KindAsked)
	},
	"a folder with NUL": func(l *liar) {
		l.begin()
		l.refused(l.command(func(e *wire.Exec) { e.Dir = "/srv\x00/etc" }, "true"), wire.KindAsked)
	},
	"a sink of another session": func(l *liar) {
		l.begin()
		l.refused(l.command(func(e *wire.Exec) { e.Stdout = "session s_2" }, "true"), wire.KindAsked)
	},
	"standard output where its own goes": func(l *liar) {
		l.begin()
		l.refused(l.command(func(e *wire.Exec) { e.Stdout = wire.ToPair }, "true"), wire.KindAsked)
	},
	"a source that there isn't": func(l *liar) {
		l.begin()
		l.refused(l.command(func(e *wire.Exec) { e.Stdin = "/etc/passwd" }, "true"), wire.KindAsked)
	},
	"a relative path": func(l *liar) {
		l.begin()
		l.refused(l.ask(wire.Ask{Op: wire.OpStat, Path: &wire.Path{Path: "etc/passwd"}}), wire.KindAsked)
	},
	"a path with NUL": func(l *liar) {
		l.begin()
		l.refused(l.ask(wire.Ask{Op: wire.OpList, Path: &wire.Path{Path: "/srv\x00"}}), wire.KindAsked)
	},
	"a path of 100 kB": func(l *liar) {
		l.begin()
		l.refused(l.ask(wire.Ask{Op: wire.OpAccess, Path: &wire.Path{Path: "/" + strings.Repeat("a", 100_000), Want: "r"}}), wire.KindAsked)
	},
	"a file opened in a way that there isn't": func(l *liar) {
		l.begin()
		l.refused(l.ask(wire.Ask{Op: wire.OpOpen, Open: &wire.Open{Path: l.home + "/f", Mode: "rw"}}), wire.KindAsked)
	},
	"a file with the set-user-ID bit": func(l *liar) {
		l.begin()
		l.refused(l.ask(wire.Ask{Op: wire.OpOpen, Open: &wire.Open{Path: l.home + "/f", Mode: "new", Perm: 0o4755}}), wire.KindAsked)
		if _, err := os.Lstat(l.home + "/f"); !errors.Is(err, os.ErrNotExist) {
			l.t.Errorf("the file is there: %v", err)
		}
	},
	"a name of 100 kB to complete": func(l *liar) {
		l.begin()
		l.refused(l.ask(wire.Ask{Op: wire.OpComplete, Word: strings.Repeat("a", 100_000)}), wire.KindAsked)
	},
	"input before its beginning": func(l *liar) {
		l.begin()
		l.ask(wire.Ask{Op: wire.OpInput, Input: &wire.Input{Used: -1, Want: 1}})
		l.over(governed.ErrProtocol)
	},
	"more input used than there was": func(l *liar) {
		l.begin()
		l.ask(wire.Ask{Op: wire.OpInput, Input: &wire.Input{Used: 1 << 62, Want: 1}})
		l.over(governed.ErrProtocol)
	},
	"input behind what there is": func(l *liar) {
		l.begin()
		l.ask(wire.Ask{Op: wire.OpInput, Input: &wire.Input{From: 1 << 40, Want: 1}})
		l.over(governed.ErrProtocol)
	},
	"two outputs": func(l *liar) {
		l.begin()
		first := l.ask(wire.Ask{Op: wire.OpOutput})
		_ = wire.Write(first, wire.FrameOut, []byte("x"))
		l.ask(wire.Ask{Op: wire.OpOutput})
		l.over(governed.ErrProtocol)
	},
	"an output that is a signal": func(l *liar) {
		l.begin()
		_ = wire.Write(l.ask(wire.Ask{Op: wire.OpOutput}), wire.FrameSignal, []byte("KILL"))
		l.over(governed.ErrProtocol)
	},
	"a command that waits for output that never comes": func(l *liar) {
		l.begin()
		s := l.command(func(e *wire.Exec) { e.Wrote = [2]int64{1 << 60, 1 << 60} }, "true")
		l.alive()
		l.cancel(errSession)
		l.over(errSession)
		_ = s
		if n := len(l.host.Started()); n != 1 {
			l.t.Errorf("%d commands were started, want the one that did not wait", n)
		}
	},
	"a command that is called off while it waits for output": func(l *liar) {
		l.begin()
		s := l.command(func(e *wire.Exec) { e.Wrote = [2]int64{1 << 60, 0} }, "true")
		_ = wire.Write(s, wire.FrameSignal, []byte("INT"))
		l.refused(s, wire.KindEnded)
	},
	"input behind its end": func(l *liar) {
		l.begin()
		s := l.command(func(e *wire.Exec) { e.Stdin = wire.InPipe }, "cat")
		_ = wire.Write(s, wire.FrameInEnd, nil)
		_ = wire.Write(s, wire.FrameIn, []byte("more"))
		l.over(governed.ErrProtocol)
	},
	"a report where a command's frames are due": func(l *liar) {
		l.begin()
		s := l.command(nil, "sleep", "60")
		_ = wire.WriteJSON(s, wire.FrameReport, wire.Report{})
		l.over(governed.ErrProtocol)
	},
	"more streams than it may have": func(l *liar) {
		l.begin()
		for range 200 {
			if _, err := l.mux.OpenStream(); err != nil {
				break
			}
		}
		l.over(governed.ErrProtocol)
	},
	"a storm of frames that say nobody reads": func(l *liar) {
		l.begin()
		s := l.command(nil, "yes")
		go func() {
			for range 10_000 {
				if wire.Write(s, wire.FrameShut, []byte{1}) != nil {
					return
				}
			}
		}()
		if kind := l.failure(s); kind != "" {
			l.t.Errorf("got %s, want an exit by PIPE", kind)
		}
		l.alive()
	},
	"a storm of signals with names that there aren't": func(l *liar) {
		l.begin()
		s := l.command(nil, "sleep", "60")
		for _, name := range []string{"", "\x00", "-9", "KILL -1", "RTMIN+99", "99"} {
			_ = wire.Write(s, wire.FrameSignal, []byte(name))
		}
		l.alive()
		_ = wire.Write(s, wire.FrameSignal, []byte("KILL"))
		if kind := l.failure(s); kind != "" {
			l.t.Errorf("got %s, want an exit", kind)
		}
	},
	"the kill of groups that are not its own": func(l *liar) {
		l.begin()
		s := l.command(func(e *wire.Exec) { e.Group = 7 }, "sleep", "60")
		for _, group := range []int64{0, -1, 1, 8, int64(os.Getpid()), -1 << 63} {
			_ = wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Kill: &wire.Kill{Group: group, Signal: "KILL"}})
		}
		l.alive() // and the test's process with it
		_ = wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Kill: &wire.Kill{Group: 7, Signal: "KILL"}})
		if kind := l.failure(s); kind != "" {
			l.t.Errorf("got %s, want an exit", kind)
		}
	},
	"output that it does not read": func(l *liar) {
		l.begin()
		l.command(nil, "yes")
		l.alive()
		l.cancel(errSession)
		l.over(errSession)
	},
	"a file that it does not read": func(l *liar) {
		l.begin()
		big := filepath.Join(l.home, "big")
		if err := os.WriteFile(big, make([]byte, 8<<20), 0o600); err != nil {
			l.t.Fatal(err)
		}
		l.ask(wire.Ask{Op: wire.OpOpen, Open: &wire.Open{Path: big, Mode: "read"}})
		l.alive()
		l.cancel(errSession)
		l.over(errSession)
	},
	"a command after its end": func(l *liar) {
		l.begin()
		status := -1
		_ = wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Exit: &status})
		select {
		case got := <-l.ended:
			if got.err != nil || got.ended.Status != 255 {
				l.t.Fatalf("got %+v, want status 255", got)
			}
		case <-time.After(patience):
			l.t.Fatal("the door goes on with it")
		}
		if s, err := l.mux.OpenStream(); err == nil {
			_ = wire.WriteJSON(s, wire.FrameAsk, wire.Ask{Op: wire.OpExec, Exec: &wire.Exec{Argv: []string{"true"}, Dir: "/", Stdin: wire.InNull, Stdout: wire.ToNull, Stderr: wire.ToNull}})
		}
		if n := len(l.host.Started()); n != 0 {
			l.t.Errorf("%d commands were started", n)
		}
	},
	"an end while its commands run": func(l *liar) {
		l.begin()
		s := l.command(nil, "sleep", "3600")
		if f, _, err := wire.Read(s, nil); err != nil || f != wire.FrameStarted {
			l.t.Fatalf("got %q, %v", byte(f), err)
		}
		status := 0
		_ = wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Exit: &status})
		select {
		case <-l.ended: // which is when nothing of it runs
		case <-time.After(patience):
			l.t.Fatal("a command outlives its shell")
		}
	},
	"more commands of one line than it may have": func(l *liar) {
		l.begin()
		last := wire.Kind("")
		for range 1001 {
			s := l.command(func(e *wire.Exec) { e.Argv = []string{"id"} })
			f, b, err := wire.Read(s, nil)
			if err != nil || f != wire.FrameFail {
				l.t.Fatalf("got %q, %v", byte(f), err)
			}
			if strings.Contains(string(b), string(wire.KindLimit)) {
				last = wire.KindLimit
			}
			s.Close()
		}
		if last != wire.KindLimit {
			l.t.Error("a thousand and one commands, and no limit")
		}
	},
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
