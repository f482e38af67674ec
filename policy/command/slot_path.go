package command

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// pathSlot is a path that lies where one of the globs says, by its text and by where it leads on the target.
type pathSlot struct{ globs []pathGlob }

// pathGlob is one glob of a path slot: components below a base. No components mean the base itself.
type pathGlob struct {
	base       pathBase
	components []string
}

// pathBase is where a glob begins.
type pathBase byte

const (
	fromRoot pathBase = '/'
	fromHome pathBase = '~' // the login's home
	fromDir  pathBase = '.' // the working directory
)

func parsePath(arg string) (value, error) {
	var s pathSlot
	for text := range strings.SplitSeq(arg, ",") {
		glob, err := parsePathGlob(text)
		if err != nil {
			return nil, err
		}
		s.globs = append(s.globs, glob)
	}
	return s, nil
}

func parsePathGlob(text string) (pathGlob, error) {
	base, rest := fromDir, text
	switch {
	case text == "/" || text == "~" || text == ".":
		return pathGlob{base: pathBase(text[0])}, nil
	case strings.HasPrefix(text, "/"):
		base, rest = fromRoot, text[1:]
	case strings.HasPrefix(text, "~/"):
		base, rest = fromHome, text[2:]
	}
	components, absolute, ok := pathComponents(rest)
	if !ok || absolute || rest[0] == '-' || rest[0] == '~' {
		return pathGlob{}, fmt.Errorf("%q is not a path glob: write <path:/var/log/**>, <path:~/x/*> or <path:/a/*,/b/*>, without empty, . or .. components", text)
	}
	return pathGlob{base, components}, checkGlob(components)
}

func (s pathSlot) admits(m *matcher, word string, free bool) bool {
	if m.lenient {
		return s.denies(m, word)
	}
	if !showsAndNoOption(word, free) || strings.Count(word, "/") > maxComponents {
		return false
	}
	if isUnknown(word) {
		return slices.ContainsFunc(s.globs, pathGlob.everything)
	}
	if !plainlyPath(word) {
		return false
	}
	asked, ok := m.view.absolute(word)
	if !ok {
		m.needsDir = true
		return true
	}
	in, sure := s.holds(&m.view, path.Clean(asked))
	if !in {
		m.needsDir = m.needsDir || !sure
		return !sure
	}
	return s.leadsInside(m, asked)
}

// plainlyPath reports whether no program takes the word for something else than a path. Relative ones may be a command (vim +!x), another
// host (tar -f host:x, rsync host::x), a list of arguments (@x), a variable (awk x=y), a part of an expression (find !) or a user's home,
// which git looks up by itself (git-upload-pack '~root/x'). With ./ before it each is a path again.
func plainlyPath(word string) bool {
	first, _, _ := strings.Cut(word, "/")
	return first == "" || strings.IndexByte("+@!(),~", first[0]) < 0 && !strings.ContainsAny(first, ":=")
}

// leadsInside judges where a path leads. It notes the path where that is not known yet.
func (s pathSlot) leadsInside(m *matcher, asked string) bool {
	known, later, ok := cutUnknown(asked)
	if !ok {
		return false
	}
	real, found := m.view.real(known)
	if !found {
		m.paths = append(m.paths, known)
		return true
	}
	if real == "" {
		return false // nobody can say where it leads
	}
	if real == known && later == "" && path.Clean(asked) == asked {
		return true // where it is inside by its text
	}
	in, _ := s.holds(&m.view, path.Clean(real+later))
	return in
}

// denies reports whether the word may name something inside: by its text, or by where it leads.
func (s pathSlot) denies(m *matcher, word string) bool {
	if word == "" || isUnknown(word) || strings.Count(word, "/") > maxComponents {
		return word != ""
	}
	asked, ok := m.view.absolute(word)
	if !ok {
		m.open, m.needsDir = true, m.needsDir || m.assume
		return m.assume
	}
	in, sure := s.mayHold(&m.view, path.Clean(asked))
	if in {
		return true
	}
	m.open = m.open || !sure
	if !sure && m.assume {
		m.needsDir = true
		return true
	}
	known, later, ok := cutUnknown(asked)
	if !ok {
		return true
	}
	real, found := m.view.real(known)
	if !found {
		m.open = true
		if m.assume {
			m.paths = append(m.paths, known)
		}
		return m.assume
	}
	if real == "" {
		return true
	}
	in, _ = s.mayHold(&m.view, path.Clean(real+later))
	return in
}

// holds reports whether a clean absolute path lies inside one of the globs; sure is false if that depends on a home or a
// working directory that is not known.
func (s pathSlot) holds(v *View, clean string) (in, sure bool) {
	return s.anyGlob(v, clean, matchPath)
}

func (s pathSlot) mayHold(v *View, clean string) (in, sure bool) {
	return s.anyGlob(v, clean, mayMatchPath)
}

func (s pathSlot) anyGlob(v *View, clean string, match func(glob, components []string) bool) (in, sure bool) {
	sure = true
	for _, glob := range s.globs {
		rest, below, known := v.below(glob.base, clean)
		switch {
		case !known:
			sure = false
		case !below:
		case len(rest) == 0 || len(glob.components) == 0:
			in = in || len(rest) == len(glob.components)
		default:
			in = in || match(glob.components, rest)
		}
	}
	return in, sure || in
}

// everything reports whether the glob admits each path there is but the root.
func (g pathGlob) everything() bool {
	return g.base == fromRoot && len(g.components) == 1 && g.components[0] == "**"
}

// cutUnknown cuts a path before its first component that is known only later. A ".." after it cannot be judged.
func cutUnknown(asked string) (known, later string, ok bool) {
	at := strings.Index(asked, "/"+Unknown)
	if at < 0 {
		return asked, "", !partlyUnknown(asked)
	}
	known, later = asked[:at], asked[at:]
	return max(known, "/"), later, !slices.Contains(strings.Split(later, "/"), "..")
}
