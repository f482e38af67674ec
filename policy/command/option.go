package command

import "strings"

// numberKey is the name of an option that is a number: tail -20, grep -3.
const numberKey = "-"

// optionRun is a run of adjacent options, which may come in any order. One of a program that permutes may come anywhere.
type optionRun struct {
	items    []optionItem
	required uint64 // bits of the items that must be there
	anywhere bool
	keyed    bool // words with "=" are options too
}

// optionItem is one option of a run: exactly one of its spellings is used, once unless repeat is set.
type optionItem struct {
	spellings []spelling
	required  bool
	repeat    bool
}

// spelling is one way to write an option.
type spelling struct {
	name    string
	value   value  // nil for a flag
	written string // of the value
	joined  bool   // -nVALUE is the same as -n VALUE
	equals  bool   // name ends in "=" or is numberKey, and the value stands in the same word
	lacks   bool   // the program takes a value, and the pattern has none
}

func (r *optionRun) match(m *matcher, i int, next func(int) bool) bool {
	if r.anywhere {
		return r.among(m, i, 0, 0, next)
	}
	return r.from(m, i, 0, next)
}

// among continues a run whose options stand anywhere: options from k on may still be taken.
func (r *optionRun) among(m *matcher, i int, taken uint64, k int, next func(int) bool) bool {
	if !m.step() {
		return false
	}
	for ; k < len(m.options); k++ {
		if m.used&(1<<k) == 0 && r.takes(m, i, taken, k, next) {
			return true
		}
	}
	if missing := r.required &^ taken; missing != 0 {
		m.missing = r.name(missing)
		return false
	}
	return next(i)
}

// takes gives option k to each item that names it, and goes on.
func (r *optionRun) takes(m *matcher, i int, taken uint64, k int, next func(int) bool) bool {
	for n := range r.items {
		bit := uint64(1) << n
		if taken&bit != 0 && !r.items[n].repeat {
			continue
		}
		for s := range r.items[n].spellings {
			before := m.found()
			if r.items[n].spellings[s].names(m, &m.options[k]) {
				m.used |= 1 << k
				if r.among(m, i, taken|bit, k+1, next) {
					return true
				}
				m.used &^= 1 << k
			}
			m.forget(before)
		}
	}
	return false
}

// from continues the run at word i, with the items in taken already there.
func (r *optionRun) from(m *matcher, i int, taken uint64, next func(int) bool) bool {
	if !m.step() {
		return false
	}
	if i < len(m.words) && r.mayTake(&m.words[i]) {
		for n := range r.items {
			bit := uint64(1) << n
			if taken&bit != 0 && !r.items[n].repeat {
				continue
			}
			rest := func(j int) bool { return r.from(m, j, taken|bit, next) }
			for s := range r.items[n].spellings {
				before := m.found()
				if r.items[n].spellings[s].match(m, i, rest) {
					return true
				}
				m.forget(before)
			}
		}
	}
	if missing := r.required &^ taken; missing != 0 {
		return m.fail(i, r.name(missing))
	}
	return next(i)
}

func (r *optionRun) mayTake(w *part) bool {
	return w.kind == partOption || isOption(w.text) || r.keyed && strings.Contains(w.text, "=")
}

// collect adds the names of the run's options.
func (r *optionRun) collect(names map[string]bool) {
	for _, item := range r.items {
		for _, s := range item.spellings {
			names[s.plainName()] = true
		}
	}
}

// plainName is the name without the "=" of --name=<slot>.
func (s *spelling) plainName() string {
	if s.equals && s.name != numberKey {
		return s.name[:len(s.name)-1]
	}
	return s.name
}

// name is how the first of the missing items is written.
func (r *optionRun) name(missing uint64) string {
	for n, item := range r.items {
		if missing&(1<<n) != 0 {
			return item.spellings[0].name
		}
	}
	return ""
}

// match places the option at word i.
func (s *spelling) match(m *matcher, i int, next func(int) bool) bool {
	w := &m.words[i]
	switch {
	case !m.step():
		return false
	case w.kind == partOption:
		return s.names(m, w) && next(i+1)
	case m.lenient && w.text == "-"+Unknown:
		return next(i+1) || s.value != nil && i+1 < len(m.words) && next(i+2)
	case w.text == s.name && s.value == nil:
		return next(i + 1)
	case w.text == s.name && !s.equals:
		if i+1 == len(m.words) || !s.value.admits(m, m.words[i+1].text, false) {
			return m.fail(i+1, s.written)
		}
		return next(i + 2)
	}
	joined, ok := s.joinedValue(w.text, m.lenient)
	if !ok {
		return m.fail(i, "")
	}
	if !s.value.admits(m, joined, false) {
		return m.fail(i, s.written)
	}
	return next(i + 1)
}

// names reports whether an option that was read is this one, with a value that fits.
func (s *spelling) names(m *matcher, option *part) bool {
	if s.name == numberKey {
		return s.value.admits(m, option.text[1:], false) || m.failAt(int(option.at), s.written)
	}
	if option.text != s.plainName() {
		return false
	}
	switch {
	case s.value == nil:
		return m.lenient || !option.hasValue && !s.lacks
	case !option.hasValue:
		return m.failAt(m.argc, s.written)
	}
	return s.value.admits(m, option.value, false) || m.failAt(int(option.valueAt), s.written)
}

// isNumber reports whether an option that was read is "-" and a number.
func isNumber(name string) bool {
	_, ok := decimal(name[1:])
	return ok
}

// joinedValue returns the value inside a word of the form --name=VALUE or -nVALUE. A value that begins with "=" is not
// taken from the latter: programs differ in whether they drop it.
func (s *spelling) joinedValue(word string, lenient bool) (string, bool) {
	rest, ok := strings.CutPrefix(word, s.name)
	switch {
	case !ok || s.value == nil:
		return "", false
	case s.equals:
		return rest, true
	case strings.HasPrefix(s.name, "--"):
		return strings.CutPrefix(rest, "=")
	}
	return rest, len(s.name) == 2 && (lenient || s.joined && !strings.HasPrefix(rest, "="))
}

// isOption reports whether a word is one that programs read as an option: "-" and "--" alone are not.
func isOption(word string) bool {
	return len(word) > 1 && word[0] == '-' && word != "--"
}
