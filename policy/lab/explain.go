package lab

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/policy"
)

// Explanation is a decision with everything that led to it.
type Explanation struct {
	As       string              `json:"as"`
	Target   string              `json:"target"`
	Login    policy.Login        `json:"login"`
	Line     string              `json:"line"`           // or what is done with a file, or the endpoint of a forward
	Plan     *policy.Plan        `json:"plan,omitempty"` // none if the line is not one
	Decision policy.Decision     `json:"decision"`
	Roles    []policy.RoleTrace  `json:"roles"`
	Commands []policy.Trace      `json:"commands,omitempty"`
	Places   []policy.PlaceTrace `json:"places,omitempty"`   // of a file or a forward
	Shell    *ShellText          `json:"shell,omitempty"`    // what a governed shell would do with the line
	Requests []policy.LentInfo   `json:"requests,omitempty"` // denied: roles that may be asked for, under which it would not be
}

// Explain answers a question and says why.
func Explain(p *policy.Policy, ask Ask, parse Parser) Explanation {
	r, d := ask.decide(p, parse)
	e := Explanation{As: r.Identity.Principal(), Target: r.Target, Login: r.Login, Line: ask.Line, Decision: d, Roles: p.TraceRoles(r)}
	switch {
	case ask.Carry != nil:
		e.Line, e.Places = policy.Test{Carry: ask.Carry}.Asks(), p.TraceFile(r, *ask.Carry)
	case ask.Forward != nil:
		e.Line, e.Places = policy.Test{Forward: ask.Forward}.Asks(), p.TraceForward(r, *ask.Forward)
	case r.Plan.Op != "":
		e.Plan, e.Commands = &r.Plan, p.Trace(r)
	}
	for _, role := range d.Request {
		terms, _ := p.MayRequestRole(r.Identity, role)
		e.Requests = append(e.Requests, policy.LentInfo{Role: role, Terms: terms})
	}
	return e
}

// String renders an explanation for people.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s as %s@%s: %s\n", e.As, e.Login, e.Target, Outcome(e.Decision))
	if len(e.Roles) == 0 {
		fmt.Fprintf(&b, "\n%s has no role\n", e.As)
	}
	for _, r := range e.Roles {
		if r.Reaches {
			fmt.Fprintf(&b, "\nrole %s reaches it\n", r.Role)
		} else {
			fmt.Fprintf(&b, "\nrole %s does not reach it: %s\n", r.Role, r.Why)
		}
	}
	for i, c := range e.Commands {
		e.command(&b, i, c)
	}
	e.places(&b)
	e.shell(&b)
	e.obligations(&b)
	return b.String()
}

func (e Explanation) command(b *strings.Builder, i int, c policy.Trace) {
	fmt.Fprintf(b, "\ncommand %d: %s\n", i, Show(policy.Plan{Op: policy.OpRun, Argv: c.Argv}.String()))
	for _, a := range c.Rules {
		fmt.Fprintf(b, "  %s %s  %s\n      %s\n", e.mark(i, a), a.Rule, a.Pattern, why(c, a))
	}
	if len(c.Rules) == 0 {
		fmt.Fprintf(b, "  no rule is about %q\n", Show(c.Argv[0]))
	}
	if c.Others > 0 {
		fmt.Fprintf(b, "  %d rules are about other programs\n", c.Others)
	}
}

// places are the entries about files or forwards; = marks those that are about what is asked.
func (e Explanation) places(b *strings.Builder) {
	if len(e.Places) > 0 {
		fmt.Fprintf(b, "\n%s\n", Show(e.Line))
	}
	for _, p := range e.Places {
		mark := " "
		if p.Meets {
			mark = "="
		}
		fmt.Fprintf(b, "  %s %s/%s  %s\n", mark, p.Role, p.List, p.Text)
	}
}

// mark is what stands before a rule: that it decided, that it matched too, or nothing.
func (e Explanation) mark(i int, a policy.Attempt) string {
	decides := len(e.Decision.Rules) > i && e.Decision.Rules[i] == a.Rule ||
		e.Decision.Verdict == policy.Deny && slices.Contains(e.Decision.Rules, a.Rule) && a.Matched
	switch {
	case decides:
		return "→"
	case a.Matched:
		return "="
	}
	return " "
}

// why says how a rule and a command met.
func why(c policy.Trace, a policy.Attempt) string {
	switch {
	case a.Matched && a.Kind == policy.DenyRule:
		return "matches, and denies"
	case a.Matched && a.Kind == policy.AskRule:
		return "matches, and asks people"
	case a.Matched:
		return "matches"
	}
	wanted := strings.Join(a.Expected, " or ")
	switch {
	case a.Index >= len(c.Argv) && wanted != "":
		return "the command ends where the rule wants " + wanted
	case a.Index >= len(c.Argv):
		return "the command ends too early"
	case wanted != "":
		return fmt.Sprintf("word %d, %q, is not %s", a.Index, Show(a.Word), wanted)
	}
	return fmt.Sprintf("word %d, %q, does not fit", a.Index, Show(a.Word))
}

func (e Explanation) obligations(b *strings.Builder) {
	d := e.Decision
	if d.Verdict != policy.Allow && d.Verdict != policy.Ask {
		for _, pattern := range d.Nearest {
			fmt.Fprintf(b, "\nnearest: %s", pattern)
		}
		if len(d.Nearest) > 0 {
			b.WriteByte('\n')
		}
		for _, r := range e.Requests {
			fmt.Fprintf(b, "\nmay be asked for: the role %s, %s\n", r.Role, termsText(r.Terms))
		}
		return
	}
	switch {
	case d.Via != "":
		fmt.Fprintf(b, "\ndialled by the %s\n", d.Via)
	case d.Governed():
		b.WriteString("\nno certificate: each command that is allowed gets its own\n")
	case len(e.Places) > 0:
		b.WriteByte('\n')
	default:
		fmt.Fprintf(b, "\ncertificate %s, stdin %s\n", d.Mode, d.Stdin)
	}
	for _, a := range d.Approvals {
		fmt.Fprintf(b, "approvals %s\n", people(a, false))
	}
	for _, id := range d.Grants {
		fmt.Fprintf(b, "by the grant %s\n", Show(id))
	}
	o := d.Obligations
	if o.DryRun {
		fmt.Fprintln(b, "dry run: nothing runs")
	}
	for _, limit := range []struct {
		n    int64
		what string
	}{{o.MaxSeconds, "seconds at most"}, {o.Idle, "seconds idle at most"}, {o.BytesOut, "bytes of output at most"}, {o.StdinMax, "bytes of input at most"}, {o.MaxFile, "bytes of one file at most"}, {o.Sessions, "sessions at once"}, {o.Denials, "denials an hour"}} {
		if limit.n > 0 {
			fmt.Fprintf(b, "%d %s\n", limit.n, limit.what)
		}
	}
}
