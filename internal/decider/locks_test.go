package decider

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/lockfile"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

const lockPolicy = `version: 1
groups: {web: [person:ann, person:vic]}
people: {ann: {roles: [oncall]}, ops: {roles: [oncall]}, vic: {roles: [viewer]}}
agents: {bot: {owner: person:ann, roles: [operator]}, other: {owner: person:vic, roles: [operator]}, team: {owner: group:web, roles: [operator]}}
roles:
  oncall: {rights: [view, operate], targets: [web-1], logins: [deploy], allow: [id]}
  viewer: {rights: [view]}
  operator:
    targets: [web-1, web-2]
    logins: [deploy]
    allow: [echo <text>..., "printf <text>..."]
    files: {read: ["/srv/**"]}
    forward: ["db-1:5432"]
`

func newLockBench(t *testing.T) *bench {
	b := newBench(t)
	b.write("policy.yaml", lockPolicy)
	if out, err := b.d.Reload(t.Context()); err != nil || out.Problem != "" {
		t.Fatal(out, err)
	}
	return b
}

func subject(text string) access.Subject {
	kind, value, _ := strings.Cut(text, ":")
	return access.Subject{Kind: access.LockKind(kind), Value: value}
}

// keep goes on with a decider that was opened again.
func (b *bench) keep(d *Decider) {
	b.d = d
	b.t.Cleanup(func() { _ = d.Close() })
}

// lock makes a lock as root on the machine does.
func (b *bench) lock(what string) console.LockReport {
	b.t.Helper()
	out, err := admin[console.LockReport](b, protocol.OpLock, protocol.Lock{By: "root", Order: console.LockOrder{What: subject(what), Reason: "incident 1"}})
	b.must(err)
	return out
}

func (b *bench) lockAs(conn, what string) (console.LockReport, error) {
	return b.door.Lock(b.t.Context(), console.Credential{Connection: conn}, console.LockOrder{What: subject(what), Reason: "incident 1"})
}

// TestLockedComesFirst: each kind of lock denies what it names with the code and the lock's id, ends what is live of it, and nothing else.
func TestLockedComesFirst(t *testing.T) {
	for _, c := range []struct {
		what       string // %c connection, %s session of bot
		conn, ses  bool   // bot's are ended
		othersToo  bool
		thereafter bool // the same command of bot on a new connection is denied
	}{
		{"agent:bot", true, true, false, true},
		{"owner:person:ann", true, true, false, true},
		{"group:web", true, true, true, true},
		{"task:CHG-1", true, true, false, true},
		{"target:web-1", false, true, false, true},
		{"rule:operator/allow[0]", false, true, false, true},
		{"connection:%c", true, true, false, false},
		{"session:%s", false, true, false, false},
		{"everything", true, true, true, true},
		{"person:ann", false, false, false, false},
		{"agent:nobody", false, false, false, false},
	} {
		b := newLockBench(t)
		h, other := b.holder("CHG-1"), b.connect(policy.Agent, "other")
		q := b.question(h.conn, "echo", "x")
		got, err := b.door.Decide(t.Context(), q)
		if err != nil || got.Decision.Verdict != policy.Allow {
			t.Fatal(c.what, got, err)
		}
		what := strings.NewReplacer("%c", h.conn, "%s", q.Session).Replace(c.what)
		report := b.lock(what)
		if !report.Noted || report.SessionsAll != map[bool]int{true: 1}[c.ses] || report.Unknown != (what == "agent:nobody") {
			t.Errorf("%s: %+v", what, report)
		}
		_, err = b.door.Decide(t.Context(), b.question(h.conn, "echo", "x"))
		if c.conn && (err == nil || reasonOf(err) != reasonLocked || !strings.Contains(err.Error(), report.Lock.ID)) {
			t.Errorf("%s: the ended connection: %v", what, err)
		}
		answer, err := b.door.Decide(t.Context(), b.question(other, "echo", "x"))
		if ended := err != nil; ended != c.othersToo && what != "target:web-1" && !strings.HasPrefix(what, "rule:") {
			t.Errorf("%s: another's: %+v %v", what, answer, err)
		}
		b.holds(c.what, h, report.Lock, c.thereafter)
		b.verified(audit.AccessLock, report.Lock.ID, "locked")
	}
}

// holds says that a lock still keeps the certificate's holder, on a new connection, from running anything, or does not.
func (b *bench) holds(what string, h holder, l access.Lock, denied bool) {
	b.t.Helper()
	conn := b.id(id.Connection)
	if err := b.authenticate(conn, h.cert); err != nil {
		if !denied || !strings.Contains(err.Error(), l.ID) {
			b.t.Errorf("%s: a new connection: %v", what, err)
		}
		return
	}
	out, err := b.door.Decide(b.t.Context(), b.question(conn, "echo", "x"))
	b.must(err)
	if (out.Decision.Code == policy.CodeLocked) != denied || denied && (out.Certificate != nil || !strings.Contains(out.Decision.Reason, l.ID) || !strings.Contains(out.Decision.Reason, "incident 1")) {
		b.t.Errorf("%s: thereafter %+v", what, out)
	}
}

func (b *bench) verified(kind audit.Type, object, outcome string) {
	b.t.Helper()
	if !slices.ContainsFunc(b.entries(), func(e audit.Entry) bool { return e.Type == kind && e.Object == object && e.Outcome == outcome }) {
		b.t.Errorf("no entry %s %s %s", kind, object, outcome)
	}
}

// TestLockedGetsNothing: files, transfers, forwards, certificates, sign-ins and renewals as well.
func TestLockedGetsNothing(t *testing.T) {
	b := newLockBench(t)
	h := b.holder("CHG-1")
	key, _ := newKey(t)
	transfer := protocol.Transfer{Connection: h.conn, Session: b.id(id.Session), Target: "web-1", Login: "deploy", By: "sftp", PublicKey: key.Marshal()}
	if out, err := b.door.Transfer(t.Context(), transfer); err != nil || out.Decision.Verdict != policy.Allow {
		t.Fatal(out, err)
	}
	l := b.lock("target:web-1").Lock
	file, err := b.door.File(t.Context(), protocol.File{Session: transfer.Session, Op: policy.OpRead, Path: []byte("/srv/a"), Asked: []byte("/srv/a"), Kind: "file"})
	if err == nil && file.Allowed {
		t.Errorf("a file of a locked target: %+v", file)
	}
	conn := b.id(id.Connection)
	b.must(b.authenticate(conn, h.cert))
	transfer.Connection, transfer.Session = conn, b.id(id.Session)
	if out, err := b.door.Transfer(t.Context(), transfer); err != nil || out.Decision.Code != policy.CodeLocked || out.Certificate != nil {
		t.Errorf("a transfer: %+v %v", out, err)
	}
	fwd, err := b.door.Forward(t.Context(), protocol.Forward{Connection: conn, Session: b.id(id.Session), Target: "web-1", Login: "deploy", Host: "db-1", Port: 5432})
	if err != nil || fwd.Decision.Code != policy.CodeLocked || fwd.Needs != "" {
		t.Errorf("a forward: %+v %v", fwd, err)
	}
	_, err = admin[access.Lock](b, protocol.OpUnlock, protocol.AccessName{By: "root", ID: l.ID, Words: "over"})
	b.must(err)

	l = b.lock("agent:bot").Lock
	_, err = admin[protocol.Issued](b, protocol.OpIssue, protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: key.Marshal(), TTL: time.Minute, By: "test"})
	if reasonOf(err) != reasonLocked {
		t.Errorf("issue: %v", err)
	}
	l2 := b.lock("person:vic").Lock
	if _, err := admin[protocol.Link](b, protocol.OpSetupLink, protocol.SetupLink{Person: "vic", By: "test"}); err == nil || !strings.Contains(err.Error(), l2.ID) {
		t.Errorf("a set-up link: %v", err)
	}
	if err := b.d.mayAsk(policy.Identity{Kind: policy.Agent, Name: "bot"}); reasonOf(err) != reasonLocked || !strings.Contains(err.Error(), l.ID) {
		t.Errorf("asking: %v", err)
	}
}

// TestLocksSurviveRestart: what stands is there before anything else, also where one copy of the file is damaged; where both are,
// nothing starts.
func TestLocksSurviveRestart(t *testing.T) {
	b := newLockBench(t)
	l := b.lock("agent:bot").Lock
	path := filepath.Join(b.config().Dir, lockfile.Name)
	spoil := func(at int64) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		b.must(err)
		_, err = f.WriteAt([]byte("x"), at)
		b.must(errors.Join(err, f.Close()))
	}
	for _, damage := range []func(){func() {}, func() { spoil(100) }, func() { spoil(1<<20 + 100) }} {
		b.must(b.d.Close())
		damage()
		d, err := Open(t.Context(), b.config())
		b.must(err)
		b.keep(d)
		if err := b.d.mayAsk(policy.Identity{Kind: policy.Agent, Name: "bot"}); err == nil || !strings.Contains(err.Error(), l.ID) {
			t.Fatalf("after a restart: %v", err)
		}
	}
	b.must(b.d.Close())
	spoil(100)
	spoil(1<<20 + 100)
	d, err := Open(t.Context(), b.config())
	if err == nil {
		_ = d.Close()
	}
	if !errors.Is(err, lockfile.ErrDamaged) || !strings.Contains(err.Error(), "nothing starts") {
		t.Errorf("both copies are damaged: %v", err)
	}
}

// TestTwoLiftEverything: one word is not enough, twice the same is not two, and those who are locked out can still come in and lift it.
func TestTwoLiftEverything(t *testing.T) {
	b := newLockBench(t)
	ann, ops := b.connect(policy.Person, "ann"), b.connect(policy.Person, "ops")
	bot := b.connect(policy.Agent, "bot")
	report, err := b.lockAs(ann, "everything")
	b.must(err)
	if _, err := b.door.Decide(t.Context(), b.question(bot, "echo", "x")); reasonOf(err) != reasonLocked {
		t.Errorf("an agent goes on: %v", err)
	}
	if out, err := b.door.Decide(t.Context(), b.question(ops, "id")); err != nil || out.Decision.Code != policy.CodeLocked {
		t.Errorf("a person runs something: %+v %v", out, err)
	}
	late := b.connect(policy.Person, "ops")
	for verb, works := range map[console.Verb]bool{console.WhoAmI: true, console.SessionsList: true, console.LockList: true, console.SessionsKill: true, console.SessionsExport: false, "sessions.play": false} {
		_, err := b.door.Authorize(t.Context(), console.Credential{Connection: late}, verb, b.id(id.Session), "x")
		if (err == nil) != works {
			t.Errorf("%s while everything is locked: %v", verb, err)
		}
	}
	unlock := func(conn string) (access.Lock, error) {
		return b.door.Unlock(t.Context(), console.Credential{Connection: conn}, report.Lock.ID, "over")
	}
	for range 2 {
		if _, err := unlock(ann); err != nil {
			t.Log(err)
		}
	}
	if _, err := unlock(b.connect(policy.Person, "vic")); err == nil {
		t.Error("somebody without the right counts")
	}
	if list, err := b.door.Locks(t.Context(), console.Credential{Connection: late}); err != nil || len(list) != 1 || !slices.Equal(list[0].Lifts, []string{"person:ann"}) {
		t.Fatalf("one word: %+v %v", list, err)
	}
	if _, err := unlock(late); err != nil {
		t.Fatal(err)
	}
	if list, _ := b.door.Locks(t.Context(), console.Credential{Connection: late}); len(list) != 0 {
		t.Errorf("two words, and it stands: %+v", list)
	}
	b.verified(audit.AccessLock, report.Lock.ID, "wanted")
	b.verified(audit.AccessLock, report.Lock.ID, "lifted")
}

// TestWhoLocksAndLifts: with the right everything, without it what is one's own; and nobody lifts what concerns them.
func TestWhoLocksAndLifts(t *testing.T) {
	b := newLockBench(t)
	ann, ops, vic := b.connect(policy.Person, "ann"), b.connect(policy.Person, "ops"), b.connect(policy.Person, "vic")
	for _, c := range []struct {
		conn, what string
		ok         bool
	}{
		{vic, "agent:bot", false}, {vic, "everything", false}, {vic, "target:web-1", false}, {vic, "person:ann", false}, {vic, "agent:other", true}, {vic, "agent:team", true},
		{ann, "agent:other", true}, {ann, "task:x", true},
	} {
		_, err := b.lockAs(c.conn, c.what)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	lift := func(conn, id string) error {
		_, err := b.door.Unlock(t.Context(), console.Credential{Connection: conn}, id, "over")
		return err
	}
	own := b.lock("agent:bot").Lock
	if err := lift(ann, own.ID); err == nil || !strings.Contains(err.Error(), "nobody lifts a lock that stops them") {
		t.Errorf("the owner lifts it: %v", err)
	}
	if err := lift(vic, own.ID); err == nil {
		t.Error("somebody without the right lifts it")
	}
	b.verified(audit.AccessLock, own.ID, "deny")
	b.must(lift(ops, own.ID))
	b.holder("CHG-2")
	task := b.lock("task:CHG-2").Lock
	if err := lift(ann, task.ID); err == nil {
		t.Error("the owner of the agent that worked on it lifts a task's lock")
	}
	b.must(lift(ops, task.ID))
}

// TestLockEndsByItself: its time over, it stands against nobody, and the log says so.
func TestLockEndsByItself(t *testing.T) {
	b := newLockBench(t)
	until := b.clock.now().Add(time.Minute)
	out, err := admin[console.LockReport](b, protocol.OpLock, protocol.Lock{By: "root", Order: console.LockOrder{What: subject("agent:bot"), Reason: "r", Until: until}})
	b.must(err)
	b.clock.pass(time.Minute)
	if err := b.d.mayAsk(policy.Identity{Kind: policy.Agent, Name: "bot"}); err != nil {
		t.Error(err)
	}
	b.d.noteLocks(t.Context())
	b.verified(audit.AccessLock, out.Lock.ID, "lifted")
}

// TestBadLocks are refused with what would be right.
func TestBadLocks(t *testing.T) {
	b := newLockBench(t)
	for _, what := range []string{"", "agent:", "everything:x", "owner:ann", "session:ses_1", "agent:\x1b[2J", "agent:" + strings.Repeat("x", 1100), "planet:earth", "agent: bot"} {
		if _, err := admin[console.LockReport](b, protocol.OpLock, protocol.Lock{By: "root", Order: console.LockOrder{What: subject(what), Reason: "r"}}); code(err) != protocol.CodeInvalid {
			t.Errorf("%q: %v", what, err)
		}
	}
	for _, reason := range []string{"", " ", "two\nlines", strings.Repeat("x", 501)} {
		if _, err := admin[console.LockReport](b, protocol.OpLock, protocol.Lock{By: "root", Order: console.LockOrder{What: subject("agent:bot"), Reason: reason}}); code(err) != protocol.CodeInvalid {
			t.Errorf("%.10q: %v", reason, err)
		}
	}
	if err := b.door.Client.Call(t.Context(), protocol.OpLock, protocol.Lock{By: "root", Order: console.LockOrder{What: subject("everything"), Reason: "r"}}, nil); err == nil {
		t.Error("the door locked as root")
	}
}
