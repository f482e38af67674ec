package console

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/access"
)

// UserMistake returns the line of an error that is the user's own mistake (NewUsageError).
func UserMistake(err error) (line string, ok bool) {
	var usage *usageError
	if !errors.As(err, &usage) {
		return "", false
	}
	return usage.message, true
}

// ScopeText says in one line what a scope gives. Its words are foreign: show them through Visible.
func ScopeText(s access.Scope) string {
	switch {
	case s.Kind == access.CommandScope && s.Command != nil:
		return s.Command.Plan.String()
	case s.Kind == access.PatternScope:
		return s.Pattern
	case s.Glass:
		return "role " + s.Role + ", break-glass"
	}
	return "role " + s.Role
}

// NeedText says who must approve: "2 of sre and 1 of leads".
func NeedText(need []policy.Approval) string {
	parts := make([]string, 0, len(need))
	for _, n := range need {
		part := fmt.Sprintf("%d of %s", n.Approvals, strings.Join(n.From, " or "))
		if len(n.From) == 0 {
			part = fmt.Sprintf("%d people", n.Approvals)
		}
		if n.By != "" {
			part += " by " + n.By
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " and ")
}

// Left says how long it is until a moment, in one unit more than Ago: "4m 10s left", "over".
func Left(until, now time.Time) string {
	d := until.Sub(now).Truncate(time.Second)
	if d <= 0 {
		return "over"
	}
	if d < time.Minute {
		return fmt.Sprintf("%ds left", d/time.Second)
	}
	return Took(d) + " left"
}
