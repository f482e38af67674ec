package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxNearest bounds how many patterns a denial shows, and maxNeighbours how many programs are compared with an unknown one.
const (
	maxNearest    = 3
	maxNeighbours = 16
)

// attempt is a rule that did not match and how far it came.
type attempt struct {
	rule     *rule
	furthest int
	slot     string
}

// explain says why no rule admits the command that was just tried: the word that failed and what comes nearest. It shows only rules of the
// roles that reach the target.
func (q *question) explain(i int, argv Argv) Decision {
	var attempts []attempt
	for c := range q.rules(argv[0]) {
		if slices.ContainsFunc(attempts, func(a attempt) bool { return a.rule == c.rule }) {
			continue
		}
		if m := q.words.Match(c.pattern); !m.Matched {
			attempts = append(attempts, attempt{c.rule, m.Furthest, m.Slot})
		}
	}
	if len(attempts) == 0 && q.named(argv[0]) {
		return q.unmet(i, argv)
	}
	if len(attempts) == 0 {
		return q.unknownProgram(i, argv)
	}
	slices.SortFunc(attempts, func(a, b attempt) int {
		return cmp.Or(b.furthest-a.furthest, strings.Compare(a.rule.id, b.rule.id))
	})
	index := attempts[0].furthest
	failed := &Failed{Command: i, Index: index}
	reason := fmt.Sprintf("%s needs more arguments than these", quoteCut(argv[0]))
	if index < len(argv) {
		failed.Token = cut(argv[index])
		reason = fmt.Sprintf("no rule admits %q as argument %d of %s", failed.Token, index, quoteCut(argv[0]))
		if strings.HasPrefix(attempts[0].slot, "<") {
			reason += ", where " + attempts[0].slot + " can stand"
		}
	}
	d := deny(CodeBadArgument, reason)
	d.Failed = failed
	for _, a := range attempts {
		d.Nearest = addNearest(d.Nearest, a.rule)
	}
	return d
}

// unmet is the denial of a command that rules match whose conditions do not hold.
func (q *question) unmet(i int, argv Argv) Decision {
	d := deny(CodeConditionNotMet, fmt.Sprintf("the rules for %s have a condition that does not hold now", quoteCut(argv[0])))
	d.Failed = &Failed{Command: i, Token: cut(argv[0])}
	return d
}

// unknownProgram is the denial of a program that no rule names, with the programs that are spelled most like it.
func (q *question) unknownProgram(i int, argv Argv) Decision {
	name := cut(argv[0])
	d := deny(CodeNotAllowed, fmt.Sprintf("no rule allows the program %q", name))
	d.Failed = &Failed{Command: i, Token: name}
	base := baseName(name)
	type near struct {
		rule     *rule
		distance int
	}
	var found []near
	for _, role := range q.roles {
		for _, known := range neighbours(role.names, base) {
			if distance := editDistance(base, known); distance <= max(1, len(base)/3) {
				set := role.programs[known]
				found = append(found, near{slices.Concat(set.allow, set.ask)[0], distance})
			}
		}
	}
	slices.SortFunc(found, func(a, b near) int { return cmp.Or(a.distance-b.distance, strings.Compare(a.rule.id, b.rule.id)) })
	for _, n := range found {
		d.Nearest = addNearest(d.Nearest, n.rule)
	}
	return d
}

// neighbours returns the names around word in a sorted list that begin like it: a bounded number of them, as lists may be long.
func neighbours(sorted []string, word string) []string {
	at, _ := slices.BinarySearch(sorted, word)
	around := sorted[max(0, at-maxNeighbours):min(len(sorted), at+maxNeighbours)]
	return slices.DeleteFunc(slices.Clone(around), func(name string) bool { return word == "" || name[0] != word[0] })
}

func addNearest(nearest []string, rl *rule) []string {
	if len(nearest) == maxNearest || slices.Contains(nearest, rl.pattern.String()) {
		return nearest
	}
	return append(nearest, rl.pattern.String())
}
