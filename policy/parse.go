package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"gatehouse/policy/command"
)

// The bounds of a policy, and the validity of certificates.
const (
	maxFiles      = 64
	maxPolicySize = 4 << 20 // bytes of all files
	maxRules      = 50_000
	maxTests      = 10_000

	defaultAgentTTL = 15 * time.Minute
	maxAgentTTL     = time.Hour
	maxPersonTTL    = 8 * time.Hour // also the default

	defaultRenewal = 12 * time.Hour // agents; people prove themselves again
	maxRenewal     = 30 * 24 * time.Hour
)

// File is one policy file. Name is what messages call it and is part of the hash.
type File struct {
	Name string
	Data []byte
}

// Parse reads a policy from one or more files, whose sections are merged; what stands in two of them is a mistake. Its
// error is a *ParseError with every mistake that was found.
func Parse(files []File) (*Policy, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	b := newBuilder()
	if b.filesFit(files) {
		for _, f := range files {
			b.readFile(f)
		}
		for _, later := range slices.Concat(b.rulesLater, b.includesLater) {
			later()
		}
		for _, check := range b.checks {
			check()
		}
	}
	if err := b.found.err(); err != nil {
		return nil, err
	}
	b.policy.hash, b.policy.roles, b.policy.slots, b.policy.places = hashFiles(files), b.roles, b.slots, b.places
	b.policy.asks = indexAsks(b.roles)
	return b.policy, nil
}

// builder is a policy in the making. References are checked when all files are read.
type builder struct {
	policy   *Policy
	found    problems
	checks   []func()
	roles    map[string]*role
	profiles map[string]Profile
	rules    int
	slots    command.Slots
	included map[string]bool   // roles that another one includes
	places   map[string]place  // of what has been defined: "role web-operator"
	keys     map[string]string // of whom each approval key is

	rulesLater    []func() // when the slots of all files are known
	includesLater []func() // when all rules are
}

func newBuilder() *builder {
	return &builder{
		policy: &Policy{agents: map[string]*subject{}, people: map[string]*subject{}, groups: map[string][]string{},
			issuers: map[string]Issuer{}},
		roles:    map[string]*role{},
		slots:    command.Slots{},
		included: map[string]bool{},
		profiles: map[string]Profile{},
		places:   map[string]place{},
		keys:     map[string]string{},
	}
}

func (b *builder) filesFit(files []File) bool {
	size := 0
	names := map[string]bool{}
	for _, f := range files {
		size += len(f.Data)
		if names[f.Name] {
			b.found.add(place{file: f.Name}, "this file is given twice")
		}
		names[f.Name] = true
	}
	switch {
	case len(files) == 0:
		b.found.add(place{file: "policy"}, "there is no policy file")
	case len(files) > maxFiles:
		b.found.add(place{file: "policy"}, "there are more than %d policy files", maxFiles)
	case size > maxPolicySize:
		b.found.add(place{file: "policy"}, "the policy is larger than %d bytes", maxPolicySize)
	}
	return len(b.found.list) == 0
}

func (b *builder) readFile(f File) {
	before := len(b.found.list)
	node := parseYAML(f, &b.found)
	if len(b.found.list) > before {
		return
	}
	if node == nil {
		node = ast.Null(nil)
	}
	root := value{&reader{f.Name, &b.found}, node, "the policy"}
	versioned := false
	root.fields(map[string]func(value){
		"version":  func(v value) { versioned = true; readVersion(v) },
		"issuers":  orNothing(b.readIssuers),
		"profiles": orNothing(b.readProfiles),
		"groups":   orNothing(b.readGroups),
		"people":   orNothing(b.readPeople),
		"agents":   orNothing(b.readAgents),
		"slots":    orNothing(b.readSlots),
		"roles":    orNothing(b.readRoles),
		"freezes":  orNothing(b.readFreezes),
		"residue":  orNothing(b.readResidue),
		"tests":    orNothing(b.readTests),
	})
	if !versioned && len(b.found.list) == before {
		b.found.add(place{f.Name, 1, 1}, "the file must say version: 1")
	}
}

// orNothing lets a section be empty, as when all its lines are comments. Below the sections, nothing is always a mistake.
func orNothing(read func(value)) func(value) {
	return func(v value) {
		if _, empty := v.node.(*ast.NullNode); !empty {
			read(v)
		}
	}
}

func readVersion(v value) {
	if n, ok := v.node.(*ast.IntegerNode); !ok || n.String() != "1" {
		v.problem("the only version is 1")
	}
}

// named calls read for each key of a section, after checking the name and that nothing else has it.
func (b *builder) named(v value, sort string, read func(name string, v value)) {
	for _, f := range v.mapping() {
		if !validName(f.key) {
			b.found.add(f.at, "%q cannot be in %s: %s", f.key, v.what, nameShape)
			continue
		}
		id := sort + " " + f.key
		if first, ok := b.places[id]; ok {
			b.found.add(f.at, "the %s %q is defined twice, first in %s line %d", sort, f.key, first.file, first.line)
			continue
		}
		b.places[id] = f.at
		f.what = "the " + id
		read(f.key, f.value)
	}
}
