package policy

import (
	"maps"
	"slices"
)

// RuleTerms is an ask rule of the policy, and what must be approved for it.
type RuleTerms struct {
	ID      string     `json:"id"`      // "web-operator/ask[0]"
	Role    string     `json:"role"`    // the role whose list it stands in
	Pattern string     `json:"pattern"` // the rule's own words
	Shown   string     `json:"shown"`   // the same with named slots written out
	Terms   []Approval `json:"terms"`   // each must be met
	File    string     `json:"file,omitempty"`
	Line    int        `json:"line,omitempty"`
}

func (rl *rule) askTerms() RuleTerms {
	return RuleTerms{ID: rl.id, Role: rl.role, Pattern: rl.pattern.String(), Shown: rl.shown, Terms: slices.Clone(rl.terms), File: rl.at.file, Line: rl.at.line}
}

// Permit is what a decision becomes once people have approved it: an ask becomes the allow that it would be, with the same plan, mode and
// obligations. Every other decision stays what it is.
func (p *Policy) Permit(d Decision) Decision {
	if d.Verdict == Ask {
		d.Verdict, d.Code, d.Reason, d.Approvals = Allow, "", "", nil
	}
	return d
}

// AskRules returns the ask rules among those by which a decision would run, in the order of their ids; nothing if it is no ask.
func (p *Policy) AskRules(d Decision) []RuleTerms {
	if d.Verdict != Ask {
		return nil
	}
	var list []RuleTerms
	for _, id := range slices.Compact(slices.Sorted(slices.Values(d.Rules))) {
		if rl := p.askRule(id); rl != nil {
			list = append(list, rl.askTerms())
		}
	}
	return list
}

// askRule finds an ask rule by its id.
func (p *Policy) askRule(id string) *rule { return p.asks[id] }

// indexAsks lists the ask rules by their ids.
func indexAsks(roles map[string]*role) map[string]*rule {
	asks := map[string]*rule{}
	for _, r := range roles {
		for _, rl := range r.rules {
			if rl.kind == AskRule {
				asks[rl.id] = rl
			}
		}
	}
	return asks
}

// PatternRules returns the ask rules of a role that have a pattern, by the rule's own words, by these with named slots written out, or by the
// rule's id; only of roles that the policy gives the identity, and of those that these include. Several differ in their conditions. Without a
// role it may be any, as long as one role alone has it.
func (p *Policy) PatternRules(id Identity, role, pattern string) []RuleTerms {
	found := map[string]*rule{}
	for _, r := range p.actingRoles(id) {
		for _, rl := range r.rules {
			named := role == "" || rl.role == role || r.name == role
			if named && rl.kind == AskRule && slices.Contains([]string{rl.pattern.String(), rl.shown, rl.id}, pattern) {
				found[rl.id] = rl
			}
		}
	}
	var list []RuleTerms
	for _, id := range slices.Sorted(maps.Keys(found)) {
		list = append(list, found[id].askTerms())
		if role == "" && list[0].Role != found[id].role {
			return nil
		}
	}
	return list
}

// PatternTerms says what people must approve for an identity to run whatever a pattern of a role's ask rules matches, for a time; ok is false
// if it has no such rule.
func (p *Policy) PatternTerms(id Identity, role, pattern string) (terms []Approval, ok bool) {
	rules := p.PatternRules(id, role, pattern)
	for _, rule := range rules {
		for _, a := range rule.Terms {
			terms = addApproval(terms, a)
		}
	}
	return terms, len(rules) > 0
}

// Members returns the people of a group, without "person:", disabled ones too. Of no group, "", these are all with the right to approve:
// who answers where a rule names no group.
func (p *Policy) Members(group string) []string {
	if group == "" {
		return p.withRight(Approve)
	}
	return slices.Clone(p.groups[group])
}

// Enabled reports whether the policy knows a person and lets them act.
func (p *Policy) Enabled(person string) bool { return p.enabled(person) }

// ApproversOf returns the people who may fill a seat of a threshold, as far as the policy says, sorted: the enabled members of its groups,
// or all with the right to approve. Whom a request excludes is not considered.
func (p *Policy) ApproversOf(a Approval) []string { return p.enabledOf(a.From, Approve) }

// ReviewersOf is ApproversOf for the review of a break-glass: where no group is named, all with the right to review.
func (p *Policy) ReviewersOf(a Approval) []string { return p.enabledOf(a.From, Review) }

func (p *Policy) enabledOf(groups []string, otherwise Right) []string {
	var list []string
	for _, group := range groups {
		list = append(list, p.groups[group]...)
	}
	if len(groups) == 0 {
		list = p.withRight(otherwise)
	}
	list = slices.DeleteFunc(list, func(name string) bool { return !p.enabled(name) })
	slices.Sort(list)
	return slices.Compact(list)
}

// withRight are the people whose roles have a right, sorted.
func (p *Policy) withRight(right Right) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p.people)) {
		if slices.ContainsFunc(p.people[name].roles, func(r *role) bool { return slices.Contains(r.rights, right) }) {
			list = append(list, name)
		}
	}
	return list
}

func first[T any](list []T) *T {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

func rest[T any](list []T) []T { return list[min(1, len(list)):] }
