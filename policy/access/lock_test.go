package access

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Each kind of lock stops what it names, and only that.
func TestLocksHold(t *testing.T) {
	o := someOrg()
	bot := Requester{Principal: "agent:bot", Owner: "group:web", Task: "T-1", Delegation: "person:bob>agent:planner"}
	q := Question{By: bot, Session: "ses_1", Connection: "con_1", Target: "web-1", Rules: []string{"web-operator/allow[0]", "web-operator/ask[1]"}}
	for _, c := range []struct {
		what  Subject
		holds bool
	}{
		{Subject{LockSession, "ses_1"}, true}, {Subject{LockSession, "ses_2"}, false},
		{Subject{LockConnection, "con_1"}, true}, {Subject{LockConnection, "con_2"}, false},
		{Subject{LockAgent, "bot"}, true}, {Subject{LockAgent, "planner"}, true}, {Subject{LockAgent, "bob"}, false}, {Subject{LockAgent, "other"}, false},
		{Subject{LockPerson, "bob"}, true}, {Subject{LockPerson, "ann"}, false}, {Subject{LockPerson, "bot"}, false},
		{Subject{LockOwner, "group:web"}, true}, {Subject{LockOwner, "person:dora"}, true}, {Subject{LockOwner, "person:ann"}, false}, {Subject{LockOwner, "group:sec"}, false},
		{Subject{LockTask, "T-1"}, true}, {Subject{LockTask, "T-2"}, false}, {Subject{LockTask, ""}, false},
		{Subject{LockTarget, "web-1"}, true}, {Subject{LockTarget, "web-2"}, false},
		{Subject{LockGroup, "web"}, true}, {Subject{LockGroup, "sre"}, true}, {Subject{LockGroup, "sec"}, false}, {Subject{LockGroup, ""}, false},
		{Subject{LockRule, "web-operator/ask[1]"}, true}, {Subject{LockRule, "web-operator/ask[2]"}, false},
		{Subject{LockEverything, ""}, true}, {Subject{"", ""}, false}, {Subject{"nonsense", "bot"}, false},
	} {
		if got := (Lock{What: c.what}).Holds(o, noon, q); got != c.holds {
			t.Errorf("a lock of %s holds: %v", c.what, got)
		}
	}
	if (Lock{What: Subject{LockEverything, ""}, Until: noon}).Holds(o, noon, q) {
		t.Error("a lock that has ended holds")
	}
	for _, kind := range []LockKind{LockSession, LockConnection, LockAgent, LockPerson, LockOwner, LockTask, LockTarget, LockGroup, LockRule} {
		if (Lock{What: Subject{Kind: kind}}).Holds(o, noon, Question{}) {
			t.Errorf("a lock of no %s stops what is not known", kind)
		}
	}
}

// What was done to somebody is not theirs to undo; root may undo everything but the lock of everything.
func TestWhoLifts(t *testing.T) {
	o := someOrg()
	o.disabled["gus"] = true
	for _, c := range []struct {
		what   Subject
		by     string
		lifted bool
	}{
		{Subject{LockAgent, "bot"}, "person:ann", false}, {Subject{LockAgent, "bot"}, "person:hal", true}, {Subject{LockAgent, "bot"}, "person:gus", false},
		{Subject{LockAgent, "bot"}, "person:nobody", false}, {Subject{LockAgent, "bot"}, "agent:planner", false}, {Subject{LockAgent, "bot"}, rootPrincipal, true},
		{Subject{LockPerson, "hal"}, "person:hal", false}, {Subject{LockPerson, "hal"}, "person:cid", true},
		{Subject{LockOwner, "group:web"}, "person:bob", false}, {Subject{LockOwner, "person:hal"}, "person:hal", false}, {Subject{LockOwner, "person:hal"}, "person:bob", true},
		{Subject{LockGroup, "web"}, "person:bob", false}, {Subject{LockGroup, "web"}, "person:hal", true},
		{Subject{LockTarget, "web-1"}, "person:ann", true}, {Subject{LockAgent, "bot"}, "", false}, {Subject{LockAgent, "bot"}, "person:", false}, {Subject{LockAgent, "bot"}, "hal", false},
		{Subject{LockEverything, ""}, "person:hal", false}, {Subject{LockEverything, ""}, rootPrincipal, false},
	} {
		if _, lifted, err := (Lock{What: c.what}).Lift(o, c.by); lifted != c.lifted {
			t.Errorf("%s lifts the lock of %s: %v, %v", c.by, c.what, lifted, err)
		}
	}
	whose := Requester{Principal: "agent:bot", Owner: "group:web"}
	if _, lifted, _ := (Lock{What: Subject{LockSession, "ses_1"}}).Lift(o, "person:ann", whose); lifted {
		t.Error("an owner lifts the lock of their agent's session")
	}
}

func TestTwoLiftEverything(t *testing.T) {
	h := newHouse(t)
	h.must(h.b.SetLock(h.now, Lock{ID: "lck_1", What: Subject{Kind: LockEverything}, Reason: "stop", By: "person:ann"}))
	unlock := func(by string) bool { return h.try(h.b.Unlock(h.o, h.now, "lck_1", by)) }
	stands := func() bool { _, ok := h.b.Locked(h.o, h.now, Question{}); return ok }
	unlock("person:ann")
	unlock("person:ann")
	unlock(rootPrincipal)
	if !stands() {
		t.Fatal("one person lifted it")
	}
	h.o.disabled["ann"] = true
	if unlock("person:hal"); !stands() {
		t.Fatal("the word of somebody who is disabled counted")
	}
	if !unlock("person:gus") || stands() {
		t.Fatal("two people cannot lift it")
	}
}

// A lock that has ended does not stand again because a clock is set back, neither does what it was asked about.
func TestWhatWasSeenPastStaysSo(t *testing.T) {
	h := newHouse(t)
	h.ask()
	h.vote("cid")
	h.vote("dora")
	h.must(h.b.Ask(h.o, h.now, func() Request { r := someRequest(); r.ID = "ar_2"; return r }()))
	h.must(h.b.SetLock(h.now, Lock{ID: "lck_1", What: Subject{LockTask, "T-1"}, Reason: "stop", By: "person:ann", Until: h.now.Add(time.Minute)}))
	by := someRequest().By
	late := noon.Add(time.Hour)
	if _, ok := h.b.Locked(h.o, late, Question{By: by}); ok || len(h.b.Live(late, by)) > 0 {
		t.Fatal("something lives after its time")
	}
	if _, ok := h.b.Pending(late, by, someRequest().Scope); ok {
		t.Fatal("a request is pending after its time")
	}
	if _, ok := h.b.Locked(h.o, noon, Question{By: by}); ok || len(h.b.Live(noon, by)) > 0 {
		t.Fatal("something lives again")
	}
	if _, err := h.b.Use(noon, "gr_1"); err == nil {
		t.Fatal("a grant is used that has ended")
	}
	if _, err := h.b.Beat(noon, "gr_1"); err == nil {
		t.Fatal("a grant that has ended has a heartbeat")
	}
	if next, ok := h.b.NextDeadline(); !ok || !next.IsZero() {
		t.Fatal("nothing is to be done at once", next)
	}
	c := h.b.Expire(noon)
	if h.must(c, nil); len(c.Requests) != 1 || len(c.Grants) != 1 || len(c.Unlocked) != 1 {
		t.Fatalf("%+v", c)
	}
	if next, ok := h.b.NextDeadline(); ok {
		t.Fatal("still something to do", next)
	}
}

func TestLocksHaveBounds(t *testing.T) {
	h := newHouse(t)
	for i := range MaxLocks {
		h.must(h.b.SetLock(h.now, Lock{ID: fmt.Sprintf("lck_%d", i), What: Subject{LockTask, fmt.Sprint(i)}, Reason: "x", By: "person:ann"}))
	}
	if h.try(h.b.SetLock(h.now, Lock{ID: "lck_x", What: Subject{LockTask, "x"}, Reason: "x", By: "person:ann"})) {
		t.Fatal("more locks than there may be")
	}
	h.must(h.b.SetLock(h.now, Lock{ID: "lck_x", What: Subject{Kind: LockEverything}, Reason: "x", By: "person:ann"}))
	if l, _ := h.b.Locked(h.o, h.now, Question{By: Requester{Task: "7"}}); l.ID != "lck_x" {
		t.Fatal("the lock of everything is not the first:", l)
	}
	for name, l := range map[string]Lock{
		"no reason":         {ID: "lck_y", What: Subject{LockTask, "x"}, By: "person:ann"},
		"nobody's":          {ID: "lck_y", What: Subject{LockTask, "x"}, Reason: "x"},
		"no name":           {ID: "lck_y", What: Subject{Kind: LockTask}, Reason: "x", By: "person:ann"},
		"everything's name": {ID: "lck_y", What: Subject{LockEverything, "x"}, Reason: "x", By: "person:ann"},
		"no kind":           {ID: "lck_y", Reason: "x", By: "person:ann"},
		"an id of others":   {ID: "gr_y", What: Subject{LockTask, "x"}, Reason: "x", By: "person:ann"},
		"over at once":      {ID: "lck_y", What: Subject{LockTask, "x"}, Reason: "x", By: "person:ann", Until: h.now},
		"for ever":          {ID: "lck_y", What: Subject{LockTask, "x"}, Reason: "x", By: "person:ann", Until: h.now.AddDate(100, 0, 0)},
		"a long reason":     {ID: "lck_y", What: Subject{LockTask, "x"}, Reason: strings.Repeat("x", maxReason+1), By: "person:ann"},
		"two lines":         {ID: "lck_y", What: Subject{LockTask, "x"}, Reason: "x\ny", By: "person:ann"},
		"an owner's name":   {ID: "lck_y", What: Subject{LockOwner, "ann"}, Reason: "x", By: "person:ann"},
	} {
		if l.Validate(h.now) == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
