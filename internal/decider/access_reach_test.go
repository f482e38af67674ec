package decider

import (
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
)

// TestAGrantReachesItsTarget: what only a role that is held for a time reaches is reached, chosen by its labels and offered while that lasts,
// by its holder alone.
func TestAGrantReachesItsTarget(t *testing.T) {
	b := newAccessBench(t)
	reaches := func(name string) bool {
		out, err := b.door.Authenticate(t.Context(), protocol.Authenticate{Connection: b.id(id.Connection), Certificate: b.issued(policy.Agent, name, 10*time.Minute), Source: "192.0.2.1", Target: "web-2", Login: "deploy"})
		b.must(err)
		return out.Reaches
	}
	conn := b.connect(policy.Agent, "bot")
	who := console.Credential{Connection: conn}
	offered := func() bool {
		got, err := b.door.Offers(t.Context(), who, "web-2", "")
		return err == nil && len(got.Logins) == 1 && got.Logins[0].Login == "deploy" && len(got.Logins[0].Offers) == 1 && got.Logins[0].Offers[0].Role == "writer"
	}
	if reaches("bot") || offered() {
		t.Fatal("web-2 is reached without a grant")
	}
	r, err := b.door.Ask(t.Context(), who, console.AccessOrder{Role: "writer", Targets: []string{"web-2"}, Login: "deploy", Reason: "to write"})
	b.must(err)
	r = b.approved("vic", r.ID)
	if !reaches("bot") || !offered() || reaches("other") {
		t.Errorf("with the grant: reached %v, offered %v, by another %v", reaches("bot"), offered(), reaches("other"))
	}
	_, err = b.door.EndGrants(t.Context(), who, r.Grant, "")
	b.must(err)
	if reaches("bot") || offered() {
		t.Error("web-2 is reached when the grant has ended")
	}
}
