package access

import (
	"slices"
	"testing"

	"gatehouse/policy"
)

// The same with two honest people works: what the cheats lack is honesty alone.
func TestHonestPeopleApprove(t *testing.T) {
	for name, honest := range map[string]func(h *house){
		"two of the group": func(h *house) { h.ask(); h.vote("cid"); h.vote("dora") },
		"one, and a stand-in of another": func(h *house) {
			h.ask()
			h.away("1", "emil", "hal")
			h.vote("hal")
			h.vote("cid")
		},
		"one who stands in fills their own seat, and that of another group": func(h *house) {
			h.ask(func(r *Request) {
				r.Need = []policy.Approval{{Approvals: 1, From: []string{"sre"}}, {Approvals: 1, From: []string{"sec"}}}
			})
			h.away("1", "fay", "cid")
			h.vote("cid")
		},
		"several groups": func(h *house) {
			h.ask(func(r *Request) {
				r.Need = []policy.Approval{{Approvals: 1, From: []string{"sre"}, By: "passkey"}, {Approvals: 2, From: []string{"sec", "sre"}}}
			})
			h.vote("cid")
			h.vote("gus")
		},
		"a no that is not enough": func(h *house) {
			h.ask(func(r *Request) { r.Need[0].Decline = declineQuorum })
			h.must(h.b.Vote(h.o, h.now, "ar_1", Vote{By: "emil"}, "gr_1"))
			h.vote("cid")
			h.vote("dora")
		},
		"where no group is named": func(h *house) {
			h.o.groups[""] = []string{"gus", "hal"}
			h.ask(func(r *Request) { r.Need = []policy.Approval{{Approvals: 2}} })
			h.vote("gus")
			h.vote("hal")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if honest(h); len(h.b.Grants()) != 1 {
				t.Fatal("not approved")
			}
		})
	}
}

func TestQuorumIsLost(t *testing.T) {
	h := newHouse(t)
	h.ask(func(r *Request) { r.Need[0].Decline = declineQuorum }) // of sre cid, dora and emil may: ann is an owner
	h.must(h.b.Vote(h.o, h.now, "ar_1", Vote{By: "emil", Words: "no"}, "gr_1"))
	if _, open := h.b.Request("ar_1"); !open {
		t.Fatal("one no ended it")
	}
	c, err := h.b.Vote(h.o, h.now, "ar_1", Vote{By: "dora", Words: "no, too"}, "gr_1")
	if h.must(c, err); c.Requests[0].State != Declined || c.Requests[0].Why != "no, too" {
		t.Fatalf("%+v", c.Requests[0])
	}
}

// A grant names those whose yes counted when it was made.
func TestPeopleOfAGrant(t *testing.T) {
	h := newHouse(t)
	h.ask()
	h.vote("cid")
	h.leave("sre", "cid")
	h.o.disabled["cid"] = true
	h.vote("dora")
	h.vote("emil")
	if g, ok := h.b.Grant("gr_1"); !ok || !slices.Equal(g.People, []string{"dora", "emil"}) {
		t.Fatal(g.People)
	}
}

// What is missing is said in words.
func TestMissing(t *testing.T) {
	r := someRequest()
	r.Need = []policy.Approval{{Approvals: 2, From: []string{"sre"}}, {Approvals: 1}}
	if met, missing := Ready(someOrg(), r); met || missing != "2 more of sre; 1 more of those with the right to approve" {
		t.Fatal(met, missing)
	}
}
