package governed_test

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
)

// heap is what this process holds, the liar's own part included.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestWhatComesBehindAnAnswerIsNotKept: a process that goes on sending on streams that the door is done with, and closes none, fills nothing and
// ends its shell.
func TestWhatComesBehindAnAnswerIsNotKept(t *testing.T) {
	l := takeOver(t)
	l.begin()
	before := heap()
	junk := make([]byte, 250<<10)
	for range 400 {
		s, err := l.mux.OpenStream()
		if err != nil {
			break
		}
		if wire.WriteJSON(s, wire.FrameAsk, wire.Ask{Op: wire.OpStat, Path: &wire.Path{Path: "x"}}) != nil {
			break
		}
		_, _, _ = wire.Read(s, nil)
		_, _ = s.Write(junk)
	}
	if grown := heap() - before; grown > 80<<20 { // 128 streams, each with a buffer for its window, which may have twice its room
		t.Errorf("%d MiB are held", grown>>20)
	}
	l.over(governed.ErrProtocol)
}

// TestCommandsThatWaitAreBounded: what a process asks with, for commands that it never lets begin, takes a bounded room together.
func TestCommandsThatWaitAreBounded(t *testing.T) {
	l := takeOver(t)
	l.begin()
	before := heap()
	frame := []byte(`{"op":"exec","exec":{"argv":["true"],"dir":"/","stdin":"null","stdout":"null","stderr":"null","wrote":[1000000000000,0],"redirs":[{}` + strings.Repeat(",{}", 160_000) + `]}}`)
	limit := 0
	for range 12 {
		s := l.stream(nil)
		if err := wire.Write(s, wire.FrameAsk, frame); err != nil {
			t.Fatal(err)
		}
		f, b, err := wire.Read(s, nil)
		if err != nil || f != wire.FrameFail || !strings.Contains(string(b), string(wire.KindLimit)) {
			t.Fatalf("got %q %s, %v, want that it is too much", byte(f), b, err)
		}
		limit++
		_ = s.Close()
	}
	if grown := heap() - before; grown > 48<<20 {
		t.Errorf("%d MiB are held for %d commands", grown>>20, limit)
	}
	l.alive()
}

// TestRefusalsAreBounded: why a line is refused counts as its text does; a process cannot fill the recording with it.
func TestRefusalsAreBounded(t *testing.T) {
	l := takeOver(t)
	l.begin()
	reason := strings.Repeat("x", 500<<10)
	sent := 0
	for ; sent < 1000; sent++ {
		if wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Line: 1, Refused: &wire.Refused{Construct: "x", Reason: reason}}) != nil {
			break
		}
	}
	l.over(governed.ErrProtocol)
	var kept int
	for _, r := range l.host.Lines() {
		if r.Refused != nil {
			kept += len(r.Refused.Reason)
		}
	}
	if kept > 64<<20 {
		t.Errorf("%d MiB of reasons", kept>>20)
	}
}

// TestCommandsAtOnceAreBounded: each command may have the door hold what nobody reads, so there are so many at once and no more.
func TestCommandsAtOnceAreBounded(t *testing.T) {
	l := takeOver(t)
	l.begin()
	var first net.Conn
	for n := range 33 {
		s := l.command(nil, "sleep", "60")
		f, b, err := wire.Read(s, nil)
		if want := map[bool]wire.Frame{true: wire.FrameStarted, false: wire.FrameFail}[n < 32]; err != nil || f != want {
			t.Fatalf("command %d: %q %s, %v", n+1, byte(f), b, err)
		}
		if n == 0 {
			first = s
		}
	}
	_ = wire.Write(first, wire.FrameSignal, []byte("KILL"))
	if kind := l.failure(first); kind != "" {
		t.Errorf("got %s, want an exit", kind)
	}
	l.alive()
}

// TestLeavingWithoutReadingEndsACommand: a process that closes a command's stream and reads nothing of it keeps neither it nor its place.
func TestLeavingWithoutReadingEndsACommand(t *testing.T) {
	l := takeOver(t)
	l.begin()
	s := l.command(nil, "yes")
	l.started(s)
	for range 5 { // meanwhile there is no room any more for what it prints
		l.alive()
	}
	s.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if l.mux.NumStreams() <= 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the door goes on writing")
		}
	}
}
