package policy

import (
	"slices"
	"strings"

	"gatehouse/policy/program"
)

// git judges the repository of git's far side. git looks for it by several names and follows what stands in it, so each
// of them that is there must be a folder, listed, and one that keeps its objects in itself.
func (t *tree) git(s program.GitServer) *Decision {
	direction := FileRead
	if s.Writes {
		direction = FileWrite
	}
	t.word = s.Repository
	asked, ok := t.absolute(s.Repository)
	if !ok {
		return nil
	}
	asked = "/" + strings.Trim(asked, "/")
	named := spotOf(asked)
	if !t.repository(direction, named.clean) && !t.repository(direction, named.clean+".git") {
		return t.unlisted(direction, named, "no role lets %s be %s by %s")
	}
	if no := t.denied(named); no != nil {
		return no
	}
	var found []spot
	known := true
	for _, suffix := range []string{"", "/.git", ".git", ".git/.git"} { // enter_repo in git's path.c
		candidate, ok := t.find(asked + suffix)
		known = known && ok
		if candidate.kind != PathNone && (candidate.kind != "" || suffix == "") {
			found = append(found, candidate)
		}
	}
	if !known {
		return nil
	}
	for _, candidate := range found {
		if no := t.serves(direction, candidate); no != nil {
			return no
		}
	}
	t.use(direction, named, true)
	return nil
}

// repository reports whether a repository at the path is listed: by its own path or with all below it, or as the .git of a folder that is.
func (t *tree) repository(direction Direction, name string) bool {
	if inside, ok := strings.CutSuffix(name, "/.git"); ok && inside != "" && (t.at(direction, inside) || t.below(direction, inside)) {
		return true
	}
	return t.at(direction, name) || t.below(direction, name)
}

// serves judges what is found by one of the names.
func (t *tree) serves(direction Direction, s spot) *Decision {
	switch {
	case s.kind == "":
	case s.kind != PathDir:
		return t.unlisted(direction, s, "%s is no folder, and would lead to a repository elsewhere that is %s by %s")
	case !t.repository(direction, s.real):
		return t.unlisted(direction, s, "no role lets %s be %s by %s")
	default:
		if no := t.ownObjects(direction, s); no != nil {
			return no
		}
	}
	if no := t.denied(s); no != nil {
		return no
	}
	t.use(direction, s, true)
	return nil
}

// ownObjects reports a repository that has its objects or refs elsewhere.
func (t *tree) ownObjects(direction Direction, s spot) *Decision {
	for _, name := range []string{"objects", "refs", "commondir", "objects/info/alternates"} {
		at, ok := t.find(s.real + "/" + name)
		if !ok || at.kind == PathNone {
			continue
		}
		inside := at.kind == PathDir && at.real == at.clean && slices.Contains([]string{"objects", "refs"}, name)
		if !inside {
			return t.unlisted(direction, s, "%s has objects or refs elsewhere, which would be %s by %s too")
		}
	}
	return nil
}
