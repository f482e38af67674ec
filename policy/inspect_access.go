package policy

import (
	"maps"
	"slices"
	"time"
)

// LentInfo is a role that the holders of another one may ask for, as a reader of the policy sees it.
type LentInfo struct {
	Role  string     `json:"role"`
	Terms []Approval `json:"terms"` // each must be met
	File  string     `json:"-"`
	Line  int        `json:"-"`
}

// GlassInfo is a role that the holders of another one may take in an emergency.
type GlassInfo struct {
	Glass
	Said bool   `json:"-"` // the policy says who reviews it
	File string `json:"-"`
	Line int    `json:"-"`
}

// FreezeInfo is a freeze as a reader of the policy sees it.
type FreezeInfo struct {
	Targets  []string // as they are described
	From, To time.Time
	Reason   string
	File     string
	Line     int
}

// ResidueInfo is where targets may be looked at for what stayed.
type ResidueInfo struct {
	Targets  []string // as they are described
	Examples []TargetExample
	Logins   []Login
	File     string
	Line     int
}

// privileges fills what a role says of its holders' privileges.
func (r *role) privileges(info *RoleInfo) {
	info.Windows, info.InFreeze, info.Budget, info.Shell = len(r.windows) > 0, r.inFreeze, r.budget, r.shellText()
	for _, request := range r.requests {
		info.Requests = append(info.Requests, LentInfo{Role: request.role.name, Terms: slices.Clone(request.terms), File: request.at.file, Line: request.at.line})
	}
	for _, glass := range r.glass {
		info.Glasses = append(info.Glasses, GlassInfo{Glass: glass.terms, Said: glass.reviewed, File: glass.at.file, Line: glass.at.line})
	}
}

// groupsNamed are the groups that approve or review something.
func (p *Policy) groupsNamed() map[string]bool {
	named := map[string]bool{}
	name := func(list ...Approval) {
		for _, a := range list {
			for _, group := range a.From {
				named[group] = true
			}
		}
	}
	for _, r := range p.roles {
		for _, rl := range r.rules {
			name(rl.terms...)
		}
		for _, request := range r.requests {
			name(request.terms...)
		}
		for _, glass := range r.glass {
			name(glass.terms.Review)
		}
	}
	return named
}

// Freezes returns the policy's freezes, in its order.
func (p *Policy) Freezes() []FreezeInfo {
	var all []FreezeInfo
	for _, f := range p.freezes {
		all = append(all, FreezeInfo{Targets: describeTargets(f.targets), From: f.from, To: f.to, Reason: f.reason, File: f.at.file, Line: f.at.line})
	}
	return all
}

// Residues returns what the policy's residue section says, in its order.
func (p *Policy) Residues() []ResidueInfo {
	var all []ResidueInfo
	for _, r := range p.residue {
		info := ResidueInfo{Targets: describeTargets(r.targets), Logins: slices.Clone(r.logins), File: r.at.file, Line: r.at.line}
		for _, m := range r.targets {
			info.Examples = append(info.Examples, m.example())
		}
		all = append(all, info)
	}
	return all
}

// readGrantedRoles reads the roles that a test's identity holds for a time.
func (b *builder) readGrantedRoles(v value) []string {
	var list []string
	for _, item := range v.list() {
		name, ok := item.text()
		if !ok {
			continue
		}
		list = append(list, name)
		b.checks = append(b.checks, func() {
			if b.roles[name] == nil {
				item.problem("there is no role %q%s", name, didYouMean(name, slices.Sorted(maps.Keys(b.roles))))
			}
		})
	}
	return list
}
