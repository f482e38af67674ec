package decider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestFakeDoorFlood: at the bounds of connections, sessions and their bytes there are refusals and nothing is issued; below
// them it goes on.
func TestFakeDoorFlood(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	cert := b.issued(policy.Agent, "bot", 10*time.Minute)
	b.d.mu.Lock()
	for i := len(b.d.conns); i < maxConnections; i++ {
		b.d.conns[fmt.Sprint(i)] = &connection{}
	}
	b.d.mu.Unlock()
	in := protocol.Authenticate{Connection: b.id(id.Connection), Certificate: cert, Source: "192.0.2.1", Proven: true}
	if _, err := b.door.Authenticate(t.Context(), in); code(err) != protocol.CodeRefused {
		t.Errorf("a connection over the bound: %v", err)
	}
	if last := b.last(); last.Type != audit.ConnRefused {
		t.Errorf("the log says %+v", last)
	}
	b.d.forget("5000")
	if _, err := b.door.Authenticate(t.Context(), in); err != nil {
		t.Errorf("below the bound: %v", err)
	}
	for name, set := range map[string]func(){
		"sessions": func() {
			for i := range maxSessions {
				b.d.sessions[fmt.Sprint(i)] = &session{}
			}
		},
		"bytes": func() { b.d.held = maxSessionBytes - 10 },
	} {
		b.d.mu.Lock()
		set()
		b.d.mu.Unlock()
		before := len(b.entries())
		if got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); code(err) != protocol.CodeRefused || got.Certificate != nil {
			t.Errorf("over the bound of %s: %+v, %v", name, got, err)
		}
		if n := len(b.entries()); n != before {
			t.Errorf("%s: %d entries more", name, n-before)
		}
		b.d.mu.Lock()
		clear(b.d.sessions)
		b.d.held = 0
		b.d.mu.Unlock()
		if _, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); err != nil {
			t.Errorf("below the bound of %s: %v", name, err)
		}
	}
}

// TestFakeDoorWords: what the door says is bounded before it is logged, and a session that is over is not held any more.
func TestFakeDoorWords(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	long := strings.Repeat("x", 100_000)
	q := b.question(conn, "echo", "x")
	if _, err := b.door.Decide(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	b.must(b.door.Refuse(t.Context(), protocol.Refuse{Connection: long, Session: long, Target: long, Login: long, What: long, Code: long, Why: long}))
	b.must(b.door.End(t.Context(), protocol.End{Connection: long, Session: q.Session, State: long, Reason: long, Signal: long, Remote: long}))
	b.must(b.door.CloseConnection(t.Context(), protocol.Close{Connection: conn, Reason: long}))
	for _, e := range b.entries() {
		if len(e.Reason)+len(e.Conn)+len(e.Target)+len(e.Data) > 20_000 {
			t.Errorf("an entry %s of %d bytes of reason and %d of data", e.Type, len(e.Reason), len(e.Data))
		}
	}
	b.d.mu.RLock()
	defer b.d.mu.RUnlock()
	if len(b.d.sessions) != 0 || b.d.held != 0 || len(b.d.conns) != 0 {
		t.Errorf("%d sessions, %d bytes, %d connections are kept", len(b.d.sessions), b.d.held, len(b.d.conns))
	}
}
