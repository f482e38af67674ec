package policy

import (
	"fmt"
	"path"
	"slices"
)

// tree holds what a carried line does below its paths against the roles' files.
type tree struct {
	*question
	by   Carrier
	word string // that is being judged
	used []fileUse
}

// fileUse is a path that is used in a direction, with all below it or alone.
type fileUse struct {
	direction Direction
	path      string
	below     bool
}

// spot is a path on the target: as it was asked, by its text, and where it leads.
type spot struct {
	asked, clean, real string
	kind               PathKind // empty: assumed to be whatever is asked for
}

// spotOf is a path of which only the text is known.
func spotOf(asked string) spot {
	clean := path.Clean(asked)
	return spot{asked: asked, clean: clean, real: clean}
}

// names are the spellings that must both be admitted.
func (s spot) names() []string { return []string{s.clean, s.real} }

// lone reports whether nothing can lie below it.
func (s spot) lone() bool { return s.kind == PathFile || s.kind == PathOther }

// uses reports whether the section is about a path that is used.
func (t *tree) uses(f fileRules) bool {
	home := t.r.home()
	return slices.ContainsFunc(t.used, func(u fileUse) bool {
		return anyPath(f.of(u.direction), func(r pathRule) bool {
			return r.glob.Matches(home, u.path) || u.below && r.glob.CoversBelow(home, u.path)
		})
	})
}

// use notes what a line does.
func (t *tree) use(direction Direction, s spot, below bool) {
	for _, name := range s.names() {
		t.used = append(t.used, fileUse{direction, name, below})
	}
}

// rules are the paths that roles list for the protocol.
func (t *tree) rules(direction Direction) []pathRule {
	var list []pathRule
	for _, role := range t.roles {
		list = append(list, paths(role.carried(t.by), direction)...)
	}
	return list
}

// at reports whether the path itself is listed.
func (t *tree) at(direction Direction, name string) bool {
	return anyPath(t.rules(direction), func(r pathRule) bool { return r.glob.Matches(t.r.home(), name) })
}

// below reports whether all below the path is listed.
func (t *tree) below(direction Direction, name string) bool {
	return anyPath(t.rules(direction), func(r pathRule) bool { return r.glob.CoversBelow(t.r.home(), name) })
}

// absolute is a word of the line as an absolute path. While the home that it, or a listed path, needs is not known, it is false.
func (t *tree) absolute(word string) (string, bool) {
	asked, ok := absolute(word, t.r.home())
	if t.r.home() == "" && slices.ContainsFunc(t.roles, func(a applied) bool {
		return slices.ContainsFunc(a.carried(t.by), fileRules.inHome) || slices.ContainsFunc(a.files, func(f fileRules) bool {
			return slices.ContainsFunc(f.deny, func(d fileDeny) bool { return d.glob.InHome() })
		})
	}) {
		ok = false
	}
	if !ok {
		t.need(Probe{Kind: ProbeHome})
	}
	return asked, ok
}

// find says where an absolute path leads; ok is false, and a probe noted, if that is not known.
func (t *tree) find(asked string) (s spot, ok bool) {
	s = spotOf(asked)
	fact, known := t.r.Facts.Paths[asked]
	if !known {
		if !t.r.Facts.Assume {
			t.need(Probe{Kind: ProbePath, Name: asked})
		}
		return s, t.r.Facts.Assume
	}
	s.real, s.kind = fact.Real, fact.Kind
	return s, true
}

// denied reports a deny of a role's files that is about a path, or about something that may lie below it.
func (t *tree) denied(s spot) *Decision {
	home := t.r.home()
	met, _ := deniedName(t.roles, home, func(d *fileDeny) bool {
		return slices.ContainsFunc(s.names(), func(name string) bool {
			return d.glob.Matches(home, name) || !s.lone() && d.glob.ReachesBelow(home, name)
		})
	})
	if met == nil {
		return nil
	}
	no := met.decision(quoteCut(s.asked))
	return &no
}

// unlisted denies a path.
func (t *tree) unlisted(direction Direction, s spot, format string) *Decision {
	no := deny(CodeFileNotAllowed, fmt.Sprintf(format, quoteCut(s.asked), past(direction), t.by))
	no.Nearest = nearestPaths(t.rules(direction), s.clean, t.r.home())
	return &no
}
