package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

// The names of random organisations.
var (
	somePeople = []string{"p0", "p1", "p2", "p3", "p4", "p5", "p6"}
	someGroups = []string{"g0", "g1", "g2"}
	someAgents = []string{"a0", "a1", "a2"}
)

func randomOrg(t *rapid.T) org {
	o := org{groups: map[string][]string{"everybody": somePeople}, agents: map[string]string{}, disabled: map[string]bool{}}
	for _, group := range someGroups {
		o.groups[group] = rapid.SliceOfNDistinct(rapid.SampledFrom(somePeople), 0, len(somePeople), rapid.ID[string]).Draw(t, group)
	}
	o.groups[""] = rapid.SliceOfNDistinct(rapid.SampledFrom(somePeople), 0, 4, rapid.ID[string]).Draw(t, "approvers")
	for _, agent := range someAgents {
		o.agents[agent] = drawOwner(t)
	}
	return o
}

func drawOwner(t *rapid.T) string {
	if rapid.Bool().Draw(t, "owned by a group") {
		return "group:" + rapid.SampledFrom(someGroups).Draw(t, "owner")
	}
	return "person:" + rapid.SampledFrom(somePeople).Draw(t, "owner")
}

func drawActor(t *rapid.T) string {
	if rapid.Bool().Draw(t, "an agent") {
		return "agent:" + rapid.SampledFrom(someAgents).Draw(t, "agent")
	}
	return "person:" + rapid.SampledFrom(somePeople).Draw(t, "person")
}

func drawRequest(t *rapid.T, o org) Request {
	r := someRequest()
	r.By = Requester{Principal: drawActor(t)}
	if agent, ok := strings.CutPrefix(r.By.Principal, "agent:"); ok {
		r.By.Owner = o.agents[agent]
	}
	var chain []string
	for range rapid.IntRange(0, 2).Draw(t, "links") {
		chain = append(chain, drawActor(t))
	}
	r.By.Delegation = strings.Join(chain, ">")
	r.Need = nil
	for range rapid.IntRange(1, 2).Draw(t, "thresholds") {
		r.Need = append(r.Need, policy.Approval{
			Approvals: rapid.SampledFrom([]int{1, 1, 2, 2, 3}).Draw(t, "approvals"),
			From:      rapid.SliceOfNDistinct(rapid.SampledFrom(someGroups), 0, 2, rapid.ID[string]).Draw(t, "from"),
			By:        rapid.SampledFrom([]string{"", "", "passkey", "ssh"}).Draw(t, "by"),
			Decline:   rapid.SampledFrom([]string{"", "one", "quorum", "quorum"}).Draw(t, "decline"),
		})
	}
	return r
}

// changePolicy changes one thing of the organisation, as a policy's next version would.
func changePolicy(t *rapid.T, o org) {
	group := rapid.SampledFrom(append(someGroups, "")).Draw(t, "group")
	person := rapid.SampledFrom(somePeople).Draw(t, "person")
	switch rapid.IntRange(0, 4).Draw(t, "policy change") {
	case 0, 1:
		members := slices.DeleteFunc(slices.Clone(o.groups[group]), func(p string) bool { return p == person })
		if len(members) == len(o.groups[group]) {
			members = append(members, person)
		}
		o.groups[group] = members
	case 2:
		o.agents[rapid.SampledFrom(someAgents).Draw(t, "agent")] = drawOwner(t)
	case 3:
		delete(o.agents, rapid.SampledFrom(someAgents).Draw(t, "agent"))
	case 4:
		o.disabled[person] = !o.disabled[person]
	}
}

// served are the people that a requester serves, by the words of docs/spec/access.md and nothing of the package.
func served(o org, by Requester) map[string]bool {
	people := map[string]bool{}
	add := func(name string) {
		kind, rest, _ := strings.Cut(name, ":")
		switch kind {
		case "person":
			people[rest] = true
		case "group":
			for _, p := range o.groups[rest] {
				people[p] = true
			}
		}
	}
	add(by.Owner)
	for _, actor := range append(strings.Split(by.Delegation, ">"), by.Principal) {
		add(actor)
		if agent, ok := strings.CutPrefix(actor, "agent:"); ok {
			add(o.agents[agent])
		}
	}
	return people
}

// judge is an outsider who looks at an approval: who was barred when it was asked for, what the organisation is now, and the votes.
type judge struct {
	o      org
	r      Request
	before map[string]bool
}

func (j judge) free(person string) bool {
	return !j.before[person] && !served(j.o, j.r.By)[person] && j.o.Enabled(person)
}

func (j judge) in(a policy.Approval, person string) bool {
	if len(a.From) == 0 {
		return slices.Contains(j.o.groups[""], person)
	}
	return slices.ContainsFunc(a.From, func(g string) bool { return slices.Contains(j.o.groups[g], person) })
}

// fault says why the votes are not enough for an approval.
func (j judge) fault(votes []Vote) string {
	for i, a := range j.r.Need {
		people, seats := map[string]bool{}, map[string]bool{}
		for _, v := range votes {
			counts := v.Yes && j.free(v.By) && (v.For == "" || j.free(v.For)) && (a.By == "" || a.By == string(v.Proof.Kind))
			switch {
			case !counts:
			case j.in(a, v.By):
				people[v.By], seats[v.By] = true, true
			case v.For != "" && j.in(a, v.For):
				people[v.By], seats[v.For] = true, true
			}
		}
		if len(people) < a.Approvals || len(seats) < a.Approvals {
			return fmt.Sprintf("threshold %d (%+v) has %v on %v", i, a, people, seats)
		}
	}
	return ""
}

// Whatever an organisation looks like, whoever hands work to whom, is away, and however the policy changes while people answer: what is
// approved was approved by as many people as each threshold wants, none of whom it serves; and whoever may answer by these words can.
func TestSeparationOfDuties(t *testing.T) {
	approved, answered := 0, 0
	round := 0
	property := func(t *rapid.T) {
		rapid.SliceOfN(rapid.Bool(), round, round).Draw(t, "round") // with the same seed another beginning
		o, b, now := randomOrg(t), NewBook(Change{}), noon
		j := judge{o: o, r: drawRequest(t, o)}
		j.before = served(o, j.r.By)
		apply(t, b)(b.Ask(o, now, j.r))
		for i := range rapid.IntRange(5, 40).Draw(t, "steps") {
			now = now.Add(time.Second)
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				changePolicy(t, o)
			case 1:
				who, to := rapid.SampledFrom(somePeople).Draw(t, "who"), rapid.SampledFrom(somePeople).Draw(t, "to")
				if c, err := b.SetAway(o, now, Away{ID: fmt.Sprintf("aw_%d", i), Who: who, To: to, Until: now.Add(time.Hour)}); err == nil {
					apply(t, b)(c, nil)
				}
			default:
				ended, voted := j.step(t, b, now)
				if voted {
					answered++
				}
				if ended {
					approved++
					return
				}
			}
		}
	}
	for ; round < 100; round++ { // until there was something to look at
		if rapid.Check(t, property); approved > 0 && answered > 0 {
			break
		}
	}
	if approved == 0 || answered == 0 {
		t.Fatalf("%d answers and %d approvals: nothing was looked at", answered, approved)
	}
	t.Logf("%d answers, %d approvals", answered, approved)
}

// step lets somebody answer, and judges it.
func (j judge) step(t *rapid.T, b *Book, now time.Time) (approved, voted bool) {
	person := rapid.SampledFrom(somePeople).Draw(t, "voter")
	v := yes(person)
	v.Yes = rapid.IntRange(0, 7).Draw(t, "yes") > 0
	v.Proof.Kind = rapid.SampledFrom([]ProofKind{PasskeyProof, PasskeyProof, SSHProof}).Draw(t, "kind")
	before, open := b.Request("ar_1")
	if !open {
		return false, false
	}
	c, err := b.Vote(j.o, now, "ar_1", v, "gr_1")
	own := j.free(person) && !slices.ContainsFunc(before.Votes, func(o Vote) bool { return o.By == person }) &&
		slices.ContainsFunc(j.r.Need, func(a policy.Approval) bool { return j.in(a, person) && (a.By == "" || a.By == string(v.Proof.Kind)) })
	if err != nil {
		if own {
			t.Fatalf("%s may answer, and was refused: %v", person, err)
		}
		return false, false
	}
	apply(t, b)(c, nil)
	after := c.Requests[0]
	if last := after.Votes[len(after.Votes)-1]; last.By != person || !j.free(person) || last.For != "" && !j.free(last.For) {
		t.Fatalf("a vote of whom it serves, or in their place, was taken: %+v", last)
	}
	fault := j.fault(after.Votes)
	switch {
	case len(c.Grants) > 0 && fault != "":
		t.Fatalf("approved, but %s: %+v", fault, after)
	case len(c.Grants) == 0 && after.State == Pending && fault == "" && v.Yes && !slices.ContainsFunc(after.Votes, func(o Vote) bool { return !o.Yes }):
		t.Fatalf("not approved, and nothing is missing: %+v", after)
	}
	return len(c.Grants) > 0, true
}

// apply makes a change true that has to be in order.
func apply(t *rapid.T, b *Book) func(Change, error) {
	return func(c Change, err error) {
		t.Helper()
		if err == nil {
			err = b.Apply(c)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
