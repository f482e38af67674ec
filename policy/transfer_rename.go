package policy

import (
	"fmt"
	"slices"
)

// deniedRename reports a rename that would change something which may not be written, make readable what is not, or take a file past a
// hold or a max_file: to where one holds for what is written, or from where one holds for what is read. What is moved may be a folder
// unless it is known to be a file.
func (f FileAsk) deniedRename(roles []applied, home string) *Decision {
	var read, write []pathRule
	for _, role := range roles {
		for _, s := range role.carried(f.By) {
			read, write = append(read, s.read...), append(write, s.write...)
		}
	}
	all := func(rules []pathRule, name string) bool {
		return anyPath(rules, func(r pathRule) bool { return r.glob.Matches(home, name) }) &&
			(f.Kind == PathFile || anyPath(rules, func(r pathRule) bool { return r.glob.CoversBelow(home, name) }))
	}
	some := func(rules []pathRule, name string) bool {
		return anyPath(rules, func(r pathRule) bool {
			return r.glob.Matches(home, name) || f.Kind != PathFile && r.glob.ReachesBelow(home, name)
		})
	}
	for _, name := range []string{f.Path, f.To} {
		if !all(write, name) {
			no := deny(CodeFileNotAllowed, fmt.Sprintf("no role lets %s and all below it be written by %s", quoteCut(name), quoteCut(string(f.By))))
			no.Nearest = nearestPaths(write, name, home)
			return &no
		}
	}
	if some(read, f.To) && !all(read, f.Path) {
		no := deny(CodeFileNotAllowed, fmt.Sprintf("%s may not be read, and could be under its new name", quoteCut(f.Path)))
		return &no
	}
	for _, role := range roles {
		for _, s := range role.carried(f.By) {
			evades := some(s.write, f.To) && !all(s.write, f.Path) || some(s.read, f.Path) && some(read, f.To) && !all(s.read, f.To)
			if (s.hold != nil || s.maxFile > 0) && evades {
				no := deny(CodeFileNotAllowed, fmt.Sprintf("%s has other limits than %s: carry the file there", quoteCut(f.To), quoteCut(f.Path)))
				return &no
			}
		}
	}
	return nil
}

func anyPath(rules []pathRule, is func(pathRule) bool) bool { return slices.ContainsFunc(rules, is) }

// names says which names of a folder may be shown: those that are meant, or that lead to what is meant; none listed if all may be.
func (f FileAsk) names(roles []applied, home string) []string {
	var list []string
	for _, role := range roles {
		for _, s := range role.carried(f.By) {
			for _, r := range slices.Concat(s.read, s.write) {
				name, ok := r.glob.NextName(home, f.Path)
				if r.glob.Matches(home, f.Path) || name == "*" {
					return nil
				}
				if ok && !slices.Contains(list, name) {
					list = append(list, name)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}
