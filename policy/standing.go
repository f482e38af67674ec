package policy

import "slices"

// Standing says why that name may not act now, in one line for whoever asks; empty if it may. An agent whose owner is
// disabled may not: nobody answers for it. For a group that is the case when none of its members is enabled.
func (p *Policy) Standing(kind Kind, name string) string {
	s := p.subject(kind, name)
	who := string(kind) + ":" + name
	switch {
	case s == nil:
		return "the policy does not know " + who
	case s.disabled:
		return who + " is disabled in the policy"
	case kind == Agent && !slices.ContainsFunc(p.Owners(name), p.enabled):
		return who + " may not act: its owner " + s.owner + " is disabled in the policy"
	}
	return ""
}

// Owners returns the people who own an agent: the person, or every member of the group; without "person:".
func (p *Policy) Owners(agent string) []string {
	s := p.agents[agent]
	if s == nil {
		return nil
	}
	if name, ok := cutKind(s.owner, Person); ok {
		return []string{name}
	}
	name, _ := cutKind(s.owner, "group")
	return slices.Clone(p.groups[name])
}

func (p *Policy) enabled(person string) bool {
	s := p.people[person]
	return s != nil && !s.disabled
}
