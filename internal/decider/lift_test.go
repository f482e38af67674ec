package decider

import (
	"strings"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

const liftPolicy = `version: 1
people: {ann: {roles: [admin]}, kim: {roles: [admin]}, oli: {roles: [oncall]}, vic: {roles: [viewer]}}
groups: {web: [person:ann, person:vic]}
agents: {bot: {owner: person:ann}, gang: {owner: group:web}, other: {owner: person:vic}}
roles:
  admin: {rights: [view, administer]}
  oncall: {rights: [operate]}
  viewer: {rights: [view]}
`

// TestWhoRevokesAndLifts: the rights, and that nobody lifts what concerns themselves; what nobody can tell, only root lifts.
func TestWhoRevokesAndLifts(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir(), clock: newBenchClock(), told: make(chan struct{}, 64)}
	b.write("policy.yaml", liftPolicy)
	b.write("targets.yaml", testTargets)
	b.open()
	b.connectDoor()
	as := map[string]console.Credential{}
	for _, name := range []string{"ann", "kim", "oli", "vic"} {
		as[name] = console.Credential{Connection: b.connect(policy.Person, name)}
	}
	as["an agent"] = console.Credential{Connection: b.connect(policy.Agent, "bot")}
	make := func(who, handle string) (string, error) {
		h, err := revoke.Parse(handle)
		b.must(err)
		r, err := b.door.Revoke(t.Context(), as[who], console.RevokeOrder{Handles: []revoke.Handle{h}, Reason: "x"})
		return r.ID, err
	}
	for who, want := range map[string]bool{"ann": true, "kim": true, "oli": true, "vic": false, "an agent": false} {
		if _, err := make(who, "task:"+strings.ReplaceAll(who, " ", "-")); (err == nil) != want {
			t.Errorf("%s revokes: %v", who, err)
		}
		if last := lastOf(b, audit.Revoke); (last.Outcome == "deny") == want || last.Conn != as[who].Connection {
			t.Errorf("%s: the log says %+v", who, last)
		}
	}
	for _, c := range []struct {
		handle, who string
		want        bool
	}{{"agent:bot", "ann", false}, {"agent:bot", "kim", true}, {"agent:bot", "oli", false}, {"agent:gang", "ann", false}, {"agent:gang", "kim", true}, {"agent:other", "ann", true},
		{"owner:person:ann", "ann", false}, {"owner:person:ann", "kim", true}, {"owner:group:web", "ann", false}, {"owner:group:web", "kim", true},
		{"owner:group:none", "kim", false}, {"agent:unknown", "kim", false}, {"person:vic", "ann", true}, {"certificate:7", "kim", false}, {"task:t", "kim", false},
		{"key:SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "kim", false}} {
		r := b.revoke("x", c.handle)
		_, err := b.door.Lift(t.Context(), as[c.who], r.ID, "over")
		if (err == nil) != c.want {
			t.Errorf("%s lifts %s: %v", c.who, c.handle, err)
		}
		if last := lastOf(b, audit.Revoke); (last.Outcome == "deny") == c.want || last.Actor != "person:"+c.who {
			t.Errorf("%s lifts %s: the log says %+v", c.who, c.handle, last)
		}
		if !c.want {
			b.lift(r.ID)
		}
	}
	own := b.revoke("x", "person:kim")
	if _, err := b.door.Lift(t.Context(), as["kim"], own.ID, "over"); err == nil {
		t.Error("kim lifted her own")
	}
	if why := mayLift(b.d.currentPolicy(), policy.Identity{Kind: policy.Person, Name: "kim"}, revoke.Revocation{Handles: []revoke.Handle{{Kind: revoke.Person, Value: "kim"}}}); why == "" {
		t.Error("kim may lift her own")
	}
	for name, by := range map[string]any{"root in the door's name": protocol.Revoke{By: "root", Handles: []string{"agent:bot"}, Reason: "x"}} {
		if err := b.door.Call(t.Context(), protocol.OpRevoke, by, nil); code(err) != protocol.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.door.Call(t.Context(), protocol.OpKRL, protocol.ExportKRL{CA: "agent", By: "root"}, nil); code(err) != protocol.CodeInvalid {
		t.Errorf("the door exports: %v", err)
	}
}
