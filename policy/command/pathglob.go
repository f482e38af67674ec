package command

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxComponents is how many components a path may have.
const maxComponents = 256

// globSlot is a path by glob, compared component by component as text: "*" and "?" stay inside a component, "**" is one
// or more whole components. Symbolic links are not resolved. "*" also takes names that begin with a dot.
type globSlot struct {
	absolute   bool
	components []string
}

func parseGlob(arg string) (value, error) {
	components, absolute, ok := pathComponents(arg)
	if !ok || arg[0] == '-' {
		return nil, fmt.Errorf("%q is not a path glob: write <glob:/var/log/*.log>, without empty, . or .. components", arg)
	}
	if err := checkGlob(components); err != nil {
		return nil, err
	}
	return globSlot{absolute, components}, nil
}

// checkGlob refuses what other programs give a meaning in globs, and "**" inside a component.
func checkGlob(components []string) error {
	for _, c := range components {
		if strings.ContainsAny(c, `[]{}\`) {
			return fmt.Errorf("%q in a glob is not supported: there are *, ? and **", c)
		}
		if strings.Contains(c, "**") && c != "**" {
			return fmt.Errorf("** in a glob is a component of its own, between slashes; found %q", c)
		}
	}
	return nil
}

func (s globSlot) admits(m *matcher, word string, free bool) bool {
	if m.lenient {
		return s.denies(word)
	}
	if !showsAndNoOption(word, free) || isUnknown(word) {
		return false
	}
	components, absolute, ok := pathComponents(word)
	return ok && absolute == s.absolute && plainlyPath(word) && matchPath(s.components, components)
}

// denies compares generously: after cleaning, and with what a word that is known in part may become.
func (s globSlot) denies(word string) bool {
	if word == "" || isUnknown(word) {
		return word != ""
	}
	components, absolute, ok := pathComponents(path.Clean(word))
	return ok && absolute == s.absolute && mayMatchPath(s.components, components)
}

// pathComponents cuts a path and refuses what has more than one spelling: empty, "." and ".." components.
func pathComponents(word string) (components []string, absolute, ok bool) {
	rest, absolute := strings.CutPrefix(word, "/")
	if strings.Count(rest, "/") >= maxComponents {
		return nil, absolute, false
	}
	components = strings.Split(rest, "/")
	for _, c := range components {
		if c == "" || c == "." || c == ".." {
			return nil, absolute, false
		}
	}
	return components, absolute, true
}

// matchPath is matchComponents for paths that may be known in part: what is known only later is admitted by nothing but a
// "**" at the end.
func matchPath(glob, components []string) bool {
	at := slices.IndexFunc(components, partlyUnknown)
	if at < 0 {
		return matchComponents(glob, components)
	}
	last := len(glob) - 1
	if last < 0 || glob[last] != "**" || slices.ContainsFunc(components, spoiled) {
		return false
	}
	return matchComponents(glob[:last], components[:at]) || matchComponents(glob, components[:at])
}

// spoiled reports whether a component is known in part only, so that the rest may hold slashes and "..".
func spoiled(component string) bool { return component != Unknown && partlyUnknown(component) }

// mayMatchPath reports whether a path that is known in part may turn out to match.
func mayMatchPath(glob, components []string) bool {
	at := slices.IndexFunc(components, partlyUnknown)
	if at < 0 {
		return matchComponents(glob, components)
	}
	if slices.ContainsFunc(components, spoiled) {
		return true
	}
	for end := range glob {
		if matchComponents(glob[:end], components[:at]) || glob[end] == "**" && matchComponents(glob[:end+1], components[:at]) {
			return true
		}
	}
	return false
}

// matchComponents is MatchName one level up: "**" is the wildcard, and it takes at least one component.
func matchComponents(glob, components []string) bool {
	g, c := 0, 0
	backG, backC := -1, 0
	for c < len(components) {
		switch {
		case g < len(glob) && glob[g] == "**":
			backG, backC = g+1, c+1
			g, c = backG, backC
		case g < len(glob) && MatchName(glob[g], components[c]):
			g, c = g+1, c+1
		case backG >= 0:
			backC++
			g, c = backG, backC
		default:
			return false
		}
	}
	return g == len(glob)
}

// MatchName compares a whole name with a glob of "*" (any run of bytes) and "?" (one character). A policy uses it for the
// names of targets and environment variables too.
func MatchName(glob, name string) bool {
	g, n := 0, 0
	backG, backN := -1, 0
	for n < len(name) {
		_, size := utf8.DecodeRuneInString(name[n:])
		switch {
		case g < len(glob) && glob[g] == '*':
			backG, backN = g+1, n
			g = backG
		case g < len(glob) && glob[g] == '?':
			g, n = g+1, n+size
		case g < len(glob) && glob[g] == name[n]:
			g, n = g+1, n+1
		case backG >= 0:
			backN++
			g, n = backG, backN
		default:
			return false
		}
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	return g == len(glob)
}
