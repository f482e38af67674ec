package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// Change is a set of requests of one identity on one target and login that another policy decides alike, and otherwise.
type Change struct {
	Who    string         `json:"who"`
	Target string         `json:"target"`
	Login  policy.Login   `json:"login"`
	From   policy.Verdict `json:"from"`
	To     policy.Verdict `json:"to"`
	Rule   string         `json:"rule,omitempty"` // that allows, asks or denies now
	Was    string         `json:"was,omitempty"`  // the rule that did before
	Code   policy.Code    `json:"code,omitempty"` // of the denial, before or after
	Count  int            `json:"count"`
	Lines  []Line         `json:"lines"` // the most frequent ones, at most 5
	Last   time.Time      `json:"last,omitzero"`

	lines map[string]int
}

// Line is an example with how often it was met.
type Line struct {
	Text  string `json:"text"`
	Count int    `json:"count"`
}

// Changes is what a comparison found.
type Changes struct {
	Compared int      `json:"compared"`          // requests
	Skipped  int      `json:"skipped,omitempty"` // of a history: entries without a plan
	Changes  []Change `json:"changes"`

	Privileges []Privilege `json:"privileges,omitempty"` // who may ask for what, and freezes
}

// maxLines bounds the examples of a change, and how many different lines are counted for it.
const (
	maxLines   = 5
	maxCounted = 1000
)

// changeKey is what requests of one change have in common.
type changeKey struct {
	who, target, login, from, to, rule, was, code string
}

// changeSet gathers changes by what they have in common.
type changeSet struct {
	compared int
	found    map[changeKey]*Change
}

// add compares two outcomes of one request.
func (s *changeSet) add(r policy.Request, at time.Time, old, new policy.Decision) {
	s.compared++
	if old.Verdict == new.Verdict {
		return
	}
	// The code is that of the denial, before or after.
	code := new.Code
	if new.Verdict != policy.Deny {
		code = old.Code
	}
	key := changeKey{whoAsks(r), r.Target, string(r.Login), string(old.Verdict), string(new.Verdict), ruleOf(new, old), ruleOf(old, new), string(code)}
	c := s.found[key]
	if c == nil {
		c = &Change{Who: key.who, Target: r.Target, Login: r.Login, From: old.Verdict, To: new.Verdict, Rule: key.rule, Was: key.was, Code: code, lines: map[string]int{}}
		if s.found == nil {
			s.found = map[changeKey]*Change{}
		}
		s.found[key] = c
	}
	c.Count++
	if at.After(c.Last) {
		c.Last = at
	}
	if line := Show(r.Plan.String()); len(c.lines) < maxCounted || c.lines[line] > 0 {
		c.lines[line]++
	}
}

// whoAsks is the identity, with the roles that it holds for a time.
func whoAsks(r policy.Request) string {
	who := r.Identity.Principal()
	for _, g := range r.Granted {
		who += " holding " + g.Role
	}
	return who
}

// ruleOf is the rule that a change is about: that of the command at which the other policy denies the line, or the first.
func ruleOf(d, other policy.Decision) string {
	if f := other.Failed; f != nil && f.Command < len(d.Rules) {
		return d.Rules[f.Command]
	}
	if len(d.Rules) == 0 {
		return ""
	}
	return d.Rules[0]
}

// result puts the changes in order: by identity, target, login, then what is widened first.
func (s *changeSet) result() Changes {
	out := Changes{Compared: s.compared, Changes: []Change{}}
	for _, c := range s.found {
		for text, n := range c.lines {
			c.Lines = append(c.Lines, Line{text, n})
		}
		slices.SortFunc(c.Lines, func(a, b Line) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Text, b.Text)) })
		c.Lines = c.Lines[:min(len(c.Lines), maxLines)]
		out.Changes = append(out.Changes, *c)
	}
	slices.SortFunc(out.Changes, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Who, b.Who), strings.Compare(a.Target, b.Target), strings.Compare(string(a.Login), string(b.Login)),
			width(b.To)-width(a.To), width(a.From)-width(b.From), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Was, b.Was), strings.Compare(string(a.Code), string(b.Code)))
	})
	return out
}

// width orders verdicts by what they let through.
func width(v policy.Verdict) int {
	switch v {
	case policy.Allow:
		return 2
	case policy.Ask:
		return 1
	}
	return 0
}

// Wider reports whether a change lets more through.
func (c Change) Wider() bool { return width(c.To) > width(c.From) }

// Newly says what happened in two words.
func (c Change) Newly() string {
	switch c.To {
	case policy.Allow:
		return "newly allowed"
	case policy.Ask:
		return "newly asked"
	}
	return "newly denied"
}

// Count adds up the requests that become one verdict.
func (c Changes) Count(to policy.Verdict) int {
	n := 0
	for _, change := range c.Changes {
		if change.To == to {
			n += change.Count
		}
	}
	return n
}

// String renders changes for people, grouped by identity and target.
func (c Changes) String() string {
	var b strings.Builder
	group := ""
	for _, change := range c.Changes {
		if g := fmt.Sprintf("%s on %s@%s", change.Who, change.Login, change.Target); g != group {
			group = g
			fmt.Fprintf(&b, "%s\n", g)
		}
		fmt.Fprintf(&b, "  %s%s, was %s%s: %d\n", change.Newly(), change.by(change.To, change.Rule), past(change.From), change.by(change.From, change.Was), change.Count)
		for _, line := range change.Lines {
			times := ""
			if line.Count > 1 {
				times = fmt.Sprintf("  × %d", line.Count)
			}
			fmt.Fprintf(&b, "      %s%s\n", line.Text, times)
		}
	}
	for _, p := range c.Privileges {
		fmt.Fprintf(&b, "%s\n", p)
	}
	fmt.Fprintf(&b, "%d requests compared: %d newly allowed, %d newly asked, %d newly denied\n", c.Compared, c.Count(policy.Allow), c.Count(policy.Ask), c.Count(policy.Deny))
	if c.Skipped > 0 {
		fmt.Fprintf(&b, "%d entries of the log have no plan and were left out\n", c.Skipped)
	}
	return b.String()
}

// by says what made one of the two outcomes: its rule, and the code of a denial.
func (c Change) by(v policy.Verdict, rule string) string {
	text := ""
	if rule != "" {
		text = " by " + rule
	}
	if v == policy.Deny && c.Code != "" {
		text += fmt.Sprintf(" (%s)", c.Code)
	}
	return text
}

func past(v policy.Verdict) string {
	switch v {
	case policy.Allow:
		return "allowed"
	case policy.Ask:
		return "asked"
	}
	return "denied"
}
