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

// ruleTexts and commands overlap in many ways, so that random policies decide all sorts of things.
var (
	ruleTexts = []string{"a", "a <text>", "a <text>...", "a x", "a [-n <int>] <text>", "b", "b [<text>...]", "b y", "c <int>", "a [-n <int>]"}
	argvs     = [][]string{{"a"}, {"a", "x"}, {"a", "y", "x"}, {"a", "-n", "5", "x"}, {"b"}, {"b", "y"}, {"c", "5"}, {"c", "x"}, {"d"}}
)

// fataler is a test, of testing or of rapid.
type fataler interface {
	Fatalf(format string, args ...any)
}

// ruleBook is a policy as lists of patterns.
type ruleBook struct{ allow, deny []string }

func (b ruleBook) parse(t fataler) *policy.Policy {
	var y strings.Builder
	y.WriteString("version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web]}}\nroles:\n  web:\n    targets: [web-1]\n    logins: [deploy]\n")
	for name, list := range map[string][]string{"allow": b.allow, "deny": b.deny} {
		if len(list) > 0 {
			fmt.Fprintf(&y, "    %s:\n", name)
		}
		for _, text := range list {
			fmt.Fprintf(&y, "      - '%s'\n", text)
		}
	}
	p, err := policy.Parse([]policy.File{{Name: "p", Data: []byte(y.String())}})
	if err != nil {
		t.Fatalf("%s: %v", y.String(), err)
	}
	return p
}

func books() *rapid.Generator[ruleBook] {
	texts := rapid.SampledFrom(ruleTexts)
	return rapid.Custom(func(t *rapid.T) ruleBook {
		return ruleBook{rapid.SliceOfN(texts, 0, 6).Draw(t, "allow"), rapid.SliceOfN(texts, 0, 3).Draw(t, "deny")}
	})
}

// requests draws requests of one to three commands that the books are about.
func requests() *rapid.Generator[policy.Request] {
	return rapid.Custom(func(t *rapid.T) policy.Request {
		var leaves []policy.Plan
		for range rapid.IntRange(1, 3).Draw(t, "commands") {
			leaves = append(leaves, policy.Plan{Op: policy.OpRun, Argv: rapid.SampledFrom(argvs).Draw(t, "argv")})
		}
		plan := leaves[0]
		if len(leaves) > 1 {
			plan = policy.Plan{Op: rapid.SampledFrom([]policy.Op{policy.OpPipe, policy.OpAnd, policy.OpOr, policy.OpSeq}).Draw(t, "op"), Parts: leaves}
		}
		return policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy", Plan: plan, Facts: policy.Facts{Assume: true}}
	})
}

func TestDenyWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, r := books().Draw(t, "book"), requests().Draw(t, "request")
		commands := r.Plan.Commands()
		argv := rapid.SampledFrom(commands).Draw(t, "denied")
		book.deny = append(book.deny, argv[0])
		d := book.parse(t).Decide(r)
		if d.Verdict != policy.Deny || d.Code != policy.CodeDeniedByRule || len(d.Rules) != 1 {
			t.Fatalf("%+v: got %+v", book, d)
		}
	})
}

func TestOrderIsIrrelevant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, r := books().Draw(t, "book"), requests().Draw(t, "request")
		other := ruleBook{rapid.Permutation(book.allow).Draw(t, "allow"), rapid.Permutation(book.deny).Draw(t, "deny")}
		a, b := book.parse(t).Decide(r), other.parse(t).Decide(r)
		if a.Verdict != b.Verdict || a.Code != b.Code || a.Mode != b.Mode || a.Stdin != b.Stdin || !reflect.DeepEqual(a.Failed, b.Failed) {
			t.Fatalf("%+v: got %+v, shuffled %+v", book, a, b)
		}
	})
}

func TestAddingADenyNeverAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, r := books().Draw(t, "book"), requests().Draw(t, "request")
		before := book.parse(t).Decide(r)
		book.deny = append(slices.Clone(book.deny), rapid.SampledFrom(ruleTexts).Draw(t, "deny"))
		if after := book.parse(t).Decide(r); before.Verdict == policy.Deny && after.Verdict == policy.Allow {
			t.Fatalf("%+v: a deny rule allowed %+v", book, r.Plan)
		}
	})
}

func TestDecisionsArePure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, r := books().Draw(t, "book").parse(t), requests().Draw(t, "request")
		before := fmt.Sprintf("%+v", r)
		first, second := p.Decide(r), p.Decide(r)
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("got %+v, then %+v", first, second)
		}
		if before != fmt.Sprintf("%+v", r) {
			t.Fatalf("the decision changed its request to %+v", r)
		}
	})
}

func TestAnEmptyPolicyAllowsNothing(t *testing.T) {
	empty, err := policy.Parse([]policy.File{{Name: "p", Data: []byte("version: 1")}})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := requests().Draw(t, "request")
		for _, p := range []*policy.Policy{empty, {}, (ruleBook{}).parse(t)} {
			if d := p.Decide(r); d.Verdict != policy.Deny {
				t.Fatalf("%+v was allowed: %+v", r, d)
			}
		}
	})
}

// TestMalformedRequestsAreDenied has plans that no parser of ours makes.
func TestMalformedRequestsAreDenied(t *testing.T) {
	p := ruleBook{allow: []string{"a [<text>...]"}}.parse(t)
	leaf := policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"a"}}
	deep := leaf
	for range 40 {
		deep = policy.Plan{Op: policy.OpSeq, Parts: []policy.Plan{deep, leaf}}
	}
	for name, plan := range map[string]policy.Plan{
		"zero":                {},
		"no words":            {Op: policy.OpRun},
		"an empty name":       {Op: policy.OpRun, Argv: policy.Argv{""}},
		"an option as a name": {Op: policy.OpRun, Argv: policy.Argv{"-a"}},
		"a variable":          {Op: policy.OpRun, Argv: policy.Argv{"A=1", "a"}},
		"NUL":                 {Op: policy.OpRun, Argv: policy.Argv{"a", "x\x00y"}},
		"invalid UTF-8":       {Op: policy.OpRun, Argv: policy.Argv{"a", "\xff"}},
		"a leaf with parts":   {Op: policy.OpRun, Argv: policy.Argv{"a"}, Parts: []policy.Plan{leaf}},
		"an unknown operator": {Op: "&", Parts: []policy.Plan{leaf, leaf}},
		"one part":            {Op: policy.OpPipe, Parts: []policy.Plan{leaf}},
		"words on a joint":    {Op: policy.OpPipe, Argv: policy.Argv{"a"}, Parts: []policy.Plan{leaf, leaf}},
		"too deep":            deep,
		"too many":            {Op: policy.OpSeq, Parts: slices.Repeat([]policy.Plan{leaf}, 65)},
		"too many words":      {Op: policy.OpRun, Argv: slices.Repeat(policy.Argv{"a"}, 4097)},
		"too long":            {Op: policy.OpRun, Argv: policy.Argv{"a", strings.Repeat("b", 120_000)}},
	} {
		r := policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy", Plan: plan, Facts: policy.Facts{Assume: true}}
		if d := p.Decide(r); d.Verdict != policy.Deny || d.Code != policy.CodeUnsupportedSyntax {
			t.Errorf("%s: got %+v", name, d)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte("version: 1\ngroups: {web: [person:ann]}\npeople: {ann: {roles: [r]}}\nroles: {r: {rights: [view]}}\n"))
	f.Add([]byte("version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web]}}\nroles: {web: {targets: [\"*\"], logins: [deploy], allow: [{run: a, pty: true}], deny: [b]}}\n"))
	f.Add([]byte("version: 1\ntests:\n- {as: bot, on: a, login: b, run: c, expect: deny, env: {A: b}}\n"))
	f.Add([]byte(lending))
	f.Add([]byte("version: 1\npeople: {ann: {approval_keys: [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKcVg3apRNcq1qB0NKpKCVmgSTVFiBMcjmyBDBVzDpkp x\"]}}\nfreezes: [{targets: [{labels: {a: b}}], from: \"2026-10-25 02:30\", to: \"2026-10-26 02:30\", tz: Europe/Berlin, reason: r}]\nresidue: [{targets: [a], logins: [b]}]\nroles: {r: {in_freeze: true, windows: [{from: \"22:00\", to: \"02:30\", tz: Europe/Berlin}], budget: {per: day, wall: 8h}}}\n"))
	r := policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy", Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"zz"}}, Facts: policy.Facts{Assume: true}}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse([]policy.File{{Name: "p", Data: data}})
		if err != nil {
			if e, ok := err.(*policy.ParseError); !ok || len(e.Problems) == 0 || len(e.Problems) > 20 {
				t.Fatalf("got %v", err)
			}
			return
		}
		if next, ok := p.NextChange(r.Now); ok && !next.After(r.Now) {
			t.Fatalf("the next change is %s", next)
		}
		if d := p.Decide(r); d.Verdict == policy.Allow && !strings.Contains(string(data), "zz") && !strings.Contains(string(data), `\`) {
			t.Fatalf("allowed %+v", d)
		}
	})
}
