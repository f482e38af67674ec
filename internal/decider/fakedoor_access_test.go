package decider

import (
	"strings"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// TestFakeDoorApproves: a taken-over door sees every sign-in, every proof and every connection. It cannot approve with them what its person
// did not, make a grant, use one for something else, for another agent or more often than it is good for.
func TestFakeDoorApproves(t *testing.T) {
	b := newAccessBench(t)
	conn, foreign := b.connect(policy.Agent, "bot"), b.connect(policy.Agent, "webbot")
	q := b.question(conn, "printf", "wanted")
	r := b.asks(q).Request
	evil := b.asks(b.question(conn, "printf", "evil")).Request

	// Its person proves for the one, and it says that it was for the other.
	c := b.challenge("uma", r.ID, "passkey")
	proof := console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["uma"].get(c.Options)}
	if err := b.yes("uma", evil, proof); !isForbidden(err) {
		t.Errorf("what was proven for another request approves this one: %v", err)
	}
	if err := b.yes("uma", r, proof); !isForbidden(err) {
		t.Errorf("a proof that was tried is good: %v", err)
	}
	// It shows the person another text than the one that it asked for.
	s := b.challenge("uma", evil.ID, "ssh")
	forged := strings.ReplaceAll(s.Text, "evil", "wanted")
	if err := b.yes("uma", evil, console.AccessAnswer{Challenge: s.ID, Signature: b.keygen(b.keys["uma"], s.Space, forged)}); !isForbidden(err) {
		t.Errorf("a signature over another text approves: %v", err)
	}
	// It has the options changed, or none.
	x := b.challenge("uma", evil.ID, "passkey")
	zero := strings.Replace(string(x.Options), b.signs["uma"].read(x.Options).PublicKey.Challenge, encode(make([]byte, 32)), 1)
	if err := b.yes("uma", evil, console.AccessAnswer{Challenge: x.ID, Assertion: b.signs["uma"].get([]byte(zero))}); !isForbidden(err) {
		t.Errorf("an assertion over a challenge of the door's approves: %v", err)
	}
	if got, err := b.d.access.Request(t.Context(), evil.ID); err != nil || got.State != access.Pending || len(got.Votes) != 0 {
		t.Errorf("%+v, %v", got, err)
	}

	// It waits for what was approved with something else, for another agent, on another target, as another login.
	b.approved("uma", r.ID)
	for name, spoil := range map[string]func(*protocol.Decide){
		"another word":             func(q *protocol.Decide) { q.Plan = run("printf", "wanted ") },
		"one word more":            func(q *protocol.Decide) { q.Plan = run("printf", "wanted", "more") },
		"another program":          func(q *protocol.Decide) { q.Plan = run("id") },
		"a variable":               func(q *protocol.Decide) { q.Env = []policy.EnvVar{{Name: "LANG", Value: "C"}} },
		"the evil one":             func(q *protocol.Decide) { q.Plan = run("printf", "evil") },
		"the same through a shell": func(q *protocol.Decide) { q.Plan = policy.Plan{Op: policy.OpShell, Text: "printf wanted"} },
		"the same twice": func(q *protocol.Decide) {
			q.Plan = policy.Plan{Op: policy.OpAnd, Parts: []policy.Plan{run("printf", "wanted"), run("printf", "wanted")}}
		},
		"another target":            func(q *protocol.Decide) { q.Target = "web-2" },
		"another login":             func(q *protocol.Decide) { q.Login = "root" },
		"another agent":             func(q *protocol.Decide) { q.Connection = foreign },
		"another agent that awaits": func(q *protocol.Decide) { q.Connection, q.Await = foreign, r.ID },
		"a person":                  func(q *protocol.Decide) { q.Connection = b.connect(policy.Person, "ann") },
		"a terminal":                func(q *protocol.Decide) { q.PTY = true },
	} {
		for _, await := range []string{"", r.ID} {
			try := b.question(conn, "printf", "wanted")
			try.Await = await
			spoil(&try)
			got, err := b.ask(try)
			if got.Certificate != nil || got.Permit != nil || got.Line != "" || got.Decision.Verdict == policy.Allow {
				t.Errorf("%s, awaiting %q: %+v, %v", name, await, got.Decision, err)
			}
		}
	}
	if g, ok := b.d.access.Grant(b.request(r.ID).Grant); !ok || g.Used != 0 {
		t.Errorf("used by something else: %+v", g)
	}
	// It uses it, and again, at once and later, with the same session's id and with others.
	b.runs(q)
	for _, session := range []string{q.Session, b.id(id.Session)} {
		again := b.question(conn, "printf", "wanted")
		again.Session, again.Await = session, r.ID
		if got, err := b.ask(again); got.Certificate != nil || got.Decision.Verdict == policy.Allow {
			t.Errorf("a second use: %+v, %v", got.Decision, err)
		}
	}
}

// TestFakeDoorOperations: the door asks about privileges in nobody's name but its callers', and nothing that it says makes one.
func TestFakeDoorOperations(t *testing.T) {
	b := newAccessBench(t)
	bot := console.Credential{Connection: b.connect(policy.Agent, "bot")}
	r := b.pending("bot", "printf", "x")
	role := console.AccessOrder{Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: "r"}
	with := func(change func(*console.AccessOrder)) console.AccessOrder { o := role; change(&o); return o }
	for name, try := range map[string]func() error{
		"nobody asks": func() error { _, err := b.door.Ask(t.Context(), console.Credential{}, role); return err },
		"a connection that is none": func() error {
			_, err := b.door.Ask(t.Context(), console.Credential{Connection: b.id(id.Connection)}, role)
			return err
		},
		"a cookie that is none": func() error { _, err := b.door.Ask(t.Context(), console.Credential{SignIn: "x"}, role); return err },
		"two at once": func() error {
			_, err := b.door.Ask(t.Context(), console.Credential{SignIn: b.in["ann"].SignIn, Connection: bot.Connection}, role)
			return err
		},
		"a role that may not be asked for": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.Role = "oncall" }))
			return err
		},
		"a target that is none": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.Targets = []string{"web-9"} }))
			return err
		},
		"every target": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.Targets = []string{"*"} }))
			return err
		},
		"a login that the role has not": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.Login = "root" }))
			return err
		},
		"longer than it is given": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.For = 1 << 62 }))
			return err
		},
		"a time that is less than nothing": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.For = -1 }))
			return err
		},
		"a reason with a bell": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.Reason = "r\a" }))
			return err
		},
		"a reason that hides": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.Reason = "r\u202e" }))
			return err
		},
		"without a reason": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.Reason = "" }))
			return err
		},
		"two things at once": func() error {
			_, err := b.door.Ask(t.Context(), bot, with(func(o *console.AccessOrder) { o.From = "dn_01JDABCDEFGHJKMNPQRSTVWXYZ" }))
			return err
		},
		"a denial that is none": func() error {
			_, err := b.door.Ask(t.Context(), bot, console.AccessOrder{From: "dn_01JDABCDEFGHJKMNPQRSTVWXYZ", Reason: "r"})
			return err
		},
		"another's request withdrawn": func() error { _, err := b.door.Withdraw(t.Context(), b.in["vic"], r.ID, ""); return err },
		"a request of root's": func() error {
			return b.door.Call(t.Context(), protocol.OpAccessAsk, protocol.AccessAsk{By: "root", Order: role}, nil)
		},
		"root in the door's words": func() error {
			return b.door.Call(t.Context(), protocol.OpAccessEnd, protocol.AccessName{By: "root", ID: "gr_01JDABCDEFGHJKMNPQRSTVWXYZ"}, nil)
		},
		"a preview of what nobody waits for": func() error {
			return b.door.Preview(t.Context(), "ar_01JDABCDEFGHJKMNPQRSTVWXYZ", access.Preview{})
		},
		"a preview without end": func() error {
			return b.door.Preview(t.Context(), r.ID, access.Preview{Notes: []string{strings.Repeat("x", 600<<10)}})
		},
		"a closed ticket": func() error {
			_, err := b.door.CloseTicket(t.Context(), protocol.AccessTicket{Body: []byte(`{"ticket":"T-1"}`), Signature: "sha256=00", Time: "1"})
			return err
		},
		"a review of nothing": func() error {
			_, err := b.door.Review(t.Context(), b.in["vic"], "gr_01JDABCDEFGHJKMNPQRSTVWXYZ", "w")
			return err
		},
		"an agent away": func() error { _, err := b.door.Away(t.Context(), bot, "vic", b.clock.now().Add(1e12)); return err },
		"a stand-in for oneself": func() error {
			_, err := b.door.Away(t.Context(), b.in["vic"], "vic", b.clock.now().Add(1e12))
			return err
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s: done", name)
		}
	}
	if got := b.request(r.ID); got.State != access.Pending {
		t.Errorf("%+v", got)
	}
}

// request is one as it is stored.
func (b *accessBench) request(name string) access.Request {
	b.t.Helper()
	r, err := b.d.access.Request(b.t.Context(), name)
	b.must(err)
	return r
}
