package policy

import "slices"

// residueRule says where, after a kill, the target may be looked at for what stayed.
type residueRule struct {
	targets []targetMatch
	logins  []Login
	at      place
}

// Residue reports whether the policy lets a target be looked at, as a login, for what a session left behind: processes, ports, jobs, keys.
func (p *Policy) Residue(target string, labels map[string]string, login Login) bool {
	return validName(target) && slices.ContainsFunc(p.residue, func(r residueRule) bool {
		return slices.Contains(r.logins, login) && slices.ContainsFunc(r.targets, func(m targetMatch) bool { return m.matches(target, labels) })
	})
}

// readResidue reads the residue section.
func (b *builder) readResidue(v value) {
	for _, item := range v.list() {
		item.what = "an item of residue"
		r := residueRule{at: item.at()}
		item.fields(map[string]func(value){
			"targets": func(v value) { r.targets = readTargets(v) },
			"logins":  func(v value) { r.logins = logins(v) },
		})
		if len(r.targets) == 0 || len(r.logins) == 0 {
			item.problem(`%s needs targets and logins, as in {targets: ["web-*"], logins: [deploy]}`, item.what)
			continue
		}
		b.policy.residue = append(b.policy.residue, r)
	}
}
