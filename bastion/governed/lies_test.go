package governed_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
)

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
	"an ask of four gigabytes": func(l *liar) { l.begin(); l.stream([]byte("q\xff\xff\xff\xff")); l.over(governed.ErrProtocol) },
	"half of a long ask on every stream": func(l *liar) {
		l.begin()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		half := append([]byte("q\x00\x07\xff\xff"), make([]byte, 64<<10)...)
		for range 100 {
			_, _ = l.stream(nil).Write(half)
		}
		runtime.ReadMemStats(&now)
		if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
			l.t.Errorf("%d MiB are held", grown>>20)
		}
	},
	"a long frame where there is content": func(l *liar) {
		l.begin()
		s := l.command(nil, "sleep", "60")
		l.started(s)
		_, _ = s.Write([]byte("r\x00\x07\xff\xff"))
		l.over(governed.ErrProtocol)
	},
	"a frame of no kind": func(l *liar) { l.begin(); l.stream([]byte("?\x00\x00\x00\x00")); l.over(governed.ErrProtocol) },
	"a report that is none": func(l *liar) {
		l.begin()
		_ = wire.Write(l.control, wire.FrameReport, []byte("[]"))
		l.over(governed.ErrProtocol)
	},
	"output on the first stream": func(l *liar) {
		l.begin()
		_ = wire.Write(l.control, wire.FrameOut, []byte("x"))
		l.over(governed.ErrProtocol)
	},
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
		l.started(s)
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
		l.started(s)
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
		l.started(s)
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
