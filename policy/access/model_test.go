package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

// machine is a book, what was stored of it, and a model of what both have to be: as few words as the rules can be said in.
type machine struct {
	o      org
	now    time.Time
	b      *Book
	stored map[string][]byte
	n      int

	requests map[string]*modelRequest
	grants   map[string]*modelGrant
	locks    map[string]*modelLock
}

type modelRequest struct {
	state   State
	expires time.Time
	need    int
	scope   Scope
	yes     int
	voted   map[string]bool
}

type modelGrant struct {
	scope      Scope
	ends, beat time.Time
	used       int64
	cause      Cause
}

type modelLock struct {
	everything, lifted bool
	until              time.Time
	lifts              []string
}

// voters may approve what bot asks for; ann is among the group, and one of bot's owners.
var voters = []string{"ann", "cid", "dora", "emil", "hal"}

func mayVote(person string) bool { return slices.Contains([]string{"cid", "dora", "emil"}, person) }

func (m *machine) id(prefix string) string {
	m.n++
	return fmt.Sprintf("%s%04d", prefix, m.n)
}

// commit stores a change, and applies it; or the machine dies after it was stored, which is the same.
func (m *machine) commit(t *rapid.T, c Change) {
	keep := func(id string, v any) {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		m.stored[id] = body
	}
	for _, r := range c.Requests {
		keep(r.ID, r)
	}
	for _, g := range c.Grants {
		keep(g.ID, g)
	}
	for _, l := range c.Locks {
		keep(l.ID, l)
	}
	for _, a := range c.Aways {
		keep(a.ID, a)
	}
	for _, id := range append(slices.Clone(c.Unlocked), c.Returned...) {
		delete(m.stored, id)
	}
	if rapid.IntRange(0, 4).Draw(t, "dies after storing") == 0 {
		m.b = NewBook(m.read(t))
		return
	}
	if err := m.b.Apply(c); err != nil {
		t.Fatal(err)
	}
}

// read is what was stored, also of what has ended.
func (m *machine) read(t *rapid.T) Change {
	var c Change
	for _, id := range slices.Sorted(maps.Keys(m.stored)) {
		var err error
		switch id[:3] {
		case "ar_":
			c.Requests, err = readInto(c.Requests, m.stored[id])
		case "gr_":
			c.Grants, err = readInto(c.Grants, m.stored[id])
		case "lck":
			c.Locks, err = readInto(c.Locks, m.stored[id])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func readInto[T any](list []T, body []byte) ([]T, error) {
	var v T
	err := json.Unmarshal(body, &v)
	return append(list, v), err
}

// try is an operation of which the model says whether it works.
func (m *machine) try(t *rapid.T, want bool, c Change, err error) bool {
	t.Helper()
	if (err == nil) != want {
		t.Fatalf("it should work: %v; %v", want, err)
	}
	if err == nil {
		m.commit(t, c)
	}
	return err == nil
}

// pick draws one of the ids that there ever were, or one that never was.
func pick[T any](t *rapid.T, list map[string]*T) string {
	return rapid.SampledFrom(append(slices.Sorted(maps.Keys(list)), "none")).Draw(t, "id")
}

// tick sets the clock, and ends what is over, as whoever keeps a book does at NextDeadline.
func (m *machine) tick(t *rapid.T) {
	step := rapid.SampledFrom([]time.Duration{time.Nanosecond, time.Second, 20 * time.Second, time.Minute, 10 * time.Minute, time.Hour, -time.Second, -time.Minute, -time.Hour}).Draw(t, "step")
	m.now = m.now.Add(step)
	m.expire(t)
}

func (m *machine) expire(t *rapid.T) {
	for _, r := range m.requests {
		if r.state == Pending && !m.now.Before(r.expires) {
			r.state = Expired
		}
	}
	for _, g := range m.grants {
		switch lost := g.beat.Add(time.Duration(g.scope.Beat) * time.Second); {
		case g.cause != "":
		case g.scope.Beat > 0 && lost.Before(g.ends) && !m.now.Before(lost):
			g.cause = CauseHeartbeat
		case !m.now.Before(g.ends):
			g.cause = CauseTime
		}
	}
	for _, l := range m.locks {
		l.lifted = l.lifted || !l.until.IsZero() && !m.now.Before(l.until)
	}
	next, ok := m.b.NextDeadline()
	c := m.b.Expire(m.now)
	if c.Empty() != (!ok || next.After(m.now)) {
		t.Fatalf("the next deadline is %v, %v, and at %v there is %+v to do", next, ok, m.now, c)
	}
	m.commit(t, c)
}

func (m *machine) ask(t *rapid.T) {
	r := someRequest()
	r.ID = m.id("ar_")
	r.Need[0] = policy.Approval{Approvals: rapid.IntRange(1, 3).Draw(t, "need"), From: []string{"sre"}, Within: int64(rapid.SampledFrom([]int{60, 900}).Draw(t, "within"))}
	r.Scope.Uses = int64(rapid.IntRange(1, 3).Draw(t, "uses"))
	r.Scope.Seconds = int64(rapid.SampledFrom([]int{30, 600}).Draw(t, "lives"))
	r.Scope.Beat = int64(rapid.SampledFrom([]int{0, 0, 20}).Draw(t, "beat"))
	c, err := m.b.Ask(m.o, m.now, r)
	if m.try(t, true, c, err) {
		m.requests[r.ID] = &modelRequest{Pending, c.Requests[0].Made.Add(time.Duration(r.Need[0].Within) * time.Second), r.Need[0].Approvals, r.Scope, 0, map[string]bool{}}
	}
}

// ballot is one answer that is about to be given.
type ballot struct{ id, person, grant string }

func (m *machine) draw(t *rapid.T) ballot {
	return ballot{pick(t, m.requests), rapid.SampledFrom(voters).Draw(t, "voter"), m.id("gr_")}
}

func (m *machine) cast(x ballot, yea bool) (Change, error) {
	v := yes(x.person)
	v.Yes = yea
	return m.b.Vote(m.o, m.now, x.id, v, x.grant)
}

// works says whether the model takes an answer, and counted makes it so.
func (m *machine) works(x ballot) bool {
	r := m.requests[x.id]
	return r != nil && r.state == Pending && mayVote(x.person) && !r.voted[x.person]
}

func (m *machine) counted(x ballot, yea bool) {
	r := m.requests[x.id]
	r.voted[x.person] = true
	if !yea {
		r.state = Declined
		return
	}
	if r.yes++; r.yes >= r.need {
		r.state = Approved
		m.grants[x.grant] = &modelGrant{scope: r.scope, ends: m.now.Add(time.Duration(r.scope.Seconds) * time.Second), beat: m.now}
	}
}

func (m *machine) vote(t *rapid.T) {
	x, yea := m.draw(t), rapid.IntRange(0, 5).Draw(t, "yes") > 0
	c, err := m.cast(x, yea)
	if m.try(t, m.works(x), c, err) {
		m.counted(x, yea)
	}
}

// Two answer at one instant: both changes are made before one is applied. The second is refused, and made again.
func (m *machine) voteAtOnce(t *rapid.T) {
	x, y := m.draw(t), m.draw(t)
	first, err := m.cast(x, true)
	second, err2 := m.cast(y, true)
	if !m.try(t, m.works(x), first, err) {
		return
	}
	m.counted(x, true)
	if err2 == nil {
		if err := m.b.Apply(second); !errors.Is(err, ErrStale) {
			t.Fatalf("a change made before another one was applied: %v", err)
		}
	}
	second, err2 = m.cast(y, true)
	if m.try(t, m.works(y), second, err2) {
		m.counted(y, true)
	}
}

func (m *machine) usable(id string) bool {
	g := m.grants[id]
	return g != nil && g.cause == ""
}

func (m *machine) use(t *rapid.T) {
	id := pick(t, m.grants)
	c, err := m.b.Use(m.now, id, id)
	if m.try(t, m.usable(id), c, err) {
		m.grants[id].use()
	}
}

func (g *modelGrant) use() {
	if g.used++; g.used == g.scope.Uses {
		g.cause = CauseUses
	}
}

func (m *machine) useAtOnce(t *rapid.T) {
	id := pick(t, m.grants)
	first, err := m.b.Use(m.now, id)
	second, err2 := m.b.Use(m.now, id)
	if !m.try(t, m.usable(id), first, err) {
		return
	}
	m.grants[id].use()
	if err := m.b.Apply(second); err2 == nil && !errors.Is(err, ErrStale) {
		t.Fatalf("used twice at one instant: %v", err)
	}
	second, err2 = m.b.Use(m.now, id)
	if m.try(t, m.usable(id), second, err2) {
		m.grants[id].use()
	}
}

func (m *machine) beat(t *rapid.T) {
	id := pick(t, m.grants)
	c, err := m.b.Beat(m.now, id)
	if m.try(t, m.usable(id), c, err) {
		m.grants[id].beat = m.now
	}
}

func (m *machine) end(t *rapid.T) {
	id := pick(t, m.grants)
	c, err := m.b.EndGrant(m.now, id, CauseRevoked, "enough")
	if m.try(t, m.usable(id), c, err) {
		m.grants[id].cause = CauseRevoked
	}
}

func (m *machine) withdraw(t *rapid.T) {
	id := pick(t, m.requests)
	c, err := m.b.Withdraw(m.now, id, "no need")
	if r := m.requests[id]; m.try(t, r != nil && r.state == Pending, c, err) {
		r.state = Withdrawn
	}
}

func (m *machine) void(t *rapid.T) {
	id := pick(t, m.requests)
	m.commit(t, m.b.Void(m.now, func(r Request) bool { return r.ID == id }, "another policy"))
	m.commit(t, m.b.EndGrants(m.now, func(g Grant) bool { return g.Request == id }, CausePolicy, "another policy"))
	if r := m.requests[id]; r != nil && r.state == Pending {
		r.state = Void
	}
	for gid, g := range m.grants {
		var stored Grant
		if _ = json.Unmarshal(m.stored[gid], &stored); stored.Request == id && g.cause == "" {
			g.cause = CausePolicy
		}
	}
}

func (m *machine) lock(t *rapid.T) {
	l := Lock{ID: m.id("lck_"), What: Subject{Kind: LockAgent, Value: "bot"}, Reason: "stop", By: "person:ann"}
	if rapid.Bool().Draw(t, "everything") {
		l.What = Subject{Kind: LockEverything}
	}
	if rapid.Bool().Draw(t, "ends") {
		l.Until = m.now.Add(time.Minute)
	}
	c, err := m.b.SetLock(m.now, l)
	if m.try(t, true, c, err) {
		m.locks[l.ID] = &modelLock{everything: l.What.Kind == LockEverything, until: l.Until}
	}
}

func (m *machine) unlock(t *rapid.T) {
	id, by := pick(t, m.locks), rapid.SampledFrom([]string{"person:ann", "person:gus", "person:hal", "agent:bot", rootPrincipal}).Draw(t, "by")
	l := m.locks[id]
	want := l != nil && !l.lifted && by != "agent:bot"
	switch {
	case want && l.everything:
		want = by != rootPrincipal && !slices.Contains(l.lifts, by)
	case want:
		want = by != "person:ann"
	}
	c, err := m.b.Unlock(m.o, m.now, id, by)
	if m.try(t, want, c, err) {
		l.lifts = append(l.lifts, by)
		l.lifted = !l.everything || len(l.lifts) == 2
	}
}

// check compares the book with the model, and with a book made of what was stored.
func (m *machine) check(t *rapid.T) {
	if got, again := m.dump(m.b), m.dump(NewBook(m.read(t))); got != again {
		t.Fatalf("after a restart it would be\n%s\nand is\n%s", again, got)
	}
	for id, r := range m.requests {
		if _, open := m.b.Request(id); open != (r.state == Pending) {
			t.Fatalf("%s is open: %v, and should be %s", id, open, r.state)
		}
	}
	live := m.b.Live(m.now, someRequest().By)
	for id, g := range m.grants {
		at := slices.IndexFunc(live, func(l Grant) bool { return l.ID == id })
		if (at >= 0) != m.usable(id) || at >= 0 && live[at].Used != g.used {
			t.Fatalf("%s is usable: %v, and should be %+v", id, at >= 0, g)
		}
		var stored Grant
		if err := json.Unmarshal(m.stored[id], &stored); err != nil || stored.Cause != g.cause || stored.Used != g.used || stored.Used > stored.Scope.Uses {
			t.Fatalf("%s is stored as %+v, and should be %+v", id, stored, g)
		}
	}
	locked := slices.ContainsFunc(slices.Collect(maps.Values(m.locks)), func(l *modelLock) bool { return !l.lifted })
	if _, found := m.b.Locked(m.o, m.now, Question{By: someRequest().By}); found != locked {
		t.Fatalf("bot is locked: %v, and should be: %v", found, locked)
	}
}

func (m *machine) dump(b *Book) string {
	body, _ := json.MarshalIndent([]any{b.Requests(), b.Grants(), b.Locks()}, "", " ")
	return string(body)
}

// Whatever is done in whatever order, with clocks that jump both ways, deaths between storing and applying, and two at one instant: the book
// is what the model says, and what was stored makes the same book again.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{
			o: someOrg(), now: noon, b: NewBook(Change{}), stored: map[string][]byte{},
			requests: map[string]*modelRequest{}, grants: map[string]*modelGrant{}, locks: map[string]*modelLock{},
		}
		t.Repeat(map[string]func(*rapid.T){
			"": m.check, "tick": m.tick, "ask": m.ask, "vote": m.vote, "vote again": m.vote, "two vote at once": m.voteAtOnce, "use": m.use, "two use at once": m.useAtOnce,
			"beat": m.beat, "end": m.end, "withdraw": m.withdraw, "void": m.void, "lock": m.lock, "unlock": m.unlock,
		})
	})
}
