package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// maxNearest bounds how many patterns a denial shows.
const maxNearest = 3

// attempt is a rule that did not match and how far it came.
type attempt struct {
	rule     *rule
	furthest int
}

// explain says why no rule admits the command: the word that failed and what comes nearest. It shows only rules of the
// roles that reach the target.
func explain(roles []*role, i int, argv Argv) Decision {
	var attempts []attempt
	for _, role := range roles {
		if set := role.programs[argv[0]]; set != nil {
			for _, rl := range set.allow {
				attempts = append(attempts, attempt{rl, rl.pattern.Match(argv, command.View{}).Furthest})
			}
		}
	}
	if len(attempts) == 0 {
		return unknownProgram(roles, i, argv)
	}
	slices.SortFunc(attempts, func(a, b attempt) int {
		return cmp.Or(b.furthest-a.furthest, strings.Compare(a.rule.id, b.rule.id))
	})
	index := attempts[0].furthest
	failed := &Failed{Command: i, Index: index}
	reason := fmt.Sprintf("%q needs more arguments than these", cut(argv[0]))
	if index < len(argv) {
		failed.Token = cut(argv[index])
		reason = fmt.Sprintf("no rule admits %q as argument %d of %q", failed.Token, index, cut(argv[0]))
	}
	d := deny(CodeBadArgument, reason)
	d.Failed = failed
	for _, a := range attempts {
		d.Nearest = addNearest(d.Nearest, a.rule)
	}
	return d
}

// unknownProgram is the denial of a program that no rule names, with the programs that are spelled most like it.
func unknownProgram(roles []*role, i int, argv Argv) Decision {
	name := cut(argv[0])
	d := deny(CodeNotAllowed, fmt.Sprintf("no rule allows the program %q", name))
	d.Failed = &Failed{Command: i, Token: name}
	var rules []*rule
	for _, role := range roles {
		for _, known := range neighbours(role.names, name) {
			rules = append(rules, role.programs[known].allow[0])
		}
	}
	slices.SortFunc(rules, func(a, b *rule) int {
		shared := sharedPrefix(b.pattern.Program(), name) - sharedPrefix(a.pattern.Program(), name)
		return cmp.Or(shared, strings.Compare(a.id, b.id))
	})
	for _, rl := range rules {
		d.Nearest = addNearest(d.Nearest, rl)
	}
	return d
}

// neighbours returns the names around word in a sorted list that begin like it.
func neighbours(sorted []string, word string) []string {
	at, _ := slices.BinarySearch(sorted, word)
	around := sorted[max(0, at-maxNearest):min(len(sorted), at+maxNearest)]
	return slices.DeleteFunc(slices.Clone(around), func(name string) bool { return sharedPrefix(name, word) == 0 })
}

func sharedPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func addNearest(nearest []string, rl *rule) []string {
	if len(nearest) == maxNearest || slices.Contains(nearest, rl.pattern.String()) {
		return nearest
	}
	return append(nearest, rl.pattern.String())
}
