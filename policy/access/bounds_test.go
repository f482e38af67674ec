package access

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/policy"
)

// What cannot be meant, is too large, or would overflow, is refused in one line; nothing of it panics.
func TestWhatIsNotAsked(t *testing.T) {
	long := strings.Repeat("x", 2000)
	deep := policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/bin/true"}}
	for range 100 {
		deep = policy.Plan{Op: policy.OpAnd, Parts: []policy.Plan{deep, deep}[:1]}
	}
	many := make([]string, maxTargets+1)
	for i := range many {
		many[i] = fmt.Sprintf("t%05d", i)
	}
	for name, alter := range map[string]func(*Request){
		"nothing":              func(r *Request) { *r = Request{} },
		"no id":                func(r *Request) { r.ID = "" },
		"an id of a grant":     func(r *Request) { r.ID = "gr_1" },
		"an id with a line":    func(r *Request) { r.ID = "ar_1\n" },
		"a long id":            func(r *Request) { r.ID = "ar_" + long },
		"nobody":               func(r *Request) { r.By = Requester{} },
		"no kind of principal": func(r *Request) { r.By.Principal = "group:web" },
		"no name":              func(r *Request) { r.By.Principal = "agent:" },
		"a task of two lines":  func(r *Request) { r.By.Task = "a\nb" },
		"a long task":          func(r *Request) { r.By.Task = long },
		"a long delegation":    func(r *Request) { r.By.Delegation = long },
		"a long reason":        func(r *Request) { r.Reason = long },
		"a reason with a NUL":  func(r *Request) { r.Reason = "a\x00" },
		"a long ticket":        func(r *Request) { r.Ticket = long },
		"no scope":             func(r *Request) { r.Scope = Scope{} },
		"no target":            func(r *Request) { r.Scope.Targets = nil },
		"an empty target":      func(r *Request) { r.Scope.Targets = []string{""} },
		"two for a command":    func(r *Request) { r.Scope.Targets = []string{"a", "b"} },
		"no login":             func(r *Request) { r.Scope.Login = "" },
		"no command":           func(r *Request) { r.Scope.Command = nil },
		"an empty plan":        func(r *Request) { r.Scope.Command = &Command{} },
		"a plan not final": func(r *Request) {
			r.Scope.Command = &Command{Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}}}
		},
		"no plan for a role":    func(r *Request) { r.Scope.Role, r.Scope.Command = "admin", &Command{} },
		"a deep one for a role": func(r *Request) { r.Scope.Role, r.Scope.Command = "admin", &Command{Plan: deep} },
		"a glob":                func(r *Request) { r.Scope.Command.Plan.Globs = []int{1} },
		"a deep plan":           func(r *Request) { r.Scope.Command = &Command{Plan: deep} },
		"any number of times":   func(r *Request) { r.Scope.Uses = 0 },
		"uses below nothing":    func(r *Request) { r.Scope.Uses = math.MinInt64 },
		"no time":               func(r *Request) { r.Scope.Seconds = 0 },
		"time below nothing":    func(r *Request) { r.Scope.Seconds = math.MinInt64 },
		"time that overflows":   func(r *Request) { r.Scope.Seconds = math.MaxInt64 },
		"a beat that overflows": func(r *Request) { r.Scope.Beat = math.MaxInt64 },
		"two kinds":             func(r *Request) { r.Scope.Pattern = "ls" },
		"a pattern of no role":  func(r *Request) { r.Scope.Kind, r.Scope.Command, r.Scope.Pattern = PatternScope, nil, "ls" },
		"a role of no name":     func(r *Request) { r.Scope.Kind, r.Scope.Command = RoleScope, nil },
		"a role and a command":  func(r *Request) { r.Scope.Kind, r.Scope.Role = RoleScope, "admin" },
		"targets twice":         func(r *Request) { role(r, "a", "a") },
		"targets unsorted":      func(r *Request) { role(r, "b", "a") },
		"too many targets":      func(r *Request) { role(r, many...) },
		"no thresholds":         func(r *Request) { r.Need = nil },
		"too many thresholds":   func(r *Request) { r.Need = make([]policy.Approval, maxNeeds+1) },
		"fewer than none":       func(r *Request) { r.Need[0].Approvals = -1 },
		"more than can vote":    func(r *Request) { r.Need[0].Approvals = MaxVotes + 1 },
		"an unknown proof":      func(r *Request) { r.Need[0].By = "fax" },
		"within overflows back": func(r *Request) { r.Need[0].Within = math.MinInt64 },
		"too many rules":        func(r *Request) { r.Rules = many },
		"an end in the past":    func(r *Request) { r.Expires = noon },
		"an end in years":       func(r *Request) { r.Expires = noon.AddDate(5000, 0, 0) },
		"too much of it": func(r *Request) {
			for range 3000 {
				r.Scope.Command.Env = append(r.Scope.Command.Env, policy.EnvVar{Name: "A", Value: long})
			}
		},
	} {
		r := someRequest()
		alter(&r)
		c, err := NewBook(Change{}).Ask(someOrg(), noon, r)
		if err == nil || !c.Empty() || strings.Contains(err.Error(), "\n") || len(err.Error()) > 5000 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func role(r *Request, targets ...string) {
	r.Scope.Kind, r.Scope.Command, r.Scope.Role, r.Scope.Targets = RoleScope, nil, "admin", targets
}

// The longest that a request can wait is what it can, however much its terms say.
func TestLifeOfRequests(t *testing.T) {
	for within, want := range map[int64]time.Duration{0: defaultTTL, 60: time.Minute, math.MaxInt64: maxWait} {
		r := someRequest()
		r.Need = append(r.Need, r.Need[0])
		r.Need[0].Within, r.Need[1].Within = within, 0
		if got := Prepare(someOrg(), noon, r).Expires.Sub(noon); got != want {
			t.Errorf("within %d it waits %s", within, got)
		}
	}
}

func TestBooksHaveBounds(t *testing.T) {
	h := newHouse(t)
	ask := func(i, who int) error {
		r := someRequest()
		r.ID, r.By.Principal = fmt.Sprintf("ar_%d", i), fmt.Sprintf("agent:a%d", who)
		c, err := h.b.Ask(h.o, h.now, r)
		if err == nil {
			h.must(c, nil)
		}
		return err
	}
	for i := range MaxRequests {
		if err := ask(i, i/MaxRequestsEach); err != nil {
			t.Fatal(i, err)
		}
		if i == MaxRequestsEach-1 && !errors.Is(ask(-1-i, 0), ErrFull) {
			t.Fatal("more requests of one than there may be")
		}
	}
	if err := ask(-1, 999); !errors.Is(err, ErrFull) {
		t.Fatal("more requests than there may be:", err)
	}
	if !errors.Is(ask(0, 0), ErrInvalid) {
		t.Fatal("an id twice")
	}
	stored := Change{}
	for i := range MaxGrants {
		stored.Grants = append(stored.Grants, Grant{ID: fmt.Sprintf("gr_x%d", i), By: Requester{Principal: fmt.Sprint("agent:", i/MaxGrantsEach)}, Ends: noon.Add(time.Hour)})
	}
	h.b = NewBook(stored)
	h.ask(func(r *Request) { r.Need[0].Approvals = 1 })
	if _, err := h.b.Vote(h.o, h.now, "ar_1", yes("cid"), "gr_1"); !errors.Is(err, ErrFull) {
		t.Fatal("more grants than there may be:", err)
	}
	h.must(h.glass("1", func(r *Request) { r.ID = "ar_glass" })) // has room of its own
}

func TestVotesHaveBounds(t *testing.T) {
	h := newHouse(t)
	for i := range 2 * MaxVotes {
		h.join("sre", fmt.Sprint("v", i))
	}
	h.ask(func(r *Request) { r.Need[0].Approvals = MaxVotes })
	h.o.disabled["v0"] = true
	for i := range 2 * MaxVotes {
		if h.o.disabled["v0"] = i > 0; !h.vote(fmt.Sprint("v", i)) { // the first does not count any more
			break
		}
	}
	if r, _ := h.b.Request("ar_1"); len(r.Votes) != MaxVotes {
		t.Fatal(len(r.Votes), "votes")
	}
	for _, v := range []Vote{
		{By: "cid", Words: strings.Repeat("x", maxWords+1)}, {By: "cid", Words: "\x1b[2J"}, {By: "cid", Words: "\xff"},
	} {
		h = newHouse(t)
		h.ask()
		if h.try(h.b.Vote(h.o, h.now, "ar_1", v, "gr_1")) {
			t.Errorf("%.20q was taken", v.Words)
		}
	}
}

func TestAwaysHaveBounds(t *testing.T) {
	h := newHouse(t)
	for name, a := range map[string]Away{
		"oneself":    {ID: "aw_1", Who: "cid", To: "cid", Until: h.now.Add(time.Hour)},
		"to nobody":  {ID: "aw_1", Who: "cid", Until: h.now.Add(time.Hour)},
		"stranger":   {ID: "aw_1", Who: "cid", To: "nobody", Until: h.now.Add(time.Hour)},
		"by nobody":  {ID: "aw_1", To: "cid", Until: h.now.Add(time.Hour)},
		"no end":     {ID: "aw_1", Who: "cid", To: "dora"},
		"over":       {ID: "aw_1", Who: "cid", To: "dora", Until: h.now},
		"for ever":   {ID: "aw_1", Who: "cid", To: "dora", Until: h.now.AddDate(10, 0, 0)},
		"end first":  {ID: "aw_1", Who: "cid", To: "dora", From: h.now.Add(2 * time.Hour), Until: h.now.Add(time.Hour)},
		"id of lock": {ID: "lck_1", Who: "cid", To: "dora", Until: h.now.Add(time.Hour)},
	} {
		if h.try(h.b.SetAway(h.o, h.now, a)) {
			t.Errorf("%s: taken", name)
		}
	}
	stored := Change{}
	for i := range MaxAways {
		stored.Aways = append(stored.Aways, Away{ID: fmt.Sprintf("aw_x%d", i), Who: fmt.Sprint(i), To: "dora", Until: h.now.Add(time.Hour)})
	}
	h.b = NewBook(stored)
	if h.try(h.b.SetAway(h.o, h.now, Away{ID: "aw_1", Who: "cid", To: "dora", Until: h.now.Add(time.Hour)})) {
		t.Error("more are away than may be")
	}
	h.must(h.b.Return("7"), nil)
	h.away("1", "cid", "dora")
	h.away("2", "cid", "emil")
	if list := h.b.Aways(); slices.ContainsFunc(list, func(a Away) bool { return a.ID == "aw_1" }) {
		t.Error("two stand in for one person")
	}
}
