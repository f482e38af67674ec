// Package command is the language in which a policy describes commands, and its matcher.
//
// A pattern describes whole argument vectors, word by word: it never sees a command line, and one slot is always exactly
// one word. It trusts nothing about the words it is shown. It guarantees that a word which begins with "-" is admitted only
// where the pattern spells it out, or as an operand after a "--" of which gatehouse/policy/program knows that it ends the
// program's options; so that no option hides in an operand. A match ends within a fixed number of steps: at that bound an
// allowing pattern does not match and a denying one does.
//
// It does no input or output. What the target's files say reaches it by a View; what a program does with its arguments it
// knows as far as gatehouse/policy/program does. docs/policy-patterns.md is the language's definition.
package command

import "gatehouse/policy/program"

// The bounds of the language.
const (
	maxPattern = 4096    // bytes of a pattern's text
	maxNesting = 16      // brackets inside brackets
	maxRun     = 64      // options that may stand in any order
	maxOptions = 64      // options of one command
	maxSteps   = 1 << 15 // of one match
)

// Pattern is a parsed pattern. It is immutable and may be used by many goroutines at once.
type Pattern struct {
	text    string
	program string
	ordered node            // everything after the program, word by word
	read    node            // the same as the program reads its options; nil if that is not known
	unsure  bool            // read is for deny rules alone: the pattern takes an option otherwise than the table does
	names   map[string]bool // the options of read that may stand anywhere
	style   program.Style
}

// Parse reads a pattern, whose slots may be named ones. Its error is a *SyntaxError.
func Parse(text string, named Slots) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, &SyntaxError{Column: maxPattern + 1, Message: "the pattern is longer than 4096 bytes"}
	}
	p := &parser{lexer: lexer{text: text}, named: named}
	return p.pattern()
}

// Program is the pattern's first word, as it was written.
func (p *Pattern) Program() string { return p.program }

// String is the pattern's text, as it was written.
func (p *Pattern) String() string { return p.text }

// Result says how a match ended.
type Result struct {
	Matched  bool
	Furthest int      // not matched: the index of the first word that the best attempt could not place; len(argv) if words are missing
	Slot     string   // not matched: the slot or word that stood where Furthest failed, as written ("<int:1..50>"), if one did
	Paths    []string // matched: absolute paths (as asked, ".." kept) that path slots admitted by text and whose Real was not known
	NeedsDir bool     // matched: this hangs on View.Dir, or on View.Home where a path slot begins with ~, which are not known
}

// Match reports whether the pattern describes the whole argument vector. It looks at argv[1:] only: whether argv[0] is the
// pattern's program is for the caller to say. A match that has Paths or NeedsDir is one only if the pattern still matches
// with a View that knows them.
func (p *Pattern) Match(argv []string, v View) Result {
	if len(argv) == 0 {
		return Result{}
	}
	m := matcher{argc: len(argv), view: v}
	root := p.ordered
	if p.read == nil || p.unsure {
		m.takeWords(p.style, argv)
	} else if root = p.read; !m.readOptions(p.style, argv) || !p.namesAll(&m) {
		return Result{Furthest: m.furthest}
	}
	if root.match(&m, 0, m.atEnd) {
		return Result{Matched: true, Paths: m.paths, NeedsDir: m.needsDir}
	}
	if m.furthest == 0 && m.missing != "" {
		return Result{Furthest: len(argv), Slot: m.missing}
	}
	return Result{Furthest: m.furthest, Slot: m.expected}
}

// namesAll reports whether the pattern names each option that may stand anywhere.
func (p *Pattern) namesAll(m *matcher) bool {
	for i := range m.options {
		name := m.options[i].text
		if !p.names[name] && !(p.names[numberKey] && isNumber(name)) {
			return m.failAt(int(m.options[i].at), "")
		}
	}
	return true
}

// Denies reports whether the argument vector begins with something that the pattern describes, which is how a deny rule
// matches. It errs towards true: slots also take words that begin with "-", a path counts if its text or the place where it
// leads does, options are read both as the program does and word by word, and a match that spends its steps counts. A path
// or directory that is not known does not count: see MayDeny.
func (p *Pattern) Denies(argv []string, v View) bool {
	return p.denies(argv, v, false).Matched
}

// MayDeny reports whether Denies would be true for some View that knows more. Paths and NeedsDir say what to learn next;
// if both are empty, it is what Denies reports.
func (p *Pattern) MayDeny(argv []string, v View) Result {
	if p.Denies(argv, v) {
		return Result{Matched: true}
	}
	return p.denies(argv, v, true)
}

func (p *Pattern) denies(argv []string, v View, assume bool) Result {
	if len(argv) == 0 {
		return Result{}
	}
	anyRest := func(int) bool { return true }
	m := matcher{argc: len(argv), view: v, lenient: true, assume: assume}
	m.takeWords(p.style, argv)
	if p.ordered.match(&m, 0, anyRest) || m.spent() {
		return Result{Matched: true, Paths: m.paths, NeedsDir: m.needsDir}
	}
	if p.read == nil {
		return Result{}
	}
	m = matcher{argc: len(argv), view: v, lenient: true, assume: assume}
	if !m.readOptions(p.style, argv) || p.read.match(&m, 0, anyRest) || m.spent() {
		return Result{Matched: true, Paths: m.paths, NeedsDir: m.needsDir}
	}
	return Result{}
}
