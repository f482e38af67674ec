package access

import (
	"testing"
	"time"

	"gatehouse/policy"
)

// glass is a break-glass of hal's, as it is taken after its proof was verified.
func (h *house) glass(id string, alter ...func(*Request)) (Change, error) {
	r := Request{
		ID: "ar_" + id, By: Requester{Principal: "person:hal"}, Reason: "the database is down", Policy: "sha256:00", Rules: []string{"on-call/break_glass[0]"},
		Scope: Scope{Kind: RoleScope, Role: "admin", Targets: []string{"db-1"}, Login: "root", Seconds: 600, Glass: true},
		Need:  []policy.Approval{{Approvals: 1, From: []string{"all"}}},
	}
	r = Prepare(h.o, h.now, r)
	r.Proof = proofOf("hal")
	for _, f := range alter {
		f(&r)
	}
	return h.b.BreakGlass(h.o, h.now, r, "gr_"+id)
}

func (h *house) review(person string) bool {
	return h.try(h.b.Review(h.o, h.now, "gr_1", Vote{By: person, Words: "looked at it"}))
}

func TestBreakGlassIsReviewedByTwo(t *testing.T) {
	h := newHouse(t)
	h.must(h.glass("1"))
	again := func() bool { return h.b.MayBreakGlass(Requester{Principal: "person:hal"}, "other") == "" }
	if len(h.b.Live(h.now, Requester{Principal: "person:hal"})) != 1 {
		t.Fatal("it gives nothing")
	}
	if again() || h.b.MayBreakGlass(Requester{Principal: "person:cid"}, "admin") == "" {
		t.Fatal("it can be taken again while it lives")
	}
	if h.review("cid") {
		t.Fatal("reviewed before it ended")
	}
	h.now = h.now.Add(time.Hour)
	h.must(h.b.Expire(h.now), nil)
	h.b = NewBook(Change{Grants: h.b.Grants()}) // a restart
	for _, person := range []string{"hal", "cid", "cid", "nobody", "", "agent:bot"} {
		h.review(person)
	}
	if again() {
		t.Fatal("one person reviewed it, whatever the policy says")
	}
	if h.try(h.glass("2")) {
		t.Fatal("taken again before it was reviewed")
	}
	if !h.review("dora") || !again() {
		t.Fatal("two people reviewed it")
	}
	h.must(h.glass("2"))
}

// A review does not count when the reviewer does not any more.
func TestReviewersOfNow(t *testing.T) {
	h := newHouse(t)
	h.must(h.glass("1"))
	h.must(h.b.EndGrant(h.now, "gr_1", CauseDone, ""))
	h.review("cid")
	h.o.disabled["cid"] = true
	if h.review("dora"); h.b.MayBreakGlass(Requester{Principal: "person:hal"}, "admin") == "" {
		t.Fatal("the review of somebody who is disabled counts")
	}
	h.o.groups["all"] = []string{"fay", "hal"}
	if h.review("emil") {
		t.Fatal("a stranger reviewed it")
	}
	if h.review("fay"); h.b.MayBreakGlass(Requester{Principal: "person:hal"}, "admin") == "" {
		t.Fatal("reviews of people who left the group count")
	}
}

func TestBreakGlassIsTakenInPerson(t *testing.T) {
	for name, alter := range map[string]func(*Request){
		"an agent":          func(r *Request) { r.By = Requester{Principal: "agent:bot"} },
		"work handed on":    func(r *Request) { r.By.Delegation = "person:ann" },
		"without a reason":  func(r *Request) { r.Reason = "" },
		"without a proof":   func(r *Request) { r.Proof = Proof{} },
		"not break-glass":   func(r *Request) { r.Scope.Glass = false },
		"a command":         func(r *Request) { r.Scope.Kind, r.Scope.Command, r.Scope.Uses = CommandScope, someCommand(), 1 },
		"without a review":  func(r *Request) { r.Need = nil },
		"two reviews":       func(r *Request) { r.Need = append(r.Need, r.Need[0]) },
		"expired":           func(r *Request) { r.Expires = noon },
		"with votes":        func(r *Request) { r.Votes = []Vote{yes("cid")} },
		"a stranger":        func(r *Request) { r.By.Principal = "person:nobody" },
		"for ever":          func(r *Request) { r.Scope.Seconds = maxSeconds + 1 },
		"approved already":  func(r *Request) { r.State = Approved },
		"a reason of lines": func(r *Request) { r.Reason = "a\nb" },
	} {
		h := newHouse(t)
		if h.try(h.glass("1", alter)) {
			t.Errorf("%s: taken", name)
		}
	}
}
