// Package retain holds the rules by which closed recordings are kept: for how long, and how much.
//
// A rule matches by target and role; the first that matches holds, and what no rule matches stays for ever. A recording goes
// when it is older than its rule keeps, or when what the rule keeps is larger than it may be, oldest first. A legal hold wins
// over every rule. Package internal/keep does what the rules say.
package retain

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// Rule keeps what it matches for a time, up to a size.
type Rule struct {
	Target  string        // a pattern as path.Match has it; empty matches every target
	Role    string        // likewise; the role whose rule decided
	Keep    time.Duration // from the session's end; 0: for ever
	MaxSize int64         // bytes of all recordings that the rule keeps; 0: no bound
}

// String is the rule as the audit log and the pages name it.
func (r Rule) String() string {
	var parts []string
	add := func(set bool, format string, a any) {
		if set {
			parts = append(parts, fmt.Sprintf(format, a))
		}
	}
	add(r.Target != "", "target %s", r.Target)
	add(r.Role != "", "role %s", r.Role)
	add(r.Target == "" && r.Role == "", "%s", "everything else")
	add(r.Keep > 0, "keep %s", period(r.Keep))
	add(r.MaxSize > 0, "at most %d bytes", r.MaxSize)
	return strings.Join(parts, ", ")
}

// period writes whole days as days.
func period(d time.Duration) string {
	if day := 24 * time.Hour; d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

// RuleError says which rule is wrong.
type RuleError struct {
	Index int
	Why   string
}

func (e *RuleError) Error() string { return e.Why }

// Rules are what New has checked.
type Rules struct{ list []Rule }

// New checks rules. A rule that can never match, because an earlier one matches everything, is a mistake.
func New(list []Rule) (Rules, error) {
	for i, r := range list {
		for _, pattern := range []string{r.Target, r.Role} {
			if _, err := path.Match(pattern, ""); err != nil {
				return Rules{}, &RuleError{i, fmt.Sprintf("%q is not a pattern such as db-*", pattern)}
			}
		}
		if r.Keep < 0 || r.MaxSize < 0 {
			return Rules{}, &RuleError{i, "keep and max_size are not below zero"}
		}
		if r.Target == "" && r.Role == "" && i < len(list)-1 {
			return Rules{}, &RuleError{i + 1, "this rule never matches: the one before it matches everything"}
		}
	}
	return Rules{list}, nil
}

// Match returns the number of the rule that holds, or -1.
func (r Rules) Match(target, role string) int {
	for i, rule := range r.list {
		if fits(rule.Target, target) && fits(rule.Role, role) {
			return i
		}
	}
	return -1
}

func fits(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// Len is the number of rules.
func (r Rules) Len() int { return len(r.list) }

// At is the rule that Match named.
func (r Rules) At(i int) Rule { return r.list[i] }
