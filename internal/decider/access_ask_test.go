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

// TestRequestFromDenial: what was denied is asked for by its id, exactly as it was: a command that waits for people, or one that only a
// role which may be asked for admits; by whom it was denied, or their owner, and by nobody else.
func TestRequestFromDenial(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	bot := console.Credential{Connection: conn}
	denied := func(argv ...string) protocol.Decided {
		t.Helper()
		got, err := b.ask(b.question(conn, argv...))
		if err != nil || got.Decision.Verdict == policy.Allow {
			t.Fatalf("%+v, %v", got.Decision, err)
		}
		return got
	}
	no := int64(0)
	q := b.question(conn, "printf", "later")
	q.Wait = &no
	waits, err := b.ask(q)
	b.must(err)
	r, err := b.door.Ask(t.Context(), bot, console.AccessOrder{From: waits.ID, Reason: "it is needed", Ticket: "T-7"})
	if err != nil || r.Scope.Kind != access.CommandScope || r.Denial != waits.ID || r.Reason != "it is needed" || !r.Scope.Command.Same(*waits.Waiting.Request.Scope.Command) {
		t.Fatalf("%+v, %v", r, err)
	}
	tee := denied("tee", "x")
	if len(tee.Decision.Request) != 1 || tee.Decision.Request[0] != "writer" {
		t.Errorf("the denial names %q to ask for", tee.Decision.Request)
	}
	for name, who := range map[string]console.Credential{"another agent": {Connection: b.connect(policy.Agent, "other")}, "a stranger": b.in["nan"], "an approver": b.in["vic"]} {
		if _, err := b.door.Ask(t.Context(), who, console.AccessOrder{From: tee.ID, Reason: "r"}); !isForbidden(err) {
			t.Errorf("%s asks for it: %v", name, err)
		}
	}
	r, err = b.door.Ask(t.Context(), b.in["ann"], console.AccessOrder{From: tee.ID, Reason: "r"})
	if err != nil || r.By.Principal != "agent:bot" || r.Scope.Role != "writer" || r.Scope.Uses != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	b.approved("vic", r.ID)
	for _, argv := range [][]string{{"tee", "y"}, {"tee", "x", "z"}, {"rm", "x"}} {
		denied(argv...)
	}
	got := b.runs(b.question(conn, "tee", "x"))
	if got.Decision.Mode != policy.Pinned {
		t.Errorf("%+v", got.Decision)
	}
	denied("tee", "x") // it was good once
	if _, err := b.door.Ask(t.Context(), bot, console.AccessOrder{From: denied("rm", "x").ID, Reason: "r"}); !isForbidden(err) || !strings.Contains(err.Error(), "nobody can be asked") {
		t.Errorf("what no role admits: %v", err)
	}
	b.clock.pass(25 * time.Hour)
	if _, err := b.door.Ask(t.Context(), console.Credential{Connection: b.connect(policy.Agent, "bot")}, console.AccessOrder{From: tee.ID, Reason: "r"}); !isForbidden(err) {
		t.Errorf("after a day: %v", err)
	}
}

// TestRequestFromDenialUnseen: what was denied before anybody looked at the target is asked for as it was written, with the input that the
// role's rule takes, and runs so.
func TestRequestFromDenialUnseen(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "tee", "x")
	q.Facts = policy.Facts{}
	denied, err := b.door.Decide(t.Context(), q)
	if err != nil || denied.Decision.Verdict != policy.Deny {
		t.Fatalf("%+v, %v", denied.Decision, err)
	}
	r, err := b.door.Ask(t.Context(), console.Credential{Connection: conn}, console.AccessOrder{From: denied.ID, Reason: "r"})
	if err != nil || r.Scope.Command.Plan.Argv[0] != "tee" || r.Scope.Command.Stdin != policy.StdinNone {
		t.Fatalf("%+v, %v", r, err)
	}
	b.approved("vic", r.ID)
	if got, err := b.ask(b.question(conn, "tee", "y")); err != nil || got.Decision.Verdict != policy.Deny {
		t.Errorf("another command: %+v, %v", got.Decision, err)
	}
	if got := b.runs(b.question(conn, "tee", "x")); got.Decision.Mode != policy.Pinned || got.Decision.Plan.Argv[0] != "/usr/bin/tee" {
		t.Errorf("%+v", got.Decision)
	}
}

// TestRequestPattern: what a rule's pattern matches runs by a grant for it, as often as that is good for, and nothing else does.
func TestRequestPattern(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	r, err := b.door.Ask(t.Context(), console.Credential{Connection: conn}, console.AccessOrder{Pattern: "operator/ask[1]", Targets: []string{"web-1"}, Login: "deploy", Reason: "r", Uses: 2})
	if err != nil || r.Scope.Kind != access.PatternScope || r.Scope.Uses != 2 || r.Need[0].Approvals != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	b.approved("vic", r.ID)
	b.approved("uma", r.ID)
	b.asks(b.question(conn, "printf", "x"))
	b.runs(b.question(conn, "id"))
	b.runs(b.question(conn, "id"))
	b.asks(b.question(conn, "id"))
	if _, err := b.door.Ask(t.Context(), console.Credential{Connection: conn}, console.AccessOrder{Pattern: "operator/ask[1]", Targets: []string{"web-1"}, Login: "deploy", Reason: "r", Uses: 4}); err == nil {
		t.Error("more uses than the rule gives")
	}
	r, err = b.door.Ask(t.Context(), console.Credential{Connection: conn}, console.AccessOrder{Pattern: "id", Targets: []string{"web-1"}, Login: "deploy", Reason: "r"})
	if err != nil || r.Scope.Role != "operator" || r.Scope.Pattern != "id" {
		t.Errorf("by the rule's own words, without its role: %+v, %v", r.Scope, err)
	}
}

// TestGrantIsBoundToItsTask: a grant is good for the task for which it was asked, and for no other of the same agent.
func TestGrantIsBoundToItsTask(t *testing.T) {
	b := newAccessBench(t)
	task := func(name string) string {
		t.Helper()
		key, _ := newKey(t)
		issued, err := admin[protocol.Issued](b.bench, protocol.OpIssue, protocol.Issue{Kind: policy.Agent, Name: "bot", Task: name, PublicKey: key.Marshal(), TTL: 10 * time.Minute, By: "test"})
		b.must(err)
		conn := b.id("con")
		_, err = b.door.Authenticate(t.Context(), protocol.Authenticate{Connection: conn, Certificate: issued.Certificate, Source: "192.0.2.1", Proven: true})
		b.must(err)
		return conn
	}
	one, other := task("one"), task("other")
	r := b.writer(one)
	if got, err := b.ask(b.question(other, "tee", "x")); err != nil || got.Decision.Verdict != policy.Deny {
		t.Errorf("for another task: %+v, %v", got.Decision, err)
	}
	if got, err := b.door.EndGrants(t.Context(), console.Credential{Connection: other}, "", ""); err != nil || len(got) != 0 {
		t.Errorf("ended from another task: %+v, %v", got, err)
	}
	b.runs(b.question(one, "tee", "x"))
	if got := b.outcomes(audit.AccessGrant, r.Grant); got != "made used" {
		t.Errorf("the log says %q", got)
	}
}

// TestFileChanged: a file that the command names, and that changes while people decide, makes it another command: what was asked is void,
// and says why.
func TestFileChanged(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "printf", "/srv/script")
	state := func(sum string) policy.Facts {
		f := lookedUp(q, nil)
		f.Contents["/srv/script"] = policy.FileState{Path: "/srv/script", Kind: policy.PathFile, SHA256: strings.Repeat(sum, 64), Size: 1}
		f.Contents["/usr/bin/printf"] = policy.FileState{Path: "/usr/bin/printf", Missing: true}
		return f
	}
	decide := func(sum string) protocol.Decided {
		t.Helper()
		q.Facts = state(sum)
		got, err := b.door.Decide(t.Context(), q)
		b.must(err)
		return got
	}
	first := decide("0")
	r := first.Waiting.Request
	if len(r.Scope.Command.Files) != 2 {
		t.Fatalf("%+v", r.Scope.Command.Files)
	}
	b.approved("vic", r.ID)
	q.Await = r.ID
	got := decide("1")
	if got.Decision.Verdict != policy.Ask || got.Waiting == nil || got.Waiting.Request.ID == r.ID || !strings.Contains(got.Decision.Reason, "/srv/script") || got.Certificate != nil {
		t.Fatalf("%+v %+v", got.Decision, got.Waiting)
	}
	if g, err := b.d.access.FindGrant(t.Context(), b.request(r.ID).Grant); err != nil || g.Ended.IsZero() {
		t.Errorf("what was approved for the old file: %+v, %v", g, err)
	}
	q.Await = got.Waiting.Request.ID
	b.approved("vic", q.Await)
	if got := decide("1"); got.Decision.Verdict != policy.Allow {
		t.Errorf("%+v", got.Decision)
	}
}
