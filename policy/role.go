package policy

import (
	"slices"

	"gatehouse/policy/command"
)

// role is what its holders may do on the targets and logins that it names.
type role struct {
	name     string
	at       place
	targets  []string // globs
	logins   []Login
	rights   []Right
	env      []string // names, some ending in *
	rules    []*rule  // all of them
	programs map[string]*ruleSet
	names    []string // the programs that have an allow rule, sorted
}

// ruleSet is a role's rules for one program.
type ruleSet struct{ allow, deny []*rule }

// ruleKind is the list that a rule stands in.
type ruleKind string

const (
	ruleAllow ruleKind = "allow"
	ruleAsk   ruleKind = "ask"
	ruleDeny  ruleKind = "deny"
)

// rule is one allow or deny rule.
type rule struct {
	id      string // "web-operator/allow[2]"
	role    string
	at      place
	kind    ruleKind
	pattern *command.Pattern
	mode    Mode
	pty     bool
	stdin   StdinClass
	reason  string // deny rules, may be empty
}

func (r *role) reaches(target string, login Login) bool {
	return validName(target) && slices.Contains(r.logins, login) &&
		slices.ContainsFunc(r.targets, func(glob string) bool { return command.MatchName(glob, target) })
}

// add puts a rule under its program.
func (r *role) add(rl *rule, deny bool) {
	r.rules = append(r.rules, rl)
	set := r.programs[rl.pattern.Program()]
	if set == nil {
		set = &ruleSet{}
		r.programs[rl.pattern.Program()] = set
	}
	if deny {
		set.deny = append(set.deny, rl)
	} else {
		set.allow = append(set.allow, rl)
	}
}

// index lists the programs once all rules are there.
func (r *role) index() {
	for name, set := range r.programs {
		if len(set.allow) > 0 {
			r.names = append(r.names, name)
		}
	}
	slices.Sort(r.names)
}

// prefer reports whether a is to be used instead of b where both match a command. It depends on nothing but the two rules:
// one that grants a wanted pty comes first, then the narrower certificate, then the one that reads stdin.
func prefer(a, b *rule, pty bool) bool {
	switch {
	case pty && a.pty != b.pty:
		return a.pty
	case a.mode != b.mode:
		return a.mode == Pinned
	case a.stdin != b.stdin:
		return a.stdin == StdinData
	}
	return a.id < b.id
}
