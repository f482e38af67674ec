package decider

import (
	"strings"
	"testing"

	"gatehouse/policy"
)

// TestGlobsOfSessionsAreHeld: what globs matched is part of what a live session takes, though the log's entry leaves it out.
func TestGlobsOfSessionsAreHeld(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "echo", "x")
	q.Facts.Globs = map[string][]string{"/srv/*": {"/srv/" + strings.Repeat("a", 200), "/srv/" + strings.Repeat("b", 200)}}
	if got, err := b.door.Decide(t.Context(), q); err != nil || got.Decision.Verdict != policy.Allow {
		t.Fatalf("%+v, %v", got.Decision, err)
	}
	with := b.d.held
	q = b.question(conn, "echo", "x")
	if _, err := b.door.Decide(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if without := b.d.held - with; with < without+400 {
		t.Errorf("%d bytes with globs, %d without", with, without)
	}
}
