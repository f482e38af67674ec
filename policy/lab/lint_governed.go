package lab

import (
	"slices"
	"strings"

	"gatehouse/policy"
)

// governed looks at a role whose governed shell makes words of its own: of variables, files and what commands print. code are the rules
// by which a word, or a key typed into a program, is code.
func (l *linter) governed(role policy.RoleInfo, code map[string]bool) {
	if role.Shell != "governed" {
		return
	}
	var open []string
	for _, rule := range role.Rules {
		if code[rule.ID] && rule.Kind == policy.AllowRule {
			open = append(open, rule.ID)
		}
	}
	if len(open) > 0 {
		l.add("governed-code", Warning, role.File, role.Line,
			"Write the words out, or bound the slot by <enum:…> or <re:…>; leave pty out; or let people be asked (ask), who see the final words. Then nothing is said here.",
			"the governed shell of %s fills %s with words of variables, of files and of what commands print, and there they are code; what such a program starts is not decided", role.Name, strings.Join(open, ", "))
	}
	if !slices.ContainsFunc(l.p.Roles(), func(other policy.RoleInfo) bool {
		return other.OpensFiles && (other.Name == role.Name || l.sameHolder(role.Name, other.Name))
	}) {
		l.add("governed-files", Note, role.File, role.Line, "Add files: {read: […], write: […]} to the role.",
			"the role %s has no files, so its governed shell can open none but /dev/null: > and <, test -f, globs and source are all denied", role.Name)
	}
	l.recordedBeside(role)
}

// recordedBeside finds that a role with a recorded shell takes a governed one's place: of the two the recorded one is given.
func (l *linter) recordedBeside(role policy.RoleInfo) {
	for _, other := range l.p.Roles() {
		if other.Shell != "recorded" || !l.sameHolder(role.Name, other.Name) {
			continue
		}
		for _, at := range role.Examples {
			for _, login := range role.Logins {
				if ok, _ := l.p.RoleReaches(other.Name, at.Name, at.Labels, login); ok {
					l.add("governed-unused", Warning, role.File, role.Line, "Remove shell: governed here, or shell: recorded there.",
						"whoever has the role %s has %s too, whose shell: recorded is given in the place of shell: governed as %s", role.Name, other.Name, login)
					return
				}
			}
		}
	}
}

// sameHolder reports whether an agent or a person has both roles.
func (l *linter) sameHolder(a, b string) bool {
	return slices.ContainsFunc(slices.Concat(l.p.Agents(), l.p.People()), func(s policy.SubjectInfo) bool {
		return slices.Contains(s.Roles, a) && slices.Contains(s.Roles, b)
	})
}
