package command

import (
	"path"
	"slices"
	"strings"
)

// Try matches as in a test without a target: everything there is as it is written. furthest is Result.Furthest.
func (p *Pattern) Try(argv []string) (matched bool, furthest int) {
	if len(argv) == 0 || argv[0] != p.program {
		return false, 0
	}
	r := p.Match(argv, assumedView)
	return r.Matched, r.Furthest
}

// Admits reports whether the pattern matches, as Try does.
func (p *Pattern) Admits(argv []string) bool {
	matched, _ := p.Try(argv)
	return matched
}

// Stops reports whether a deny rule with the pattern meets the command, as Try knows the target.
func (p *Pattern) Stops(argv []string) bool {
	return len(argv) > 0 && argv[0] == p.program && p.Denies(argv, assumedView)
}

// assumedView is a target where everything is as it is written.
var assumedView = View{Dir: "/home/login", Home: "/home/login", Real: func(asked string) (string, bool) { return path.Clean(asked), true }}

// admitsAssumed reports whether a value admits a word, as Try knows the target.
func admitsAssumed(v value, word string) bool {
	return v.admits(&matcher{view: assumedView}, word, false)
}

// maxVariants bounds how many word sequences one part of a pattern is sampled with.
const maxVariants = 2048

// Samples returns at most n argument vectors that the pattern matches. Each alternative, option, spelling and bound of a slot
// is in at least one of them, as far as n reaches; what the sampler does not understand is left out.
func (p *Pattern) Samples(n int) [][]string { return p.SamplesWith(n, nil) }

// SamplesWith is Samples with words that are put into every slot that admits them.
func (p *Pattern) SamplesWith(n int, hints []string) [][]string {
	s := sampler{hints: hints, guesses: guesses(p.text)}
	var found [][]string
	seen := map[string]bool{}
	for _, words := range s.node(p.ordered) {
		argv := append([]string{p.program}, words...)
		key := strings.Join(argv, "\x00")
		if !seen[key] && p.Admits(argv) {
			seen[key] = true
			found = append(found, argv)
		}
	}
	return spread(found, n)
}

// spread picks n items that lie evenly in a list; the first is always among them.
func spread[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	picked := make([]T, 0, n)
	for i := range n {
		picked = append(picked, list[i*len(list)/n])
	}
	return picked
}

// sampler makes word sequences out of nodes. The first of each list is the plainest.
type sampler struct{ hints, guesses []string }

func (s sampler) node(n node) [][]string {
	var out [][]string
	switch n := n.(type) {
	case wordNode:
		for _, word := range s.value(n.value) {
			out = append(out, []string{word})
		}
	case sequence:
		parts := make([][][]string, len(n))
		for i, part := range n {
			parts[i] = s.node(part)
		}
		out = joined(parts)
	case choice:
		for _, alternative := range n {
			out = append(out, s.node(alternative)...)
		}
	case optional:
		out = append([][]string{{}}, s.node(n.node)...)
	case repeated:
		out = s.node(n.node)
		for _, again := range out[:len(out):len(out)] {
			out = append(out, slices.Concat(out[0], again))
		}
	case *optionRun:
		out = s.run(n)
	}
	return out[:min(len(out), maxVariants)]
}

// joined puts parts one after the other: all in their plainest form, then each form of each part once, then all in their
// last form. A part without any form leaves none for the whole.
func joined(parts [][][]string) [][]string {
	first, last := make([][]string, len(parts)), make([][]string, len(parts))
	for i, part := range parts {
		if len(part) == 0 {
			return nil
		}
		first[i], last[i] = part[0], part[len(part)-1]
	}
	out := [][]string{slices.Concat(first...)}
	for i, part := range parts {
		with := slices.Clone(first)
		for _, words := range part[1:] {
			with[i] = words
			out = append(out, slices.Concat(with...))
		}
	}
	return append(out, slices.Concat(last...))
}

// run is a run of options: only what must be there, each form of each option, and all of them in both orders.
func (s sampler) run(r *optionRun) [][]string {
	forms := make([][][]string, len(r.items))
	var base, all, reversed [][]string
	for i, item := range r.items {
		for _, spelled := range item.spellings {
			forms[i] = append(forms[i], s.spelling(spelled)...)
		}
		if len(forms[i]) == 0 {
			continue
		}
		if item.required {
			base = append(base, forms[i][0])
		}
		all = append(all, forms[i][0])
		reversed = slices.Insert(reversed, 0, forms[i][len(forms[i])-1])
	}
	out := [][]string{slices.Concat(base...)}
	for i, item := range r.items {
		for f, words := range forms[i] {
			if item.required && f == 0 {
				continue
			}
			out = append(out, s.withItem(r, forms, i, words))
		}
	}
	return append(out, slices.Concat(all...), slices.Concat(reversed...))
}

// withItem is the plainest form of a run in which item i is written as words.
func (s sampler) withItem(r *optionRun, forms [][][]string, i int, words []string) []string {
	var out []string
	for j, item := range r.items {
		switch {
		case j == i:
			out = append(out, words...)
		case item.required && len(forms[j]) > 0:
			out = append(out, forms[j][0]...)
		}
	}
	return out
}

func (s sampler) spelling(o spelling) [][]string {
	if o.value == nil {
		return [][]string{{o.name}}
	}
	var out [][]string
	for _, word := range s.value(o.value) {
		out = append(out, []string{o.name, word})
		if o.equals {
			out[len(out)-1] = []string{o.name + word}
		} else if strings.HasPrefix(o.name, "--") {
			out = append(out, []string{o.name + "=" + word})
		} else if o.joined {
			out = append(out, []string{o.name + word})
		}
	}
	return out
}

// value lists words that a slot admits, its bounds among them.
func (s sampler) value(v value) []string {
	var words []string
	switch v := v.(type) {
	case literal:
		return []string{string(v)}
	case anyOf:
		for _, one := range v {
			words = append(words, s.value(one)...)
		}
		return words
	case textSlot:
		words = []string{"x", "two words", strings.Repeat("x", v.max)}
	case keyed:
		for _, word := range s.value(v.value) {
			words = append(words, v.key+word)
		}
		return words
	default:
		words = s.guesses
	}
	var admitted []string
	for _, word := range slices.Concat(words, s.hints) {
		if admitsAssumed(v, word) && !slices.Contains(admitted, word) {
			admitted = append(admitted, word)
		}
	}
	return admitted
}

// common are words that some slot admits.
var common = [...]string{
	"5", "0", "1", "9223372036854775807", "app", "app.service", "x", "web-1", "10.0.0.1", "10s", "1h", "root", "https://example.com/x",
	`{"a":1}`, "{}", "a1b2c3", "/srv/app", "/tmp/x", "x/y",
}

// guesses are words to try on slots: what the slots of the pattern name, and common ones.
func guesses(text string) []string {
	var words []string
	l := &lexer{text: text}
	for t, err := l.next(); err == nil && t.kind != tokenEnd; t, err = l.next() {
		_, arg, ok := strings.Cut(t.text, ":")
		if t.kind != tokenSlot || !ok {
			continue
		}
		if low, high, ok := strings.Cut(arg, ".."); ok {
			words = append(words, low, high)
		}
		for part := range strings.SplitSeq(arg, ",") {
			for _, stand := range []struct{ any, one, deep string }{{"x", "x", "x"}, {"", "y", "x"}, {"xyz", "z", "x/y/z"}} {
				words = append(words, strings.NewReplacer("**", stand.deep, "*", stand.any, "?", stand.one).Replace(part))
			}
		}
	}
	return append(words, common[:]...)
}

// Expected says what the pattern would have taken in place of the word that Match calls the furthest: literals, options
// and slots as they are written in a pattern. It is nil for what matches.
func (p *Pattern) Expected(argv []string) []string {
	if len(argv) == 0 || argv[0] != p.program {
		return nil
	}
	r := p.Match(argv, assumedView)
	switch {
	case r.Matched:
		return nil
	case r.Slot != "":
		return []string{r.Slot}
	case r.Furthest < len(argv) && p.Admits(argv[:r.Furthest]):
		return []string{"the end"}
	}
	return nil
}
