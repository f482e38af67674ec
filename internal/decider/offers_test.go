package decider

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestOffers: an identity hears what its own roles say, whatever the door asks for, and each answer is noted before it is given.
func TestOffers(t *testing.T) {
	b := newBench(t)
	who := console.Credential{Connection: b.connect(policy.Agent, "bot")}
	got, err := b.door.Offers(t.Context(), who, "", "")
	if err != nil || got.Principal != "agent:bot" || len(got.Reach) != 1 || got.Reach[0].Role != "operator" || len(got.Reach[0].Targets) != 3 || got.Logins != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if last := b.last(); last.Type != audit.Read || last.Actor != "agent:bot" || last.Outcome != "allow" || !strings.Contains(string(last.Data), `"help"`) {
		t.Errorf("the log says %+v", last)
	}
	got, err = b.door.Offers(t.Context(), who, "web-1", "")
	if err != nil || got.Reach != nil || len(got.Logins) != 2 || got.Logins[0].Login != "deploy" || got.Logins[1].Login != "ops" {
		t.Fatalf("%+v, %v", got, err)
	}
	rules := got.Logins[0].Offers[0].Rules
	if len(rules) != 3 || rules[0].Pattern != "echo <text>..." || !rules[1].PTY || rules[2].Mode != policy.Pinned || !slices.Equal(got.Logins[0].Offers[0].Env, []policy.EnvOffer{{Name: "LANG"}}) {
		t.Errorf("%+v", got.Logins[0].Offers)
	}
	if last := b.last(); last.Target != "web-1" || last.Outcome != "allow" {
		t.Errorf("the log says %+v", last)
	}
	// A target of the inventory that no role reaches, one that is not there, a login of the inventory alone, and one of nobody's.
	said := map[string]bool{}
	for _, c := range [][2]string{{"web-2", ""}, {"web-9", ""}, {"web-1", "root"}, {"web-1", "nobody"}, {"\x1b[2J", "\n"}} {
		got, err := b.door.Offers(t.Context(), who, c[0], c[1])
		var no *console.ForbiddenError
		if !errors.As(err, &no) || len(got.Logins)+len(got.Reach) > 0 {
			t.Fatalf("%q: %+v, %v", c, got, err)
		}
		said[no.Reason] = true
		if last := b.last(); last.Type != audit.Read || last.Outcome != "deny" || last.Target != c[0] {
			t.Errorf("%q: the log says %+v", c, last)
		}
	}
	if len(said) != 1 {
		t.Errorf("refusals differ: %v", said)
	}
	before := len(b.entries())
	for _, c := range []console.Credential{{}, {Connection: "con_01JDABCDEFGHJKMNPQRSTVWXYZ"}, {Connection: who.Connection, SignIn: "x"}} {
		if got, err := b.door.Offers(t.Context(), c, "web-1", ""); err == nil || len(got.Logins) > 0 {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	if n := len(b.entries()); n != before {
		t.Errorf("%d entries for nobody", n-before)
	}
	// A person's rights reach no target.
	if got, err := b.door.Offers(t.Context(), console.Credential{Connection: b.connect(policy.Person, "ann")}, "", ""); err != nil || len(got.Reach) > 0 || got.Principal != "person:ann" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestOffersAreBounded: an answer fits into a frame, however much the policy says, and tells what it leaves out.
func TestOffersAreBounded(t *testing.T) {
	b := newBench(t)
	var rules strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&rules, "      - prog%d %s\n", i, strings.Repeat("x", 200))
	}
	b.write("policy.yaml", strings.Replace(testPolicy, "      - echo <text>...\n", rules.String(), 1))
	if _, err := b.d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := b.door.Offers(t.Context(), console.Credential{Connection: b.connect(policy.Agent, "bot")}, "web-1", "")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil || len(text) > protocol.MaxFrame/2 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for _, l := range got.Logins {
		o := l.Offers[0]
		if len(o.Rules)+len(o.Env)+o.Dropped != 5003 || o.Dropped == 0 {
			t.Errorf("%s: %d rules, %d variables, %d dropped", l.Login, len(o.Rules), len(o.Env), o.Dropped)
		}
	}
}
