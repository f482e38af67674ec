package policy

import (
	"slices"

	"gatehouse/policy/command"
)

// role is what its holders may do on the targets and logins that it names. The rules of roles that it includes are its own.
type role struct {
	name     string
	at       place
	targets  []targetMatch
	logins   []Login
	rights   []Right
	when     *condition // nil: always
	windows  []window   // empty: always
	limits   Obligations
	shell    bool // shell: recorded
	governed bool // shell: governed
	lenient  bool // recording: best_effort
	env      []envRule
	dirs     []pathRule
	files    []fileRules // its own and those that it includes
	forwards []forwardRule
	rules    []*rule // its own and those that it includes
	programs map[string]*ruleSet
	names    []string // the programs that have an allow or ask rule, sorted
	includes []string
	denies   bool // it has deny rules

	lends    bool          // it has request or break_glass
	breaks   bool          // it has break_glass
	requests []requestRule // roles that its holders may ask for
	glass    []glassRule   // roles that its holders may take in an emergency
	budget   Budget
	inFreeze bool // it applies during freezes
}

// ruleSet is a role's rules for one program.
type ruleSet struct{ allow, ask, deny []*rule }

// rule is one allow, ask or deny rule.
type rule struct {
	id       string // "web-operator/allow[2]"
	role     string
	at       place
	kind     RuleKind
	pattern  *command.Pattern
	shown    string     // the pattern with its named slots written out
	when     *condition // nil: always
	mode     Mode
	pty      bool
	stdin    []StdinClass // any of these; never empty for allow and ask
	stdinMax int64
	sha256   []string   // of the program's file; empty: any that is root's
	dirs     []pathRule // empty: what the roles list
	dryRun   bool
	seconds  int64      // 0: no limit of its own
	terms    []Approval // ask: each must be met
	reason   string     // deny, may be empty
}

func (r *role) reaches(target string, labels map[string]string, login Login) bool {
	return validName(target) && slices.Contains(r.logins, login) &&
		slices.ContainsFunc(r.targets, func(m targetMatch) bool { return m.matches(target, labels) })
}

// add puts a rule under its program.
func (r *role) add(rl *rule) {
	r.rules = append(r.rules, rl)
	set := r.programs[rl.pattern.Program()]
	if set == nil {
		set = &ruleSet{}
		r.programs[rl.pattern.Program()] = set
	}
	switch rl.kind {
	case AllowRule:
		set.allow = append(set.allow, rl)
	case AskRule:
		set.ask = append(set.ask, rl)
	case DenyRule:
		set.deny = append(set.deny, rl)
		r.denies = true
	}
}

// include gives the role another one's rules.
func (r *role) include(other *role) {
	for _, rl := range other.rules {
		r.add(rl)
	}
	r.env = append(r.env, other.env...)
	r.dirs = append(r.dirs, other.dirs...)
	r.files = append(r.files, other.files...)
	r.forwards = append(r.forwards, other.forwards...)
}

// index lists the programs once all rules are there.
func (r *role) index() {
	for name, set := range r.programs {
		if len(set.allow)+len(set.ask) > 0 {
			r.names = append(r.names, name)
		}
	}
	slices.Sort(r.names)
}

// hasRules reports whether the role says anything about what may run.
func (r *role) hasRules() bool {
	return len(r.programs)+len(r.env)+len(r.dirs)+len(r.files)+len(r.forwards)+len(r.includes) > 0 || r.shell || r.governed
}

// reads reports whether one of the rule's classes lets input of that sort in; sum is the hash of input that is known.
func (rl *rule) reads(sort StdinClass, sum string) bool {
	return slices.ContainsFunc(rl.stdin, func(class StdinClass) bool {
		switch class {
		case StdinNone:
			return false
		case StdinPipe:
			return sort == StdinPipe
		case StdinData:
			return true
		}
		return sort == StdinData && sum != "" && class == StdinClass("sha256:"+sum)
	})
}

// readsClient reports whether the rule lets the client's own input reach the command.
func (rl *rule) readsClient() bool { return slices.ContainsFunc(rl.stdin, StdinClass.client) }

// client reports whether the class is one of the client's own input.
func (c StdinClass) client() bool { return c != StdinNone && c != StdinPipe }

// prefer reports whether a is to be used instead of b where both match a command. It depends on nothing but the two rules:
// one that people must approve comes before one that they need not, then one that grants a wanted pty, then the narrower
// certificate, then the one that reads more.
func prefer(a, b *rule, pty bool) bool {
	switch {
	case (a.kind == AskRule) != (b.kind == AskRule):
		return a.kind == AskRule
	case pty && a.pty != b.pty:
		return a.pty
	case a.mode != b.mode:
		return a.mode == Pinned
	case a.width() != b.width():
		return a.width() > b.width()
	}
	return a.id < b.id
}

// width orders rules by what their input may be.
func (rl *rule) width() int {
	width := 0
	for _, class := range rl.stdin {
		switch class {
		case StdinNone:
		case StdinData:
			width = max(width, 3)
		case StdinPipe:
			width = max(width, 1)
		default:
			width = max(width, 2)
		}
	}
	return width
}
