package policy

import "slices"

// After says when a target is looked at for what a session left there.
type After string

// The times; empty is never.
const (
	AfterKill After = "kill" // when somebody or something ended it
	AfterEnd  After = "end"  // whenever it ends: each command costs a connection more, and counts as live until then
)

// residueRule says where, and when, the target may be looked at for what stayed.
type residueRule struct {
	targets []targetMatch
	logins  []Login
	after   After
	at      place
}

// Residue is when the policy lets a target be looked at, as a login, for what a session left behind: processes, ports, jobs, keys. Of
// several items that are about it AfterEnd counts.
func (p *Policy) Residue(target string, labels map[string]string, login Login) After {
	var when After
	for _, r := range p.residue {
		about := validName(target) && slices.Contains(r.logins, login) && slices.ContainsFunc(r.targets, func(m targetMatch) bool { return m.matches(target, labels) })
		if about && when != AfterEnd {
			when = r.after
		}
	}
	return when
}

// readResidue reads the residue section.
func (b *builder) readResidue(v value) {
	for _, item := range v.list() {
		item.what = "an item of residue"
		r := residueRule{at: item.at(), after: AfterKill}
		item.fields(map[string]func(value){
			"targets": func(v value) { r.targets = readTargets(v) },
			"logins":  func(v value) { r.logins = logins(v) },
			"after":   func(v value) { r.after = readAfter(v) },
		})
		if len(r.targets) == 0 || len(r.logins) == 0 {
			item.problem(`%s needs targets and logins, as in {targets: ["web-*"], logins: [deploy]}`, item.what)
			continue
		}
		b.policy.residue = append(b.policy.residue, r)
	}
}

func readAfter(v value) After {
	word, _ := v.word(string(AfterKill), string(AfterEnd))
	return After(word)
}
