package policy

import (
	"slices"
	"strings"
)

// maxGranted bounds how many grants a request is decided by: the first by their ids.
const maxGranted = 32

// Granted is a role that the identity of a request holds for a time, beside those that the policy gives it. It is good on its targets
// with its login, as far as the role itself reaches, and only while the policy has the role. It gives no rights.
type Granted struct {
	ID      string   `json:"id"` // "gr_…"
	Role    string   `json:"role"`
	Targets []string `json:"targets"` // names
	Login   Login    `json:"login"`
	Glass   bool     `json:"break_glass,omitempty"` // freezes do not stop it
}

// granted are the roles that the request's grants give where it is about.
func (p *Policy) granted(r *Request) []holding {
	grants := slices.SortedFunc(slices.Values(r.Granted), func(a, b Granted) int { return strings.Compare(a.ID, b.ID) })
	var list []holding
	for _, g := range grants {
		role := p.roles[g.Role]
		if role != nil && g.ID != "" && g.Login == r.Login && slices.Contains(g.Targets, r.Target) && len(list) < maxGranted {
			list = append(list, holding{role, g.ID, g.Glass})
		}
	}
	return list
}

// decider decides a request by the roles that apply to it.
type decider func(*Request, []applied) Decision

// answer is the whole answer: by the policy's own roles where they do, else by those held for a time as well; and for what is denied,
// which roles could be asked for.
func (p *Policy) answer(r Request, by decider) Decision {
	d := p.judge(&r, by)
	if d.Verdict == Deny {
		d.Request = p.requestable(&r, d, by)
	}
	return p.stamp(d)
}

// quietly is an answer that offers nothing: clients look around by themselves.
func (p *Policy) quietly(r Request, by decider) Decision {
	return p.stamp(p.judge(&r, by))
}

// judge decides. Every denial counts, whatever its reason is.
func (p *Policy) judge(r *Request, by decider) Decision {
	roles, no := p.applying(r)
	if no != nil {
		return *no
	}
	d := by(r, roles)
	if slices.ContainsFunc(roles, func(a applied) bool { return a.grant != "" }) {
		d = sparing(r, roles, d, by)
	}
	if d.Verdict == Deny {
		d = p.unlessFrozen(r, roles, d, by)
		for _, role := range roles {
			d.Obligations.Denials = smaller(d.Obligations.Denials, role.limits.Denials)
		}
	}
	return d
}

// unlessFrozen says so where it is a freeze that keeps a request from being allowed or asked, and not the roles that go on.
func (p *Policy) unlessFrozen(r *Request, roles []applied, no Decision, by decider) Decision {
	if no.Code == CodeDeniedByRule || !slices.ContainsFunc(roles, func(a applied) bool { return a.stopped }) {
		return no
	}
	thawed := slices.Clone(roles)
	for i, a := range thawed {
		thawed[i].denyOnly = a.denyOnly && !a.stopped
	}
	if by(r, thawed).Verdict == Deny {
		return no
	}
	return deny(CodeOutsideWindow, p.freezeOf(r).text())
}

// sparing decides with as few grants as are needed. whole is the decision by all roles.
//
// What the policy's own roles allow or ask stays as they say. Anything else is decided as if the identity held the granted roles in the
// policy; those whose absence changes nothing are then left out, the newest first. The deny rules of all of them hold throughout.
func sparing(r *Request, roles []applied, whole Decision, by decider) Decision {
	own := by(r, without(roles, func(a applied) bool { return a.grant != "" }))
	switch {
	case own.runs() && (!whole.runs() || slices.Equal(own.Directions, whole.Directions)):
		return own
	case own.Verdict == Look && whole.Verdict == Look:
		own.Probes = unique(slices.Concat(own.Probes, whole.Probes))
		return own
	case own.Verdict == Look:
		return own
	case !whole.runs():
		return whole
	}
	for i := len(roles) - 1; i >= 0; i-- {
		if roles[i].grant == "" || roles[i].denyOnly {
			continue
		}
		fewer := without(roles, func(a applied) bool { return a == roles[i] })
		if d := by(r, fewer); d.Verdict == whole.Verdict && slices.Equal(d.Directions, whole.Directions) {
			whole, roles = d, fewer
		}
	}
	for _, a := range roles {
		if a.grant != "" && !a.denyOnly && !slices.Contains(whole.Grants, a.grant) {
			whole.Grants = append(whole.Grants, a.grant)
		}
	}
	return whole
}

// runs reports whether the decision lets something happen, at once or once people have approved it.
func (d Decision) runs() bool { return d.Verdict == Allow || d.Verdict == Ask }

// without is the list in which some roles only deny.
func without(roles []applied, some func(applied) bool) []applied {
	list := slices.Clone(roles)
	for i, a := range list {
		list[i].denyOnly = a.denyOnly || some(a)
	}
	return list
}
