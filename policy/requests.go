package policy

import (
	"maps"
	"slices"
)

// The bounds of what a role's holders may ask for, and of how many such roles a denial is held against.
const (
	maxRequests   = 64
	maxHypotheses = 16
)

// requestRule is a role that the holders of another one may ask for.
type requestRule struct {
	role  *role
	terms []Approval
	at    place
}

// glassRule is a role that the holders of another one may take in an emergency.
type glassRule struct {
	role     *role
	terms    Glass
	reviewed bool // review was said
	at       place
}

// Glass is how a role may be taken in an emergency, before anybody approved it.
type Glass struct {
	Role   string   `json:"role"`
	For    int64    `json:"for"`    // seconds
	Review Approval `json:"review"` // who must have looked at what was done before it can be taken again
}

// MayRequestRole says what people must approve for an identity to hold a role for a time; ok is false if it may not ask for it. It may
// by the request of a role that the policy gives it; where several say so, all of their terms stand.
func (p *Policy) MayRequestRole(id Identity, name string) (terms []Approval, ok bool) {
	for _, r := range p.actingRoles(id) {
		for _, request := range r.requests {
			if request.role.name == name {
				ok = true
				for _, a := range request.terms {
					terms = addApproval(terms, a)
				}
			}
		}
	}
	return terms, ok
}

// BreakGlass says how a person may take a role in an emergency; ok is false if they may not, and for agents. Of several ways the stricter one counts:
// the shorter, and the review by more people.
func (p *Policy) BreakGlass(id Identity, name string) (g Glass, ok bool) {
	if id.Kind != Person {
		return Glass{}, false
	}
	for _, r := range p.actingRoles(id) {
		for _, glass := range r.glass {
			switch {
			case glass.role.name != name:
			case !ok:
				g, ok = glass.terms, true
			default:
				g.For = min(g.For, glass.terms.For)
				if glass.terms.Review.stricter(g.Review) {
					g.Review = glass.terms.Review
				}
			}
		}
	}
	return g, ok
}

// stricter orders reviews, by nothing but what they say.
func (a Approval) stricter(other Approval) bool {
	if a.Approvals != other.Approvals {
		return a.Approvals > other.Approvals
	}
	return slices.Compare(a.From, other.From) > 0
}

// Requestable returns the roles that an identity may ask for, sorted.
func (p *Policy) Requestable(id Identity) []string {
	var list []string
	for _, r := range p.actingRoles(id) {
		for _, request := range r.requests {
			list = append(list, request.role.name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Glasses returns the roles that a person may take in an emergency, sorted.
func (p *Policy) Glasses(id Identity) []string {
	if id.Kind != Person {
		return nil
	}
	var list []string
	for _, r := range p.actingRoles(id) {
		for _, glass := range r.glass {
			list = append(list, glass.role.name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// LentOffer is a role that an identity may ask for, or take in an emergency, and where it applies.
type LentOffer struct {
	Reach
	Terms []Approval `json:"terms,omitempty"`       // who must approve it; each must be met
	Glass *Glass     `json:"break_glass,omitempty"` // or how it may be taken
}

// Lent returns what an identity may ask for, then what it may take in an emergency, by role.
func (p *Policy) Lent(id Identity) []LentOffer {
	var list []LentOffer
	for _, name := range p.Requestable(id) {
		terms, _ := p.MayRequestRole(id, name)
		list = append(list, LentOffer{Reach: p.roles[name].reachOf(), Terms: terms})
	}
	for _, name := range p.Glasses(id) {
		glass, _ := p.BreakGlass(id, name)
		list = append(list, LentOffer{Reach: p.roles[name].reachOf(), Glass: &glass})
	}
	return list
}

// RequestableFor returns the roles that the identity of a request may ask for and does not hold, under which the request would be allowed,
// or asked, as far as its text says: nothing is looked up for it.
func (p *Policy) RequestableFor(r Request) []string {
	by := func(r *Request, roles []applied) Decision { return decideBy(roles, r) }
	return p.requestable(&r, p.judge(&r, by), by)
}

// requestable is RequestableFor for whatever is asked, once it is denied. No role helps against a deny rule.
func (p *Policy) requestable(r *Request, denial Decision, by decider) []string {
	if denial.Verdict != Deny || denial.Code == CodeDeniedByRule {
		return nil
	}
	names := p.Requestable(r.Identity)
	var list []string
	for _, name := range names[:min(len(names), maxHypotheses)] {
		supposed := *r
		supposed.Facts.Assume = true
		supposed.Granted = append(slices.Clone(r.Granted), Granted{ID: supposedGrant, Role: name, Targets: []string{r.Target}, Login: r.Login})
		if p.judge(&supposed, by).runs() {
			list = append(list, name)
		}
	}
	return list
}

// supposedGrant is the id of a grant that nobody has; it sorts before all that somebody has.
const supposedGrant = "-"

// readRequests reads the request field of a role.
func (b *builder) readRequests(v value, r *role) {
	items := v.list()
	r.lends = true
	if len(items) > maxRequests {
		v.problem("%s has more than %d items", v.what, maxRequests)
		return
	}
	for _, item := range items {
		request := requestRule{at: item.at()}
		terms := termsReader{b: b, common: roleDefault}
		fields := terms.fields()
		var name *value
		fields["role"] = func(v value) { name = &v }
		item.fields(fields)
		request.terms = terms.finish(item)
		if name == nil {
			item.problem("%s needs role: and the name of the role that may be asked for", item.what)
			continue
		}
		b.checks = append(b.checks, func() {
			others := func(o requestRule) bool { return o.role == request.role }
			request.role = b.lentRole(*name, r)
			if request.role != nil && slices.ContainsFunc(r.requests, others) {
				name.problem("%q stands in the request of the role %s twice", request.role.name, r.name)
			} else if request.role != nil {
				r.requests = append(r.requests, request)
			}
		})
	}
}

// readGlass reads the break_glass field of a role.
func (b *builder) readGlass(v value, r *role) {
	items := v.list()
	r.lends, r.breaks = true, true
	if len(items) > maxRequests {
		v.problem("%s has more than %d items", v.what, maxRequests)
		return
	}
	for _, item := range items {
		glass := glassRule{at: item.at(), terms: Glass{For: roleDefault.For, Review: Approval{Approvals: 2}}}
		var name *value
		item.fields(map[string]func(value){
			"role": func(v value) { name = &v },
			"for":  func(v value) { glass.terms.For = readSeconds(v) },
			"review": func(v value) {
				glass.reviewed = true
				terms := termsReader{b: b}
				fields := terms.peopleFields(&glass.terms.Review)
				delete(fields, "approve_by")
				v.fields(fields)
			},
		})
		if name == nil {
			item.problem("%s needs role: and the name of the role that may be taken", item.what)
			continue
		}
		b.checks = append(b.checks, func() {
			if glass.role = b.lentRole(*name, r); glass.role == nil {
				return
			}
			glass.terms.Role = glass.role.name
			if slices.ContainsFunc(r.glass, func(o glassRule) bool { return o.role == glass.role }) {
				name.problem("%q stands in the break_glass of the role %s twice", glass.role.name, r.name)
				return
			}
			r.glass = append(r.glass, glass)
		})
	}
}

// lentRole finds a role that is held for a time, and reports one that cannot be.
func (b *builder) lentRole(v value, by *role) *role {
	name, ok := v.text()
	if !ok {
		return nil
	}
	r := b.roles[name]
	switch {
	case r == nil:
		v.problem("there is no role %q%s", name, didYouMean(name, slices.Sorted(maps.Keys(b.roles))))
	case r == by:
		v.problem("the role %s cannot be asked for by those who hold it", name)
	case len(r.rights) > 0:
		v.problem("the role %q has rights, which are not given for a time: put its rules into a role of their own", name)
	case len(r.targets) == 0 || len(r.logins) == 0:
		v.problem("the role %q has not both targets and logins, so that nothing could be done with it", name)
	default:
		return r
	}
	return nil
}
