package command

import "strings"

// optionRun is a run of adjacent options, which may come in any order.
type optionRun struct {
	items    []optionItem
	required uint64 // bits of the items that must be there
}

// optionItem is one option of a run: exactly one of its spellings is used, once unless repeat is set.
type optionItem struct {
	spellings []spelling
	required  bool
	repeat    bool
}

// spelling is one way to write an option.
type spelling struct {
	name   string
	value  value // nil for a flag
	joined bool  // -nVALUE is the same as -n VALUE
}

func (r *optionRun) match(m *matcher, i int, next func(int) bool) bool {
	return r.from(m, i, 0, next)
}

// from continues the run at word i, with the items in used already taken.
func (r *optionRun) from(m *matcher, i int, used uint64, next func(int) bool) bool {
	if !m.step() {
		return false
	}
	if i < len(m.argv) && isOption(m.argv[i]) {
		for n := range r.items {
			bit := uint64(1) << n
			if used&bit != 0 && !r.items[n].repeat {
				continue
			}
			rest := func(j int) bool { return r.from(m, j, used|bit, next) }
			for _, s := range r.items[n].spellings {
				if s.match(m, i, rest) {
					return true
				}
			}
		}
	}
	if r.required&^used != 0 {
		return m.fail(i)
	}
	return next(i)
}

func (s spelling) match(m *matcher, i int, next func(int) bool) bool {
	word := m.argv[i]
	switch {
	case !m.step():
		return false
	case word == s.name && s.value == nil:
		return next(i + 1)
	case word == s.name:
		if i+1 == len(m.argv) || !s.value.admits(m.argv[i+1], m.lenient) {
			return m.fail(i + 1)
		}
		return next(i + 2)
	}
	if joined, ok := s.joinedValue(word, m.lenient); ok && s.value.admits(joined, m.lenient) {
		return next(i + 1)
	}
	return m.fail(i)
}

// joinedValue returns the value inside a word of the form --name=VALUE or -nVALUE.
func (s spelling) joinedValue(word string, lenient bool) (string, bool) {
	rest, ok := strings.CutPrefix(word, s.name)
	if !ok || s.value == nil {
		return "", false
	}
	if strings.HasPrefix(s.name, "--") {
		return strings.CutPrefix(rest, "=")
	}
	return rest, len(s.name) == 2 && (s.joined || lenient)
}

// isOption reports whether a word is one that programs read as an option: "-" and "--" alone are not.
func isOption(word string) bool {
	return len(word) > 1 && word[0] == '-' && word != "--"
}
