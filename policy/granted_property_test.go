package policy_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

// lender is a random policy with roles that an agent holds, and others that it may ask for.
type lender struct {
	roles []lentBook // the first are held
	held  int
}

// lentBook is a role as lists of patterns.
type lentBook struct {
	name             string
	allow, ask, deny []string
	targets, logins  []string
}

func (b lentBook) text() string {
	var y strings.Builder
	fmt.Fprintf(&y, "  %s:\n    targets: [%s]\n    logins: [%s]\n", b.name, strings.Join(b.targets, ", "), strings.Join(b.logins, ", "))
	for _, list := range []struct {
		name  string
		rules []string
	}{{"allow", b.allow}, {"ask", b.ask}, {"deny", b.deny}} {
		if len(list.rules) > 0 {
			fmt.Fprintf(&y, "    %s: ['%s']\n", list.name, strings.Join(list.rules, "', '"))
		}
	}
	return y.String()
}

// parse makes the policy, in which the agent holds the roles of which held says so.
func (l lender) parse(t fataler, held func(name string) bool) *policy.Policy {
	roles, requests, names := "", []string{}, []string{"base"}
	for _, b := range l.roles {
		roles += b.text()
		requests = append(requests, "{role: "+b.name+"}")
		if held(b.name) {
			names = append(names, b.name)
		}
	}
	text := fmt.Sprintf("version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [%s]}}\nroles:\n%s  base: {request: [%s]}\n", strings.Join(names, ", "), roles, strings.Join(requests, ", "))
	p, err := policy.Parse([]policy.File{{Name: "p", Data: []byte(text)}})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

func (l lender) holds(name string) bool {
	return slices.ContainsFunc(l.roles[:l.held], func(b lentBook) bool { return b.name == name })
}

func lenders() *rapid.Generator[lender] {
	texts := rapid.SampledFrom(ruleTexts)
	some := func(t *rapid.T, name string, of ...string) []string {
		list := rapid.SliceOfNDistinct(rapid.SampledFrom(of), 1, len(of), rapid.ID).Draw(t, name)
		slices.Sort(list)
		return list
	}
	return rapid.Custom(func(t *rapid.T) lender {
		l := lender{held: rapid.IntRange(0, 2).Draw(t, "held")}
		for i := range l.held + rapid.IntRange(1, 3).Draw(t, "lent") {
			l.roles = append(l.roles, lentBook{fmt.Sprintf("r%d", i), rapid.SliceOfN(texts, 2, 8).Draw(t, "allow"), rapid.SliceOfN(texts, 0, 2).Draw(t, "ask"),
				rapid.SliceOfN(texts, 0, 1).Draw(t, "deny"), some(t, "targets", "web-1", "web-2"), some(t, "logins", "deploy", "root")})
		}
		return l
	})
}

// grants draws grants of roles that are there, or not.
func (l lender) grants(t *rapid.T) []policy.Granted {
	var list []policy.Granted
	for i := range rapid.IntRange(0, 4).Draw(t, "grants") {
		list = append(list, policy.Granted{ID: fmt.Sprintf("gr_%d", i), Role: fmt.Sprintf("r%d", rapid.IntRange(0, len(l.roles)).Draw(t, "role")),
			Targets: rapid.SampledFrom([][]string{{"web-1"}, {"web-2"}, {"web-1", "web-2"}}).Draw(t, "targets"), Login: rapid.SampledFrom([]policy.Login{"deploy", "root"}).Draw(t, "login")})
	}
	return list
}

// lentRequests draws requests that are mostly of one command, so that many of them run.
func lentRequests() *rapid.Generator[policy.Request] {
	return rapid.Custom(func(t *rapid.T) policy.Request {
		r := requests().Draw(t, "request")
		if len(r.Plan.Parts) > 0 && rapid.IntRange(0, 2).Draw(t, "one") > 0 {
			r.Plan = r.Plan.Parts[0]
		}
		return r
	})
}

func runs(d policy.Decision) bool { return d.Verdict == policy.Allow || d.Verdict == policy.Ask }

// covers reports whether a grant is about where the request goes.
func covers(g policy.Granted, r policy.Request) bool {
	return g.Login == r.Login && slices.Contains(g.Targets, r.Target)
}

// bare is a decision without what depends on a policy's text.
func bare(d policy.Decision) policy.Decision {
	d.PolicyHash, d.Request = "", nil
	return d
}

// TestGrantsNeverWiden: whatever grants there are, a request is decided by those alone that are about its target and login; what then runs would
// run too if the policy gave the agent those roles; every grant that is named is needed; and none of them opens what a deny rule of any role
// that applies closes.
func TestGrantsNeverWiden(t *testing.T) {
	used := 0
	round := 0
	property := func(t *rapid.T) {
		rapid.SliceOfN(rapid.Bool(), round, round).Draw(t, "round") // with the same seed another beginning
		l, r := lenders().Draw(t, "roles"), lentRequests().Draw(t, "request")
		p := l.parse(t, l.holds)
		own := p.Decide(r)
		r.Granted = l.grants(t)
		d := p.Decide(r)

		about := r
		about.Granted = slices.DeleteFunc(slices.Clone(r.Granted), func(g policy.Granted) bool { return !covers(g, r) })
		if got := p.Decide(about); !reflect.DeepEqual(got, d) {
			t.Fatalf("by the grants that are about it %+v, by all %+v", got, d)
		}
		isGiven := func(name string) bool {
			return l.holds(name) || slices.ContainsFunc(about.Granted, func(g policy.Granted) bool { return g.Role == name })
		}
		given := l.parse(t, isGiven).Decide(about)
		if given.Code == policy.CodeDeniedByRule && (d.Code != given.Code || !slices.Equal(d.Rules, given.Rules)) {
			t.Fatalf("%+v beats %+v", d, given)
		}
		if runs(d) && len(d.Grants) > 0 {
			used++
			if runs(own) || !runs(given) {
				t.Fatalf("without grants %+v, with the roles in the policy %+v: got %+v", own, given, d)
			}
			for _, id := range d.Grants {
				fewer := r
				fewer.Granted = slices.DeleteFunc(slices.Clone(r.Granted), func(g policy.Granted) bool {
					return g.ID == id || !slices.Contains(d.Grants, g.ID)
				})
				if got := p.Decide(fewer); got.Verdict == d.Verdict {
					t.Fatalf("%s is not needed: %+v", id, got)
				}
			}
		}
		if len(d.Grants) == 0 && d.Code != policy.CodeDeniedByRule && (runs(own) || runs(d)) && !reflect.DeepEqual(bare(own), bare(d)) {
			t.Fatalf("no grant is needed: %+v, and without any %+v", d, own)
		}
	}
	for ; round < 100; round++ { // until there was one that needs a grant
		if rapid.Check(t, property); used > 0 {
			break
		}
	}
	if used == 0 {
		t.Error("no request needed a grant")
	}
}

// TestTheOrderOfGrantsIsIrrelevant: nor does the order of roles matter.
func TestTheOrderOfGrantsIsIrrelevant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, r := lenders().Draw(t, "roles"), lentRequests().Draw(t, "request")
		r.Granted = l.grants(t)
		d := l.parse(t, l.holds).Decide(r)
		r.Granted = rapid.Permutation(r.Granted).Draw(t, "grants")
		other := lender{slices.Clone(l.roles), l.held}
		slices.Reverse(other.roles[:l.held])
		slices.Reverse(other.roles[l.held:])
		if got := other.parse(t, l.holds).Decide(r); !reflect.DeepEqual(bare(got), bare(d)) {
			t.Fatalf("got %+v, before %+v", got, d)
		}
	})
}

// TestPermitChangesNothingElse: an ask becomes an allow with the same plan, mode and obligations; nothing else changes.
func TestPermitChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, r := lenders().Draw(t, "roles"), lentRequests().Draw(t, "request")
		r.Granted = l.grants(t)
		p := l.parse(t, l.holds)
		d := p.Decide(r)
		got := p.Permit(d)
		want := d
		if d.Verdict == policy.Ask {
			if len(p.AskRules(d)) == 0 {
				t.Fatalf("no rule asks: %+v", d)
			}
			want.Verdict, want.Code, want.Reason, want.Approvals = policy.Allow, "", "", nil
		} else if len(p.AskRules(d)) > 0 {
			t.Fatalf("rules ask, and the verdict is %s", d.Verdict)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v of %+v", got, d)
		}
	})
}

// TestRequestableRolesHelp: what a denial offers would really do, and what it does not offer would not.
func TestRequestableRolesHelp(t *testing.T) {
	offered := 0
	round := 0
	property := func(t *rapid.T) {
		rapid.SliceOfN(rapid.Bool(), round, round).Draw(t, "round") // with the same seed another beginning
		l, r := lenders().Draw(t, "roles"), lentRequests().Draw(t, "request")
		p := l.parse(t, l.holds)
		d := p.Decide(r)
		if d.Verdict != policy.Deny {
			if len(d.Request) > 0 {
				t.Fatalf("offered though it runs: %+v", d)
			}
			return
		}
		if !slices.Equal(d.Request, p.RequestableFor(r)) {
			t.Fatalf("%v is not %v", d.Request, p.RequestableFor(r))
		}
		for _, b := range l.roles {
			held := r
			held.Granted = []policy.Granted{{ID: "gr_1", Role: b.name, Targets: []string{r.Target}, Login: r.Login}}
			offers := slices.Contains(d.Request, b.name)
			if got := p.Decide(held); runs(got) != offers {
				t.Fatalf("%s is offered: %v, and with it %+v", b.name, offers, got)
			}
			if offers {
				offered++
			}
		}
	}
	for ; round < 100; round++ { // until there was something to look at
		if rapid.Check(t, property); offered > 0 {
			break
		}
	}
	if offered == 0 {
		t.Error("nothing was offered")
	}
}

// TestUnusedPrivilegesChangeNothing: freezes elsewhere, requests, budgets, residue and grants of other targets leave a decision as it is.
func TestUnusedPrivilegesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, r := books().Draw(t, "book"), requests().Draw(t, "request")
		plain := book.parse(t)
		want := plain.Decide(r)
		with := withPrivileges(t, book)
		r.Granted = []policy.Granted{{ID: "gr_1", Role: "other", Targets: []string{"web-9"}, Login: r.Login}, {ID: "gr_2", Role: "web", Targets: []string{r.Target}, Login: "root"}}
		if got := with.Decide(r); !reflect.DeepEqual(bare(got), bare(want)) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

// withPrivileges is the book's policy with all sorts of what has nothing to do with its requests.
func withPrivileges(t fataler, book ruleBook) *policy.Policy {
	more := `freezes: [{targets: ["db-*"], from: "2000-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z", reason: "never"}, {targets: ["*"], from: "2099-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z", reason: "later"}]
residue: [{targets: ["*"], logins: [deploy]}]
`
	text := "version: 1\n" + more + "people: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web]}}\nroles:\n  other: {targets: [\"*\"], logins: [deploy], allow: [d], deny: [a]}\n" +
		lentBook{"web", book.allow, nil, book.deny, []string{"web-1"}, []string{"deploy"}}.text() + "    request: [{role: other}]\n    budget: {per: day, commands: 1}\n"
	p, err := policy.Parse([]policy.File{{Name: "p", Data: []byte(text)}})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}
