package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/policy/command"
)

// maxToken bounds the word that a denial carries, in bytes.
const maxToken = 256

// Decide answers a request. It never errs towards allowing: what is malformed, unknown or too long to match is denied.
//
// A decision goes by text first. Only where rules match every command of the plan and facts about the target are missing is
// the verdict Look; with the answers among the request's Facts it is asked again, and the same rules are held against what the
// words really mean there. It takes at most four rounds.
func (p *Policy) Decide(r Request) Decision {
	return p.answer(r, func(r *Request, roles []applied) Decision { return decideBy(roles, r) })
}

func (p *Policy) stamp(d Decision) Decision {
	d.PolicyHash = p.hash
	return d
}

// decideBy answers by the roles that apply.
func decideBy(roles []applied, r *Request) Decision {
	if r.Step != nil {
		return decideStep(roles, r)
	}
	if err := r.Plan.Validate(); err != nil {
		return deny(CodeUnsupportedSyntax, err.Error())
	}
	if r.Plan.Op == OpShell {
		return orGoverned(roles, r, recordedShell(roles, r.Plan))
	}
	q := newQuestion(roles, r)
	d := q.answer()
	if d.Verdict == Deny && d.Code != CodeDeniedByRule && slices.ContainsFunc(roles, applied.grantsShell) {
		if shell := recordedShell(roles, shellLine(r)); shell.Verdict == Allow {
			return q.unlessDenied(shell)
		}
	}
	return orGoverned(roles, r, d)
}

// unlessDenied is a shell's decision, once all is known by which a deny rule could still meet a command of the plan.
func (q *question) unlessDenied(shell Decision) Decision {
	if !q.denies {
		return shell
	}
	for _, l := range q.leaves {
		if name := l.plan.Argv[0]; name[0] == '/' || !strings.Contains(name, "/") {
			if _, known := q.r.program(name); !known {
				q.need(Probe{Kind: ProbeProgram, Name: name})
			}
		}
	}
	if len(q.probes) > 0 {
		return Decision{Verdict: Look, Probes: unique(q.probes)}
	}
	return shell
}

// shellLine is what a shell is given in the place of a plan: the line as the client wrote it, so that shells that it starts and
// builtins are what they are without Gatehouse.
func shellLine(r *Request) Plan {
	if r.Text == "" {
		return Plan{Op: OpShell, Text: r.Plan.String()}
	}
	return Plan{Op: OpShell, Text: r.Text}
}

// noShell is why nothing reads a line.
const noShell = "no role grants a shell here; give a command that the policy allows"

// recordedShell decides what a shell on the target is to read by itself: only a role with shell: recorded admits it. Of several
// the strictest limits hold.
func recordedShell(roles []applied, line Plan) Decision {
	d := Decision{Verdict: Allow, Mode: Plain, Stdin: StdinData, Recording: BestEffort, Plan: &line}
	for _, role := range roles {
		if role.grantsShell() {
			d.Rules = append(d.Rules, role.name+"/shell")
			d.Obligations = d.Obligations.tighten(role.limits)
			if !role.lenient {
				d.Recording = Strict
			}
		}
	}
	if len(d.Rules) == 0 || line.Validate() != nil {
		return deny(CodeNotAllowed, noShell)
	}
	d.Rules = []string{slices.Min(d.Rules)}
	return d
}

// question is one request on the way to its decision.
type question struct {
	r      *Request
	roles  []applied
	leaves []leaf
	probes []Probe
	starts []chosen // of what commands start themselves
	words  command.Attempt

	denies   bool // a role has deny rules
	homeless bool // the home must be known before the words are
}

// chosen is the rule that a command runs by, and the role through which it is there.
type chosen struct {
	*rule
	role *role
}

func newQuestion(roles []applied, r *Request) *question {
	q := &question{r: r, roles: roles, leaves: leaves(&r.Plan)}
	q.denies = slices.ContainsFunc(roles, func(a applied) bool { return a.denies })
	if r.Step != nil && r.Step.Piped {
		q.piped()
	}
	return q
}

// answer decides the whole plan. The order of its steps is what makes deny rules win and keeps denials free of probes.
func (q *question) answer() Decision {
	if q.denies {
		for i := range q.leaves {
			if d := q.denied(&q.leaves[i]); d != nil {
				return *d
			}
		}
	}
	for i := range q.leaves {
		if d := q.judge(&q.leaves[i]); d != nil {
			return *d
		}
	}
	if q.homeless {
		return Decision{Verdict: Look, Probes: []Probe{{Kind: ProbeHome}}}
	}
	for _, check := range checks {
		if d := check(q); d != nil {
			return *d
		}
	}
	if len(q.probes) > 0 {
		return Decision{Verdict: Look, Probes: unique(q.probes)}
	}
	plan := q.finalPlan()
	if err := plan.ValidateFinal(); err != nil {
		return deny(CodeUnsupportedSyntax, err.Error())
	}
	return q.outcome(plan)
}

// checks hold the request against the chosen rules; each returns why it is denied.
var checks = [...]func(*question) *Decision{(*question).deniedPTY, (*question).deniedEnv, (*question).deniedInput, (*question).deniedDir, (*question).deniedFile}

// outcome joins the chosen rules: ask beats allow, pinned beats plain, the stricter limit holds.
func (q *question) outcome(plan *Plan) Decision {
	d := Decision{Verdict: Allow, Mode: Plain, Stdin: q.clientStdin(), Plan: plan, Rules: make([]string, 0, len(q.leaves)+len(q.starts))}
	lenient := true
	for i := range q.leaves {
		d.add(q.leaves[i].chosen)
		lenient = lenient && q.leaves[i].chosen.role.lenient
	}
	for _, c := range q.starts {
		d.add(c)
		lenient = lenient && c.role.lenient
	}
	if lenient {
		d.Recording = BestEffort
	}
	if d.Verdict == Ask {
		d.Reason = approvalText(d.Approvals)
		if q.nameFiles(&d); len(d.named) > MaxNamed {
			return tooManyNamed(len(d.named))
		}
	}
	return d
}

// add joins one more rule.
func (d *Decision) add(c chosen) {
	d.Rules = append(d.Rules, c.id)
	d.Obligations = d.Obligations.tighten(c.role.limits).tighten(Obligations{DryRun: c.dryRun, MaxSeconds: c.seconds, StdinMax: c.stdinMax})
	if c.mode == Pinned {
		d.Mode = Pinned
	}
	if c.kind == AskRule {
		d.Verdict, d.Code = Ask, CodeNeedsApproval
		for _, a := range c.terms {
			d.Approvals = addApproval(d.Approvals, a)
		}
	}
}

// deniedPTY reports a command whose rule does not grant the pty that was asked for.
func (q *question) deniedPTY() *Decision {
	if !q.r.PTY {
		return nil
	}
	for i := range q.leaves {
		if !q.leaves[i].chosen.pty {
			d := q.denyLeaf(i, CodePTYNotAllowed, "%s may run, but not on a pty: leave out -t")
			d.Nearest = q.others(i, func(rl *rule) bool { return rl.pty })
			return d
		}
	}
	return nil
}

// deniedEnv reports a variable that no role lists, of the session or of one command.
func (q *question) deniedEnv() *Decision {
	if d := deniedEnv(q.roles, q.r.Env, "leave it out of SetEnv and SendEnv"); d != nil {
		d.Nearest = nearestEnv(q.roles, q.r.Env)
		return d
	}
	for i := range q.leaves {
		env := q.leaves[i].plan.Env
		if d := deniedEnv(q.roles, env, "leave it out of the line"); d != nil {
			d.Nearest = nearestEnv(q.roles, env)
			return d
		}
	}
	return nil
}

// denyLeaf denies because of one command, whose name stands where the text has %s.
func (q *question) denyLeaf(i int, code Code, format string) *Decision {
	name := q.leaves[i].plan.Argv[0]
	return denyWord(i, name, code, fmt.Sprintf(format, quoteCut(name)))
}

// denyWord denies because of a word of one command.
func denyWord(i int, word string, code Code, reason string) *Decision {
	d := deny(code, reason)
	d.Failed = &Failed{Command: i, Token: cut(word)}
	return &d
}

func deny(code Code, reason string) Decision {
	return Decision{Verdict: Deny, Code: code, Reason: reason}
}

// need notes what must be looked up.
func (q *question) need(probes ...Probe) { q.probes = append(q.probes, probes...) }

// unique drops probes that are asked twice; one that wants a hash serves one that does not.
func unique(probes []Probe) []Probe {
	var out []Probe
	for _, p := range probes {
		i := slices.IndexFunc(out, func(o Probe) bool { return o.Kind == p.Kind && o.Name == p.Name })
		if i < 0 {
			out = append(out, p)
		} else if p.Hash {
			out[i].Hash = true
		}
	}
	return out
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

// quoteCut is a client's word in a sentence.
func quoteCut(word string) string { return fmt.Sprintf("%q", cut(word)) }

// baseName is the last component of a program's path.
func baseName(program string) string { return program[strings.LastIndexByte(program, '/')+1:] }
