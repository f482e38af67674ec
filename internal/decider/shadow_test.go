package decider

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// reopen opens the decider again with another configuration, and gives the fake door its socket.
func (b *bench) reopen(change func(*Config)) error {
	b.t.Helper()
	if b.d != nil { // nil after a start that was refused
		_ = b.door.Close()
		<-b.door.Done()
		b.must(b.d.Close())
		b.d = nil
	}
	cfg := b.config()
	change(&cfg)
	d, err := Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	b.d = d
	b.t.Cleanup(func() { _ = d.Close() })
	b.connectDoor()
	return nil
}

func (b *bench) of(kind audit.Type) []audit.Entry {
	b.t.Helper()
	var out []audit.Entry
	for _, e := range b.entries() {
		if e.Type == kind {
			out = append(out, e)
		}
	}
	return out
}

// TestShadowPolicyHasNoEffect: it is asked the same, differences are noted once a session, and what is decided is what it
// would be without it.
func TestShadowPolicyHasNoEffect(t *testing.T) {
	b := newBench(t)
	b.write("shadow.yaml", strings.Replace(testPolicy, "- echo <text>...", "- id", 1))
	b.must(b.reopen(func(c *Config) { c.Shadow = filepath.Join(b.dir, "shadow.yaml") }))
	conn := b.connect(policy.Agent, "bot")
	ask := func(q protocol.Decide) policy.Decision {
		t.Helper()
		got, err := b.door.Decide(t.Context(), q)
		b.must(err)
		return got.Decision
	}
	if d := ask(b.question(conn, "printf", "x")); d.Verdict != policy.Allow || len(b.of(audit.PolicyShadow)) != 0 {
		t.Fatalf("alike: %+v, %v", d, b.of(audit.PolicyShadow))
	}
	if d := ask(b.question(conn, "echo", "x")); d.Verdict != policy.Allow || d.PolicyHash != b.d.PolicyHash() {
		t.Errorf("allowed: %+v", d)
	}
	again := b.question(conn, "id")
	for range 2 {
		if d := ask(again); d.Verdict != policy.Deny {
			t.Errorf("denied: %+v", d)
		}
	}
	got := b.of(audit.PolicyShadow)
	if len(got) != 2 || got[0].Outcome != "allow" || got[1].Outcome != "deny" || got[0].Actor != "agent:bot" || got[0].Target != "web-1" || got[0].Policy == b.d.PolicyHash() {
		t.Fatalf("%+v", got)
	}
	var data struct {
		Plan     policy.Plan
		Proposed policy.Decision
	}
	b.must(json.Unmarshal(got[0].Data, &data))
	if data.Plan.Argv[0] != "echo" || data.Proposed.Verdict != policy.Deny || data.Proposed.Code != policy.CodeNotAllowed {
		t.Errorf("%+v", data)
	}
}

// TestShadowPolicyNeverHarms: what is wrong with it is noted once; it comes back when it is mended.
func TestShadowPolicyNeverHarms(t *testing.T) {
	b := newBench(t)
	b.must(b.reopen(func(c *Config) { c.Shadow = filepath.Join(b.dir, "shadow.yaml") }))
	conn := b.connect(policy.Agent, "bot")
	for range 3 {
		if r := b.reload(); r.Problem != "" {
			t.Fatalf("%+v", r)
		}
		got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x"))
		if err != nil || got.Decision.Verdict != policy.Allow {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if faults := b.of(audit.PolicyShadow); len(faults) != 1 || faults[0].Outcome != "fault" || !strings.Contains(faults[0].Reason, "shadow.yaml") {
		t.Errorf("%+v", faults)
	}
	b.write("shadow.yaml", "version: 2\n")
	b.reload()
	b.write("shadow.yaml", "version: 1\n")
	b.reload()
	if _, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); err != nil {
		t.Fatal(err)
	}
	got := b.of(audit.PolicyShadow)
	if len(got) != 3 || got[1].Outcome != "fault" || got[2].Outcome != "allow" {
		t.Errorf("%+v", got)
	}
	b.d.shadow.mu.Lock()
	b.d.shadow.policy = &policy.Policy{}
	b.d.shadow.mu.Unlock()
	b.d.compareShadow(t.Context(), audit.Entry{Session: "s"}, policy.Request{}, policy.Decision{Verdict: policy.Allow})
}
