package decider

import (
	"reflect"
	"slices"
	"strings"

	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// identityOf is a requester as the policy knows it now.
func identityOf(pol *policy.Policy, by access.Requester) (policy.Identity, bool) {
	kind, name, _ := strings.Cut(by.Principal, ":")
	who, known := pol.Identity(policy.Kind(kind), name, by.Task)
	who.Delegation = by.Delegation
	return who, known
}

// subjectOf is all of a requester that can be revoked.
func subjectOf(who policy.Identity, by access.Requester) revoke.Subject {
	return revoke.Subject{Kind: who.Kind, Name: who.Name, Owner: who.Owner, Task: by.Task, Delegation: by.Delegation}
}

// founded reports whether policy would have the same people approve the same now: what the request needed is exactly what it would need.
// Whether the command itself still needs it, is decided whenever it runs.
func founded(pol *policy.Policy, who policy.Identity, r access.Request) bool {
	switch s := r.Scope; {
	case s.Glass:
		glass, ok := pol.BreakGlass(who, s.Role)
		return ok && s.Seconds <= glass.For && sameNeed(r.Need, []policy.Approval{glass.Review})
	case s.Kind == access.RoleScope:
		need, ok := pol.MayRequestRole(who, s.Role)
		return ok && sameNeed(r.Need, need)
	case s.Kind == access.PatternScope:
		need, ok := pol.PatternTerms(who, s.Role, s.Pattern)
		return ok && sameNeed(r.Need, need)
	}
	return foundedCommand(pol, who, r)
}

func foundedCommand(pol *policy.Policy, who policy.Identity, r access.Request) bool {
	var need []policy.Approval
	if r.Scope.Role != "" {
		terms, ok := pol.MayRequestRole(who, r.Scope.Role)
		if !ok {
			return false
		}
		need = terms
	}
	for _, name := range r.Rules {
		if name == r.Scope.Role {
			continue
		}
		rule, ok := pol.AskRule(name)
		if !ok {
			return false
		}
		need = append(need, rule.Terms...)
	}
	return sameNeed(r.Need, need)
}

// sameNeed reports whether two lists hold the same thresholds, in whatever order and however often.
func sameNeed(a, b []policy.Approval) bool {
	return within(a, b) && within(b, a)
}

// within reports whether every threshold of a is one of b.
func within(a, b []policy.Approval) bool {
	return !slices.ContainsFunc(a, func(x policy.Approval) bool {
		return !slices.ContainsFunc(b, func(y policy.Approval) bool { return reflect.DeepEqual(x, y) })
	})
}
