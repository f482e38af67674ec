package decider

import (
	"strings"
	"testing"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// TestRuleLockFollowsItsRule: a line above the locked rule changes the ids below it, and the lock holds against the same rule all the
// same, over a restart too; it never holds against less than it was made for.
func TestRuleLockFollowsItsRule(t *testing.T) {
	b := newLockBench(t)
	bot := b.connect(policy.Agent, "bot")
	locked := func(when, program string, want bool) {
		t.Helper()
		out, err := b.door.Decide(t.Context(), b.question(bot, program, "x"))
		if b.must(err); (out.Decision.Code == policy.CodeLocked) != want {
			t.Errorf("%s, %s: %+v", when, program, out.Decision)
		}
	}
	b.lock("rule:operator/allow[0]") // echo
	locked("at first", "echo", true)
	locked("at first", "printf", false)
	b.write("policy.yaml", strings.Replace(lockPolicy, "allow: [echo <text>..., ", `allow: ["true", "printf x y", echo <text>..., `, 1))
	if out, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil || out.Problem != "" {
		t.Fatal(out, err)
	}
	locked("shifted", "echo", true)
	locked("shifted", "printf", false)
	b.lock("rule:operator/allow[3]") // printf <text>...
	_ = b.door.Close()
	<-b.door.Done()
	b.must(b.d.Close())
	b.open()
	b.connectDoor()
	bot = b.connect(policy.Agent, "bot")
	locked("after a restart", "echo", true)
	locked("after a restart", "printf", true)
	b.write("policy.yaml", strings.Replace(lockPolicy, "allow: [echo <text>..., ", `allow: [`, 1))
	if out, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil || out.Problem != "" {
		t.Fatal(out, err)
	}
	locked("moved up", "printf", true)
}
