package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Standing says why that name may not act now, in one line for whoever asks; empty if it may. An agent whose owner is
// disabled may not: nobody answers for it. For a group that is the case when none of its members is enabled.
func (p *Policy) Standing(kind Kind, name string) string {
	s := p.subject(kind, name)
	switch {
	case s == nil:
		return "the policy does not know " + string(kind) + ":" + name
	case s.disabled:
		return string(kind) + ":" + name + " is disabled in the policy"
	case kind == Agent && !slices.ContainsFunc(p.owners(s.owner), p.enabled):
		return string(kind) + ":" + name + " may not act: its owner " + s.owner + " is disabled in the policy"
	}
	return ""
}

// Admits says why a certificate that was issued on a proof, "oidc:github" or "key", may not be used from source any more, in one
// line for its holder; empty if it may. What was proven stays proven only as long as the policy takes that proof.
func (p *Policy) Admits(kind Kind, name, by string, source netip.Addr) string {
	if why := p.Standing(kind, name); why != "" {
		return why
	}
	who := string(kind) + ":" + name
	if !p.takes(kind, name, by) {
		return fmt.Sprintf("the policy does not take certificates of %s that were issued by %s any more; prove who you are again", who, by)
	}
	allowed := p.subject(kind, name).profile.Sources
	if len(allowed) > 0 && !slices.ContainsFunc(allowed, func(net netip.Prefix) bool { return net.Contains(source.Unmap().WithZone("")) }) {
		return fmt.Sprintf("the profile of %s lets certificates work from %v only, and this is %s", who, allowed, source)
	}
	return ""
}

// Takes reports whether a name that may act now may still be proven in that way.
func (p *Policy) Takes(kind Kind, name, by string) bool {
	return p.Standing(kind, name) == "" && p.takes(kind, name, by)
}

// takes reports whether a name may still be proven in that way. Root on this machine always may, and so may certificates from
// before ways were noted, which live for hours at most.
func (p *Policy) takes(kind Kind, name, by string) bool {
	switch {
	case by == "" || by == "local":
		return true
	case kind == Agent:
		return p.EnrolsBy(name, by)
	case by == "passkey":
		return true
	}
	account := p.people[name].oidc
	return account.issuer != "" && by == string(ByOIDC)+":"+account.issuer
}

// HandedOn says why an agent may not go on with what was handed on to it, "person:ann>agent:planner", in one line for its holder;
// empty if it may. A person who began it must still be enabled, and one of the agent's owners.
func (p *Policy) HandedOn(agent, delegation string) string {
	first, _, _ := strings.Cut(delegation, ">")
	person, ok := cutKind(first, Person)
	if !ok || slices.Contains(p.Owners(agent), person) && p.enabled(person) {
		return ""
	}
	return fmt.Sprintf("agent:%s works for person:%s, who does not own it any more or is disabled in the policy", agent, person)
}

// Owners returns the people who own an agent: the person, or every member of the group; without "person:".
func (p *Policy) Owners(agent string) []string {
	s := p.agents[agent]
	if s == nil {
		return nil
	}
	return p.OwnersOf(s.owner)
}

// OwnersOf returns the people that an owner is, "person:ann" or "group:web"; without "person:".
func (p *Policy) OwnersOf(owner string) []string {
	return slices.Clone(p.owners(owner))
}

// owners is OwnersOf with a list that is the policy's own where the owner is a group.
func (p *Policy) owners(owner string) []string {
	if name, ok := cutKind(owner, Person); ok {
		return []string{name}
	}
	name, _ := cutKind(owner, "group")
	return p.groups[name]
}

func (p *Policy) enabled(person string) bool {
	s := p.people[person]
	return s != nil && !s.disabled
}
