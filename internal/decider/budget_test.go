package decider

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder"
	"gatehouse/recorder/audit"
)

// budgeted puts a budget into the role of bot and of people, and gives the others what a test needs.
func budgeted(b *accessBench, budget string) {
	b.t.Helper()
	b.policy(func(s string) string {
		s = strings.Replace(s, "  operator:\n", "  operator:\n    budget: "+budget+"\n    files: {write: [\"/srv/**\"], read: [\"/srv/**\"]}\n    forward: [{to: \"db-1:5432\", via: door}]\n", 1)
		s = strings.Replace(s, "    rights: [view, operate]\n", "    rights: [view, operate]\n    budget: "+budget+"\n", 1)
		return strings.Replace(s, "  viewer: {rights: [view]}\n", "  viewer: {rights: [view, administer]}\n", 1)
	})
}

func (b *accessBench) ends(session string, bytes int64) {
	b.t.Helper()
	b.must(b.door.End(b.t.Context(), protocol.End{Session: session, State: "ended", Recording: &recorder.Summary{Session: session, BytesOut: bytes}}))
}

func (b *accessBench) overBudget(q protocol.Decide, text string) {
	b.t.Helper()
	got, err := b.ask(q)
	if err != nil || got.Decision.Verdict != policy.Deny || got.Decision.Code != policy.CodeQuota || !strings.Contains(got.Decision.Reason, text) || got.Certificate != nil || got.Line != "" {
		b.t.Fatalf("%+v, %v", got.Decision, err)
	}
}

// TestBudgetsCut: a session is given its part of the bytes and of the time, a restart forgets nothing, and midnight begins anew; a clock
// that steps back over it finds what was spent.
func TestBudgetsCut(t *testing.T) {
	b := newAccessBench(t)
	budgeted(b, "{per: day, bytes_out: 4MiB, wall: 10m, commands: 4}")
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "echo", "x")
	if o := b.runs(q).Decision.Obligations; o.BytesOut != 2<<20 || o.MaxSeconds != 300 {
		t.Fatalf("%+v", o)
	}
	second := b.question(conn, "echo", "x")
	if o := b.runs(second).Decision.Obligations; o.BytesOut != 1<<20 || o.MaxSeconds != 150 {
		t.Fatalf("beside it: %+v", o)
	}
	b.ends(q.Session, 100)
	b.restart() // the second one's part is spent
	conn = b.connect(policy.Agent, "bot")
	third := b.question(conn, "echo", "x")
	if o := b.runs(third).Decision.Obligations; o.BytesOut != (3<<20-100)/2 || o.MaxSeconds != 225 {
		t.Fatalf("after a crash: %+v", o)
	}
	b.must(b.door.End(t.Context(), protocol.End{Session: third.Session, State: "failed"})) // says nothing of bytes
	b.runs(b.question(conn, "echo", "x"))
	b.overBudget(b.question(conn, "echo", "x"), "commands, 4 of 4; left: ")
	b.overBudget(b.question(conn, "printf", "x"), "commands") // and nobody is asked
	if n := len(b.of(audit.Budget)); n != 1 {
		t.Errorf("told %d times", n)
	}
	day := 24*time.Hour - b.clock.now().Sub(b.clock.now().Truncate(24*time.Hour))
	b.clock.pass(day)
	b.runs(b.question(b.connect(policy.Agent, "bot"), "echo", "x"))
	b.clock.pass(-time.Minute)
	b.overBudget(b.question(b.connect(policy.Agent, "bot"), "echo", "x"), "commands, 4 of 4")
}

// TestBudgetsCountEverything: transfers, files, redirections, forwards and targets.
func TestBudgetsCountEverything(t *testing.T) {
	b := newAccessBench(t)
	budgeted(b, "{per: task, commands: 3, writes: 2, denials: 2}")
	conn := b.connect(policy.Agent, "bot")
	in := protocol.Transfer{Connection: conn, Session: b.id(id.Session), Target: "web-1", Login: "deploy", By: policy.SFTP, PublicKey: b.wire()}
	if got, err := b.door.Transfer(t.Context(), in); err != nil || got.Decision.Verdict != policy.Allow {
		t.Fatalf("%+v, %v", got.Decision, err)
	}
	file := func(op policy.FileOp) protocol.FileAnswer {
		t.Helper()
		f := protocol.File{Session: in.Session, Op: op, Path: []byte("/srv/a"), Asked: []byte("/srv/a"), Kind: policy.PathFile}
		got, err := b.door.File(t.Context(), f)
		b.must(err)
		return got
	}
	if !file(policy.OpRead).Allowed || !file(policy.OpWrite).Allowed || !file(policy.OpRemove).Allowed || !file(policy.OpRead).Allowed {
		t.Fatal("within the budget")
	}
	if got := file(policy.OpWrite); got.Allowed || got.Code != policy.CodeQuota || !strings.Contains(got.Reason, "writes, 2 of 2") || got.ID == "" {
		t.Fatalf("%+v", got)
	}
	redirect := b.question(conn, "echo", "x")
	redirect.Plan.Redirs = []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/srv/b"}}
	b.overBudget(redirect, "writes")
	if got, err := b.door.Forward(t.Context(), b.forwardTo(conn, "db-1", 5432, "192.0.2.9")); err != nil || got.Decision.Verdict != policy.Allow {
		t.Fatalf("%+v, %v", got, err)
	}
	b.runs(b.question(conn, "echo", "x"))
	got, err := b.door.Forward(t.Context(), b.forwardTo(conn, "db-1", 5432, "192.0.2.9"))
	if err != nil || got.Decision.Code != policy.CodeQuota || len(got.Addresses) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	in.Session = b.id(id.Session)
	if got, err := b.door.Transfer(t.Context(), in); err != nil || got.Decision.Code != policy.CodeQuota || got.Certificate != nil {
		t.Fatalf("%+v, %v", got.Decision, err)
	}
}

// TestBudgetsAtOnce: a hundred commands at once never exceed, by what the door is answered and by what is counted.
func TestBudgetsAtOnce(t *testing.T) {
	b := newAccessBench(t)
	budgeted(b, "{per: task, commands: 9}")
	conn := b.connect(policy.Agent, "bot")
	var allowed atomic.Int64
	var work sync.WaitGroup
	for range 100 {
		q := b.question(conn, "echo", "x")
		work.Go(func() {
			got, err := b.door.Decide(t.Context(), q)
			if err != nil {
				t.Error(err)
			}
			if got.Decision.Verdict == policy.Allow && got.Certificate != nil {
				allowed.Add(1)
			}
		})
	}
	work.Wait()
	if allowed.Load() != 9 || len(b.of(audit.Budget)) != 1 {
		t.Errorf("%d were allowed, told %d times", allowed.Load(), len(b.of(audit.Budget)))
	}
}

// TestNoBudgetNoCost: of an identity without a budget nothing is counted or stored.
func TestNoBudgetNoCost(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "echo", "x")
	b.runs(q)
	b.ends(q.Session, 7)
	if got, err := b.ask(b.question(conn, "rm")); err != nil || got.Decision.Verdict != policy.Deny {
		t.Fatal(got, err)
	}
	stored, err := b.d.facts.Budgets(t.Context())
	if list := b.d.ledger.List(""); err != nil || len(list)+len(stored) != 0 {
		t.Errorf("%+v %+v %v", list, stored, err)
	}
}

// TestBudgetsOfBrokenGlass: what runs by one counts, and is not stopped.
func TestBudgetsOfBrokenGlass(t *testing.T) {
	b := newAccessBench(t)
	budgeted(b, "{per: task, commands: 1, bytes_out: 1KiB}")
	if r, err := b.breakGlass("ann", glassOrder); err != nil || r.Grant == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	conn := b.connect(policy.Person, "ann")
	for i := range 3 {
		q := b.question(conn, "tee", fmt.Sprint(i))
		if o := b.runs(q).Decision.Obligations; o.BytesOut != 0 {
			t.Errorf("%+v", o)
		}
		b.ends(q.Session, 2000)
	}
	if list := b.d.ledger.List("person:ann"); len(list) != 1 || list[0].Commands != 3 || list[0].BytesOut != 6000 {
		t.Errorf("%+v", list)
	}
}

// TestBudgetsAreShownAndReset: everybody sees their own; who may view, all; who administers gives them anew, but not their own and not
// to agents of theirs, and live sessions keep what they booked.
func TestBudgetsAreShownAndReset(t *testing.T) {
	b := newAccessBench(t)
	budgeted(b, "{per: task, commands: 1, denials: 1, wall: 10m}")
	bot := b.connect(policy.Agent, "bot")
	by := console.Credential{Connection: bot}
	own, err := b.door.Budgets(t.Context(), by, "")
	if err != nil || len(own.List) != 1 || own.List[0].Principal != "agent:bot" || own.List[0].Limits[0] != (console.BudgetLine{What: "commands", Limit: 1, Left: 1}) {
		t.Fatalf("%+v, %v", own, err)
	}
	live := b.question(bot, "echo", "x")
	b.runs(live)
	var no *console.ForbiddenError
	if _, err := b.door.Budgets(t.Context(), by, "*"); !errors.As(err, &no) {
		t.Errorf("an agent sees all: %v", err)
	}
	all, err := b.door.Budgets(t.Context(), b.in["nan"], "*")
	if err != nil || len(all.List) != 1 || all.List[0].Limits[0].Left != 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	for who, order := range map[string]string{"ann": "agent:bot", "nan": "agent:other"} {
		if _, err := b.door.ResetBudget(t.Context(), b.in[who], order, "more"); !errors.As(err, &no) {
			t.Errorf("%s resets %s: %v", who, order, err)
		}
	}
	if _, err := b.door.ResetBudget(t.Context(), b.in["nan"], "agent:bot", ""); err == nil {
		t.Error("without a reason")
	}
	if _, err := b.door.ResetBudget(t.Context(), by, "agent:bot", "more"); !errors.As(err, &no) {
		t.Errorf("an agent: %v", err)
	}
	if n, err := b.door.ResetBudget(t.Context(), b.in["nan"], "agent:bot", "a drill"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if list := b.d.ledger.List("agent:bot"); len(list) != 1 || list[0].Commands != 0 || list[0].Wall != 300 {
		t.Errorf("%+v", list)
	}
	b.runs(b.question(bot, "echo", "x"))
	b.overBudget(b.question(bot, "echo", "x"), "commands, 1 of 1")
}
