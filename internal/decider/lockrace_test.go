package decider

import (
	"flag"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

var lockRounds = flag.Int("lock-rounds", 20, "rounds of TestLockInTheSameInstant")

// TestLockInTheSameInstant: a command that is decided in the instant of a lock is refused, or is live when the lock has been made and is
// ended with it: nothing that was allowed is unknown to it.
func TestLockInTheSameInstant(t *testing.T) {
	b := newLockBench(t)
	bot := b.connect(policy.Agent, "bot")
	allowed, refused := 0, 0
	for range *lockRounds {
		q := b.question(bot, "echo", "x")
		made := make(chan console.LockReport, 1)
		go func() {
			out, err := admin[console.LockReport](b, protocol.OpLock, protocol.Lock{By: "root", Order: console.LockOrder{What: subject("rule:operator/allow[0]"), Reason: "r"}})
			if err != nil {
				t.Error(err)
			}
			made <- out
		}()
		got, err := b.door.Decide(t.Context(), q)
		report := <-made
		switch {
		case err == nil && got.Decision.Verdict == policy.Allow:
			allowed++
			if report.SessionsAll != 1 {
				t.Fatalf("it was allowed, and the lock ended %d", report.SessionsAll)
			}
			b.d.dropSession(q.Session)
		default:
			refused++
		}
		if _, err := admin[access.Lock](b, protocol.OpUnlock, protocol.AccessName{By: "root", ID: report.Lock.ID, Words: "over"}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d allowed and ended, %d refused", allowed, refused)
}
