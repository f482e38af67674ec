package policy

import (
	"fmt"
	"unicode/utf8"
)

// maxToken bounds the word that a denial carries, in bytes.
const maxToken = 256

// Decide answers a request. It never errs towards allowing: what is malformed, unknown or too long to match is denied.
func (p *Policy) Decide(r Request) Decision {
	d := p.decide(r)
	d.PolicyHash = p.hash
	return d
}

func (p *Policy) decide(r Request) Decision {
	roles := p.reach(r.Identity, r.Target, r.Login)
	if len(roles) == 0 {
		return deny(CodeTargetNotGranted, fmt.Sprintf("no role of %s reaches that target with that login", r.Identity.Principal()))
	}
	if err := r.Plan.Validate(); err != nil {
		return deny(CodeUnsupportedSyntax, err.Error())
	}
	if !r.Plan.bare() {
		return deny(CodeUnsupportedSyntax, "no rule knows directories, redirections, variables, patterns or launchers")
	}
	commands := r.Plan.Commands()
	for i, argv := range commands {
		if d, denied := denied(roles, i, argv); denied {
			return d
		}
	}
	chosen := make([]*rule, len(commands))
	for i, argv := range commands {
		if chosen[i] = allowing(roles, argv, r.PTY); chosen[i] == nil {
			return explain(roles, i, argv)
		}
	}
	if d, denied := deniedPTY(r, commands, chosen); denied {
		return d
	}
	if d, denied := deniedEnv(roles, r.Env); denied {
		return d
	}
	return allow(chosen)
}

// bare reports whether the plan is nothing but argvs that are joined.
func (p Plan) bare() bool {
	for _, part := range p.Parts {
		if !part.bare() {
			return false
		}
	}
	return p.Op != OpShell && p.Dir == "" && p.Umask == "" && len(p.Redirs)+len(p.Env)+len(p.Wrap)+len(p.Globs)+len(p.Tildes) == 0
}

// denied reports the deny rule, if any, that the command meets.
func denied(roles []*role, i int, argv Argv) (Decision, bool) {
	var met *rule
	for _, role := range roles {
		set := role.programs[argv[0]]
		if set == nil {
			continue
		}
		for _, rl := range set.deny {
			if (met == nil || rl.id < met.id) && rl.pattern.Denies(argv) {
				met = rl
			}
		}
	}
	if met == nil {
		return Decision{}, false
	}
	reason := met.reason
	if reason == "" {
		reason = fmt.Sprintf("the rule %s denies %q", met.id, cut(argv[0]))
	}
	d := deny(CodeDeniedByRule, reason)
	d.Rules = []string{met.id}
	d.Failed = &Failed{Command: i, Token: cut(argv[0])}
	return d, true
}

// allowing returns the rule that admits the command, nil if none does.
func allowing(roles []*role, argv Argv, pty bool) *rule {
	var best *rule
	for _, role := range roles {
		set := role.programs[argv[0]]
		if set == nil {
			continue
		}
		for _, rl := range set.allow {
			if (best == nil || prefer(rl, best, pty)) && rl.pattern.Match(argv).Matched {
				best = rl
			}
		}
	}
	return best
}

func deniedPTY(r Request, commands []Argv, chosen []*rule) (Decision, bool) {
	if !r.PTY {
		return Decision{}, false
	}
	for i, rl := range chosen {
		if !rl.pty {
			name := cut(commands[i][0])
			d := deny(CodePTYNotAllowed, fmt.Sprintf("%q may run, but not on a pty: leave out -t", name))
			d.Failed = &Failed{Command: i, Token: name}
			return d, true
		}
	}
	return Decision{}, false
}

func allow(chosen []*rule) Decision {
	d := Decision{Verdict: Allow, Mode: Plain, Stdin: chosen[0].stdin}
	for _, rl := range chosen {
		d.Rules = append(d.Rules, rl.id)
		if rl.mode == Pinned {
			d.Mode = Pinned
		}
	}
	return d
}

func deny(code Code, reason string) Decision {
	return Decision{Verdict: Deny, Code: code, Reason: reason}
}

// cut shortens a client's word for an answer.
func cut(word string) string {
	if len(word) <= maxToken {
		return word
	}
	end := maxToken
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}
