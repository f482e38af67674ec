package decider

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// TestTwoApproversAtOnce: two people who answer in the same instant fill two seats; one who answers twice in the same instant fills one;
// and one grant comes of it.
func TestTwoApproversAtOnce(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	for range 4 {
		r := b.asks(b.question(conn, "id")).Request
		var answers []func() error
		for _, person := range []string{"vic", "vic", "uma", "sam"} {
			c := b.challenge(person, r.ID, "passkey")
			a := console.AccessAnswer{Request: r.ID, Yes: true, Challenge: c.ID, Assertion: b.signs[person].get(c.Options)}
			answers = append(answers, func() error { _, err := b.door.Answer(context.Background(), b.in[person], a); return err })
		}
		var work sync.WaitGroup
		for _, answer := range answers {
			work.Go(func() { _ = answer() }) // some come too late
		}
		work.Wait()
		got := b.request(r.ID)
		if got.State == access.Pending { // one of vic's two had the older counter, and only two people are needed
			b.approved("sam", r.ID)
			got = b.request(r.ID)
		}
		voted := map[string]int{}
		for _, v := range got.Votes {
			voted[v.By]++
		}
		if got.State != access.Approved || len(got.Votes) != 2 || len(voted) != 2 {
			t.Errorf("%s, %v", got.State, voted)
		}
		if n := len(b.about(audit.AccessGrant, got.Grant)); n != 1 {
			t.Errorf("%d entries about the grant", n)
		}
		for range 3 {
			b.runs(b.question(conn, "id"))
		}
	}
}

// TestOneUseManySessions: however many sessions ask at once by a grant that is good for three, three run.
func TestOneUseManySessions(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	r := b.asks(b.question(conn, "id")).Request
	b.approved("vic", r.ID)
	b.approved("uma", r.ID)
	var ran, waited atomic.Int32
	var work sync.WaitGroup
	for range 12 {
		q := b.question(conn, "id")
		work.Go(func() {
			got, err := b.ask(q)
			switch {
			case err != nil:
				t.Error(err)
			case got.Certificate != nil:
				ran.Add(1)
			case got.Waiting != nil:
				waited.Add(1)
			}
		})
	}
	work.Wait()
	if ran.Load() != 3 || waited.Load() != 9 {
		t.Errorf("%d ran, %d wait", ran.Load(), waited.Load())
	}
	if got := b.outcomes(audit.AccessGrant, b.request(r.ID).Grant); got != "made used used used ended" {
		t.Errorf("the log says %q", got)
	}
}

// TestEndWhileDeciding: a grant that ends while a command is decided by it lets nothing go: either it ran before, and is ended, or it does
// not run.
func TestEndWhileDeciding(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	for range 8 {
		b.writer(conn)
		q := b.question(conn, "tee", "x")
		q.Facts = lookedUp(q, nil)
		var got protocol.Decided
		var err error
		var work sync.WaitGroup
		work.Go(func() { got, err = b.door.Decide(context.Background(), q) })
		work.Go(func() {
			_, _ = b.door.EndGrants(context.Background(), console.Credential{Connection: conn}, "", "")
		})
		work.Wait()
		if err == nil && got.Certificate != nil {
			b.revokedFor(q.Session)
		}
		if live := b.d.access.LiveGrants(nil); len(live) != 0 {
			t.Errorf("%+v live on", live)
		}
	}
}
