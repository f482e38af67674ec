package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"gatehouse/policy/command"
)

// The bounds of roles and named slots.
const (
	maxIncludes = 32
	maxSlots    = 1000
)

// readSlots reads the slots section, before any pattern is read: a name and what it stands for, "<path:/var/log/app/**>".
func (b *builder) readSlots(v value) {
	b.named(v, "slot", func(name string, v value) {
		text, ok := v.text()
		if !ok {
			return
		}
		if len(b.slots) == maxSlots {
			v.problem("a policy has at most %d slots", maxSlots)
			return
		}
		inner, open := strings.CutPrefix(text, "<")
		inner, closed := strings.CutSuffix(inner, ">")
		slot, err := command.ParseSlot(inner)
		switch {
		case command.IsSlotType(name):
			v.problem("a slot cannot be called %q, which is a type of slots: give it another name", name)
		case open != closed || !open:
			v.problem("%q cannot be %s: write a slot, such as <path:/var/log/app/**>", text, v.what)
		case err != nil:
			b.syntaxProblem(v, text, err, 1)
		default:
			b.slots[name] = slot
		}
	})
}

// readRoles reads everything of the roles but their rules, which may use slots of any file.
func (b *builder) readRoles(v value) {
	b.named(v, "role", func(name string, v value) {
		r := &role{name: name, at: v.at(), programs: map[string]*ruleSet{}}
		b.roles[name] = r
		ids := map[string]bool{}
		later := func(kind RuleKind) func(value) {
			return func(v value) { b.rulesLater = append(b.rulesLater, func() { b.readRules(v, r, ids, kind) }) }
		}
		v.fields(map[string]func(value){
			"includes": func(v value) { r.includes = texts(v, validName, nameShape) },
			"targets":  func(v value) { r.targets = readTargets(v) },
			"logins":   func(v value) { r.logins = logins(v) },
			"rights":   func(v value) { r.rights = readRights(v) },
			"when":     func(v value) { r.when = readCondition(v) },
			"windows":  func(v value) { r.windows = readWindows(v) },
			"limits":   func(v value) { r.limits = readLimits(v) },
			"shell": func(v value) {
				text, _ := v.word("none", "governed", "recorded")
				r.shell, r.governed = text == "recorded", text == "governed"
			},
			"recording": func(v value) {
				text, _ := v.word("strict", "best_effort")
				r.lenient = text == string(BestEffort)
			},
			"env":         func(v value) { b.rulesLater = append(b.rulesLater, func() { r.env = b.readEnv(v) }) },
			"dirs":        func(v value) { r.dirs = readPaths(v) },
			"files":       func(v value) { r.files = readFiles(v, name) },
			"forward":     func(v value) { r.forwards = readForwards(v) },
			"request":     func(v value) { b.readRequests(v, r) },
			"break_glass": func(v value) { b.readGlass(v, r) },
			"budget":      func(v value) { r.budget = readBudget(v) },
			"in_freeze":   func(v value) { r.inFreeze = v.boolean() },
			"allow":       later(AllowRule),
			"ask":         later(AskRule),
			"deny":        later(DenyRule),
		})
		b.includesLater = append(b.includesLater, func() { b.include(v, r) })
		b.checks = append(b.checks, func() { b.checkPlaced(v, r) })
	})
}

// include gives a role the rules of those that it includes. One that is included includes none itself, which keeps inheritance
// flat and without cycles.
func (b *builder) include(v value, r *role) {
	if len(r.includes) > maxIncludes {
		v.problem("a role includes at most %d others", maxIncludes)
		return
	}
	for i, name := range r.includes {
		other := b.roles[name]
		switch {
		case other == nil:
			v.problem("%s includes %q, and there is no such role%s", v.what, name, didYouMean(name, slices.Sorted(maps.Keys(b.roles))))
		case slices.Contains(r.includes[:i], name):
			v.problem("%s includes %q twice", v.what, name)
		case len(other.includes) > 0:
			v.problem("%s includes %q, which includes others itself: name those here too, and let only one of the two include", v.what, name)
		case other.narrows():
			v.problem("%s includes %q, which has rights, when, windows, limits, recording, shell, request, break_glass, budget or in_freeze: only rules, env, dirs, files and forward are included; put the others here", v.what, name)
		default:
			b.included[name] = true
			r.include(other)
		}
	}
}

// narrows reports whether the role has what another one cannot take over.
func (r *role) narrows() bool {
	return len(r.rights) > 0 || r.when != nil || len(r.windows) > 0 || r.limits != (Obligations{}) || r.shell || r.governed || r.lenient ||
		r.lends || r.budget != (Budget{}) || r.inFreeze
}

// checkPlaced reports a role with rules that could never apply.
func (b *builder) checkPlaced(v value, r *role) {
	r.index()
	if r.hasRules() && (len(r.targets) == 0 || len(r.logins) == 0) && !b.included[r.name] {
		v.problem("%s has rules but not both targets and logins, so that they would never apply, and no role includes it", v.what)
	}
}

// texts reads a list of texts that have a shape.
func texts(v value, valid func(string) bool, shape string) []string {
	var list []string
	for _, item := range v.list() {
		if text, ok := item.checked(valid, shape); ok {
			list = append(list, text)
		}
	}
	return list
}

func logins(v value) []Login {
	var list []Login
	for _, text := range texts(v, validLogin, loginShape) {
		list = append(list, Login(text))
	}
	return list
}

func readRights(v value) []Right {
	var list []Right
	known := make([]string, len(rights))
	for i, right := range rights {
		known[i] = string(right)
	}
	for _, item := range v.list() {
		if text, ok := item.word(known...); ok {
			list = append(list, Right(text))
		}
	}
	return list
}

// readEnv reads names of variables, or mappings with a name and what the value may be.
func (b *builder) readEnv(v value) []envRule {
	var list []envRule
	for _, item := range v.list() {
		var e envRule
		if !item.isMapping() {
			e.name = readEnvName(item)
		} else {
			item.fields(map[string]func(value){
				"name":  func(v value) { e.name = readEnvName(v) },
				"value": func(v value) { e.value, e.shown = b.readWord(v) },
			})
			if e.name == "" || e.value == nil {
				item.problem("%s needs a name and a value, as in {name: APP_ENV, value: \"<enum:staging,prod>\"}", item.what)
				continue
			}
		}
		if e.name != "" {
			list = append(list, e)
		}
	}
	return list
}

func readEnvName(v value) string {
	text, ok := v.checked(validEnvPattern, envShape)
	if ok && reservedPattern(text) {
		v.problem("%q can never be set: such variables make programs load code, read other configuration or start other programs", text)
		return ""
	}
	return text
}

// readWord reads a pattern that describes one word, and returns how it is shown as well.
func (b *builder) readWord(v value) (word *command.Pattern, text string) {
	text, ok := v.text()
	if !ok {
		return nil, ""
	}
	const before = "value "
	pattern, err := command.Parse(before+text, b.slots)
	if err != nil {
		b.syntaxProblem(v, text, err, -len(before))
		return nil, ""
	}
	return pattern, shown(text, b.slots)
}

// syntaxProblem reports a mistake in a pattern at its place; shift is what to add to its column.
func (b *builder) syntaxProblem(v value, text string, err error, shift int) {
	var syntax *command.SyntaxError
	if !errors.As(err, &syntax) {
		v.problem("%v", err)
		return
	}
	at, column := v.at(), syntax.Column+shift
	at.column += patternColumn(v.node, column)
	v.reader.found.add(at, "in the pattern %q at column %d: %s", text, column, syntax.Message)
}

// readPattern reads a rule's pattern.
func (b *builder) readPattern(v value) *command.Pattern {
	text, ok := v.text()
	if !ok {
		return nil
	}
	pattern, err := command.Parse(text, b.slots)
	if err != nil {
		b.syntaxProblem(v, text, err, 0)
		return nil
	}
	return pattern
}

// patternColumn is how far right of its node a pattern's column stands, where that can be told: for one line of plain or
// quoted text without escapes.
func patternColumn(n ast.Node, column int) int {
	switch t := n.GetToken(); t.Type {
	case token.StringType:
		return column - 1
	case token.SingleQuoteType, token.DoubleQuoteType:
		return column
	}
	return 0
}

// ruleID is the id of a rule without one of its own.
func ruleID(role string, kind RuleKind, i int) string { return fmt.Sprintf("%s/%s[%d]", role, kind, i) }
