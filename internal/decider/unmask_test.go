package decider

import (
	"testing"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestUnmask: it needs the right by that name, which no other brings, and a reason; the log has both the answer and the reason.
func TestUnmask(t *testing.T) {
	b := newBench(t)
	uma, ann, bot := b.connect(policy.Person, "uma"), b.connect(policy.Person, "ann"), b.connect(policy.Agent, "bot")
	ask := func(conn, reason string) error {
		_, err := b.door.Authorize(t.Context(), console.Credential{Connection: conn}, console.SessionsUnmask, "ses_x", reason)
		return err
	}
	for _, c := range []struct {
		conn    string
		allowed bool
	}{{uma, true}, {ann, false}, {bot, false}} {
		if err := ask(c.conn, "INC-7"); (err == nil) != c.allowed {
			t.Errorf("%s: %v", c.conn, err)
		}
		entries := b.entries()
		last := entries[len(entries)-1]
		if last.Type != audit.Read || last.Reason != "INC-7" || last.Object != "ses_x" || (last.Outcome == "allow") != c.allowed {
			t.Errorf("%s: the log says %+v", c.conn, last)
		}
	}
	before := len(b.entries())
	for _, reason := range []string{"", " \t"} {
		if err := ask(uma, reason); code(err) != protocol.CodeInvalid {
			t.Errorf("with the reason %q: %v", reason, err)
		}
	}
	if after := len(b.entries()); after != before {
		t.Errorf("%d entries for what was not asked properly", after-before)
	}
}
