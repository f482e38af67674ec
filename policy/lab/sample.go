package lab

import (
	"slices"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/command"
)

// The bounds of what is sampled.
const (
	samplesPerRule = 64
	maxRequests    = 200_000 // of one comparison; beyond it each rule has fewer samples
	maxHolders     = 50      // identities of one role
)

// place is somewhere a role may be used, by somebody.
type place struct {
	who    policy.Identity
	target Target
	login  policy.Login
	lent   string // the role, if they may only have it for a time
}

// places lists who could use a role where, over both policies: a difference may be that somebody has the role in only one.
func places(role policy.RoleInfo, policies []*policy.Policy, targets []Target) []place {
	var out []place
	for _, who := range holders(role.Name, policies) {
		for _, t := range reached(role, targets) {
			for _, login := range role.Logins {
				out = append(out, place{who: who, target: t, login: login})
			}
		}
	}
	for _, who := range borrowers(role.Name, policies) {
		for _, t := range reached(role, targets) {
			for _, login := range role.Logins {
				out = append(out, place{who, t, login, role.Name})
			}
		}
	}
	return out
}

// borrowers are those who may have a role for a time, and do not hold it.
func borrowers(role string, policies []*policy.Policy) []policy.Identity {
	held := holders(role, policies)
	var out []policy.Identity
	for _, p := range policies {
		for _, s := range slices.Concat(p.Agents(), p.People()) {
			id := identity(p, s.Principal(), "")
			same := func(other policy.Identity) bool { return other.Principal() == id.Principal() }
			if slices.Contains(slices.Concat(p.Requestable(id), p.Glasses(id)), role) && !slices.ContainsFunc(held, same) && !slices.ContainsFunc(out, same) && len(out) < maxHolders {
				out = append(out, id)
			}
		}
	}
	return out
}

func holders(role string, policies []*policy.Policy) []policy.Identity {
	var out []policy.Identity
	for _, p := range policies {
		for _, s := range slices.Concat(p.Agents(), p.People()) {
			id := identity(p, s.Principal(), "")
			known := slices.ContainsFunc(out, func(other policy.Identity) bool { return other.Principal() == id.Principal() })
			if slices.Contains(s.Roles, role) && !known && len(out) < maxHolders {
				out = append(out, id)
			}
		}
	}
	return out
}

// reached are the targets of the inventory that a role names, and one made up for each description that none fits.
func reached(role policy.RoleInfo, targets []Target) []Target {
	var out []Target
	for i, glob := range role.Targets {
		before := len(out)
		for _, t := range targets {
			if command.MatchName(glob, t.Name) && !slices.ContainsFunc(out, func(o Target) bool { return o.Name == t.Name }) {
				out = append(out, t)
			}
		}
		if len(out) == before && i < len(role.Examples) {
			out = append(out, Target{Name: role.Examples[i].Name, Labels: role.Examples[i].Labels})
		}
	}
	return out
}

// circumstance is what else a condition may look at.
type circumstance struct {
	now  time.Time
	task string
	pty  bool
}

// circumstances are a working day, without a task, with a pty, and the night of a weekend. All samples are asked in the first, the
// plainest of each rule in the others.
func circumstances(now time.Time) []circumstance {
	day := time.Date(now.Year(), now.Month(), now.Day(), 10, 0, 0, 0, time.UTC)
	for day.Weekday() != time.Wednesday {
		day = day.AddDate(0, 0, 1)
	}
	night := day.AddDate(0, 0, 3).Add(-7 * time.Hour)
	return []circumstance{{day, "sample", false}, {day, "", false}, {day, "sample", true}, {night, "sample", false}}
}

// requests makes questions out of every rule of the policies, deny rules included, for whoever may have the role wherever it
// reaches, and out of the policies' tests.
func requests(policies []*policy.Policy, targets []Target, parse Parser, now time.Time) []policy.Request {
	perRule := samplesPerRule
	var out []policy.Request
	for {
		out = out[:0]
		for _, p := range policies {
			for _, role := range p.Roles() {
				out = roleRequests(out, role, places(role, policies, targets), perRule, now)
			}
		}
		if len(out) <= maxRequests || perRule == 1 {
			break
		}
		perRule = max(1, perRule*maxRequests/len(out)/2)
	}
	out = out[:min(len(out), maxRequests)]
	for _, p := range policies {
		out = append(out, testRequests(p, parse, now)...)
	}
	return out
}

func roleRequests(out []policy.Request, role policy.RoleInfo, at []place, perRule int, now time.Time) []policy.Request {
	for _, rule := range role.Rules {
		samples := rule.Pattern.Samples(perRule)
		for _, p := range at {
			for i, c := range circumstances(now) {
				for n, argv := range samples {
					if i > 0 && n > 0 || len(out) > maxRequests {
						break
					}
					who := p.who
					who.Task = c.task
					out = append(out, policy.Request{Identity: who, Target: p.target.Name, Labels: p.target.Labels, Login: p.login,
						Plan: policy.Plan{Op: policy.OpRun, Argv: argv}, PTY: c.pty, Now: c.now, Facts: assumed, Granted: supposed(p.lent, p.target.Name, p.login)})
				}
			}
		}
	}
	return out
}

// supposed are the grants of somebody who holds a role for a time.
func supposed(role, target string, login policy.Login) []policy.Granted {
	if role == "" {
		return nil
	}
	return []policy.Granted{{ID: "granted:" + role, Role: role, Targets: []string{target}, Login: login}}
}

func testRequests(p *policy.Policy, parse Parser, now time.Time) []policy.Request {
	var out []policy.Request
	for _, t := range p.Tests() {
		if t.Run == "" {
			continue
		}
		ask := Ask{As: t.As, Target: Target{Name: t.Target}, Login: t.Login, Line: t.Run, PTY: t.PTY, Env: t.Env, Granted: t.Granted, Now: circumstances(now)[0].now}
		if r, err := ask.request(p, parse); err == nil {
			out = append(out, r)
		}
	}
	return out
}
