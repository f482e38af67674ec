package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// Access is what one identity may do through one role.
type Access struct {
	Who     string         `json:"who"`
	Owner   string         `json:"owner,omitempty"`
	Role    string         `json:"role"`
	Targets []string       `json:"targets"` // as the role describes them
	Logins  []policy.Login `json:"logins"`
	Rules   []AccessRule   `json:"rules"`

	Held  string `json:"held,omitempty"`  // not in the policy, but: "on request", "in an emergency"
	Terms string `json:"terms,omitempty"` // of that
}

// AccessRule is one rule of it. Uses and Last are of the history.
type AccessRule struct {
	ID      string          `json:"id"`
	Kind    policy.RuleKind `json:"kind"`
	Pattern string          `json:"pattern"`
	Uses    int             `json:"uses"`
	Last    time.Time       `json:"last,omitzero"`
}

// AccessOf says who can run what where: of one agent or person ("release-bot", "agent:release-bot", "person:ann"), or of
// everybody on one target. A name that is both an agent's and a target's is the agent's; "target:NAME" is always a target.
// history may be nil. It is an error if the name is neither of anybody nor of a target that a role reaches.
func AccessOf(p *policy.Policy, name string, targets []Target, history History) ([]Access, error) {
	used, err := uses(p, history)
	if err != nil {
		return nil, err
	}
	var out []Access
	for _, s := range slices.Concat(p.Agents(), p.People()) {
		isTarget := false
		if !names(s, name) {
			if known(p, name) {
				continue
			}
			isTarget = true
		}
		for _, role := range p.Roles() {
			how := holdings(p, s, role.Name)
			if len(how) == 0 || len(role.Targets) == 0 || s.Disabled {
				continue
			}
			logins := role.Logins
			if isTarget {
				logins = reaching(p, role, target(strings.TrimPrefix(name, "target:"), targets))
			}
			if len(logins) > 0 {
				for _, h := range how {
					a := access(s, role, logins, used, isTarget, strings.TrimPrefix(name, "target:"))
					a.Held, a.Terms = h.how, h.terms
					out = append(out, a)
				}
			}
		}
	}
	if len(out) == 0 && !known(p, name) {
		return nil, fmt.Errorf("%q is no agent or person of the policy, and no target that a role reaches", name)
	}
	return out, nil
}

func access(s policy.SubjectInfo, role policy.RoleInfo, logins []policy.Login, used map[useKey]use, onTarget bool, name string) Access {
	a := Access{Who: s.Principal(), Owner: s.Owner, Role: role.Name, Targets: role.Targets, Logins: logins}
	for _, rule := range role.Rules {
		u := use{}
		for key, other := range used {
			if key.who == s.Principal() && key.rule == rule.ID && (!onTarget || key.target == name) {
				u.count += other.count
				u.last = later(u.last, other.last)
			}
		}
		a.Rules = append(a.Rules, AccessRule{rule.ID, rule.Kind, rule.Pattern.String(), u.count, u.last})
	}
	return a
}

// holding is a way to have a role.
type holding struct{ how, terms string }

// The ways besides the policy's own.
const (
	onRequest   = "on request"
	inEmergency = "in an emergency"
)

// holdings are the ways in which a subject has a role, or may have it.
func holdings(p *policy.Policy, s policy.SubjectInfo, role string) []holding {
	if slices.Contains(s.Roles, role) {
		return []holding{{}}
	}
	var ways []holding
	id := policy.Identity{Kind: s.Kind, Name: s.Name, Owner: s.Owner}
	if terms, ok := p.MayRequestRole(id, role); ok {
		ways = append(ways, holding{onRequest, termsText(terms)})
	}
	if glass, ok := p.BreakGlass(id, role); ok {
		ways = append(ways, holding{inEmergency, glassText(glass)})
	}
	return ways
}

// names reports whether a reference is to that subject.
func names(s policy.SubjectInfo, name string) bool {
	return name == s.Principal() || s.Kind == policy.Agent && name == s.Name
}

func known(p *policy.Policy, name string) bool {
	return slices.ContainsFunc(slices.Concat(p.Agents(), p.People()), func(s policy.SubjectInfo) bool { return names(s, name) })
}

func target(name string, targets []Target) Target {
	for _, t := range targets {
		if t.Name == name {
			return t
		}
	}
	return Target{Name: name}
}

// reaching are the role's logins with which it reaches a target.
func reaching(p *policy.Policy, role policy.RoleInfo, t Target) []policy.Login {
	var logins []policy.Login
	for _, login := range role.Logins {
		if ok, _ := p.RoleReaches(role.Name, t.Name, t.Labels, login); ok {
			logins = append(logins, login)
		}
	}
	return logins
}

// useKey and use count how often a rule let somebody do something.
type useKey struct{ who, target, rule string }

type use struct {
	count int
	last  time.Time
}

// uses decides a history by the policy and counts what each rule let through. The rules that the log names may be of another
// policy.
func uses(p *policy.Policy, history History) (map[useKey]use, error) {
	out := map[useKey]use{}
	if history == nil {
		return out, nil
	}
	for record, err := range history {
		if err != nil {
			return nil, err
		}
		r := record.request()
		d := decideAs(p, r)
		if record.Verdict == policy.Deny || d.Verdict == policy.Deny {
			continue
		}
		for _, rule := range slices.Compact(slices.Sorted(slices.Values(d.Rules))) {
			key := useKey{r.Identity.Principal(), r.Target, rule}
			out[key] = use{out[key].count + 1, later(out[key].last, record.Time)}
		}
	}
	return out, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// AccessText renders accesses for people.
func AccessText(list []Access, withUse bool) string {
	var b strings.Builder
	for _, a := range list {
		logins := make([]string, len(a.Logins))
		for i, l := range a.Logins {
			logins[i] = string(l)
		}
		owner := ""
		if a.Owner != "" {
			owner = " (owner " + a.Owner + ")"
		}
		held := ""
		if a.Held != "" {
			held = fmt.Sprintf(" %s (%s)", a.Held, a.Terms)
		}
		fmt.Fprintf(&b, "%s%s by role %s%s: %s on %s\n", a.Who, owner, a.Role, held, strings.Join(logins, ", "), strings.Join(a.Targets, ", "))
		for _, r := range a.Rules {
			last := ""
			if withUse {
				last = "  never used"
				if r.Uses > 0 {
					last = fmt.Sprintf("  used %d times, last %s", r.Uses, r.Last.UTC().Format(time.RFC3339))
				}
			}
			fmt.Fprintf(&b, "  %-5s %s%s\n", r.Kind, r.Pattern, last)
		}
	}
	return b.String()
}
