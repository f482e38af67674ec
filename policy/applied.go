package policy

import (
	"fmt"
	"slices"
)

// applied is a role that reaches the target now. One whose condition could not be evaluated, or that a freeze stops, only denies.
type applied struct {
	*role
	denyOnly bool
	stopped  bool   // by a freeze, and by nothing else
	grant    string // the id of what gives it; empty: the policy itself
}

func (a applied) grantsShell() bool { return a.shell && !a.denyOnly }

// holding is a role that an identity has, and by what.
type holding struct {
	*role
	grant string
	glass bool
}

// applying returns the roles that apply to a request, or why there are none.
func (p *Policy) applying(r *Request) ([]applied, *Decision) {
	all := p.holdings(r)
	roles := make([]applied, 0, len(all))
	freeze := p.freezeOf(r)
	code, reason := CodeTargetNotGranted, ""
	for _, role := range all {
		if !role.reaches(r.Target, r.Labels, r.Login) {
			continue
		}
		if code == CodeTargetNotGranted {
			code = CodeConditionNotMet
		}
		if !inWindow(role.windows, r.Now) {
			code, reason = CodeOutsideWindow, fmt.Sprintf("the role %s applies %s", role.name, windowsText(role.windows))
			continue
		}
		met, known := role.when.holds(r)
		stopped := freeze != nil && !role.inFreeze && !role.glass
		if met || !known {
			roles = append(roles, applied{role.role, !known || stopped, stopped && known, role.grant})
		}
		if stopped && met {
			code, reason = CodeOutsideWindow, freeze.text()
		} else if (!known || !met) && reason == "" {
			reason = fmt.Sprintf("the condition of the role %s does not hold: %s", role.name, role.when.text)
		}
	}
	if slices.ContainsFunc(roles, func(a applied) bool { return !a.denyOnly }) {
		return roles, nil
	}
	if code == CodeTargetNotGranted {
		reason = fmt.Sprintf("no role of %s reaches that target with that login", r.Identity.Principal())
	}
	no := deny(code, reason)
	return nil, &no
}

// holdings are the roles of the identity: the policy's own, then those that it holds for a time.
func (p *Policy) holdings(r *Request) []holding {
	own := p.actingRoles(r.Identity)
	list := make([]holding, 0, len(own)+len(r.Granted))
	for _, role := range own {
		list = append(list, holding{role: role})
	}
	if len(r.Granted) == 0 || p.Standing(r.Identity.Kind, r.Identity.Name) != "" {
		return list
	}
	return append(list, p.granted(r)...)
}
