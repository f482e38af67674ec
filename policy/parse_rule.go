package policy

import (
	"maps"
	"regexp"
	"strings"

	"gatehouse/policy/program"
)

// maxStdin is how much input a rule lets through that does not say how much.
const maxStdin = 1 << 30

// readRules reads the rules of one list; their ids count from 0 as in "web-operator/allow[2]".
func (b *builder) readRules(v value, r *role, ids map[string]bool, kind RuleKind) {
	for i, item := range v.list() {
		rl := &rule{id: ruleID(r.name, kind, i), role: r.name, at: item.at(), kind: kind, mode: Plain}
		item.what = string(kind) + strings.TrimPrefix(rl.id, r.name+"/"+string(kind)) + " of the role " + r.name
		if b.rules++; b.rules > maxRules {
			item.problem("a policy has at most %d rules", maxRules)
			return
		}
		b.readRule(item, rl)
		if ids[rl.id] {
			item.problem("the id of %s is used twice in the role", item.what)
		}
		ids[rl.id] = true
		if rl.pattern != nil {
			rl.shown = shown(rl.pattern.String(), b.slots)
			rl.setDefaults()
			r.add(rl)
		}
	}
}

// readRule reads a rule that is a pattern, or a mapping with the pattern in run and other fields.
func (b *builder) readRule(v value, rl *rule) {
	if rl.kind == AskRule {
		rl.mode, rl.terms = Pinned, []Approval{askDefault}
	}
	if !v.isMapping() {
		rl.pattern = b.readPattern(v)
		return
	}
	fields := map[string]func(value){
		"run":  func(v value) { rl.pattern = b.readPattern(v) },
		"id":   func(v value) { b.readRuleID(v, rl) },
		"when": func(v value) { rl.when = readCondition(v) },
	}
	if rl.kind == DenyRule {
		fields["reason"] = func(v value) { rl.reason, _ = v.checked(validReason, "a reason is one line of at most 200 bytes") }
	} else {
		b.grantFields(fields, rl)
	}
	ask := termsReader{b: b, line: true, common: askDefault}
	if rl.kind == AskRule {
		maps.Copy(fields, ask.fields())
	}
	before := len(b.found.list)
	v.fields(fields)
	if rl.kind == AskRule {
		rl.terms = ask.finish(v)
	}
	if rl.pattern == nil && len(b.found.list) == before {
		v.problem("%s has no pattern: write run: and the command that it is about", v.what)
	}
}

// grantFields are the fields of rules that let something run.
func (b *builder) grantFields(fields map[string]func(value), rl *rule) {
	fields["mode"] = func(v value) {
		text, _ := v.word(string(Plain), string(Pinned))
		rl.mode = Mode(text)
	}
	fields["pty"] = func(v value) { rl.pty = v.boolean() }
	fields["stdin"] = func(v value) { rl.stdin = readStdin(v) }
	fields["stdin_max"] = func(v value) { rl.stdinMax = v.bytes() }
	fields["sha256"] = func(v value) { rl.sha256 = readHashes(v) }
	fields["dirs"] = func(v value) { rl.dirs = readPaths(v) }
	fields["dry_run"] = func(v value) { rl.dryRun = v.boolean() }
	fields["max_seconds"] = func(v value) { rl.seconds = v.count(int64(maxLimitTime.Seconds())) }
}

func (b *builder) readRuleID(v value, rl *rule) {
	if id, ok := v.checked(validName, nameShape); ok {
		rl.id = rl.role + "/" + id
	}
}

// setDefaults fills what a rule does not say: programs that only filter their input read what other commands print.
func (rl *rule) setDefaults() {
	if rl.kind == DenyRule {
		return
	}
	if len(rl.stdin) == 0 {
		rl.stdin = []StdinClass{StdinNone}
		if program.Of(baseName(rl.pattern.Program())).Filter {
			rl.stdin = []StdinClass{StdinPipe}
		}
	}
	if rl.stdinMax == 0 && rl.readsClient() {
		rl.stdinMax = maxStdin
	}
}

var hashForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// readStdin reads a class, or a list of hashes that the input may have.
func readStdin(v value) []StdinClass {
	items := []value{v}
	if v.isList() {
		items = v.list()
	}
	var classes []StdinClass
	for _, item := range items {
		text, ok := item.text()
		switch {
		case !ok:
		case hashForm.MatchString(text):
			classes = append(classes, StdinClass(text))
		case len(items) == 1 && (text == string(StdinNone) || text == string(StdinPipe) || text == string(StdinData)):
			return []StdinClass{StdinClass(text)}
		default:
			item.problem("%q cannot be %s: write none, pipe, data, or sha256: and the hash of the input (a list of such for several)%s", text, v.what, didYouMean(text, []string{"none", "pipe", "data"}))
		}
	}
	return classes
}

// readHashes reads the SHA-256 of a program's file, or several.
func readHashes(v value) []string {
	items := []value{v}
	if v.isList() {
		items = v.list()
	}
	var sums []string
	for _, item := range items {
		if text, ok := item.text(); ok && hashForm.MatchString("sha256:"+text) {
			sums = append(sums, text)
		} else if ok {
			item.problem("%q cannot be %s: write the 64 hex digits of the program file's SHA-256", text, v.what)
		}
	}
	return sums
}
