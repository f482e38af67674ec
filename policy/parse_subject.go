package policy

import (
	"maps"
	"slices"
	"strings"
)

func (b *builder) readGroups(v value) {
	b.named(v, "group", func(name string, v value) {
		b.policy.groups[name] = nil
		members := map[string]bool{}
		for _, item := range v.list() {
			text, ok := item.text()
			if !ok {
				continue
			}
			if members[text] {
				item.problem("%q stands in %s twice", text, v.what)
			}
			members[text] = true
			b.policy.groups[name] = append(b.policy.groups[name], strings.TrimPrefix(text, "person:"))
			b.checks = append(b.checks, func() { b.checkPerson(item, text) })
		}
	})
}

func (b *builder) readPeople(v value) {
	b.named(v, "person", func(name string, v value) {
		s := &subject{profile: personDefault}
		b.policy.people[name] = s
		v.fields(map[string]func(value){
			"roles":         func(v value) { b.readRoleNames(v, s) },
			"max_ttl":       func(v value) { s.profile.MaxTTL, _ = v.duration(maxPersonTTL) },
			"profile":       func(v value) { b.readProfileName(v, s, maxPersonTTL) },
			"disabled":      func(v value) { s.disabled = v.boolean() },
			"oidc":          func(v value) { b.readAccount(v, s) },
			"approval_keys": func(v value) { b.readApprovalKeys(v, name, s) },
		})
		b.checkOneTTL(v)
		b.checks = append(b.checks, func() { checkOnePer(v, s) })
	})
}

func (b *builder) readAgents(v value) {
	b.named(v, "agent", func(name string, v value) {
		s := &subject{profile: agentDefault}
		b.policy.agents[name] = s
		owned := false
		v.fields(map[string]func(value){
			"owner":    func(v value) { owned = true; b.readOwner(v, s) },
			"roles":    func(v value) { b.readRoleNames(v, s) },
			"max_ttl":  func(v value) { s.profile.MaxTTL, _ = v.duration(maxAgentTTL) },
			"profile":  func(v value) { b.readProfileName(v, s, maxAgentTTL) },
			"disabled": func(v value) { s.disabled = v.boolean() },
			"enrol":    func(v value) { b.readEnrolments(v, s) },
		})
		b.checkOneTTL(v)
		if !owned {
			v.problem("%s has no owner: write owner: person:NAME or owner: group:NAME", v.what)
		}
		b.checks = append(b.checks, func() { checkNoRights(v, s); checkOnePer(v, s) })
	})
}

func (b *builder) readOwner(v value, s *subject) {
	text, ok := v.text()
	if !ok {
		return
	}
	s.owner = text
	b.checks = append(b.checks, func() {
		name, isGroup := strings.CutPrefix(text, "group:")
		if !isGroup {
			b.checkPerson(v, text)
		} else {
			b.checkGroup(v, name)
		}
	})
}

func (b *builder) checkGroup(v value, name string) {
	if _, ok := b.policy.groups[name]; !ok {
		v.problem("there is no group %q%s", name, didYouMean(name, slices.Sorted(maps.Keys(b.policy.groups))))
	}
}

// checkPerson reports a "person:NAME" that is not one, or that nobody is.
func (b *builder) checkPerson(v value, text string) {
	name, ok := strings.CutPrefix(text, "person:")
	if !ok {
		v.problem("%q cannot be %s: write person:NAME", text, v.what)
	} else if b.policy.people[name] == nil {
		v.problem("there is no person %q%s", name, didYouMean(name, slices.Sorted(maps.Keys(b.policy.people))))
	}
}

func (b *builder) readRoleNames(v value, s *subject) {
	items := v.list()
	b.checks = append(b.checks, func() {
		for _, item := range items {
			name, ok := item.text()
			if !ok {
				continue
			}
			r := b.roles[name]
			switch {
			case r == nil:
				item.problem("there is no role %q%s", name, didYouMean(name, slices.Sorted(maps.Keys(b.roles))))
			case slices.Contains(s.roles, r):
				item.problem("%q stands in %s twice", name, v.what)
			default:
				s.roles = append(s.roles, r)
			}
		}
	})
}

// checkNoRights reports an agent that would get a right, or could break glass, which are for people.
func checkNoRights(v value, s *subject) {
	for _, r := range s.roles {
		if len(r.rights) > 0 {
			v.problem("%s has the role %q, which has rights, and rights are for people: give it a role without", v.what, r.name)
		}
		if r.breaks {
			v.problem("%s has the role %q, which has break_glass, and emergencies are for people: give it a role without", v.what, r.name)
		}
	}
}
