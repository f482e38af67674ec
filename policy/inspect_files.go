package policy

import "slices"

// WritesTo reports whether files of a role, its own or those that it includes, let a transfer or a redirection write to a path, and none of them
// denies it. The home is where the login lives.
func (p *Policy) WritesTo(role, home, path string) bool {
	r := p.roles[role]
	if r == nil {
		return false
	}
	writes := false
	for _, f := range r.files {
		if slices.ContainsFunc(f.deny, func(d fileDeny) bool { return d.glob.Matches(home, path) }) {
			return false
		}
		writes = writes || anyPath(f.write, func(r pathRule) bool { return r.glob.Matches(home, path) })
	}
	return writes
}
