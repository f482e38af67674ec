// Package policy decides: who may run what where. It is pure. It imports the standard library, a YAML parser and its own
// pattern language and CEL, and knows no ssh, network, clock or file; the same policy and request give the same decision.
//
// It trusts the Identity of a Request, which is made from a verified certificate, and nothing else in it. It guarantees:
// what no rule allows is denied, an empty policy allows nothing; a deny rule beats every allow rule and the order of rules
// never matters; each command of a plan needs a rule of its own; nothing is decided for a plan that does not Validate.
package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"

	"gatehouse/policy/command"
)

// maxTask bounds an identity's task in bytes.
const maxTask = 256

// Right is something a person may do to Gatehouse itself. Agents never have rights.
type Right string

// The rights.
const (
	View       Right = "view"       // list, show, watch and replay sessions
	Operate    Right = "operate"    // end sessions
	Unmask     Right = "unmask"     // see secrets in sessions, with a reason
	Review     Right = "review"     // mark what happened as reviewed
	Approve    Right = "approve"    // answer requests
	Administer Right = "administer" // everything else that an administrator does
)

// rights lists all there are, in the order in which Rights returns them.
var rights = [...]Right{View, Operate, Unmask, Review, Approve, Administer}

// Policy is a parsed policy. It is immutable and may be used by many goroutines at once. The zero Policy denies everything.
type Policy struct {
	hash    string
	agents  map[string]*subject
	people  map[string]*subject
	groups  map[string][]string // names of people, without "person:"
	issuers map[string]Issuer
	roles   map[string]*role
	slots   command.Slots
	places  map[string]place // of what is defined: "role web-operator"
	tests   []Test
	freezes []freeze
	residue []residueRule
	asks    map[string]*rule // the ask rules by their ids
}

// subject is what a policy says about one agent or person.
type subject struct {
	owner    string // agents only
	roles    []*role
	disabled bool
	profile  Profile
	enrol    []Enrolment   // agents only
	oidc     account       // people only
	keys     []approvalKey // people only
}

// Hash identifies the policy's text: "sha256:…" over the names and contents of its files, in the order of their names.
func (p *Policy) Hash() string { return p.hash }

// Identity returns who the policy says that name is; ok is false for a stranger, for who may not act now (Standing says
// why), and for a task that is longer than 256 bytes or has control characters.
func (p *Policy) Identity(kind Kind, name, task string) (id Identity, ok bool) {
	s := p.subject(kind, name)
	if s == nil || p.Standing(kind, name) != "" || len(task) > maxTask || strings.ContainsFunc(task, unicode.IsControl) {
		return Identity{}, false
	}
	return Identity{Kind: kind, Name: name, Owner: s.owner, Task: task}, true
}

// Reaches reports whether a role of the identity grants that target with that login, for whatever command, at whatever time.
func (p *Policy) Reaches(id Identity, target string, labels map[string]string, login Login) bool {
	return len(p.reach(id, target, labels, login)) > 0
}

// ReachesAs is Reaches for whoever asks, with the roles that they hold for a time.
func (p *Policy) ReachesAs(r Request) bool {
	return slices.ContainsFunc(p.holdings(&r), func(h holding) bool { return h.reaches(r.Target, r.Labels, r.Login) })
}

// Rights returns the rights that the identity's roles give; none for an agent or a stranger.
func (p *Policy) Rights(id Identity) []Right {
	s := p.subject(id.Kind, id.Name)
	if s == nil || s.disabled || id.Kind != Person {
		return nil
	}
	var granted []Right
	for _, right := range rights {
		if slices.ContainsFunc(s.roles, func(r *role) bool { return slices.Contains(r.rights, right) }) {
			granted = append(granted, right)
		}
	}
	return granted
}

func (p *Policy) subject(kind Kind, name string) *subject {
	switch kind {
	case Agent:
		return p.agents[name]
	case Person:
		return p.people[name]
	}
	return nil
}

// reach returns the roles of the identity that grant the target and the login.
func (p *Policy) reach(id Identity, target string, labels map[string]string, login Login) []*role {
	return slices.DeleteFunc(slices.Clone(p.actingRoles(id)), func(r *role) bool { return !r.reaches(target, labels, login) })
}

// actingRoles returns the roles of the identity, none if it may not act now. They are the policy's own.
func (p *Policy) actingRoles(id Identity) []*role {
	if p.Standing(id.Kind, id.Name) != "" {
		return nil
	}
	return p.subject(id.Kind, id.Name).roles
}

// hashFiles is the policy's hash: SHA-256 over, for each file in the order of names, the lengths of name and data as 8 bytes big-endian,
// the name and the data.
func hashFiles(files []File) string {
	h := sha256.New()
	for _, f := range files {
		var lengths []byte
		lengths = binary.BigEndian.AppendUint64(lengths, uint64(len(f.Name)))
		lengths = binary.BigEndian.AppendUint64(lengths, uint64(len(f.Data)))
		h.Write(lengths)
		h.Write([]byte(f.Name))
		h.Write(f.Data)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// HashOf is the hash that a policy of these files has, whether they are valid or not. The order of files does not matter.
func HashOf(files []File) string {
	return hashFiles(slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) }))
}
