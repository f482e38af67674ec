package policy

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// attempt is a rule that did not match and how far it came.
type attempt struct {
	rule     *rule
	furthest int
	slot     string
}

// explain says why no rule admits the command: the word that failed and what comes nearest. It shows only rules of the
// roles that reach the target.
func (q *question) explain(i int, argv Argv, view command.View) Decision {
	attempts, unmet := q.attempts(argv, view)
	if unmet != nil {
		return q.unmet(i, argv, unmet)
	}
	if len(attempts) == 0 {
		return q.unknownProgram(i, argv, view)
	}
	attempts = furthest(attempts)
	index := attempts[0].furthest
	failed := &Failed{Command: i, Index: index}
	reason := fmt.Sprintf("%s needs more arguments than these", quoteCut(argv[0]))
	if index < len(argv) {
		failed.Token = cut(argv[index])
		attempts = sortNear(attempts, failed.Token)
		reason = fmt.Sprintf("no rule admits %q as argument %d of %s", failed.Token, index, quoteCut(argv[0]))
		if strings.HasPrefix(attempts[0].slot, "<") {
			reason += ", where " + attempts[0].slot + " can stand"
		}
	}
	d := deny(CodeBadArgument, reason)
	d.Failed, d.Nearest = failed, shownOf(attempts)
	return d
}

// attempts are the rules about a program that do not match the words, each once, by their ids. One that does match can only be
// there because its condition is not met; it is unmet, the first by id.
func (q *question) attempts(argv Argv, view command.View) (list []attempt, unmet *rule) {
	seen := map[*rule]bool{}
	for c := range q.rules(argv[0]) {
		if seen[c.rule] {
			continue
		}
		seen[c.rule] = true
		m := c.pattern.Match(argv, view)
		if m.Matched {
			if unmet == nil || c.id < unmet.id {
				unmet = c.rule
			}
			continue
		}
		list = append(list, attempt{c.rule, m.Furthest, m.Slot})
	}
	slices.SortFunc(list, func(a, b attempt) int { return strings.Compare(a.rule.id, b.rule.id) })
	return list, unmet
}

// furthest keeps the attempts that came furthest.
func furthest(attempts []attempt) []attempt {
	far := slices.MaxFunc(attempts, func(a, b attempt) int { return a.furthest - b.furthest }).furthest
	return slices.DeleteFunc(attempts, func(a attempt) bool { return a.furthest < far })
}

// unmet is the denial of a command that a rule matches whose condition does not hold.
func (q *question) unmet(i int, argv Argv, rl *rule) Decision {
	d := deny(CodeConditionNotMet, fmt.Sprintf("the condition of the rule for this use of %s does not hold: %s", quoteCut(argv[0]), cut(rl.when.String())))
	d.Failed = &Failed{Command: i, Token: cut(argv[0])}
	return d
}

// unknownProgram is the denial of a program that no rule names, with the programs that are spelled most like it.
func (q *question) unknownProgram(i int, argv Argv, view command.View) Decision {
	name := cut(argv[0])
	d := deny(CodeNotAllowed, fmt.Sprintf("no rule allows the program %q", name))
	d.Failed = &Failed{Command: i, Token: name}
	d.Nearest = q.likeSpelled(argv, view)
	return d
}
