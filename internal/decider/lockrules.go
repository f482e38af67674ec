package decider

import (
	"slices"

	"gatehouse/policy"
	"gatehouse/policy/access"
)

// What a rule's lock stops follows the rule. The id of a rule that was given none says where it stands in its list ("web/allow[2]"), and
// a line more above it makes that another rule's. So a lock's record keeps what the rule said, and the lock holds against every rule of
// its role that says the same now, and against its id besides: it never holds against less than it was made for.

// ruleText is what a rule says, with the role and the list that it stands in.
func ruleText(r policy.RuleInfo) string {
	return r.Role + " " + string(r.Kind) + " " + r.Pattern.String()
}

// ruleSaid is what the rule that is to be locked says now; empty for everything else, and for what is no rule.
func (d *Decider) ruleSaid(what access.Subject) string {
	if what.Kind != access.LockRule {
		return ""
	}
	rules := d.currentPolicy().Rules()
	if i := slices.IndexFunc(rules, func(r policy.RuleInfo) bool { return r.ID == what.Value }); i >= 0 {
		return ruleText(rules[i])
	}
	return ""
}

// follow has the locks of rules hold by the ids that a policy gives them. It is called before that is in force.
func (l *locks) follow(pol *policy.Policy) {
	ids := map[string][]string{}
	for _, r := range pol.Rules() {
		ids[ruleText(r)] = append(ids[ruleText(r)], r.ID)
	}
	l.making.Lock()
	defer l.making.Unlock()
	l.rules = ids
	l.enforce()
}

// named are the subjects against which a record's lock holds, by name: its own, and the other ids of its rule.
func (l *locks) named(what access.Subject, said string) []access.Subject {
	out := []access.Subject{what}
	for _, id := range l.rules[said] {
		if id != what.Value {
			out = append(out, access.Subject{Kind: access.LockRule, Value: id})
		}
	}
	return out
}
