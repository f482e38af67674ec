package command

import (
	"reflect"
	"slices"
	"strings"
)

// maxCover bounds the steps of one proof.
const maxCover = 10_000

// Covers reports whether it is proven that the pattern matches everything that the other one matches. False says nothing:
// the proof goes by the shapes of the two patterns, and gives up where they are too different.
func (p *Pattern) Covers(other *Pattern) bool {
	if p.program != other.program || p.wordwise() != other.wordwise() {
		return false
	}
	c := coverage{}
	return c.all([]node{p.ordered}, []node{other.ordered})
}

// wordwise reports whether the pattern is held against words, and not against options as the program reads them.
func (p *Pattern) wordwise() bool { return p.read == nil || p.unsure }

type coverage struct{ steps int }

// all reports whether the nodes of a, one after the other, cover those of b.
func (c *coverage) all(a, b []node) bool {
	if c.steps++; c.steps > maxCover {
		return false
	}
	a, b = flat(a), flat(b)
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	if len(b) > 0 {
		switch first := b[0].(type) {
		case choice:
			return !slices.ContainsFunc(first, func(n node) bool { return !c.all(a, slices.Concat([]node{n}, b[1:])) })
		case optional:
			return c.all(a, b[1:]) && c.all(a, slices.Concat([]node{first.node}, b[1:]))
		case *optionRun:
			if len(a) > 0 {
				if run, ok := a[0].(*optionRun); ok && coversRun(run, first) && c.all(a[1:], b[1:]) {
					return true
				}
			}
		}
	}
	if len(a) == 0 {
		return false
	}
	switch first := a[0].(type) {
	case choice:
		return slices.ContainsFunc(first, func(n node) bool { return c.all(slices.Concat([]node{n}, a[1:]), b) })
	case optional:
		return c.all(slices.Concat([]node{first.node}, a[1:]), b) || c.all(a[1:], b)
	case *optionRun:
		return first.required == 0 && c.all(a[1:], b)
	case repeated:
		return c.repeated(first, a[1:], b)
	case wordNode:
		if len(b) == 0 {
			return false
		}
		word, ok := b[0].(wordNode)
		return ok && coversValue(first.value, word.value) && c.all(a[1:], b[1:])
	}
	return false
}

// repeated covers a repetition of b by one of a, or as many single nodes of b as it takes.
func (c *coverage) repeated(a repeated, rest, b []node) bool {
	if len(b) == 0 {
		return false
	}
	again := func(more []node) bool {
		return c.all(rest, more) || c.all(slices.Concat([]node{a}, rest), more)
	}
	if r, ok := b[0].(repeated); ok {
		return c.all([]node{a.node}, []node{r.node}) && again(b[1:])
	}
	return c.all([]node{a.node}, b[:1]) && again(b[1:])
}

// flat opens sequences at the beginning of a list.
func flat(nodes []node) []node {
	for len(nodes) > 0 {
		s, ok := nodes[0].(sequence)
		if !ok {
			return nodes
		}
		nodes = slices.Concat([]node(s), nodes[1:])
	}
	return nodes
}

// coversRun reports whether each option of b is one of a's, and b has all that a must have.
func coversRun(a, b *optionRun) bool {
	var used, given uint64
	for i, item := range b.items {
		n := slices.IndexFunc(a.items, func(other optionItem) bool { return coversItem(other, item) })
		if n < 0 || used&(1<<n) != 0 {
			return false
		}
		used |= 1 << n
		if b.required&(1<<i) != 0 {
			given |= 1 << n
		}
	}
	return a.required&^given == 0
}

func coversItem(a, b optionItem) bool {
	return (a.repeat || !b.repeat) && !slices.ContainsFunc(b.spellings, func(s spelling) bool {
		return !slices.ContainsFunc(a.spellings, func(o spelling) bool {
			return o.name == s.name && (o.value == nil) == (s.value == nil) && (o.joined || !s.joined) && (o.value == nil || coversValue(o.value, s.value))
		})
	})
}

// coversValue reports whether a admits all that b admits.
func coversValue(a, b value) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	switch b := b.(type) {
	case literal:
		return admitsAssumed(a, string(b))
	case anyOf:
		return !slices.ContainsFunc(b, func(v value) bool { return !coversValue(a, v) })
	}
	switch a := a.(type) {
	case anyOf:
		return slices.ContainsFunc(a, func(v value) bool { return coversValue(v, b) })
	case intSlot:
		other, ok := b.(intSlot)
		return ok && a.low <= other.low && a.high >= other.high
	case textSlot:
		switch b := b.(type) {
		case textSlot:
			return a.max >= b.max
		case intSlot, unitSlot:
			return a.max >= 255
		}
	case unitSlot:
		other, ok := b.(unitSlot)
		return ok && coversName(a.glob, other.glob)
	case keyed:
		other, ok := b.(keyed)
		return ok && a.key == other.key && coversValue(a.value, other.value)
	case pathSlot:
		other, ok := b.(pathSlot)
		return ok && !slices.ContainsFunc(other.globs, func(g pathGlob) bool {
			return !slices.ContainsFunc(a.globs, func(o pathGlob) bool { return o.base == g.base && coversPath(o.components, g.components) })
		})
	case globSlot:
		other, ok := b.(globSlot)
		return ok && a.absolute == other.absolute && coversPath(a.components, other.components)
	}
	return false
}

// coversPath reports whether the components of a take every path that those of b take.
func coversPath(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	switch {
	case a[0] == "**":
		return coversPath(a[1:], b[1:]) || coversPath(a, b[1:])
	case b[0] == "**":
		return false
	}
	return coversName(a[0], b[0]) && coversPath(a[1:], b[1:])
}

// coversName reports whether the glob a takes every name that b takes. The wildcards of b become characters that only a * of a
// takes.
func coversName(a, b string) bool {
	if a == b {
		return true
	}
	return !strings.Contains(a, "?") && MatchName(a, strings.NewReplacer("*", "\x01", "?", "\x02").Replace(b))
}
