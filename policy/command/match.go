package command

// matcher is the state of one match: words are tried from left to right, with backtracking under a step bound.
type matcher struct {
	argv     []string
	lenient  bool // a deny rule is asking
	steps    int
	furthest int
}

// A node matches some words from i on and calls next with the index after them, for each way there is, until next says true.
type node interface {
	match(m *matcher, i int, next func(int) bool) bool
}

// spent reports whether the step bound is reached; nothing matches after it.
func (m *matcher) spent() bool { return m.steps >= maxSteps }

// step counts one attempt and reports whether it may be made.
func (m *matcher) step() bool {
	m.steps++
	return !m.spent()
}

// fail notes that the word at i could not be placed.
func (m *matcher) fail(i int) bool {
	m.furthest = max(m.furthest, i)
	return false
}

func (m *matcher) atEnd(i int) bool {
	return i == len(m.argv) || m.fail(i)
}

// A value admits single words: a slot, a literal, or a choice of them after an option.
type value interface {
	admits(word string, lenient bool) bool
}

// wordNode is one word.
type wordNode struct{ value }

func (n wordNode) match(m *matcher, i int, next func(int) bool) bool {
	if !m.step() || i >= len(m.argv) || !n.admits(m.argv[i], m.lenient) {
		return m.fail(i)
	}
	return next(i + 1)
}

// literal is a word that must be there byte for byte.
type literal string

func (l literal) admits(word string, _ bool) bool { return word == string(l) }

// anyOf is a choice between single words.
type anyOf []value

func (c anyOf) admits(word string, lenient bool) bool {
	for _, v := range c {
		if v.admits(word, lenient) {
			return true
		}
	}
	return false
}

// sequence is nodes one after the other.
type sequence []node

func (s sequence) match(m *matcher, i int, next func(int) bool) bool {
	if len(s) == 0 {
		return next(i)
	}
	if len(s) == 1 {
		return s[0].match(m, i, next)
	}
	return s[0].match(m, i, func(j int) bool { return s[1:].match(m, j, next) })
}

// choice is one of several nodes.
type choice []node

func (c choice) match(m *matcher, i int, next func(int) bool) bool {
	for _, n := range c {
		if n.match(m, i, next) {
			return true
		}
	}
	return false
}

// optional is a node or nothing.
type optional struct{ node }

func (o optional) match(m *matcher, i int, next func(int) bool) bool {
	return m.step() && (o.node.match(m, i, next) || next(i))
}

// repeated is a node one or more times. A round that takes no word is not repeated.
type repeated struct{ node }

func (r repeated) match(m *matcher, i int, next func(int) bool) bool {
	return m.step() && r.node.match(m, i, func(j int) bool {
		return (j > i && r.match(m, j, next)) || next(j)
	})
}
