package privilege

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// org is an organisation: ann owns the agent bot, vic and uma are sre.
type org struct{}

func (org) Members(group string) []string { return map[string][]string{"sre": {"vic", "uma"}}[group] }
func (org) Owners(agent string) []string  { return []string{"ann"} }
func (org) OwnersOf(string) []string      { return []string{"ann"} }
func (org) Enabled(string) bool           { return true }

// bench is a store over a real registry, and a log that may fail.
type bench struct {
	t    *testing.T
	path string
	rows *registry.Registry
	s    *Store
	now  time.Time
	log  []audit.Entry
	fail error // of the log
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, path: filepath.Join(t.TempDir(), registry.File), now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	b.open()
	t.Cleanup(func() { _ = b.rows.Close() })
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	b.rows, err = registry.Open(b.t.Context(), b.path)
	b.must(err)
	b.s, err = Open(b.t.Context(), Config{Rows: b.rows, Note: b.note, Now: func() time.Time { return b.now }})
	b.must(err)
}

// crash ends everything without a word, and opens it again.
func (b *bench) crash() {
	b.t.Helper()
	b.must(b.rows.Close())
	b.open()
}

func (b *bench) note(_ context.Context, entries ...audit.Entry) error {
	if b.fail == nil {
		b.log = append(b.log, entries...)
	}
	return b.fail
}

// said are the outcomes that the log has of an object.
func (b *bench) said(object string) string {
	var list []string
	for _, e := range b.log {
		if e.Object == object {
			word := e.Outcome
			if strings.Contains(string(e.Data), `"noted"`) {
				word += "(late)"
			}
			list = append(list, word)
		}
	}
	return strings.Join(list, " ")
}

var byBot = access.Requester{Principal: "agent:bot", Owner: "person:ann"}

func (b *bench) want(argv ...string) access.Request {
	return access.Request{ID: id.New(id.Access, b.now), By: byBot, Policy: "sha256:00", Rules: []string{"web/ask[0]"}, Need: []policy.Approval{{Approvals: 1, From: []string{"sre"}, Within: 600, For: 600, Uses: 2}},
		Scope: access.Scope{Kind: access.CommandScope, Targets: []string{"web-1"}, Login: "deploy", Uses: 2, Seconds: 600, Command: &access.Command{Plan: policy.Plan{Op: policy.OpRun, Argv: append(policy.Argv{"/usr/bin/id"}, argv...)}}}}
}

func (b *bench) ask(argv ...string) access.Request {
	b.t.Helper()
	r, fresh, err := b.s.Ask(b.t.Context(), org{}, b.want(argv...), By{Actor: "agent:bot"})
	b.must(err)
	if !fresh {
		b.t.Fatal("it was there already")
	}
	return r
}

func (b *bench) vote(r access.Request, person string) (access.Request, error) {
	return b.s.Vote(b.t.Context(), org{}, r.ID, access.Vote{By: person, Yes: true, Proof: access.Proof{Kind: access.SSHProof, Nonce: NewNonce(), Key: []byte(person), Signature: []byte("s")}}, By{Actor: "person:" + person})
}

// TestStoredBeforeTrue: what the log does not take has not happened, not after a restart either, and everything goes on as if it had not
// been tried.
func TestStoredBeforeTrue(t *testing.T) {
	b := newBench(t)
	full := errors.New("the log is full")
	b.fail = full
	if _, _, err := b.s.Ask(t.Context(), org{}, b.want("x"), By{}); !errors.Is(err, full) {
		t.Fatal(err)
	}
	b.fail = nil
	if n := len(b.s.PendingRequests(nil)); n != 0 || b.s.Holds("agent:bot") {
		t.Errorf("%d requests that the log does not have", n)
	}
	r := b.ask("y")
	b.fail = full
	if _, err := b.vote(r, "vic"); !errors.Is(err, full) {
		t.Fatal(err)
	}
	b.fail = nil
	b.crash()
	if list := b.s.PendingRequests(nil); len(list) != 1 || len(list[0].Votes) != 0 || len(b.s.LiveGrants(nil)) != 0 {
		t.Errorf("after a restart: %+v, grants %+v", list, b.s.LiveGrants(nil))
	}
	approved, err := b.vote(r, "vic")
	b.must(err)
	b.fail = full
	if err := b.s.Use(t.Context(), []string{approved.Grant}, By{}, audit.Entry{Type: audit.Decision}); !errors.Is(err, full) {
		t.Fatal(err)
	}
	b.fail = nil
	b.crash()
	if g, ok := b.s.Grant(approved.Grant); !ok || g.Used != 0 {
		t.Errorf("a use that the log does not have: %+v", g)
	}
	if got := b.said(r.ID); got != "pending yes approved" {
		t.Errorf("the log says %q", got)
	}
}

// TestCrashBeforeNoted: what is stored and not in the log is noted at the next start, and only then true.
func TestCrashBeforeNoted(t *testing.T) {
	b := newBench(t)
	r := b.ask("x")
	// The disk goes on, and the process ends while it notes.
	died := errors.New("died")
	b.s.cfg.Note = func(context.Context, ...audit.Entry) error {
		b.must(b.rows.Close())
		return died
	}
	if _, err := b.vote(r, "vic"); !errors.Is(err, died) {
		t.Fatal(err)
	}
	if len(b.s.LiveGrants(nil)) != 0 {
		t.Error("it is true before it is noted")
	}
	b.open()
	grants := b.s.LiveGrants(nil)
	if len(grants) != 1 {
		t.Fatalf("%+v", grants)
	}
	if got := b.said(r.ID); got != "pending yes(late) approved(late)" {
		t.Errorf("the log says of the request %q", got)
	}
	if got := b.said(grants[0].ID); got != "made(late)" {
		t.Errorf("the log says of the grant %q", got)
	}
	b.crash()
	if got := b.said(grants[0].ID); got != "made(late)" {
		t.Errorf("noted again at a later start: %q", got)
	}
	b.fail = errors.New("the log is full")
	if err := b.s.Use(t.Context(), []string{grants[0].ID}, By{}); err == nil {
		t.Error("used without the log")
	}
}

// TestStartWithoutLog: what the log does not have yet does not become true when it cannot take it.
func TestStartWithoutLog(t *testing.T) {
	b := newBench(t)
	r := b.ask("x")
	b.s.cfg.Note = func(context.Context, ...audit.Entry) error { b.must(b.rows.Close()); return errors.New("died") }
	_, _ = b.vote(r, "vic")
	rows, err := registry.Open(t.Context(), b.path)
	b.must(err)
	b.fail = errors.New("the log is full")
	if _, err := Open(t.Context(), Config{Rows: rows, Note: b.note, Now: func() time.Time { return b.now }}); !errors.Is(err, b.fail) {
		t.Errorf("%v", err)
	}
	b.must(rows.Close())
	b.fail = nil
	b.open()
}

// TestNothingChangesBeforeItIsTakenBack: while the change that the log refused cannot be taken back, none other is made.
func TestNothingChangesBeforeItIsTakenBack(t *testing.T) {
	b := newBench(t)
	r := b.ask("x")
	canceled := errors.New("full, and the registry is gone")
	b.s.cfg.Note = func(context.Context, ...audit.Entry) error {
		b.s.undo = nil
		b.must(b.rows.Close())
		return canceled
	}
	if _, err := b.vote(r, "vic"); !errors.Is(err, canceled) {
		t.Fatal(err)
	}
	noted := 0
	b.s.cfg.Note = func(context.Context, ...audit.Entry) error { noted++; return nil }
	if _, _, err := b.s.Ask(t.Context(), org{}, b.want("y"), By{}); err == nil || noted != 0 {
		t.Errorf("%v, %d noted", err, noted)
	}
	b.open()
}

// TestManyAtOnce: more than one entry of the log can hold is ended in parts, all of it.
func TestManyAtOnce(t *testing.T) {
	b := newBench(t)
	for i := range 45 {
		r := b.ask("x", strings.Repeat("y", i))
		if i%2 == 0 {
			_, err := b.vote(r, "vic")
			b.must(err)
		}
	}
	b.now = b.now.Add(time.Hour)
	ended, err := b.s.Expire(t.Context(), By{Actor: "gatehouse"})
	if err != nil || len(ended) != 22 || len(b.s.LiveGrants(nil)) != 0 || b.s.Holds("agent:bot") {
		t.Errorf("%d ended, %d grants left, %v", len(ended), len(b.s.LiveGrants(nil)), err)
	}
	b.now = b.now.Add(100 * 24 * time.Hour)
	b.must(b.s.Forget(t.Context()))
	if page, _, err := b.s.Requests(t.Context(), "", 100, func(access.Request) bool { return true }); err != nil || len(page) != 0 {
		t.Errorf("%d are kept after a hundred days, %v", len(page), err)
	}
}
