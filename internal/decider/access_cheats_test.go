package decider

import (
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// cheatPolicy is the test's policy as the cheats need it: bot is owned by a group, nan approves too, and pat approves nothing.
func cheatPolicy(s string) string {
	s = strings.Replace(s, "sre: [person:vic,", "own: [person:ann], sre: [person:ann, person:nan, person:vic,", 1)
	s = strings.Replace(s, "bot: {owner: person:ann", "bot: {owner: group:own", 1)
	return strings.Replace(s, "  sam: {}\n", "  sam: {}\n  pat: {}\n", 1)
}

func newCheatBench(t *testing.T) *accessBench {
	b := newAccessBench(t)
	b.policy(cheatPolicy)
	b.in["pat"], b.signs["pat"] = b.person("pat")
	return b
}

// change puts the policy in force, changed in one place, as its next version would be.
func (b *accessBench) change(old, new string) {
	b.t.Helper()
	b.policy(func(s string) string {
		s = cheatPolicy(s)
		if strings.Count(s, old) != 1 {
			b.t.Fatalf("the policy has %q %d times", old, strings.Count(s, old))
		}
		return strings.Replace(s, old, new, 1)
	})
}

// away has somebody stand in for somebody, for an hour.
func (b *accessBench) away(who, to string) {
	b.t.Helper()
	_, err := b.door.Away(b.t.Context(), b.in[who], to, b.clock.now().Add(time.Hour))
	b.must(err)
}

// handedOn is a connection of bot's, for which work was handed on.
func (b *accessBench) handedOn(delegation string) string {
	b.t.Helper()
	key, _ := newKey(b.t)
	cert, err := b.d.certify(b.t.Context(), policy.CertificateRequest{Kind: policy.Agent, Name: "bot"}, key.Marshal(), proof{actor: "test", by: "local", delegation: delegation})
	b.must(err)
	conn := b.id(id.Connection)
	b.must(b.authenticate(conn, cert.Certificate))
	return conn
}

// TestCheatsOverTheDoor: the same cheats as in policy/access, with real proofs, over the door's protocol. What is asked for needs two of
// sre; each cheat brings one honest approval, and one that is none.
func TestCheatsOverTheDoor(t *testing.T) {
	b := newCheatBench(t)
	for _, c := range []struct {
		name  string
		cheat func(try func(person string))
	}{
		{"a member of the owning group", func(try func(string)) { try("ann") }},
		{"somebody of no group", func(try func(string)) { try("pat") }},
		{"the same person twice", func(try func(string)) { try("vic") }},
		{"an owner's stand-in", func(try func(string)) { b.away("ann", "pat"); try("pat") }},
		{"who stands in for who has answered", func(try func(string)) { b.away("vic", "pat"); try("pat") }},
		{"an owner who stands in for somebody", func(try func(string)) { b.away("uma", "ann"); try("ann") }},
		{"a place that was lent on", func(try func(string)) {
			b.change("person:uma, person:sam]", "person:sam]")
			b.away("sam", "uma")
			b.away("uma", "pat")
			try("pat")
		}},
		{"a stand-in who was called back", func(try func(string)) { b.away("uma", "pat"); b.back("uma"); try("pat") }},
		{"a stand-in whose time is over", func(try func(string)) {
			_, err := b.door.Away(t.Context(), b.in["uma"], "pat", b.clock.now().Add(time.Minute))
			b.must(err)
			b.clock.pass(2 * time.Minute)
			try("pat")
		}},
		{"an owner who left the owning group", func(try func(string)) { b.change("own: [person:ann]", "own: [person:pat]"); try("ann") }},
		{"who approved becomes an owner", func(try func(string)) { b.change("own: [person:ann]", "own: [person:ann, person:vic]"); try("uma") }},
		{"who approved leaves the group", func(try func(string)) { b.change("person:nan, person:vic, ", "person:nan, "); try("uma") }},
		{"who approved is disabled", func(try func(string)) { b.change("  vic: {", "  vic: {disabled: true, "); try("uma") }}, // the last, as it ends a sign-in
	} {
		r := b.asks(b.question(b.connect(policy.Agent, "bot"), "id")).Request
		b.approved("vic", r.ID)
		c.cheat(func(person string) { _, _ = b.approve(person, r.ID) })
		now, err := b.d.access.Request(t.Context(), r.ID)
		if err != nil || now.State == access.Approved || now.Grant != "" || b.outcomes(audit.AccessGrant, "") != "" {
			t.Fatalf("%s: it worked: %+v, %v", c.name, now, err)
		}
		b.policy(cheatPolicy)
		for _, person := range []string{"ann", "vic", "uma", "sam", "pat"} {
			b.back(person)
		}
		if _, err := b.d.endRequests(t.Context(), func(access.Request) bool { return true }, "the next", privilege.By{Actor: "gatehouse"}); err != nil {
			t.Fatal(err)
		}
	}
}

// back has nobody stand in for somebody any more.
func (b *accessBench) back(who string) {
	b.t.Helper()
	if _, err := b.door.Away(b.t.Context(), b.in[who], "", time.Time{}); err != nil && who != "vic" { // vic was disabled
		b.t.Fatal(err)
	}
}

// TestHonestOverTheDoor: the same with two honest people is approved, the stand-in of one of them among these.
func TestHonestOverTheDoor(t *testing.T) {
	b := newCheatBench(t)
	r := b.asks(b.question(b.connect(policy.Agent, "bot"), "id")).Request
	b.approved("vic", r.ID)
	b.away("uma", "pat")
	if got := b.approved("pat", r.ID); got.State != access.Approved || got.Votes[1].For != "uma" {
		t.Fatalf("%+v", got)
	}
}

// TestDelegatorsDoNotApprove: whoever handed the work on, and the owner of an agent that did, approve nothing of it.
func TestDelegatorsDoNotApprove(t *testing.T) {
	b := newCheatBench(t)
	r := b.asks(b.question(b.handedOn("person:ann>agent:other"), "printf", "x")).Request
	if r.By.Delegation != "person:ann>agent:other" {
		t.Fatalf("%+v", r.By)
	}
	for _, person := range []string{"ann", "nan"} { // nan owns other
		if _, err := b.approve(person, r.ID); !isForbidden(err) {
			t.Errorf("%s approves what they handed on: %v", person, err)
		}
	}
	if got := b.approved("vic", r.ID); len(got.Votes) != 1 {
		t.Fatalf("%+v", got.Votes)
	}
}

// TestGrantIsItsRequestersAlone: what was approved for one task and chain is nobody else's, the same agent's with another task included.
func TestGrantIsItsRequestersAlone(t *testing.T) {
	b := newCheatBench(t)
	b.approved("vic", b.asks(b.question(b.handedOn("person:ann>agent:other"), "printf", "x")).Request.ID)
	for name, conn := range map[string]string{"without the chain": b.connect(policy.Agent, "bot"), "another task": b.holder("CHG-7").conn, "another agent": b.connect(policy.Agent, "other"), "another chain": b.handedOn("person:ann")} {
		if got, err := b.ask(b.question(conn, "printf", "x")); err != nil || got.Decision.Verdict != policy.Ask {
			t.Errorf("%s: %+v, %v", name, got.Decision, err)
		}
	}
	for name, spoil := range map[string]func(q *protocol.Decide){
		"another word":    func(q *protocol.Decide) { q.Plan = run("printf", "x ") },
		"a word more":     func(q *protocol.Decide) { q.Plan = run("printf", "x", "") },
		"a variable":      func(q *protocol.Decide) { q.Env = []policy.EnvVar{{Name: "LANG", Value: "C"}} },
		"a look-alike":    func(q *protocol.Decide) { q.Plan = run("printf", "\u0445") },
		"twice in a line": func(q *protocol.Decide) { q.Plan = policy.Plan{Op: policy.OpSeq, Parts: []policy.Plan{q.Plan, q.Plan}} },
	} {
		q := b.question(b.handedOn("person:ann>agent:other"), "printf", "x")
		spoil(&q)
		if got, err := b.ask(q); err != nil || got.Decision.Verdict == policy.Allow {
			t.Errorf("%s: %+v, %v", name, got.Decision, err)
		}
	}
	b.runs(b.question(b.handedOn("person:ann>agent:other"), "printf", "x"))
}

// TestAtOneInstant: of many who approve at once one makes the grant, and of many who use it at once as many run as it is good for.
func TestAtOneInstant(t *testing.T) {
	b := newCheatBench(t)
	r := b.asks(b.question(b.connect(policy.Agent, "bot"), "id")).Request
	var all sync.WaitGroup
	people := []string{"vic", "uma", "sam", "nan"}
	answers := make([]console.AccessAnswer, len(people))
	for i, person := range people {
		c, err := b.door.Challenge(t.Context(), b.in[person], r.ID, nil, "passkey")
		b.must(err)
		answers[i] = console.AccessAnswer{Request: r.ID, Yes: true, Challenge: c.ID, Assertion: b.signs[person].get(c.Options)}
	}
	for i, person := range people {
		all.Go(func() { _, _ = b.door.Answer(t.Context(), b.in[person], answers[i]) })
	}
	all.Wait()
	now, err := b.d.access.Request(t.Context(), r.ID)
	if err != nil || now.State != access.Approved || len(now.Votes) != 2 || b.outcomes(audit.AccessGrant, "") != "made" || b.outcomes(audit.AccessRequest, r.ID) != "pending approved" {
		t.Fatalf("%+v, %v; the log says of grants %q, of the request %q", now, err, b.outcomes(audit.AccessGrant, ""), b.outcomes(audit.AccessRequest, r.ID))
	}
	verdicts := make([]policy.Verdict, 8)
	conn := b.connect(policy.Agent, "bot")
	for i := range verdicts {
		q := b.question(conn, "id")
		all.Go(func() {
			if got, err := b.ask(q); err == nil {
				verdicts[i] = got.Decision.Verdict
			}
		})
	}
	all.Wait()
	ran := 0
	for _, v := range verdicts {
		if v == policy.Allow {
			ran++
		}
	}
	if used := b.outcomes(audit.AccessGrant, now.Grant); ran != 3 || used != "made used used used ended" {
		t.Fatalf("%d of %v ran, and 3 were approved; the log says %q", ran, verdicts, used)
	}
}

// TestWaysOfSeveralThresholds: where one group signs and another uses passkeys, each approves in its way, and in no other.
func TestWaysOfSeveralThresholds(t *testing.T) {
	b := newCheatBench(t)
	b.policy(func(s string) string {
		s = strings.Replace(cheatPolicy(s), "groups: {", "groups: {dev: [person:pat], ", 1)
		return strings.Replace(s, `"printf <text>...", from: [sre],`, `"printf <text>...", all_of: [{from: [sre], approve_by: ssh}, {from: [dev], approve_by: passkey}],`, 1)
	})
	r := b.asks(b.question(b.connect(policy.Agent, "bot"), "printf", "x")).Request
	if _, err := b.approve("vic", r.ID); !isForbidden(err) {
		t.Errorf("sre by passkey: %v", err)
	}
	if _, err := b.approveBySSH("vic", r.ID); err != nil {
		t.Fatalf("sre by a signature: %v", err)
	}
	if got := b.approved("pat", r.ID); got.State != access.Approved {
		t.Fatalf("%+v", got)
	}
}

// hostile are words that would be another line, another fact, or nothing that people see.
var hostile = []string{"x\nlogin: root", "\u202etoor", "a\u200bb", "\x1b[2J", "\x00", strings.Repeat("x", 1<<16)}

// TestHostileWords: no words of an agent or a person reach those who approve unless they are one plain line.
func TestHostileWords(t *testing.T) {
	b := newCheatBench(t)
	bot := console.Credential{Connection: b.connect(policy.Agent, "bot")}
	r := b.asks(b.question(bot.Connection, "printf", "x")).Request
	for _, words := range hostile {
		for what, err := range map[string]error{
			"a reason": second(b.door.Ask(t.Context(), bot, console.AccessOrder{Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: words})),
			"a ticket": second(b.door.Ask(t.Context(), bot, console.AccessOrder{Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: "x", Ticket: words})),
			"a no":     second(b.door.Answer(t.Context(), b.in["vic"], console.AccessAnswer{Request: r.ID, Words: words})),
			"a target": second(b.door.Ask(t.Context(), bot, console.AccessOrder{Role: "writer", Targets: []string{words}, Login: "deploy", Reason: "x"})),
			"a role":   second(b.door.Ask(t.Context(), bot, console.AccessOrder{Role: words, Targets: []string{"web-1"}, Login: "deploy", Reason: "x"})),
			"an id":    second(b.door.Request(t.Context(), b.in["vic"], words)),
		} {
			if err == nil || strings.ContainsAny(err.Error(), "\n\x1b\u202e\u200b\x00") || len(err.Error()) > 4096 {
				t.Errorf("%s %.20q: %.200v", what, words, err)
			}
		}
	}
	for _, order := range []console.AccessOrder{
		{Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: "x", For: 1 << 62}, {Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: "x", For: -1},
		{Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: "x", Uses: -1}, {Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: "x", Beat: 1 << 62}, {}, {Reason: "x"},
	} {
		if got, err := b.door.Ask(t.Context(), bot, order); err == nil {
			t.Errorf("%+v was taken: %+v", order, got)
		}
	}
	if now, err := b.d.access.Request(t.Context(), r.ID); err != nil || now.State != access.Pending {
		t.Fatalf("%+v, %v", now, err)
	}
}

func second[T any](_ T, err error) error { return err }
