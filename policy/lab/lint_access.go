package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/command"
)

// lends reports whether the holders of a role may have another one for a time.
func lends(role policy.RoleInfo, name string) bool {
	return slices.ContainsFunc(role.Requests, func(r policy.LentInfo) bool { return r.Role == name }) ||
		slices.ContainsFunc(role.Glasses, func(g policy.GlassInfo) bool { return g.Role == name })
}

// wanted is something that people approve or review, and by whom it is asked for.
type wanted struct {
	what    string
	file    string
	line    int
	term    policy.Approval
	holders []policy.SubjectInfo
	review  bool
}

// approvals finds what nobody could ever approve, because too few people may.
func (l *linter) approvals() {
	for _, role := range l.p.Roles() {
		holders := l.askers(role)
		for _, rule := range role.Rules {
			l.thresholds(wanted{what: rule.ID, file: rule.File, line: rule.Line, holders: holders}, rule.Terms)
		}
		for _, request := range role.Requests {
			l.thresholds(wanted{what: fmt.Sprintf("the request of %s in the role %s", request.Role, role.Name), file: request.File, line: request.Line, holders: holders}, request.Terms)
		}
		for _, glass := range role.Glasses {
			l.thresholds(wanted{what: fmt.Sprintf("the review of %s in the role %s", glass.Role, role.Name), file: glass.File, line: glass.Line, holders: holders, review: true}, []policy.Approval{glass.Review})
		}
	}
}

// thresholds reports one of several at most, and each place once, whatever roles include it.
func (l *linter) thresholds(w wanted, terms []policy.Approval) {
	reported := func(f Finding) bool {
		return f.File == w.file && f.Line == w.line && slices.Contains([]string{"too-few-approvers", "own-approvers", "no-approval-key"}, f.Rule)
	}
	if slices.ContainsFunc(l.found, reported) {
		return
	}
	for _, term := range terms {
		w.term = term
		if l.threshold(w) {
			return
		}
	}
}

// threshold reports one that cannot be met, for anybody or for one who asks.
func (l *linter) threshold(w wanted) bool {
	may := l.p.ApproversOf(w.term)
	if w.review {
		may = l.p.ReviewersOf(w.term)
	}
	if len(may) < w.term.Approvals {
		l.add("too-few-approvers", Error, w.file, w.line, "Add people to the groups, or want fewer approvals.", "%s needs %s, and there %s", w.what, people(w.term, w.review), whoIsLeft(may))
		return true
	}
	if signing := l.withKeys(may); w.term.By == "ssh" && len(signing) < w.term.Approvals {
		l.add("no-approval-key", Error, w.file, w.line, "Give more of them approval_keys.", "%s needs signatures of %s, and of those with approval_keys there %s", w.what, people(w.term, w.review), whoIsLeft(signing))
		return true
	} else if w.term.By == "ssh" {
		may = signing
	}
	for _, s := range w.holders {
		left := without(may, l.excluded(s))
		if len(left) < w.term.Approvals {
			l.add("own-approvers", Error, w.file, w.line, "Let others approve it, or another one own the agent.", "%s needs %s, and for %s, whose own people may not approve it, there %s", w.what, people(w.term, w.review), s.Principal(), whoIsLeft(left))
			return true
		}
	}
	return false
}

// people says how many of whom.
func people(a policy.Approval, review bool) string {
	right := policy.Approve
	if review {
		right = policy.Review
	}
	from := "those with the right " + string(right)
	if len(a.From) > 0 {
		from = strings.Join(a.From, " or ")
	}
	if a.Approvals == 1 {
		return "1 person of " + from
	}
	return fmt.Sprintf("%d people of %s", a.Approvals, from)
}

func whoIsLeft(names []string) string {
	switch len(names) {
	case 0:
		return "is nobody"
	case 1:
		return "is " + names[0] + " alone"
	}
	return "are " + strings.Join(names, ", ")
}

func (l *linter) withKeys(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return len(l.p.ApprovalKeys(name)) == 0 })
}

// excluded are those who may not approve what serves a subject: the person, or all who own the agent.
func (l *linter) excluded(s policy.SubjectInfo) []string {
	if s.Kind == policy.Person {
		return []string{s.Name}
	}
	return l.p.Owners(s.Name)
}

func without(names, some []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(some, name) })
}

// askers are those who act by a role: its holders, and those who may ask for it.
func (l *linter) askers(role policy.RoleInfo) []policy.SubjectInfo {
	roles := l.p.Roles()
	return slices.DeleteFunc(slices.Concat(l.p.Agents(), l.p.People()), func(s policy.SubjectInfo) bool {
		return s.Disabled || !slices.Contains(s.Roles, role.Name) &&
			!slices.ContainsFunc(roles, func(other policy.RoleInfo) bool {
				return slices.Contains(s.Roles, other.Name) && lends(other, role.Name)
			})
	})
}

// lent finds roles that are lent in vain, and emergencies that nobody has to answer for.
func (l *linter) lent() {
	roles := l.p.Roles()
	for _, role := range roles {
		for _, request := range role.Requests {
			holders := l.holdersOf(role.Name)
			if both := slices.DeleteFunc(holders, func(s policy.SubjectInfo) bool { return !slices.Contains(s.Roles, request.Role) }); len(both) > 0 {
				l.add("lent-and-held", Warning, request.File, request.Line, "Take one of the two away.", "%s can ask for the role %s, and holds it", both[0].Principal(), request.Role)
			}
		}
		for _, glass := range role.Glasses {
			l.glass(role, glass, roles)
		}
		asked := slices.ContainsFunc(roles, func(other policy.RoleInfo) bool { return lends(other, role.Name) })
		if asked && role.Budget != (policy.Budget{}) && len(l.holdersOf(role.Name)) == 0 {
			l.add("lent-budget", Warning, role.File, role.Line, "Put it into the roles of those who ask for this one.", "the budget of the role %s has no effect, as nobody holds it but for a time", role.Name)
		}
	}
}

func (l *linter) holdersOf(role string) []policy.SubjectInfo {
	return slices.DeleteFunc(slices.Concat(l.p.Agents(), l.p.People()), func(s policy.SubjectInfo) bool { return !slices.Contains(s.Roles, role) })
}

func (l *linter) glass(role policy.RoleInfo, glass policy.GlassInfo, roles []policy.RoleInfo) {
	switch {
	case !glass.Said:
		l.add("unreviewed-glass", Warning, glass.File, glass.Line, "Add review: {approvals: 2, from: [GROUP]}.", "break_glass in the role %s does not say who reviews what was done as %s: anybody with the right review", role.Name, glass.Role)
	case glass.Review.Approvals < 2:
		l.add("unreviewed-glass", Warning, glass.File, glass.Line, "Want two.", "one person reviews what was done as %s by break_glass in the role %s", glass.Role, role.Name)
	}
	for _, other := range roles {
		if other.Name == glass.Role && other.Windows {
			l.add("glass-in-window", Warning, glass.File, glass.Line, "Lend a role without windows.", "the role %s, which may be taken in an emergency, does nothing outside of its windows", glass.Role)
		}
	}
}

// freezes finds those that are over, or about nothing.
func (l *linter) freezes(now time.Time) {
	for _, f := range l.p.Freezes() {
		if !now.IsZero() && !f.To.After(now) {
			l.add("freeze-over", Note, f.File, f.Line, "Remove it.", "the freeze %q is over since %s", f.Reason, f.To.UTC().Format(time.RFC3339))
		}
		if l.targets != nil && !slices.ContainsFunc(l.targets, func(t Target) bool { _, on := l.p.Frozen(t.Name, t.Labels, f.From); return on }) {
			l.add("freeze-no-host", Warning, f.File, f.Line, "Name targets of the inventory.", "no target of the inventory is of the freeze %q", f.Reason)
		}
	}
}

// residue finds places to be looked at that nobody is ever sent to.
func (l *linter) residue() {
	for _, r := range l.p.Residues() {
		used := slices.ContainsFunc(l.p.Roles(), func(role policy.RoleInfo) bool {
			return slices.ContainsFunc(r.Logins, func(login policy.Login) bool { return slices.Contains(role.Logins, login) && l.meet(r, role, login) })
		})
		if !used {
			l.add("residue-no-host", Warning, r.File, r.Line, "Name targets and logins that roles have.", "no role reaches %s as %s, where residue looks for what stayed", strings.Join(r.Targets, ", "), r.Logins[0])
		}
	}
}

// meet reports whether a role reaches, with a login, what an item of residue is about: a target of the inventory; where there is none, targets
// that the two describe.
func (l *linter) meet(r policy.ResidueInfo, role policy.RoleInfo, login policy.Login) bool {
	known := l.targets
	if known == nil {
		for _, e := range slices.Concat(role.Examples, r.Examples) {
			known = append(known, Target{Name: e.Name, Labels: e.Labels})
		}
	}
	return slices.ContainsFunc(known, func(t Target) bool {
		about := slices.ContainsFunc(r.Targets, func(glob string) bool { return command.MatchName(glob, t.Name) }) || l.p.Residue(t.Name, t.Labels, login) != ""
		return about && slices.Contains(reaching(l.p, role, t), login)
	})
}
