// Package command is the language in which a policy describes commands, and its matcher.
//
// A pattern describes whole argument vectors, word by word: it never sees a command line, and one slot is always exactly
// one word. It trusts nothing about the words it is shown. It guarantees that a word which begins with "-" is admitted only
// where the pattern spells it out, so that no option hides in an operand, and that a match ends within a fixed number of
// steps: at that bound an allowing pattern does not match and a denying one does.
//
// It judges text. It knows neither the file system nor what a program does with its arguments: the glob slot does not
// resolve symbolic links.
package command

// The bounds of the language.
const (
	maxPattern = 4096    // bytes of a pattern's text
	maxNesting = 16      // brackets inside brackets
	maxRun     = 64      // options that may stand in any order
	maxSteps   = 1 << 15 // of one match
)

// Pattern is a parsed pattern. It is immutable and may be used by many goroutines at once.
type Pattern struct {
	text    string
	program string
	rest    node // everything after the program
}

// Parse reads a pattern. Its error is a *SyntaxError.
func Parse(text string) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, &SyntaxError{Column: maxPattern + 1, Message: "the pattern is longer than 4096 bytes"}
	}
	p := &parser{lexer: lexer{text: text}}
	return p.pattern()
}

// Program is the pattern's first word, which a command's argv[0] must equal byte for byte.
func (p *Pattern) Program() string { return p.program }

// String is the pattern's text, as it was written.
func (p *Pattern) String() string { return p.text }

// Result says how a match ended.
type Result struct {
	Matched  bool
	Furthest int // not matched: the index of the first word that the best attempt could not place; len(argv) if words are missing
}

// Match reports whether the pattern describes the whole argument vector.
func (p *Pattern) Match(argv []string) Result {
	if len(argv) == 0 || argv[0] != p.program {
		return Result{}
	}
	m := matcher{argv: argv}
	if p.rest.match(&m, 1, m.atEnd) {
		return Result{Matched: true}
	}
	return Result{Furthest: m.furthest}
}

// Denies reports whether the argument vector begins with something that the pattern describes, which is how a deny rule
// matches. It errs towards true: slots also take words that begin with "-", paths are compared after cleaning as well, and
// a match that spends its steps counts.
func (p *Pattern) Denies(argv []string) bool {
	if len(argv) == 0 || argv[0] != p.program {
		return false
	}
	m := matcher{argv: argv, lenient: true}
	return p.rest.match(&m, 1, func(int) bool { return true }) || m.spent()
}
