package command

import (
	"path"
	"strings"
)

// PathGlob is a glob of paths as <path:…> has it, to be compared with paths that are known to be without symbolic links. Names are
// bytes here: they need not be UTF-8.
type PathGlob struct{ glob pathGlob }

// ParsePathGlob reads a glob that begins with / or ~.
func ParsePathGlob(text string) (PathGlob, error) {
	glob, err := parsePathGlob(text)
	return PathGlob{glob}, err
}

// InHome reports whether the glob can only be compared when the login's home is known.
func (g PathGlob) InHome() bool { return g.glob.base == fromHome }

// Matches reports whether the path itself is meant.
func (g PathGlob) Matches(home, path string) bool {
	return g.compare(home, path, matchComponents)
}

// CoversBelow reports whether everything below the path is meant, whatever is called how and however deep it lies.
func (g PathGlob) CoversBelow(home, path string) bool {
	return g.compare(home, path, func(glob, components []string) bool {
		last := len(glob) - 1
		return last >= 0 && glob[last] == "**" && (matchComponents(glob[:last], components) || matchComponents(glob, components))
	})
}

// ReachesBelow reports whether something below the path can be meant.
func (g PathGlob) ReachesBelow(home, path string) bool {
	_, ok := g.NextName(home, path)
	return ok
}

// NextName returns a glob of the names in the folder that are meant or lead to what is meant: "*" if all are. Of several it is the
// widest. It is false if none is.
func (g PathGlob) NextName(home, path string) (name string, ok bool) {
	if g.InHome() && plainPath(home) && plainPath(path) && home != path {
		if rest, above := strings.CutPrefix(home, strings.TrimSuffix(path, "/")+"/"); above { // on the way to the home
			name, _, _ = strings.Cut(rest, "/")
			return name, true
		}
	}
	g.compare(home, path, func(glob, components []string) bool {
		for end := range glob {
			switch {
			case glob[end] == "**" && (matchComponents(glob[:end], components) || matchComponents(glob[:end+1], components)):
				name, ok = "*", true
			case !ok && matchComponents(glob[:end], components):
				name, ok = glob[end], true
			}
		}
		return false
	})
	return name, ok
}

// compare hands on what is below the glob's base, as components.
func (g PathGlob) compare(home, asked string, match func(glob, components []string) bool) bool {
	if !plainPath(asked) || strings.Count(asked, "/") > maxComponents {
		return false
	}
	rest := asked
	if g.InHome() && plainPath(home) && home != "/" {
		below := false
		if rest, below = strings.CutPrefix(asked, home); !below || rest != "" && rest[0] != '/' {
			return false
		}
		rest = "/" + strings.TrimPrefix(rest, "/")
	} else if g.InHome() && home != "/" {
		return false
	}
	return match(g.glob.components, split(rest))
}

// plainPath reports whether a path is absolute and has one spelling only.
func plainPath(text string) bool { return strings.HasPrefix(text, "/") && path.Clean(text) == text }

// split returns a plain path's components, none of the root.
func split(plain string) []string {
	if plain == "/" {
		return nil
	}
	return strings.Split(plain[1:], "/")
}
