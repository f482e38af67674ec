package decider

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestFakeDoorKill: after a kill the connection asks for nothing more, however often the door does.
func TestFakeDoorKill(t *testing.T) {
	b := newBench(t)
	conn, sibling, ann := b.connect(policy.Agent, "bot"), b.connect(policy.Agent, "bot"), b.connect(policy.Person, "ann")
	q := b.question(conn, "echo", "x")
	if _, err := b.door.Decide(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if _, err := b.door.Authorize(t.Context(), console.Credential{Connection: ann}, "kill", q.Session, "test"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); code(err) != protocol.CodeRefused || got.Certificate != nil {
			t.Errorf("after the kill: %+v, %v", got, err)
		}
	}
	again := protocol.Authenticate{Connection: conn, Certificate: b.issued(policy.Agent, "bot", time.Minute), Source: "192.0.2.1", Proven: true}
	if _, err := b.door.Authenticate(t.Context(), again); code(err) != protocol.CodeInvalid {
		t.Errorf("the dead connection's id once more: %v", err)
	}
	if _, err := b.door.Decide(t.Context(), b.question(sibling, "echo", "x")); err != nil {
		t.Errorf("another connection: %v", err)
	}
}

// TestFakeDoorAuthorize: rights are those of the connection or sign-in that is named, and each answer is in the log.
func TestFakeDoorAuthorize(t *testing.T) {
	b := newBench(t)
	ann, vic, none, bot := b.connect(policy.Person, "ann"), b.connect(policy.Person, "vic"), b.connect(policy.Person, "nan"), b.connect(policy.Agent, "bot")
	for _, c := range []struct {
		conn, verb string
		allowed    bool
	}{
		{ann, "kill", true}, {ann, "sessions.list", true}, {ann, "web-login", true}, {vic, "sessions.play", true}, {vic, "kill", false},
		{none, "sessions.list", false}, {none, "web-login", false}, {bot, "sessions.list", false}, {bot, "kill", false},
		{ann, "sessions.delete", false}, {ann, "", false}, {b.id(id.Connection), "sessions.list", false}, {"", "sessions.list", false},
	} {
		_, err := b.door.Authorize(t.Context(), console.Credential{Connection: c.conn}, console.Verb(c.verb), "ses_x", "why")
		if (err == nil) != c.allowed {
			t.Errorf("%s %s: %v", c.conn, c.verb, err)
		}
		if c.conn == "" || c.conn != ann && c.conn != vic && c.conn != none && c.conn != bot {
			continue // nobody: nothing to note
		}
		entries := b.entries()
		last := entries[len(entries)-1]
		if (last.Type != audit.Read && last.Type != audit.Kill) || (last.Outcome == "allow") != c.allowed || last.Conn != c.conn {
			t.Errorf("%s %s: the log says %+v", c.conn, c.verb, last)
		}
	}
	for name, who := range map[string]console.Credential{"both": {Connection: ann, SignIn: "x"}, "a guessed cookie": {SignIn: "x"}, "neither": {}} {
		if _, err := b.door.Authorize(t.Context(), who, "sessions.list", "", ""); err == nil {
			t.Errorf("%s: allowed", name)
		}
	}
}

// TestFakeDoorCannotAdminister: what root asks for is not there for the door.
func TestFakeDoorCannotAdminister(t *testing.T) {
	b := newBench(t)
	key, _ := newKey(t)
	for op, in := range map[protocol.Op]any{
		protocol.OpIssue:     protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: key.Marshal(), TTL: time.Minute},
		protocol.OpSetupLink: protocol.SetupLink{Person: "ann"}, protocol.OpReload: protocol.Empty{},
		protocol.OpSignHost: protocol.SignHost{Target: "web-1", PublicKey: key.Marshal(), TTL: time.Minute}, "sign": protocol.Empty{},
	} {
		var out json.RawMessage
		if err := b.door.Call(t.Context(), op, in, &out); code(err) != protocol.CodeInvalid || len(out) > 0 {
			t.Errorf("%q: %s, %v", op, out, err)
		}
	}
}
