package policy

import (
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// Offering is what an identity may do, as far as it asked: where, or what on one target.
type Offering struct {
	Principal string       `json:"principal"`
	Reach     []Reach      `json:"reach,omitempty"`   // where, if no target was named
	Logins    []LoginOffer `json:"logins,omitempty"`  // what, on the target that was named
	Request   []LentOffer  `json:"request,omitempty"` // what may be asked for, if no target was named
}

// Reach is where one role applies. Targets are as the role describes them: which of them exist it does not say.
type Reach struct {
	Role    string          `json:"role"`
	Targets []TargetPattern `json:"targets"`
	Logins  []Login         `json:"logins"`
}

// TargetPattern describes targets by a glob over names, by globs over the values of labels, or by both.
type TargetPattern struct {
	Name   string            `json:"name,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
}

// LoginOffer is what may be done on one target with one login: what each role says that reaches it.
type LoginOffer struct {
	Login  Login   `json:"login"`
	Offers []Offer `json:"offers"`
}

// Offer is what one role lets its holder do. Lists that are empty grant nothing.
type Offer struct {
	Role    string      `json:"role"`
	Windows []string    `json:"windows,omitempty"` // when the role applies, in words; empty: always
	When    string      `json:"when,omitempty"`    // its condition
	Limits  Obligations `json:"limits,omitzero"`
	Shell   string      `json:"shell,omitempty"`       // "governed" or "recorded"; empty: none
	Lenient bool        `json:"best_effort,omitempty"` // recording: best_effort
	Rules   []RuleOffer `json:"rules,omitempty"`       // allow, then ask, then deny, each in the policy's order
	Env     []EnvOffer  `json:"env,omitempty"`
	Dirs    []string    `json:"dirs,omitempty"`
	Read    []string    `json:"read,omitempty"`
	Write   []string    `json:"write,omitempty"`
	Files   []FileOffer `json:"files,omitempty"` // what transfers may carry; Read and Write are what redirections may
	Forward []string    `json:"forward,omitempty"`
	Dropped int         `json:"dropped,omitempty"` // how many entries of these lists did not fit into the answer
}

// FileOffer is one section of files that transfers may carry.
type FileOffer struct {
	By      []Carrier `json:"by"`
	Read    []string  `json:"read,omitempty"`
	Write   []string  `json:"write,omitempty"`
	Deny    []string  `json:"deny,omitempty"`
	MaxFile int64     `json:"max_file,omitempty"` // bytes
	Held    bool      `json:"held,omitempty"`     // contents are looked at before they pass
}

// RuleOffer is one rule, in the words of the policy.
type RuleOffer struct {
	ID         string       `json:"id"`
	Kind       string       `json:"kind"`            // "allow", "ask", "deny"
	Pattern    string       `json:"pattern"`         // named slots are written out
	When       string       `json:"when,omitempty"`  // its condition
	Mode       Mode         `json:"mode,omitempty"`  // allow and ask
	PTY        bool         `json:"pty,omitempty"`   // it may have a pty
	Stdin      []StdinClass `json:"stdin,omitempty"` // any of these; "none" is left out
	StdinMax   int64        `json:"stdin_max,omitempty"`
	Dirs       []string     `json:"dirs,omitempty"`    // in place of the roles'
	Checksum   bool         `json:"sha256,omitempty"`  // the program's file must have a certain hash
	DryRun     bool         `json:"dry_run,omitempty"` // it is shown and not run
	MaxSeconds int64        `json:"max_seconds,omitempty"`
	Approval   *Approval    `json:"approval,omitempty"` // ask
	Also       []Approval   `json:"also,omitempty"`     // ask: what else must be met
	Reason     string       `json:"reason,omitempty"`   // deny
}

// EnvOffer is a variable that may be set: a name, or a beginning of names and *. Value is the pattern that its value must have.
type EnvOffer struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

// Where returns where the identity's roles apply, in the order of its roles. A role without targets is left out.
func (p *Policy) Where(id Identity) []Reach {
	s := p.subject(id.Kind, id.Name)
	if s == nil || p.Standing(id.Kind, id.Name) != "" {
		return nil
	}
	var list []Reach
	for _, r := range s.roles {
		if len(r.targets) > 0 && len(r.logins) > 0 {
			list = append(list, r.reachOf())
		}
	}
	return list
}

func (r *role) reachOf() Reach {
	one := Reach{Role: r.name, Logins: slices.Clone(r.logins)}
	for _, m := range r.targets {
		one.Targets = append(one.Targets, TargetPattern{m.name, m.labels})
	}
	return one
}

// Logins returns the logins with which a role of the identity reaches the target, sorted.
func (p *Policy) Logins(id Identity, target string, labels map[string]string) []Login {
	var list []Login
	for _, r := range p.Where(id) {
		for _, login := range r.Logins {
			if p.Reaches(id, target, labels, login) {
				list = append(list, login)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Offers returns what the identity's roles let it do on a target with a login, at whatever time and under whatever condition;
// nothing if none reaches it.
func (p *Policy) Offers(id Identity, target string, labels map[string]string, login Login) []Offer {
	return p.OffersAs(Request{Identity: id, Target: target, Labels: labels, Login: login})
}

// OffersAs is Offers for whoever asks, with the roles that they hold for a time, each role once.
func (p *Policy) OffersAs(r Request) []Offer {
	var list []Offer
	var seen []*role
	for _, h := range p.holdings(&r) {
		if h.reaches(r.Target, r.Labels, r.Login) && !slices.Contains(seen, h.role) {
			seen, list = append(seen, h.role), append(list, h.offer())
		}
	}
	return list
}

func (r *role) offer() Offer {
	o := Offer{Role: r.name, When: r.when.String(), Limits: r.limits, Shell: r.shellText(), Lenient: r.lenient, Dirs: pathTexts(r.dirs), Read: pathTexts(paths(r.files, FileRead)), Write: pathTexts(paths(r.files, FileWrite))}
	for _, w := range r.windows {
		o.Windows = append(o.Windows, windowsText([]window{w}))
	}
	for _, kind := range []RuleKind{AllowRule, AskRule, DenyRule} {
		for _, rl := range r.rules {
			if rl.kind == kind {
				o.Rules = append(o.Rules, rl.offer())
			}
		}
	}
	for _, e := range r.env {
		o.Env = append(o.Env, e.offer())
	}
	for _, f := range r.files {
		if len(f.by) > 0 {
			o.Files = append(o.Files, f.offer())
		}
	}
	for _, f := range r.forwards {
		o.Forward = append(o.Forward, f.text)
	}
	return o
}

// shellText is which shell the role grants.
func (r *role) shellText() string {
	switch {
	case r.shell:
		return "recorded"
	case r.governed:
		return "governed"
	}
	return ""
}

func (s fileRules) offer() FileOffer {
	o := FileOffer{By: s.by, Read: pathTexts(s.read), Write: pathTexts(s.write), MaxFile: s.maxFile, Held: s.hold != nil}
	for _, d := range s.deny {
		o.Deny = append(o.Deny, pathTexts([]pathRule{d.pathRule})...)
	}
	return o
}

func (rl *rule) offer() RuleOffer {
	mode := rl.mode
	if rl.kind == DenyRule {
		mode = ""
	}
	return RuleOffer{ID: rl.id, Kind: string(rl.kind), Pattern: rl.shown, When: rl.when.String(), Mode: mode, PTY: rl.pty,
		Stdin:    slices.DeleteFunc(slices.Clone(rl.stdin), func(c StdinClass) bool { return c == StdinNone }),
		StdinMax: rl.stdinMax, Dirs: pathTexts(rl.dirs), Checksum: len(rl.sha256) > 0, DryRun: rl.dryRun, MaxSeconds: rl.seconds, Approval: first(rl.terms), Also: rest(rl.terms), Reason: rl.reason}
}

func (e envRule) offer() EnvOffer { return EnvOffer{e.name, e.shown} }

// String is the variable as an assignment reads: "LANG", "APP_ENV=<enum:staging,prod>".
func (e EnvOffer) String() string {
	if e.Value == "" {
		return e.Name
	}
	return e.Name + "=" + e.Value
}

func pathTexts(rules []pathRule) []string {
	var list []string
	for _, r := range rules {
		list = append(list, r.text)
	}
	return list
}

// String is the condition as it was written; of none, nothing.
func (c *condition) String() string {
	if c == nil {
		return ""
	}
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(strings.TrimSpace(c.text))
}

// shown is a pattern's text for whoever does not have the policy: on one line, with named slots written out.
func shown(text string, slots command.Slots) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		end := i + 1
		switch c := text[i]; c {
		case ' ', '\n', '\t':
			if next := strings.TrimLeft(text[i:], " \n\t"); next != "" && b.Len() > 0 {
				b.WriteByte(' ')
			}
			i = len(text) - len(strings.TrimLeft(text[i:], " \n\t"))
			continue
		case '"', '\'', '<':
			closing := strings.IndexByte(text[end:], map[byte]byte{'"': '"', '\'': '\'', '<': '>'}[c])
			end += closing + 1 // a pattern that was parsed closes what it opens
		}
		part := text[i:end]
		if part[0] == '<' && slots[part[1:len(part)-1]] != nil && !command.IsSlotType(part[1:len(part)-1]) {
			part = slots[part[1:len(part)-1]].String()
		}
		b.WriteString(part)
		i = end
	}
	return b.String()
}
