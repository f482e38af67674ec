// Package lab is where a policy is worked on before it is in force: tested, explained, linted, compared with another one,
// tried on what was really asked, and made smaller.
//
// Everything here is a pure function of policies, requests and histories. Nothing is read, written or printed: the command
// line does that. What the lab says about a decision it has from Policy.Decide, and what it says about behaviour it has from
// samples: they show differences, they do not prove that there are none. Where something is proven, the text says so.
package lab

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/policy"
)

// Parser turns a client's line into a plan, as the door does.
type Parser func(line string) (policy.Plan, error)

// Target is a host of the inventory, as far as a policy sees it.
type Target struct {
	Name   string
	Labels map[string]string
	Logins []string // empty: any
}

// assumed are the facts of a request that is decided without a target.
var assumed = policy.Facts{Assume: true}

// maxShown bounds how much of a line is shown, in characters.
const maxShown = 200

// Show makes a client's words safe to show: control, format and other invisible characters as escapes, and not too long.
func Show(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxShown {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError, r != ' ' && !unicode.IsGraphic(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// identity is who a reference such as "release-bot" or "person:ann" names, as the policy knows it. A stranger is an identity
// too: one that no role is given to.
func identity(p *policy.Policy, reference, task string) policy.Identity {
	kind, name := policy.Agent, strings.TrimPrefix(reference, string(policy.Agent)+":")
	if rest, ok := strings.CutPrefix(reference, string(policy.Person)+":"); ok {
		kind, name = policy.Person, rest
	}
	if id, ok := p.Identity(kind, name, task); ok {
		return id
	}
	return policy.Identity{Kind: kind, Name: name, Task: task}
}

// Ask is one question to a policy as a person writes it.
type Ask struct {
	As     string // "release-bot", "agent:release-bot" or "person:ann"
	Target Target
	Login  policy.Login
	Line   string
	PTY    bool
	Step   bool // the line is one command of a governed shell
	Task   string
	Source string
	Env    []policy.EnvVar
	Now    time.Time

	Granted []string // roles that it holds for a time

	Carry   *policy.FileAsk    // an operation on a file, instead of the line
	Forward *policy.ForwardAsk // or a forward
}

// request is the question as the decider would see it; the error is the parser's refusal.
func (a Ask) request(p *policy.Policy, parse Parser) (policy.Request, error) {
	r := policy.Request{Identity: identity(p, a.As, a.Task), Target: a.Target.Name, Labels: a.Target.Labels, Login: a.Login,
		Env: a.Env, PTY: a.PTY, Source: a.Source, Now: a.Now, Facts: assumed}
	for _, role := range a.Granted {
		r.Granted = append(r.Granted, supposed(role, r.Target, r.Login)...)
	}
	if a.Carry != nil || a.Forward != nil {
		return r, nil
	}
	if a.Step {
		r.Step = &policy.Step{N: 1, Any: a.PTY}
	}
	r.Text = a.Line
	if a.Line == "" { // a prompt
		r.Plan = policy.Plan{Op: policy.OpShell}
		return r, nil
	}
	plan, err := parse(a.Line)
	r.Plan = plan
	return r, err
}

// decide answers a question; a line that is no plan goes to the shell that a role has, or is denied as the door denies it.
func (a Ask) decide(p *policy.Policy, parse Parser) (policy.Request, policy.Decision) {
	r, err := a.request(p, parse)
	if err != nil {
		shell := r
		shell.Plan = policy.Plan{Op: policy.OpShell, Text: a.Line}
		d := p.Decide(shell)
		if d.Code == policy.CodeNotAllowed {
			d.Code, d.Reason = policy.CodeUnsupportedSyntax, err.Error()
		}
		return r, d
	}
	switch {
	case a.Carry != nil:
		return r, p.DecideFile(r, *a.Carry)
	case a.Forward != nil:
		return r, p.DecideForward(r, *a.Forward)
	}
	return r, p.Decide(r)
}
