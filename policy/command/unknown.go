package command

import "strings"

// Unknown stands for a word, or for one or more last components of a path, that is known only when the command runs: what
// find -exec and xargs fill in. It never begins with "-"; "-"+Unknown is a word that may. policy.Unknown is the same text.
const Unknown = "\uE000unknown\uE000"

// isUnknown reports whether not even the beginning of the word is known.
func isUnknown(word string) bool { return strings.HasPrefix(strings.TrimPrefix(word, "-"), Unknown) }

// partlyUnknown reports whether anything of the word is known only later.
func partlyUnknown(word string) bool { return strings.Contains(word, Unknown) }

// couldBe reports whether a word that is known in part may turn out to be the literal.
func couldBe(word, literal string) bool {
	before, _, unknown := strings.Cut(word, Unknown)
	return unknown && (before == "-" || strings.HasPrefix(literal, before))
}
