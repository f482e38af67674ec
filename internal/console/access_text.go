package console

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/answer"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// ScopeText says in a line what somebody asks for or holds. It is foreign text.
func ScopeText(s access.Scope) string {
	where := " on " + strings.Join(s.Targets, ", ")
	if s.Login != "" {
		where += " as " + string(s.Login)
	}
	switch {
	case s.Kind == access.CommandScope && s.Command != nil:
		return s.Command.Plan.String() + where
	case s.Kind == access.PatternScope:
		return "whatever matches " + s.Pattern + where
	case s.Glass:
		return "BREAK-GLASS role " + s.Role + where
	}
	return "role " + s.Role + where
}

// NeedText says who must approve a request.
func NeedText(need []policy.Approval) string {
	var all []answer.Approval
	for _, n := range need {
		all = append(all, answer.Approval{Approvals: n.Approvals, From: n.From})
	}
	return answer.People(all)
}

// OutcomeText says in a line how a request stands, in a person's words where there are some.
func OutcomeText(r access.Request, now time.Time) string {
	switch r.State {
	case access.Pending:
		text := "pending, " + NeedText(r.Need) + " must approve it within " + Took(r.Expires.Sub(now))
		if said := votesText(r.Votes); said != "" {
			text += "; so far " + said
		}
		return text
	case access.Approved:
		return "approved by " + votesText(r.Votes) + ", grant " + r.Grant
	}
	text := string(r.State)
	if by := lastNo(r.Votes); r.State == access.Declined && by != "" {
		text += " by " + by
	}
	if r.Why != "" {
		text += ": " + r.Why
	}
	return text
}

func votesText(votes []access.Vote) string {
	var list []string
	for _, v := range votes {
		text := v.By
		if v.For != "" {
			text += " for " + v.For
		}
		if !v.Yes {
			text += " (no)"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func lastNo(votes []access.Vote) string {
	for i := len(votes) - 1; i >= 0; i-- {
		if !votes[i].Yes {
			return votes[i].By
		}
	}
	return ""
}

// requestFacts are the lines of a request, in reading order. Values are foreign text.
func requestFacts(r access.Request, now time.Time) []Fact {
	uses := "as many commands as fit into its time"
	if r.Scope.Uses > 0 {
		uses = count(int(r.Scope.Uses), "command")
	}
	return present([]Fact{{"what", ScopeText(r.Scope)}, {"state", OutcomeText(r, now)}, {"who", r.By.Principal}, {"owner", r.By.Owner}, {"task", r.By.Task},
		{"handed on", r.By.Delegation}, {"why", r.Reason}, {"ticket", r.Ticket}, {"grant", "for " + seconds(r.Scope.Seconds) + ", " + uses}, {"heartbeat", beatText(r.Scope.Beat)},
		{"rules", strings.Join(r.Rules, ", ")}, {"made", Stamp(r.Made)}, {"expires", Stamp(r.Expires)}, {"session", r.Session}, {"denial", r.Denial}})
}

func beatText(every int64) string {
	if every == 0 {
		return ""
	}
	return "every " + seconds(every) + ", or it ends"
}

// GrantText says in a line how a grant stands.
func GrantText(g access.Grant, now time.Time) string {
	if !g.Ended.IsZero() {
		text := "ended (" + string(g.Cause) + ") " + Ago(g.Ended, now)
		if g.Why != "" {
			text += ": " + g.Why
		}
		return text
	}
	text := Took(g.Ends.Sub(now)) + " left"
	if g.Scope.Uses > 0 {
		text += fmt.Sprintf(", %d of %s used", g.Used, count(int(g.Scope.Uses), "command"))
	}
	if g.Scope.Beat > 0 {
		text += ", heartbeat " + beatText(g.Scope.Beat)
	}
	return text
}

func present(all []Fact) []Fact {
	var out []Fact
	for _, f := range all {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

func (in *invocation) facts(all []Fact) {
	for _, f := range all {
		in.printf("  %-10s %s\n", Visible(f.Name), Visible(f.Value))
	}
}
