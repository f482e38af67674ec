package decider

import (
	"strings"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// TestFromADenial: what was denied for want of a role is asked for by the denial's id, approved as exactly that command, and runs once; the
// role is lent to nothing else.
func TestFromADenial(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	denied, err := b.ask(b.question(conn, "tee", "x"))
	if err != nil || denied.Decision.Verdict != policy.Deny {
		t.Fatalf("%+v, %v", denied.Decision, err)
	}
	bot := console.Credential{Connection: conn}
	r, err := b.door.Ask(t.Context(), bot, console.AccessOrder{From: denied.ID, Reason: "to write"})
	if err != nil || r.Scope.Kind != access.CommandScope || r.Scope.Role != "writer" || !strings.Contains(r.Text(nil), `"tee" "x"`) && !strings.Contains(r.Text(nil), `"/usr/bin/tee" "x"`) {
		t.Fatalf("%+v, %v", r, err)
	}
	b.approved("vic", r.ID)
	if got, err := b.ask(b.question(conn, "tee", "y")); err != nil || got.Decision.Verdict != policy.Deny {
		t.Errorf("another word: %+v, %v", got.Decision, err)
	}
	q := b.question(conn, "tee", "x")
	q.Target = "web-2"
	if got, err := b.ask(q); err == nil && got.Decision.Verdict == policy.Allow {
		t.Errorf("another target: %+v", got.Decision)
	}
	if got := b.runs(b.question(conn, "tee", "x")); got.Decision.Mode != policy.Pinned {
		t.Errorf("it runs %s", got.Decision.Mode)
	}
	if got, err := b.ask(b.question(conn, "tee", "x")); err != nil || got.Decision.Verdict != policy.Deny {
		t.Errorf("again: %+v, %v", got.Decision, err)
	}
}
