package policy

import (
	"path"
	"strings"

	"gatehouse/policy/command"
)

// home is where the login lives; empty if that is not known.
func (r *Request) home() string {
	switch {
	case r.Facts.Home != "" || !r.Facts.Assume:
		return r.Facts.Home
	case r.Login == "root":
		return "/root"
	}
	return "/home/" + string(r.Login)
}

func (r *Request) program(name string) (ProgramFact, bool) {
	if fact, ok := r.Facts.Programs[name]; ok || !r.Facts.Assume {
		return plausible(name, fact), ok
	}
	if strings.HasPrefix(name, "/") && !usualFolder(name) {
		return ProgramFact{Path: name, Real: name}, true
	}
	fact := ProgramFact{Path: "/usr/bin/" + baseName(name), Real: "/usr/bin/" + baseName(name)}
	if strings.HasPrefix(name, "/") {
		fact.Path = name
	}
	return fact, true
}

// plausible is a fact that can be about the program: what runs has the name, or the absolute path, that was asked. It is all that
// can be held against a door that lies.
func plausible(name string, fact ProgramFact) ProgramFact {
	same := path.IsAbs(fact.Path) && path.IsAbs(fact.Real) && baseName(fact.Path) == baseName(name)
	if fact.Why == "" && (!same || path.IsAbs(name) && fact.Path != name) {
		fact.Why = "what was looked up is not about it"
	}
	return fact
}

// usualFolder reports whether a program lies where distributions put programs, which on most is one folder by several names.
func usualFolder(program string) bool {
	switch path.Dir(program) {
	case "/bin", "/sbin", "/usr/bin", "/usr/sbin":
		return true
	}
	return false
}

func (r *Request) real(name string) (string, bool) {
	if fact, ok := r.Facts.Paths[name]; ok || !r.Facts.Assume {
		return fact.Real, ok
	}
	return path.Clean(name), true
}

// glob returns what an absolute pattern matches. Assumed, it matches itself, as a shell leaves it that finds nothing.
func (r *Request) glob(pattern string) ([]string, bool) {
	matches, ok := r.Facts.Globs[pattern]
	return matches, ok || r.Facts.Assume
}

// view is what patterns see of the target for a command in a directory of the plan.
func (r *Request) view(dir string) command.View {
	v := command.View{Home: r.home(), Real: r.real}
	if absolute, ok := absolute(dir, v.Home); ok {
		v.Dir = absolute
	}
	return v
}

func (q *question) view(l *leaf) command.View { return q.r.view(l.dir) }

// expands reports whether the target says what the command's words are.
func (l *leaf) expands() bool { return len(l.plan.Globs)+len(l.plan.Tildes) > 0 }

// expand returns the command's words as the target's files and the login's home make them. Globs that are not known yet stay as
// they were written and are noted; without the home that it needs, homeless is true and the words are as they were asked.
func (q *question) expand(l *leaf) (argv Argv, homeless bool) {
	if !l.expands() {
		return l.plan.Argv, false
	}
	tildes, globs := indexSet(l.plan.Tildes), indexSet(l.plan.Globs)
	for i, word := range l.plan.Argv {
		known := true
		if tildes[i] {
			word, known = absolute(word, q.r.home())
		}
		words := []string{word}
		if globs[i] && known {
			words, known = q.matches(l, word)
		}
		if !known {
			return l.plan.Argv, true
		}
		argv = append(argv, words...)
	}
	return argv, false
}

// matches expands one glob. A relative one gives relative paths; one that matches nothing, or is not known yet, is left as it is.
// known is false while the home that it is relative to is not.
func (q *question) matches(l *leaf, word string) (words []string, known bool) {
	dir, pattern := "", word
	if !strings.HasPrefix(word, "/") {
		base, ok := absolute(l.dir, q.r.home())
		if !ok {
			return nil, false
		}
		dir = strings.TrimSuffix(base, "/") + "/"
		pattern = dir + word
	}
	found, ok := q.r.glob(pattern)
	if !ok {
		q.need(Probe{Kind: ProbeGlob, Name: pattern})
	}
	for _, match := range found {
		words = append(words, strings.TrimPrefix(match, dir))
	}
	if len(words) == 0 {
		words = []string{word}
	}
	return words, true
}

func indexSet(list []int) map[int]bool {
	set := map[int]bool{}
	for _, i := range list {
		set[i] = true
	}
	return set
}
