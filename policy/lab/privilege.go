package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// Privilege is a difference between two policies in what somebody may have for a time, or in when nothing may be changed.
type Privilege struct {
	Who  string `json:"who,omitempty"` // "agent:bot"; empty for a freeze
	What string `json:"what"`          // "ask for", "take in an emergency", "freeze"
	Of   string `json:"of"`            // the role, or what is frozen
	Old  string `json:"old,omitempty"` // its terms; empty: not at all
	New  string `json:"new,omitempty"` // its terms; empty: not any more
}

func (p Privilege) String() string {
	what := fmt.Sprintf("%s may %s the role %s", p.Who, p.What, p.Of)
	if p.Who == "" {
		what = fmt.Sprintf("the %s of %s", p.What, p.Of)
	}
	switch {
	case p.Old == "":
		return fmt.Sprintf("new: %s: %s", what, p.New)
	case p.New == "":
		return fmt.Sprintf("gone: %s: %s", what, p.Old)
	}
	return fmt.Sprintf("changed: %s: %s; was %s", what, p.New, p.Old)
}

// privileges compares who may ask for which role, who may take which in an emergency, and the freezes.
func privileges(old, new *policy.Policy) []Privilege {
	before, after := lendings(old), lendings(new)
	var out []Privilege
	for key := range before {
		if before[key] != after[key] {
			out = append(out, Privilege{Who: key.Who, What: key.What, Of: key.Of, Old: before[key], New: after[key]})
		}
	}
	for key := range after {
		if before[key] == "" {
			out = append(out, Privilege{Who: key.Who, What: key.What, Of: key.Of, New: after[key]})
		}
	}
	slices.SortFunc(out, func(a, b Privilege) int {
		return cmp.Or(strings.Compare(a.Who, b.Who), strings.Compare(a.What, b.What), strings.Compare(a.Of, b.Of))
	})
	return out
}

// lendings are the terms of all that a policy lends, and of its freezes.
func lendings(p *policy.Policy) map[Privilege]string {
	out := map[Privilege]string{}
	for _, s := range slices.Concat(p.Agents(), p.People()) {
		id := policy.Identity{Kind: s.Kind, Name: s.Name, Owner: s.Owner}
		for _, role := range p.Requestable(id) {
			terms, _ := p.MayRequestRole(id, role)
			out[Privilege{Who: s.Principal(), What: "ask for", Of: role}] = termsText(terms)
		}
		for _, role := range p.Glasses(id) {
			glass, _ := p.BreakGlass(id, role)
			out[Privilege{Who: s.Principal(), What: "take in an emergency", Of: role}] = glassText(glass)
		}
	}
	for _, f := range p.Freezes() {
		key := Privilege{What: "freeze", Of: strings.Join(f.Targets, ", ")}
		text := fmt.Sprintf("from %s to %s: %s", f.From.UTC().Format(time.RFC3339), f.To.UTC().Format(time.RFC3339), f.Reason)
		if out[key] != "" {
			text = out[key] + "; " + text
		}
		out[key] = text
	}
	return out
}

// termsText says who approves, and what they give.
func termsText(terms []policy.Approval) string {
	var parts []string
	longest, uses := int64(0), int64(0)
	for i, a := range terms {
		text := people(a, false)
		if a.By != "" {
			text += " by " + a.By
		}
		parts = append(parts, text)
		if i == 0 || a.For < longest {
			longest = a.For
		}
		if a.Uses > 0 && (uses == 0 || a.Uses < uses) {
			uses = a.Uses
		}
	}
	verb := "approves it"
	if len(terms) > 1 || len(terms) == 1 && terms[0].Approvals > 1 {
		verb = "approve it"
	}
	text := fmt.Sprintf("if %s %s, for %s at most", strings.Join(parts, " and "), verb, time.Duration(longest)*time.Second)
	if uses > 0 {
		text += fmt.Sprintf(" and %d commands", uses)
	}
	return text
}

func glassText(g policy.Glass) string {
	return fmt.Sprintf("at once, for %s, reviewed by %s", time.Duration(g.For)*time.Second, people(g.Review, true))
}
