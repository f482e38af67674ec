package decider

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder"
	"gatehouse/recorder/audit"
)

// newBudgetBench is a decider with one agent that has a budget, and one that has none.
func newBudgetBench(t *testing.T, budget string) *bench {
	t.Helper()
	b := newBench(t)
	b.write("policy.yaml", `version: 1
people: {ann: {roles: [admin]}, adm: {roles: [admin]}, vic: {roles: [viewer]}}
agents: {bot: {owner: person:ann, roles: [operator]}, free: {owner: person:ann, roles: [unbound]}}
roles:
  admin: {rights: [administer, view]}
  viewer: {rights: [view]}
  operator: {targets: [web-1, web-2], logins: [deploy], allow: ["echo <text>..."], files: {read: ["/srv/in/**"], write: ["/srv/in/**"]}, budget: {per: task, `+budget+`}}
  unbound: {targets: [web-1], logins: [deploy], allow: ["echo <text>..."]}
`)
	if r, err := b.d.Reload(t.Context()); err != nil || r.Problem != "" {
		t.Fatal(r, err)
	}
	return b
}

// ask asks for a command and returns its session and the answer.
func (b *bench) ask(conn, target string, argv ...string) (string, protocol.Decided) {
	b.t.Helper()
	in := b.question(conn, argv...)
	in.Target = target
	got, err := b.door.Decide(b.t.Context(), in)
	b.must(err)
	return in.Session, got
}

// over ends a session that sent so many bytes.
func (b *bench) over(session string, sent int64) {
	b.t.Helper()
	b.must(b.door.End(b.t.Context(), protocol.End{Session: session, State: "closed", Recording: &recorder.Summary{Session: session, BytesOut: sent}}))
}

// exceeded are the limits that the log says are used up.
func (b *bench) exceeded() (what []string) {
	for _, e := range b.entries() {
		if e.Type == audit.Budget && e.Outcome == "exceeded" {
			what = append(what, e.Reason)
		}
	}
	return what
}

// TestBudgetEachLimit: each limit of a budget denies with quota and says which it is; the log says so once; who has no budget is not
// counted anywhere.
func TestBudgetEachLimit(t *testing.T) {
	for name, c := range map[string]struct {
		budget string
		use    func(b *bench, conn string) // up to the limit
		target string
	}{
		"commands": {"commands: 2", func(b *bench, conn string) {
			for range 2 {
				s, got := b.ask(conn, "web-1", "echo", "x")
				if got.Decision.Verdict != policy.Allow {
					b.t.Fatalf("%+v", got.Decision)
				}
				b.over(s, 1)
			}
		}, "web-1"},
		"denials":  {"denials: 2", func(b *bench, conn string) { b.ask(conn, "web-1", "rm", "x"); b.ask(conn, "web-1", "rm", "x") }, "web-1"},
		"hosts":    {"hosts: 1", func(b *bench, conn string) { b.ask(conn, "web-1", "echo", "x") }, "web-2"},
		"sessions": {"sessions: 1", func(b *bench, conn string) { b.ask(conn, "web-1", "echo", "x") }, "web-1"},
		"bytes_out": {"bytes_out: 3KiB", func(b *bench, conn string) {
			s, got := b.ask(conn, "web-1", "echo", "x")
			if got.Decision.Obligations.BytesOut != 3072 {
				b.t.Errorf("the door was told %d bytes", got.Decision.Obligations.BytesOut)
			}
			b.over(s, 1024)
			s, got = b.ask(conn, "web-1", "echo", "x")
			if got.Decision.Obligations.BytesOut != 2048 {
				b.t.Errorf("then %d bytes", got.Decision.Obligations.BytesOut)
			}
			b.over(s, 2048)
		}, "web-1"},
		"wall": {"wall: 100s", func(b *bench, conn string) {
			s, got := b.ask(conn, "web-1", "echo", "x")
			if got.Decision.Obligations.MaxSeconds != 60 {
				b.t.Errorf("the door was told %d s", got.Decision.Obligations.MaxSeconds)
			}
			b.clock.pass(55 * time.Second)
			b.over(s, 0)
			s, got = b.ask(conn, "web-1", "echo", "x")
			if got.Decision.Obligations.MaxSeconds != 45 {
				b.t.Errorf("then %d s", got.Decision.Obligations.MaxSeconds)
			}
			b.clock.pass(45 * time.Second)
			b.over(s, 0)
		}, "web-1"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBudgetBench(t, c.budget)
			conn := b.connect(policy.Agent, "bot")
			c.use(b, conn)
			for range 3 {
				_, got := b.ask(conn, c.target, "echo", "x")
				if dec := got.Decision; dec.Verdict != policy.Deny || dec.Code != policy.CodeQuota || !strings.Contains(dec.Reason, name+" is ") || got.Certificate != nil {
					t.Fatalf("%+v", got.Decision)
				}
			}
			if said := b.exceeded(); len(said) != 1 || !strings.Contains(said[0], name) {
				t.Errorf("the log says %q", said)
			}
			free := b.connect(policy.Agent, "free")
			b.ask(free, "web-1", "rm", "x")
			if _, got := b.ask(free, "web-1", "echo", "x"); got.Decision.Verdict != policy.Allow || got.Decision.Obligations != (policy.Obligations{}) {
				t.Errorf("without a budget: %+v", got.Decision)
			}
			rows, err := b.d.facts.Budgets(t.Context())
			b.must(err)
			for _, row := range rows {
				if strings.Contains(string(row), "agent:free") {
					t.Errorf("%s is kept", row)
				}
			}
		})
	}
}

// TestBudgetWrites: operations that change a file are counted each, reads are not.
func TestBudgetWrites(t *testing.T) {
	b := newBudgetBench(t, "writes: 2")
	session, _ := b.transfer(b.connect(policy.Agent, "bot"))
	ask := func(op policy.FileOp, i int) protocol.FileAnswer {
		name := []byte(fmt.Sprintf("/srv/in/%d", i))
		got, err := b.door.File(t.Context(), protocol.File{Session: session, Op: op, Path: name, Asked: name, Kind: policy.PathFile})
		b.must(err)
		return got
	}
	for i, want := range []struct {
		op policy.FileOp
		ok bool
	}{{policy.OpRead, true}, {policy.OpWrite, true}, {policy.OpRead, true}, {policy.OpRemove, true}, {policy.OpWrite, false}, {policy.OpMkdir, false}, {policy.OpRead, true}} {
		if got := ask(want.op, i); got.Allowed != want.ok || !want.ok && (got.Code != policy.CodeQuota || !strings.Contains(got.Reason, "writes is 3")) {
			t.Errorf("%d %s: %+v", i, want.op, got)
		}
	}
}

// TestBudgetOfManyAtOnce: sessions beside each other are never given more than there is.
func TestBudgetOfManyAtOnce(t *testing.T) {
	b := newBudgetBench(t, "bytes_out: 10MiB")
	conn := b.connect(policy.Agent, "bot")
	var given int64
	for range 40 {
		_, got := b.ask(conn, "web-1", "echo", "x")
		if got.Decision.Verdict != policy.Allow {
			break
		}
		if got.Decision.Obligations.BytesOut <= 0 {
			t.Fatal("a session without a bound")
		}
		given += got.Decision.Obligations.BytesOut
	}
	if given != 10<<20 {
		t.Errorf("%d bytes were given of %d", given, 10<<20)
	}
}

// TestBudgetSurvives: what was used up is known after a restart; what a live session was given is all used up by a crash.
func TestBudgetSurvives(t *testing.T) {
	b := newBudgetBench(t, "commands: 3, bytes_out: 4MiB")
	conn := b.connect(policy.Agent, "bot")
	s, _ := b.ask(conn, "web-1", "echo", "x")
	b.over(s, 1<<20) // 3 MiB are left
	s, got := b.ask(conn, "web-1", "echo", "x")
	want := int64(1<<20) + got.Decision.Obligations.BytesOut
	rows, err := b.d.facts.Budgets(t.Context())
	b.must(err)
	again, err := openBudgets(t.Context(), b.d.facts) // as the next process would
	b.must(err)
	list := again.list(func(k access.TallyKey) bool { return k.Principal == "agent:bot" })
	if len(rows) != 1 || len(list) != 1 || list[0].Commands != 2 || list[0].BytesOut != want || list[0].Sessions != 0 {
		t.Errorf("%+v of %d rows, want %d bytes", list, len(rows), want)
	}
	b.over(s, 5) // and without a crash
	if again, err = openBudgets(context.Background(), b.d.facts); err != nil {
		t.Fatal(err)
	}
	if list = again.list(func(access.TallyKey) bool { return true }); list[0].BytesOut != 1<<20+5 {
		t.Errorf("%+v", list)
	}
}

// TestBudgetReset: somebody whom it does not serve gives a budget anew, with a reason and an entry; nobody gives themselves or theirs one.
func TestBudgetReset(t *testing.T) {
	b := newBudgetBench(t, "commands: 1")
	conn := b.connect(policy.Agent, "bot")
	s, _ := b.ask(conn, "web-1", "echo", "x")
	b.over(s, 0)
	own, err := b.door.Budgets(t.Context(), console.Credential{Connection: conn}, false)
	if err != nil || len(own) != 1 || own[0].Commands != 1 || own[0].Limits.Commands != 1 {
		t.Fatalf("%+v, %v", own, err)
	}
	if _, err := b.door.Budgets(t.Context(), console.Credential{Connection: conn}, true); err == nil {
		t.Error("an agent sees everybody's")
	}
	for _, c := range []struct {
		who    policy.Kind
		name   string
		reason string
		want   bool
	}{{policy.Agent, "bot", "more", false}, {policy.Person, "vic", "more", false}, {policy.Person, "ann", "more", false}, {policy.Person, "adm", " ", false}, {policy.Person, "adm", "more", true}} {
		_, err := b.door.ResetBudget(t.Context(), console.Credential{Connection: b.connect(c.who, c.name)}, "agent:bot", "", c.reason)
		if (err == nil) != c.want {
			t.Errorf("%s %q: %v", c.name, c.reason, err)
		}
		if _, got := b.ask(conn, "web-1", "echo", "x"); (got.Decision.Verdict == policy.Allow) != c.want {
			t.Errorf("after %s: %+v", c.name, got.Decision)
		}
	}
	noted := 0
	for _, e := range b.entries() {
		if e.Type == audit.Budget && e.Outcome == "reset" && e.Actor == "person:adm" && e.Reason == "more" && strings.Contains(string(e.Data), "agent:bot") {
			noted++
		}
	}
	if noted != 1 {
		t.Errorf("%d entries", noted)
	}
}
