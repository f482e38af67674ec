package decider

import (
	"maps"
	"strings"
	"testing"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// shellOfAccess gives bot a governed shell under the policy with people.
func (b *accessBench) governed(more string) protocol.Decide {
	b.t.Helper()
	b.policy(func(s string) string {
		return strings.Replace(s, "  operator:\n", "  operator:\n    shell: governed\n"+more, 1)
	})
	return b.shell(b.connect(policy.Agent, "bot"))
}

// TestStepsWaitForPeople: several commands of one governed shell wait at once, each by itself; what is approved runs, pinned, and by its
// own grant.
func TestStepsWaitForPeople(t *testing.T) {
	b := newAccessBench(t)
	shell := b.governed("")
	first, second := b.step(shell, 1, "printf", "a"), b.step(shell, 2, "printf", "b")
	first.Step.Piped = false
	w1, w2 := b.asks(first), b.asks(second)
	if w1.Request.ID == w2.Request.ID || w1.Until.IsZero() || w2.Until.IsZero() || w1.Request.Session != shell.Session {
		t.Fatalf("%+v\n%+v", w1, w2)
	}
	b.runs(b.step(shell, 3, "echo", "x")) // nothing waits for them
	first.Await, second.Await = w1.Request.ID, w2.Request.ID
	b.approved("vic", w1.Request.ID)
	if got := b.runs(first); got.Decision.Mode != policy.Pinned || len(got.Decision.Grants) != 1 {
		t.Errorf("%+v", got.Decision)
	}
	if again := b.asks(second); !again.Until.Equal(w2.Until) {
		t.Errorf("the other one waits until %s", again.Until)
	}
	if got, err := b.ask(first); code(err) != protocol.CodeRefused {
		t.Errorf("again: %+v, %v", got, err)
	}
	b.must(b.door.End(t.Context(), protocol.End{Session: shell.Session, State: "ended"}))
	if n := len(b.d.waits.open); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

// TestStepWaitsAreBounded: one governed shell does not take all the room that there is to wait.
func TestStepWaitsAreBounded(t *testing.T) {
	w := newWaits()
	shell := id.New(id.Session, newBenchClock().now())
	step := func(n int64) string {
		return (&ruling{in: protocol.Decide{Session: shell, Step: &policy.Step{N: n}}}).waiter()
	}
	for n := range int64(maxStepWaits) {
		if _, err := w.begin(step(n+1), "c", "r", 0, newBenchClock().now()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.begin(step(maxStepWaits+1), "c", "r", 0, newBenchClock().now()); err == nil {
		t.Error("one more waits")
	}
	if _, err := w.begin(step(1), "c", "r", 0, newBenchClock().now()); err != nil {
		t.Errorf("what waits already: %v", err)
	}
	if _, err := w.begin(shell, "c", "r", 0, newBenchClock().now()); err != nil {
		t.Errorf("another session: %v", err)
	}
	w.end(step(1))
	if _, err := w.begin(step(maxStepWaits+1), "c", "r", 0, newBenchClock().now()); err != nil {
		t.Error(err)
	}
	w.endShell(shell)
	if len(w.open) != 1 {
		t.Errorf("%d wait", len(w.open))
	}
}

// TestPipedStepIsShown: people are told that a command's input is the shell's, and what they say of it holds for no other input.
func TestPipedStepIsShown(t *testing.T) {
	b := newAccessBench(t)
	b.policy(func(s string) string {
		s = strings.Replace(s, "  operator:\n", "  operator:\n    shell: governed\n", 1)
		return strings.Replace(s, `{run: "printf <text>...", from`, `{run: "printf <text>...", stdin: pipe, from`, 1)
	})
	shell := b.shell(b.connect(policy.Agent, "bot"))
	q := b.step(shell, 1, "printf", "a")
	q.Step.Piped = true
	w := b.asks(q)
	if w.Request.Scope.Command.Stdin != policy.StdinPipe {
		t.Errorf("the input is %q", w.Request.Scope.Command.Stdin)
	}
	b.approved("vic", w.Request.ID)
	if other := b.asks(b.step(shell, 2, "printf", "a")); other.Request.ID == w.Request.ID {
		t.Error("it holds for a command without that input")
	}
	q.Await = w.Request.ID
	b.runs(q)
}

// TestGrantsOfStepsEndTheShell: a governed shell ends with the grant that a running command of it runs by, and not with that of one that
// has ended.
func TestGrantsOfStepsEndTheShell(t *testing.T) {
	for _, ended := range []bool{false, true} {
		b := newAccessBench(t)
		shell := b.governed("")
		q := b.step(shell, 1, "printf", "a")
		w := b.asks(q)
		r := b.approved("vic", w.Request.ID)
		q.Await = w.Request.ID
		b.runs(q)
		if ended {
			next := b.step(shell, 2, "echo", "x")
			next.Ended = []int64{1}
			b.runs(next)
		}
		n := b.d.endHeld(func(g access.Grant) string {
			if g.ID == r.Grant {
				return "it is over"
			}
			return ""
		})
		if (n == 1) == ended {
			t.Errorf("after its end %t: %d sessions end", ended, n)
		}
		_, err := b.ask(b.step(shell, 3, "echo", "x"))
		if (code(err) == protocol.CodeRefused) == ended {
			t.Errorf("after its end %t: %v", ended, err)
		}
	}
}

// TestBudgetsCountSteps: each command of a governed shell is one, the shell itself none; it is one session; and what does not run is not
// counted.
func TestBudgetsCountSteps(t *testing.T) {
	b := newAccessBench(t)
	budgeted(b, "{per: day, commands: 3, sessions: 1, bytes_out: 4MiB, wall: 10m, writes: 1}")
	b.policy(func(s string) string {
		s = strings.Replace(s, "  operator:\n", "  operator:\n    shell: governed\n    budget: {per: day, commands: 3, sessions: 1, bytes_out: 4MiB, wall: 10m, writes: 1}\n    files: {write: [\"/srv/**\"]}\n", 1)
		return s
	})
	conn := b.connect(policy.Agent, "bot")
	shell := b.shell(conn)
	b.overBudget(b.question(conn, "echo", "x"), "sessions")
	b.runs(b.step(shell, 1, "echo", "x"))
	writing := b.step(shell, 2, "echo", "x")
	writing.Plan.Redirs = []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/srv/a"}}
	writing.Facts.Paths = map[string]policy.PathFact{"/srv/a": {Real: "/srv/a", Kind: policy.PathFile}}
	if got, err := b.door.Decide(t.Context(), withPaths(writing)); err != nil || got.Decision.Verdict != policy.Allow {
		t.Fatalf("%+v, %v", got.Decision, err)
	}
	writing = b.step(shell, 3, "echo", "x")
	writing.Plan.Redirs = []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/srv/a"}}
	if got, err := b.door.Decide(t.Context(), withPaths(writing)); err != nil || got.Decision.Code != policy.CodeQuota {
		t.Fatalf("a second write: %+v, %v", got.Decision, err)
	}
	crowd := b.d.sessions[shell.Session].shell.steps
	for n := range int64(maxSteps) { // so that one more is refused after it was counted
		crowd[-n-1] = &session{}
	}
	if got, err := b.ask(b.step(shell, 4, "echo", "x")); code(err) != protocol.CodeRefused {
		t.Fatalf("%+v, %v", got, err)
	}
	maps.DeleteFunc(crowd, func(n int64, _ *session) bool { return n < 0 })
	b.runs(b.step(shell, 5, "echo", "x"))
	b.overBudget(b.step(shell, 6, "echo", "x"), "commands")
	s, _ := b.d.spenderOf(b.d.currentPolicy(), b.d.sessions[shell.Session].request.Identity)
	if tally := b.d.ledger.Get(s.key); tally.Commands != 3 || tally.Sessions != 1 || tally.Writes != 1 {
		t.Errorf("%+v", tally)
	}
}

// withPaths gives the facts that an honest door finds of a command that writes /srv/a.
func withPaths(q protocol.Decide) protocol.Decide {
	q.Facts = lookedUp(q, nil)
	q.Facts.Paths = map[string]policy.PathFact{"/srv/a": {Real: "/srv/a", Kind: policy.PathFile}, "/srv": {Real: "/srv", Kind: policy.PathDir}}
	return q
}
