package decider

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/retain"
)

const keepPolicy = `version: 1
people: {ann: {roles: [admin, reviewer]}, kim: {roles: [admin]}, rex: {roles: [reviewer]}, vic: {roles: [viewer]}}
agents: {bot: {owner: person:ann}}
roles:
  admin: {rights: [administer]}
  reviewer: {rights: [view, review]}
  viewer: {rights: [view]}
`

// TestWhoKeepsAndShreds: the rights that each verb needs, two of them for what cannot be undone, and that the log has every
// answer, refusals too.
func TestWhoKeepsAndShreds(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir(), clock: newBenchClock(), told: make(chan struct{}, 64)}
	b.write("policy.yaml", keepPolicy)
	b.write("targets.yaml", testTargets)
	b.open()
	b.connectDoor()
	session, sum := id.New(id.Session, b.clock.now()), strings.Repeat("ab", 32)
	for name, can := range map[string]map[console.Verb]bool{
		"ann": {console.SessionsHold: true, console.SessionsUnhold: true, console.SessionsHolds: true, console.RecordingShred: true},
		"kim": {console.SessionsHold: true, console.SessionsUnhold: true},
		"rex": {console.SessionsHold: true, console.SessionsHolds: true},
		"vic": {console.SessionsHolds: true},
		"bot": {},
	} {
		kind := policy.Person
		if name == "bot" {
			kind = policy.Agent
		}
		who := console.Credential{Connection: b.connect(kind, name)}
		for _, verb := range []console.Verb{console.SessionsHold, console.SessionsUnhold, console.SessionsHolds, console.RecordingShred} {
			if _, err := b.door.Authorize(t.Context(), who, verb, session, "why"); (err == nil) != can[verb] {
				t.Errorf("%s %s: %v", name, verb, err)
			}
			if last := lastOf(b, audit.Read); (last.Outcome == "allow") != can[verb] || last.Object != session || last.Reason != "why" {
				t.Errorf("%s %s: the log says %+v", name, verb, last)
			}
		}
		err := b.door.Dispose(t.Context(), who, protocol.Dispose{Kind: "shredded", Session: session, SHA256: sum, Size: 9, Why: "asked to"})
		if (err == nil) != can[console.RecordingShred] {
			t.Errorf("%s shreds: %v", name, err)
		}
		if last := lastOf(b, audit.RecShred); (last.Outcome == "ok") != can[console.RecordingShred] || last.Session != session || last.Conn != who.Connection || last.Reason != "asked to" || !strings.Contains(string(last.Data), sum) {
			t.Errorf("%s: the log says %+v", name, last)
		}
	}
}

// TestFakeDoorDispose: a taken-over door can have entries of removals written, for it could remove files anyway; they name a
// whole recording and a rule that there is and that can have removed it, and nobody's name stands on them who did not ask.
func TestFakeDoorDispose(t *testing.T) {
	b := newBench(t)
	b.must(b.reopen(func(c *Config) {
		c.Keep = []retain.Rule{{Target: "db-*", MaxSize: 9}, {Keep: 30 * 24 * time.Hour}}
	}))
	session, sum := id.New(id.Session, b.clock.now().AddDate(0, 0, -31)), strings.Repeat("ab", 32)
	ann := console.Credential{Connection: b.connect(policy.Person, "ann")}
	ok := protocol.Dispose{Kind: "deleted", Session: session, SHA256: sum, Size: 9, Why: "everything else, keep 30d"}
	b.must(b.door.Dispose(t.Context(), console.Credential{}, ok))
	if last := lastOf(b, audit.RecDelete); last.Outcome != "ok" || last.Rule != ok.Why || last.Actor != "" || last.Session != session {
		t.Errorf("the log says %+v", last)
	}
	ok.Why = "target db-*, at most 9 bytes"
	b.must(b.door.Dispose(t.Context(), console.Credential{}, ok))
	ok.Why = "everything else, keep 30d"
	before := len(b.entries())
	for name, c := range map[string]struct {
		who   console.Credential
		spoil func(*protocol.Dispose)
	}{
		"deleted by a person": {ann, func(*protocol.Dispose) {}},
		"shredded by nobody":  {console.Credential{}, func(d *protocol.Dispose) { d.Kind = "shredded" }},
		"another kind":        {console.Credential{}, func(d *protocol.Dispose) { d.Kind = "held" }},
		"no session":          {console.Credential{}, func(d *protocol.Dispose) { d.Session = "ses_x" }},
		"no such rule":        {console.Credential{}, func(d *protocol.Dispose) { d.Why = "everything else, keep 31d" }},
		"too young":           {console.Credential{}, func(d *protocol.Dispose) { d.Session = id.New(id.Session, b.clock.now().AddDate(0, 0, -29)) }},
		"no hash":             {console.Credential{}, func(d *protocol.Dispose) { d.SHA256 = "ab" }},
		"no size":             {console.Credential{}, func(d *protocol.Dispose) { d.Size = 0 }},
		"a dead connection":   {console.Credential{Connection: b.id(id.Connection)}, func(d *protocol.Dispose) { d.Kind = "shredded" }},
	} {
		d := ok
		c.spoil(&d)
		if err := b.door.Dispose(t.Context(), c.who, d); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if n := len(b.entries()); n != before {
		t.Errorf("%d entries for what makes no sense", n-before)
	}
}

// TestDisposeLive: no entry says that the recording of a session was removed that has not ended.
func TestDisposeLive(t *testing.T) {
	b := newBench(t)
	b.must(b.reopen(func(c *Config) { c.Keep = []retain.Rule{{MaxSize: 9}} }))
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "echo", "x")
	_, err := b.door.Decide(t.Context(), q)
	b.must(err)
	gone := protocol.Dispose{Kind: "deleted", Session: q.Session, SHA256: strings.Repeat("ab", 32), Size: 9, Why: "everything else, at most 9 bytes"}
	if err := b.door.Dispose(t.Context(), console.Credential{}, gone); err == nil || lastOf(b, audit.RecDelete).Session != "" {
		t.Errorf("a live session: %v", err)
	}
	b.must(b.door.End(t.Context(), protocol.End{Connection: conn, Session: q.Session, State: "ended"}))
	b.must(b.door.Dispose(t.Context(), console.Credential{}, gone))
}
