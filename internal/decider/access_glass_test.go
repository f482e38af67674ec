package decider

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

var glassOrder = console.AccessOrder{Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: "the site is down", Glass: true}

// breakGlass takes the role in an emergency.
func (b *accessBench) breakGlass(person string, order console.AccessOrder) (access.Request, error) {
	c, err := b.door.Challenge(b.t.Context(), b.in[person], "", &order, "passkey")
	if err != nil {
		return access.Request{}, err
	}
	order.Proof = &console.AccessAnswer{Challenge: c.ID, Assertion: b.signs[person].get(c.Options)}
	return b.door.Ask(b.t.Context(), b.in[person], order)
}

// TestBreakGlass: with a reason and a fresh proof of their own a person has the role at once; it is recorded strictly, ends, and is not
// taken again until two others have looked at what was done.
func TestBreakGlass(t *testing.T) {
	b := newAccessBench(t)
	r, err := b.breakGlass("ann", glassOrder)
	if err != nil || r.State != access.Approved || !r.Scope.Glass || r.Grant == "" || r.Proof.Kind != access.PasskeyProof {
		t.Fatalf("%+v, %v", r, err)
	}
	conn := b.connect(policy.Person, "ann")
	q := b.question(conn, "tee", "x")
	if got := b.runs(q); got.Decision.Recording != policy.Strict {
		t.Errorf("recorded %q", got.Decision.Recording)
	}
	lenient := b.question(conn, "tee", "y")
	lenient.Unrecorded = true
	if got, err := b.ask(lenient); err != nil || got.Fault != "evidence" || got.Certificate != nil {
		t.Errorf("without a recording: %+v, %v", got, err)
	}
	if _, err := b.breakGlass("ann", glassOrder); !isForbidden(err) || !strings.Contains(err.Error(), "review") {
		t.Errorf("a second time: %v", err)
	}
	review := func(person string) (access.Grant, error) {
		return b.door.Review(t.Context(), b.in[person], r.Grant, "looked at the session: only what was needed")
	}
	if _, err := review("vic"); !isForbidden(err) {
		t.Errorf("reviewed while it lives: %v", err)
	}
	b.clock.pass(30 * time.Minute)
	b.d.tickAccess(t.Context())
	if why := b.revokedFor(q.Session); !strings.Contains(why, "its time is over") {
		t.Errorf("%q", why)
	}
	b.signInAll()
	for _, person := range []string{"ann", "nan"} {
		if _, err := review(person); !isForbidden(err) {
			t.Errorf("reviewed by %s: %v", person, err)
		}
	}
	if g, err := review("vic"); err != nil || !g.Reviewed.IsZero() {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := review("vic"); !isForbidden(err) {
		t.Errorf("twice by the same: %v", err)
	}
	b.restart()
	if _, err := b.breakGlass("ann", glassOrder); !isForbidden(err) {
		t.Errorf("after one review: %v", err)
	}
	if g, err := review("uma"); err != nil || g.Reviewed.IsZero() {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := b.breakGlass("ann", glassOrder); err != nil {
		t.Errorf("after two reviews: %v", err)
	}
	if got := b.outcomes(audit.AccessRequest, r.ID); got != "approved" {
		t.Errorf("the log says of the request %q", got)
	}
	if got := b.outcomes(audit.AccessGrant, r.Grant); got != "made used ended" {
		t.Errorf("the log says of the grant %q", got)
	}
	if got := b.outcomes(audit.AccessReview, r.Grant); got != "deny deny deny ok deny ok" {
		t.Errorf("the log says of the reviews %q", got)
	}
}

// TestBreakGlassNeedsItsProof: without a proof, with another's, for something else than was proven, or without a right to it, the glass
// stays whole.
func TestBreakGlassNeedsItsProof(t *testing.T) {
	b := newAccessBench(t)
	challenge := func(person string, order console.AccessOrder) console.AccessChallenge {
		t.Helper()
		c, err := b.door.Challenge(t.Context(), b.in[person], "", &order, "passkey")
		b.must(err)
		return c
	}
	with := func(person string, order console.AccessOrder, a console.AccessAnswer) error {
		order.Proof = &a
		_, err := b.door.Ask(t.Context(), b.in[person], order)
		return err
	}
	b.policy(func(s string) string {
		return strings.Replace(s, "  sam: {}", "  sam: {roles: [oncall]}", 1)
	})
	for name, try := range map[string]func() error{
		"no proof": func() error { _, err := b.door.Ask(t.Context(), b.in["ann"], glassOrder); return err },
		"another role's holder": func() error {
			_, err := b.breakGlass("vic", glassOrder)
			return err
		},
		"an agent": func() error {
			_, err := b.door.Ask(t.Context(), console.Credential{Connection: b.connect(policy.Agent, "bot")}, glassOrder)
			return err
		},
		"no reason": func() error {
			order := glassOrder
			order.Reason = " "
			_, err := b.breakGlass("ann", order)
			return err
		},
		"another target than was proven": func() error {
			c := challenge("ann", glassOrder)
			order := glassOrder
			order.Targets = []string{"web-2"}
			return with("ann", order, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["ann"].get(c.Options)})
		},
		"another reason than was proven": func() error {
			c := challenge("ann", glassOrder)
			order := glassOrder
			order.Reason = "for fun"
			return with("ann", order, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["ann"].get(c.Options)})
		},
		"another's passkey": func() error {
			c := challenge("ann", glassOrder)
			return with("ann", glassOrder, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["sam"].get(c.Options)})
		},
		"another's challenge": func() error {
			c := challenge("sam", glassOrder)
			return with("ann", glassOrder, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["sam"].get(c.Options)})
		},
		"a challenge to approve": func() error {
			b.policy(func(s string) string {
				s = strings.Replace(s, "  sam: {}", "  sam: {roles: [oncall]}", 1)
				return strings.Replace(s, "person:sam]", "person:sam, person:nan]", 1)
			})
			r := b.pending("bot", "printf", "x")
			c := b.challenge("sam", r.ID, "passkey")
			return with("sam", glassOrder, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["sam"].get(c.Options)})
		},
		"an old challenge": func() error {
			c := challenge("ann", glassOrder)
			b.clock.pass(5*time.Minute + time.Second)
			return with("ann", glassOrder, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["ann"].get(c.Options)})
		},
		"longer than it is given": func() error {
			order := glassOrder
			order.For = time.Hour
			_, err := b.breakGlass("ann", order)
			return err
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s: taken", name)
		}
		if n := len(b.d.access.LiveGrants(nil)); n != 0 {
			t.Errorf("%s: %d grants", name, n)
		}
	}
	if got, err := admin[access.Request](b.bench, protocol.OpAccessAsk, protocol.AccessAsk{By: "root", Order: glassOrder}); code(err) != protocol.CodeInvalid {
		t.Errorf("root breaks glass: %+v, %v", got, err)
	}
}
