package policy

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"gatehouse/policy/command"
)

func (b *builder) readRoles(v value) {
	b.named(v, "role", func(name string, v value) {
		r := &role{name: name, at: v.at(), programs: map[string]*ruleSet{}}
		b.roles[name] = r
		ids := map[string]bool{}
		v.fields(map[string]func(value){
			"targets": func(v value) { r.targets = texts(v, validTargetGlob, globShape) },
			"logins":  func(v value) { r.logins = logins(v) },
			"rights":  func(v value) { r.rights = readRights(v) },
			"env":     func(v value) { r.env = readEnv(v) },
			"allow":   func(v value) { b.readRules(v, r, ids, readAllow, false) },
			"deny":    func(v value) { b.readRules(v, r, ids, readDeny, true) },
		})
		r.index()
		if (len(r.programs) > 0 || len(r.env) > 0) && (len(r.targets) == 0 || len(r.logins) == 0) {
			v.problem("%s has rules but not both targets and logins, so that they would never apply", v.what)
		}
	})
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

func readEnv(v value) []string {
	var list []string
	for _, item := range v.list() {
		text, ok := item.checked(validEnvPattern, envShape)
		switch {
		case !ok:
		case reservedPattern(text):
			item.problem("%q can never be set: such variables make programs load code, read other configuration or start other programs", text)
		default:
			list = append(list, text)
		}
	}
	return list
}

// readRules reads the rules of one list; id counts them from 0 as in "web-operator/allow[2]".
func (b *builder) readRules(v value, r *role, ids map[string]bool, read func(value, *rule) (id string), deny bool) {
	list := "allow"
	if deny {
		list = "deny"
	}
	for i, item := range v.list() {
		item.what = fmt.Sprintf("%s[%d] of the role %s", list, i, r.name)
		rl := &rule{id: fmt.Sprintf("%s/%s[%d]", r.name, list, i), role: r.name, at: item.at(), kind: ruleKind(list), mode: Plain, stdin: StdinNone}
		if id := read(item, rl); id != "" {
			rl.id = r.name + "/" + id
		}
		if b.rules++; b.rules > maxRules {
			item.problem("a policy has at most %d rules", maxRules)
			return
		}
		if ids[rl.id] {
			item.problem("the id of %s is used twice in the role", item.what)
		}
		ids[rl.id] = true
		if rl.pattern != nil {
			r.add(rl, deny)
		}
	}
}

func readAllow(v value, rl *rule) (id string) {
	readRule(v, rl, map[string]func(value){
		"id": func(v value) { id, _ = v.checked(validName, nameShape) },
		"mode": func(v value) {
			text, _ := v.word(string(Plain), string(Pinned))
			rl.mode = Mode(text)
		},
		"pty": func(v value) { rl.pty = v.boolean() },
		"stdin": func(v value) {
			text, _ := v.word(string(StdinNone), string(StdinData))
			rl.stdin = StdinClass(text)
		},
	})
	return id
}

func readDeny(v value, rl *rule) string {
	readRule(v, rl, map[string]func(value){
		"reason": func(v value) { rl.reason, _ = v.checked(validReason, "a reason is one line of at most 200 bytes") },
	})
	return ""
}

// readRule reads a rule that is a pattern, or a mapping with the pattern in run and other fields.
func readRule(v value, rl *rule, fields map[string]func(value)) {
	if _, ok := v.node.(*ast.MappingNode); !ok {
		rl.pattern = readPattern(v)
		return
	}
	hasRun := false
	fields["run"] = func(v value) { hasRun = true; rl.pattern = readPattern(v) }
	v.fields(fields)
	if !hasRun {
		v.problem("%s has no pattern: write run: and the command that it is about", v.what)
	}
}

func readPattern(v value) *command.Pattern {
	text, ok := v.text()
	if !ok {
		return nil
	}
	pattern, err := command.Parse(text)
	var syntax *command.SyntaxError
	if errors.As(err, &syntax) {
		at := v.at()
		at.column += patternColumn(v.node, syntax.Column)
		v.reader.found.add(at, "in the pattern %q at column %d: %s", text, syntax.Column, syntax.Message)
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
