package decider

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// TestAccessOverRestarts: with the decider closed and opened again between any two steps, a request is asked for, answered by two,
// granted, used as often as it is good for, and over; the log has each step once.
func TestAccessOverRestarts(t *testing.T) {
	b := newAccessBench(t)
	ask := func() (r access.Request) {
		return b.asks(b.question(b.connect(policy.Agent, "bot"), "id")).Request
	}
	r := ask()
	b.restart()
	if again := ask(); again.ID != r.ID {
		t.Fatalf("after a restart the same command asks for %s, not %s", again.ID, r.ID)
	}
	b.restart()
	c := b.challenge("vic", r.ID, "passkey")
	b.restart()
	if err := b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["vic"].get(c.Options)}); !isForbidden(err) {
		t.Errorf("a challenge from before the restart: %v", err)
	}
	if got := b.approved("vic", r.ID); got.State != access.Pending || len(got.Votes) != 1 {
		t.Fatalf("%+v", got)
	}
	b.restart()
	if _, err := b.approve("vic", r.ID); !isForbidden(err) {
		t.Errorf("the same person again after a restart: %v", err)
	}
	got := b.approved("uma", r.ID)
	if got.State != access.Approved {
		t.Fatalf("%+v", got)
	}
	for n := range 3 {
		b.restart()
		b.runs(b.question(b.connect(policy.Agent, "bot"), "id"))
		if g, err := b.d.access.FindGrant(t.Context(), got.Grant); err != nil || g.Used != int64(n+1) {
			t.Errorf("used %d times: %+v, %v", n+1, g, err)
		}
	}
	b.restart()
	if next := ask(); next.ID == r.ID {
		t.Error("a fourth time")
	}
	if q, v, g := b.outcomes(audit.AccessRequest, r.ID), b.outcomes(audit.AccessVote, r.ID), b.outcomes(audit.AccessGrant, got.Grant); q != "pending approved" || v != "deny yes yes" || g != "made used used used ended" {
		t.Errorf("the log says of the request %q, of votes %q, of the grant %q", q, v, g)
	}
	for _, e := range b.entries() {
		if strings.Contains(string(e.Data), "at the start after a crash") {
			t.Errorf("noted twice: %s %s %s", e.Type, e.Object, e.Outcome)
		}
	}
}

// TestExpiredWhileDown: what ends while nothing runs is over when it runs again, and stays so whatever the clock says then.
func TestExpiredWhileDown(t *testing.T) {
	b := newAccessBench(t)
	q := b.question(b.connect(policy.Agent, "bot"), "printf", "x")
	r := b.approved("vic", b.asks(q).Request.ID)
	waiting := b.pending("bot", "printf", "y")
	b.clock.pass(16 * time.Minute)
	b.restart()
	b.d.tickAccess(t.Context())
	b.clock.pass(-16 * time.Minute) // the clock was wrong
	if w := b.asks(b.question(b.connect(policy.Agent, "bot"), "printf", "x")); w.Request.ID == r.ID {
		t.Error("a grant whose time was over is used")
	}
	if _, err := b.approve("vic", waiting.ID); !isForbidden(err) {
		t.Errorf("a request whose time was over is approved: %v", err)
	}
	if g := b.outcomes(audit.AccessGrant, r.Grant); g != "made ended" {
		t.Errorf("the log says %q", g)
	}
}

// TestPolicyChangedWhileDown: a grant whose terms are others after a restart is no grant any more.
func TestPolicyChangedWhileDown(t *testing.T) {
	b := newAccessBench(t)
	r := b.approved("vic", b.pending("bot", "printf", "x").ID)
	text := strings.Replace(b.text(), `printf <text>...", from`, `printf <text>...", approvals: 2, from`, 1)
	b.write("policy.yaml", text)
	b.restart()
	if w := b.asks(b.question(b.connect(policy.Agent, "bot"), "printf", "x")); w.Request.ID == r.ID || w.Request.Need[0].Approvals != 2 {
		t.Errorf("%+v", w.Request)
	}
	g, err := b.d.access.FindGrant(t.Context(), r.Grant)
	if err != nil || g.Cause != access.CausePolicy {
		t.Errorf("%+v, %v", g, err)
	}
}
