package command

import (
	"math/bits"
	"strings"
)

// matcher is the state of one match: words are tried from left to right, with backtracking under a step bound.
type matcher struct {
	words   []part // what must be placed in order
	options []part // what may be placed anywhere: the options of a program that permutes
	used    uint64 // bits of the options that are placed
	argc    int
	view    View
	lenient bool // a deny rule is asking
	assume  bool // it asks what it might deny if it knew more
	steps   int

	furthest int
	expected string // what stood where furthest failed
	missing  string // an option that must be there, and is nowhere

	paths    []string
	needsDir bool

	wordBuffer   [8]part
	optionBuffer [4]part
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

// fail notes that the word at i could not be placed, and what stood there instead.
func (m *matcher) fail(i int, expected string) bool {
	at := m.argc
	if i < len(m.words) {
		at = int(m.words[i].at)
	}
	return m.failAt(at, expected)
}

func (m *matcher) failAt(at int, expected string) bool {
	switch {
	case at > m.furthest:
		m.furthest, m.expected = at, expected
	case at == m.furthest && (m.expected == "" || !isSlot(m.expected) && isSlot(expected)):
		m.expected = expected
	}
	return false
}

// isSlot reports whether a written item is a slot: it says more than one word of several that could stand there.
func isSlot(written string) bool { return strings.HasSuffix(written, ">") }

// atEnd is the last next of an allowing match: nothing may be left over.
func (m *matcher) atEnd(i int) bool {
	if i < len(m.words) && m.words[i].kind == partEnd {
		i++
	}
	if i < len(m.words) {
		return m.fail(i, "")
	}
	if left := ^m.used & (1<<len(m.options) - 1); left != 0 {
		return m.failAt(int(m.options[bits.TrailingZeros64(left)].at), "")
	}
	return true
}

// found is what a match has learnt so far; backtracking forgets it.
type found struct {
	paths    int
	needsDir bool
}

func (m *matcher) found() found { return found{len(m.paths), m.needsDir} }

func (m *matcher) forget(f found) bool {
	m.paths, m.needsDir = m.paths[:f.paths], f.needsDir
	return false
}

// A value admits single words: a slot, a literal, or a choice of them after an option. A free word may begin with "-".
type value interface {
	admits(m *matcher, word string, free bool) bool
}

// wordNode is one word.
type wordNode struct {
	value
	written string
}

func (n wordNode) match(m *matcher, i int, next func(int) bool) bool {
	if i < len(m.words) && m.words[i].kind == partEnd && n.value != literal("--") {
		i++
	}
	if !m.step() || i >= len(m.words) {
		return m.fail(i, n.written)
	}
	before, w := m.found(), &m.words[i]
	if !n.mayTake(m, w) || !n.admits(m, w.text, w.free) {
		m.forget(before)
		return m.fail(i, n.written)
	}
	return next(i+1) || m.forget(before)
}

// mayTake reports whether a part is a word that can stand here: no option, spelled like one or not.
func (n wordNode) mayTake(m *matcher, w *part) bool {
	return m.lenient || w.kind != partOption && (!w.letters || n.isLiteral())
}

func (n wordNode) isLiteral() bool {
	_, ok := n.value.(literal)
	return ok
}

// literal is a word that must be there byte for byte.
type literal string

func (l literal) admits(m *matcher, word string, _ bool) bool {
	return word == string(l) || m.lenient && couldBe(word, string(l))
}

// keyed is a slot with a literal name= before it, in one word.
type keyed struct {
	key string
	value
}

func (k keyed) admits(m *matcher, word string, _ bool) bool {
	rest, ok := strings.CutPrefix(word, k.key)
	return ok && k.value.admits(m, rest, false) || m.lenient && couldBe(word, k.key)
}

// anyOf is a choice between single words.
type anyOf []value

func (c anyOf) admits(m *matcher, word string, free bool) bool {
	for _, v := range c {
		before := m.found()
		if v.admits(m, word, free) {
			return true
		}
		m.forget(before)
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

// repeated is a node one or more times. A round that takes nothing is not repeated.
type repeated struct{ node }

func (r repeated) match(m *matcher, i int, next func(int) bool) bool {
	used := m.used
	return m.step() && r.node.match(m, i, func(j int) bool {
		return ((j > i || m.used != used) && r.match(m, j, next)) || next(j)
	})
}
