package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// RuleKind is the list that a rule stands in.
type RuleKind string

// The kinds of rules.
const (
	AllowRule RuleKind = "allow"
	AskRule   RuleKind = "ask"
	DenyRule  RuleKind = "deny"
)

// RuleInfo is a rule as a reader of the policy sees it.
type RuleInfo struct {
	ID      string // "web-operator/allow[2]"
	Role    string // the role whose list it stands in
	Kind    RuleKind
	Pattern *command.Pattern
	Mode    Mode
	PTY     bool
	Stdin   []StdinClass // empty: none
	Reason  string       // of a deny rule
	When    bool         // it has a condition of its own
	Terms   []Approval   // ask: each must be met
	File    string
	Line    int // from 1
}

// RoleInfo is a role as a reader of the policy sees it.
type RoleInfo struct {
	Name       string
	Targets    []string // as they are described: globs, labels
	Examples   []TargetExample
	Logins     []Login
	Rights     []Right
	Includes   []string
	Rules      []RuleInfo  // its own and those that it includes
	Requests   []LentInfo  // roles that its holders may ask for
	Glasses    []GlassInfo // roles that its holders may take in an emergency
	Windows    bool        // it has windows
	InFreeze   bool
	Shell      string // "governed" or "recorded"; empty: none
	OpensFiles bool   // it has files, its own or those that it includes, that may be read or written
	Budget     Budget
	File       string
	Line       int
}

// TargetExample is a target that a role reaches, made from what the role says.
type TargetExample struct {
	Name   string
	Labels map[string]string
}

// SlotInfo is a slot that the policy names for its rules to share.
type SlotInfo struct {
	Name string
	File string
	Line int
}

// Slots returns the named slots by name.
func (p *Policy) Slots() []SlotInfo {
	var all []SlotInfo
	for _, name := range slices.Sorted(maps.Keys(p.slots)) {
		at := p.placeOf("slot", name)
		all = append(all, SlotInfo{Name: name, File: at.file, Line: at.line})
	}
	return all
}

// SubjectInfo is an agent or a person as a reader of the policy sees them.
type SubjectInfo struct {
	Kind     Kind
	Name     string
	Owner    string // agents: "person:ann" or "group:web"
	Roles    []string
	Disabled bool
	File     string
	Line     int
}

// Principal is "agent:NAME" or "person:NAME".
func (s SubjectInfo) Principal() string { return string(s.Kind) + ":" + s.Name }

// GroupInfo is a group of people.
type GroupInfo struct {
	Name    string
	Members []string // names, without "person:"
	Named   bool     // something besides an owner names it: an ask rule, a request, a review
	File    string
	Line    int
}

// Rules returns every rule once, in the order of roles and of their lists.
func (p *Policy) Rules() []RuleInfo {
	var all []RuleInfo
	for _, r := range p.Roles() {
		for _, rl := range r.Rules {
			if rl.Role == r.Name {
				all = append(all, rl)
			}
		}
	}
	return all
}

// Roles returns all roles by name.
func (p *Policy) Roles() []RoleInfo {
	var all []RoleInfo
	for _, name := range slices.Sorted(maps.Keys(p.roles)) {
		r := p.roles[name]
		info := RoleInfo{Name: name, Logins: slices.Clone(r.logins), Rights: slices.Clone(r.rights), Includes: slices.Clone(r.includes), File: r.at.file, Line: p.placeOf("role", name).line}
		for _, m := range r.targets {
			info.Targets = append(info.Targets, m.String())
			info.Examples = append(info.Examples, m.example())
		}
		for _, rl := range r.rules {
			info.Rules = append(info.Rules, rl.info())
		}
		info.OpensFiles = slices.ContainsFunc(r.files, func(f fileRules) bool { return len(f.read)+len(f.write) > 0 })
		r.privileges(&info)
		all = append(all, info)
	}
	return all
}

func (rl *rule) info() RuleInfo {
	info := RuleInfo{ID: rl.id, Role: rl.role, Kind: rl.kind, Pattern: rl.pattern, Mode: rl.mode, PTY: rl.pty, Reason: rl.reason, When: rl.when != nil, Terms: slices.Clone(rl.terms), File: rl.at.file, Line: rl.at.line}
	for _, class := range rl.stdin {
		if class != StdinNone {
			info.Stdin = append(info.Stdin, class)
		}
	}
	return info
}

// Agents returns all agents by name.
func (p *Policy) Agents() []SubjectInfo { return p.subjects(Agent, p.agents) }

// People returns all people by name.
func (p *Policy) People() []SubjectInfo { return p.subjects(Person, p.people) }

func (p *Policy) subjects(kind Kind, list map[string]*subject) []SubjectInfo {
	var all []SubjectInfo
	for _, name := range slices.Sorted(maps.Keys(list)) {
		s := list[name]
		at := p.placeOf(string(kind), name)
		info := SubjectInfo{Kind: kind, Name: name, Owner: s.owner, Disabled: s.disabled, File: at.file, Line: at.line}
		for _, r := range s.roles {
			info.Roles = append(info.Roles, r.name)
		}
		all = append(all, info)
	}
	return all
}

// Groups returns all groups by name.
func (p *Policy) Groups() []GroupInfo {
	var all []GroupInfo
	named := p.groupsNamed()
	for _, name := range slices.Sorted(maps.Keys(p.groups)) {
		at := p.placeOf("group", name)
		all = append(all, GroupInfo{Name: name, Members: slices.Clone(p.groups[name]), Named: named[name], File: at.file, Line: at.line})
	}
	return all
}

// Tests returns the tests of the policy's files, in their order.
func (p *Policy) Tests() []Test { return slices.Clone(p.tests) }

// RoleReaches reports whether a role grants a target with a login, and if not, why.
func (p *Policy) RoleReaches(name, target string, labels map[string]string, login Login) (ok bool, why string) {
	r := p.roles[name]
	if r == nil {
		return false, "there is no such role"
	}
	if r.reaches(target, labels, login) {
		return true, ""
	}
	if slices.Contains(r.logins, login) {
		return false, fmt.Sprintf("its targets are %s", listed(describeTargets(r.targets)))
	}
	names := make([]string, len(r.logins))
	for i, l := range r.logins {
		names[i] = string(l)
	}
	return false, fmt.Sprintf("its logins are %s", listed(names))
}

func listed(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// ParsePattern reads a pattern as a rule of this policy would be read.
func (p *Policy) ParsePattern(text string) (*command.Pattern, error) {
	return command.Parse(text, p.slots)
}

// placeOf is where something is defined.
func (p *Policy) placeOf(sort, name string) place { return p.places[sort+" "+name] }
