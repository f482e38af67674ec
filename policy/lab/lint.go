package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/command"
)

// Lint reads a policy for what is allowed by the language and probably not meant. targets is the inventory; nil: not known.
// now tells what is over; the zero time: nothing is. The findings come in the order of their places.
func Lint(p *policy.Policy, targets []Target, now time.Time) []Finding {
	l := linter{p: p, targets: targets}
	for _, role := range p.Roles() {
		l.overlaps(role)
		l.reachable(role)
		l.writes(role)
	}
	l.groups()
	l.slots()
	l.sharedLogins()
	l.approvals()
	l.lent()
	l.freezes(now)
	l.residue()
	code := map[string]bool{}
	for _, rule := range p.Rules() {
		code[rule.ID] = l.powers(rule)
	}
	for _, role := range p.Roles() {
		l.governed(role, code)
	}
	slices.SortStableFunc(l.found, func(a, b Finding) int { return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line) })
	return l.found
}

type linter struct {
	p       *policy.Policy
	targets []Target
	found   []Finding
}

func (l *linter) add(rule string, level Level, file string, line int, fix, format string, args ...any) {
	l.found = append(l.found, Finding{Rule: rule, Level: level, File: file, Line: line, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// overlapSamples is how many forms of a rule are tried where nothing can be proven.
const overlapSamples = 200

// overlaps finds rules of one role that make others of it useless; each rule is reported once. What a role includes is
// compared in the role that it is of.
func (l *linter) overlaps(role policy.RoleInfo) {
	for i, rule := range role.Rules {
		if rule.Role != role.Name {
			continue
		}
		for j, other := range role.Rules {
			if i != j && rule.Pattern.Program() == other.Pattern.Program() && l.pair(i, rule, j, other) {
				break
			}
		}
	}
}

// pair reports rule if other makes it useless. Of two that do so to each other, the later one is reported.
func (l *linter) pair(i int, rule policy.RuleInfo, j int, other policy.RuleInfo) bool {
	if rule.Pattern.String() == other.Pattern.String() && sameGrants(rule, other) {
		if j < i {
			l.add("duplicate-rule", Warning, rule.File, rule.Line, "Remove one of them.", "%s is the same as %s", rule.ID, other.ID)
		}
		return j < i
	}
	how := ""
	if outdoes(other, rule) {
		how = covered(other, rule)
	}
	if how == "" || j > i && outdoes(rule, other) && covered(rule, other) != "" {
		return false
	}
	l.overlap(rule, other, how)
	return true
}

func (l *linter) overlap(rule, other policy.RuleInfo, how string) {
	if other.Kind == policy.DenyRule && rule.Kind != policy.DenyRule {
		l.add("dead-rule", Warning, rule.File, rule.Line, "Remove it, or narrow the deny rule.", "%s denies all that %s admits (%s)", other.ID, rule.ID, how)
		return
	}
	l.add("shadowed-rule", Warning, rule.File, rule.Line, "Remove it, or narrow the other rule.", "%s decides all that %s admits (%s)", other.ID, rule.ID, how)
}

// outdoes reports whether other, where both match, leaves nothing for rule to decide.
func outdoes(other, rule policy.RuleInfo) bool {
	switch {
	case other.When:
		return false
	case other.Kind == policy.DenyRule:
		return true
	case rule.Kind == policy.DenyRule:
		return false
	case other.Kind == policy.AskRule && rule.Kind == policy.AllowRule:
		return true
	case other.Kind != rule.Kind:
		return false
	}
	return other.Mode == rule.Mode && (other.PTY || !rule.PTY) && wider(other.Stdin, rule.Stdin)
}

func sameGrants(a, b policy.RuleInfo) bool {
	return a.Kind == b.Kind && a.Mode == b.Mode && a.PTY == b.PTY && !a.When && !b.When && slices.Equal(a.Stdin, b.Stdin)
}

// wider reports whether the classes of a let in all that those of b do.
func wider(a, b []policy.StdinClass) bool {
	if slices.Contains(a, policy.StdinData) {
		return true
	}
	return !slices.ContainsFunc(b, func(class policy.StdinClass) bool { return class != policy.StdinNone && !slices.Contains(a, class) })
}

// covered says how it is known that other matches all that rule does: proven, or tried on samples. Empty: it does not.
func covered(other, rule policy.RuleInfo) string {
	if other.Pattern.Covers(rule.Pattern) {
		return "proven"
	}
	samples := rule.Pattern.Samples(overlapSamples)
	if len(samples) < 2 || slices.ContainsFunc(samples, func(argv []string) bool { return !meets(other, argv) }) {
		return ""
	}
	return fmt.Sprintf("true for %d sampled forms", len(samples))
}

func meets(rule policy.RuleInfo, argv []string) bool {
	if rule.Kind == policy.DenyRule {
		return rule.Pattern.Stops(argv)
	}
	return rule.Pattern.Admits(argv)
}

// reachable finds roles that can never be used.
func (l *linter) reachable(role policy.RoleInfo) {
	used := slices.ContainsFunc(slices.Concat(l.p.Agents(), l.p.People()), func(s policy.SubjectInfo) bool { return slices.Contains(s.Roles, role.Name) })
	included := slices.ContainsFunc(l.p.Roles(), func(other policy.RoleInfo) bool {
		return slices.Contains(other.Includes, role.Name) || lends(other, role.Name)
	})
	if !used && !included {
		l.add("role-without-user", Warning, role.File, role.Line, "Give it to somebody, or remove it.", "nobody has the role %s", role.Name)
	}
	if l.targets == nil {
		return
	}
	for _, glob := range role.Targets {
		if !slices.ContainsFunc(l.targets, func(t Target) bool { return command.MatchName(glob, t.Name) || l.byLabels(role, t) }) {
			l.add("role-without-host", Warning, role.File, role.Line, "Remove it from the role, or add the target to the inventory.", "no target of the inventory is %q, which the role %s names", glob, role.Name)
		}
	}
}

// byLabels reports whether a role reaches a target that none of its names is.
func (l *linter) byLabels(role policy.RoleInfo, t Target) bool {
	named := slices.ContainsFunc(role.Targets, func(glob string) bool { return command.MatchName(glob, t.Name) })
	return !named && len(reaching(l.p, role, t)) > 0
}

// groups finds groups that own nothing and approve nothing.
func (l *linter) groups() {
	owned := map[string]bool{}
	for _, s := range l.p.Agents() {
		owned[strings.TrimPrefix(s.Owner, "group:")] = true
	}
	for _, g := range l.p.Groups() {
		if !owned[g.Name] && !g.Named {
			l.add("unused-group", Note, g.File, g.Line, "Remove it, or let it own an agent.", "the group %s owns no agent and approves nothing", g.Name)
		}
	}
}

func (l *linter) slots() {
	for _, s := range l.p.Slots() {
		used := slices.ContainsFunc(l.p.Rules(), func(rule policy.RuleInfo) bool { return strings.Contains(rule.Pattern.String(), "<"+s.Name+">") })
		if !used {
			l.add("unused-slot", Note, s.File, s.Line, "Remove it.", "no rule uses the slot %s", s.Name)
		}
	}
}

// sharedLogins finds agents that use the same account of a target: what one leaves there, another one runs.
func (l *linter) sharedLogins() {
	type account struct{ target, login string }
	users := map[account][]policy.SubjectInfo{}
	roles := l.p.Roles()
	for _, s := range l.p.Agents() {
		for _, role := range roles {
			if !slices.Contains(s.Roles, role.Name) || s.Disabled {
				continue
			}
			for _, t := range l.accountsOf(roles) {
				for _, login := range reaching(l.p, role, t) {
					at := account{t.Name, string(login)}
					if !slices.ContainsFunc(users[at], func(o policy.SubjectInfo) bool { return o.Name == s.Name }) {
						users[at] = append(users[at], s)
					}
				}
			}
		}
	}
	told := map[string]bool{}
	accounts := make([]account, 0, len(users))
	for at := range users {
		accounts = append(accounts, at)
	}
	slices.SortFunc(accounts, func(a, b account) int {
		return cmp.Or(strings.Compare(a.target, b.target), strings.Compare(a.login, b.login))
	})
	for _, at := range accounts {
		agents := users[at]
		names := make([]string, len(agents))
		for i, s := range agents {
			names[i] = s.Name
		}
		key := at.login + " " + strings.Join(names, " ")
		if len(agents) < 2 || told[key] {
			continue
		}
		told[key] = true
		last := agents[len(agents)-1]
		l.add("shared-login", Warning, last.File, last.Line, "Give each agent a login of its own.", "the agents %s share %s@%s: one could tamper with what the others leave there", strings.Join(names, ", "), at.login, at.target)
	}
}

// accountsOf are the targets on which logins may be shared: those of the inventory, and those that any role describes.
func (l *linter) accountsOf(roles []policy.RoleInfo) []Target {
	if l.targets != nil {
		return l.targets
	}
	var out []Target
	for _, other := range roles {
		for _, e := range other.Examples {
			out = append(out, Target{Name: e.Name, Labels: e.Labels})
		}
	}
	return out
}
