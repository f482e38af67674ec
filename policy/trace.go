package policy

import "slices"

// Trace says how one command of a request met the rules of the roles that reach the target.
type Trace struct {
	Command int       `json:"command"` // counts the plan's commands from 0
	Argv    Argv      `json:"argv"`
	Rules   []Attempt `json:"rules"`  // of the same program; the others cannot match
	Others  int       `json:"others"` // how many rules of these roles are about other programs
}

// Attempt is one rule and how far a command got in it.
type Attempt struct {
	Rule     string   `json:"rule"`
	Kind     RuleKind `json:"kind"`
	Pattern  string   `json:"pattern"`
	Matched  bool     `json:"matched"`
	Index    int      `json:"index"`              // not matched: of the word that failed; len(argv) if words are missing
	Word     string   `json:"word,omitempty"`     // that word
	Expected []string `json:"expected,omitempty"` // what the rule would have taken there
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
}

// RoleTrace is one role of an identity and whether it reaches a target.
type RoleTrace struct {
	Role    string `json:"role"`
	Reaches bool   `json:"reaches"`
	Why     string `json:"why,omitempty"`   // not
	Grant   string `json:"grant,omitempty"` // by which it is held for a time
}

// Trace compares each command of a request with every rule that could be about it. It decides nothing: Decide does, and
// whatever the two say must agree, because both ask the same patterns.
func (p *Policy) Trace(r Request) []Trace {
	var roles []*role
	p.eachReaching(&r, func(a applied) { roles = append(roles, a.role) })
	var traces []Trace
	for i, argv := range r.Plan.Commands() {
		t := Trace{Command: i, Argv: argv}
		seen := map[string]bool{}
		for _, role := range roles {
			for _, rl := range role.rules {
				switch {
				case seen[rl.id]:
				case !slices.Contains(names(argv[0]), rl.pattern.Program()):
					t.Others++
				default:
					t.Rules = append(t.Rules, rl.attempt(argv))
				}
				seen[rl.id] = true
			}
		}
		traces = append(traces, t)
	}
	return traces
}

func (rl *rule) attempt(argv Argv) Attempt {
	a := Attempt{Rule: rl.id, Kind: rl.kind, Pattern: rl.pattern.String(), File: rl.at.file, Line: rl.at.line}
	argv = append(Argv{rl.pattern.Program()}, argv[1:]...) // by whichever name it was asked
	matched, furthest := rl.pattern.Try(argv)
	a.Matched = matched || rl.kind == DenyRule && rl.pattern.Stops(argv)
	if a.Matched {
		return a
	}
	a.Index, a.Expected = furthest, rl.pattern.Expected(argv)
	if a.Index < len(argv) {
		a.Word = cut(argv[a.Index])
	}
	return a
}

// TraceRoles says for each role of the identity whether it reaches the target with the login, and if not, why.
func (p *Policy) TraceRoles(r Request) []RoleTrace {
	s := p.subject(r.Identity.Kind, r.Identity.Name)
	if s == nil {
		return nil
	}
	var traces []RoleTrace
	for _, role := range s.roles {
		t := RoleTrace{Role: role.name}
		t.Reaches, t.Why = p.RoleReaches(role.name, r.Target, r.Labels, r.Login)
		traces = append(traces, t)
	}
	for _, h := range p.granted(&r) {
		traces = append(traces, RoleTrace{Role: h.name, Reaches: h.reaches(r.Target, r.Labels, r.Login), Grant: h.grant})
	}
	return traces
}
