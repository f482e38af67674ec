package admit

import "strings"

// prefixFree says whether every alternative of an expression is a text of which no other one is the beginning: then the longest that
// matches is the first, and the only one.
func prefixFree(s string) bool {
	if !strings.Contains(s, "|") {
		return true
	}
	open := []*alternatives{{}} // the groups that are not closed yet
	for i := 0; i < len(s); i++ {
		group := open[len(open)-1]
		switch c := s[i]; {
		case c == '(':
			group.word += "("
			open = append(open, &alternatives{})
		case c == ')':
			if open = open[:len(open)-1]; len(open) == 0 || !group.apart() {
				return false
			}
		case c == '|':
			group.next()
		case c == '\\' && i+1 < len(s):
			i++
			group.word += "("
		case c == '[':
			n := bracket(s[i:])
			if n < 0 {
				return false
			}
			group.word += "("
			i += n - 1
		default:
			group.word += s[i : i+1]
		}
	}
	return len(open) == 1 && open[0].apart()
}

// alternatives are those of one group.
type alternatives struct {
	before []string
	word   string // the last; "(" stands for what is no text
}

func (a *alternatives) next() { a.before, a.word = append(a.before, a.word), "" }

// apart says whether there is one alternative only, or none begins another.
func (a *alternatives) apart() bool {
	if len(a.before) == 0 {
		return true
	}
	all := append(a.before, a.word)
	for i, x := range all {
		if x == "" || strings.ContainsAny(x, "(.*+?{}^$") {
			return false
		}
		for j, y := range all {
			if i != j && strings.HasPrefix(x, y) {
				return false
			}
		}
	}
	return true
}
