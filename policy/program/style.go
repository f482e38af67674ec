package program

import "strings"

// Style says how a program reads its words. The zero Style is of a program that nobody has looked at: each word stands for
// itself, in its order.
//
// A Style with Bundle describes getopt(3): then Values, Maybe and Long must be complete, as all other options are taken to
// be flags. An option that is missing there would be read otherwise here than by the program.
type Style struct {
	Bundle  bool   // single-letter options may share a word: -la is -l -a
	Values  string // letters whose value is the rest of their word or, if nothing is left of it, the next word: -n5, -n 5
	Maybe   string // letters whose value is the rest of their word, which may be empty; never the next word: sed -i.bak
	Unclear string // letters that take a value after some sub-commands and not after others: a pattern that names one is read word by word
	Long    string // long options, separated by white space, that take a value: --lines=5, --lines 5. All others have one after = at most
	Equals  bool   // a value that follows its letter may have "=" before it: kubectl -n=web
	Digits  bool   // digits are options as letters are: ls -1t. Otherwise a word such as -20 is one option
	Permute bool   // options may stand after operands
	End     bool   // the word "--" ends the options
	Rest    bool   // all words from the first operand on are operands, those that begin with "-" too: echo a -n
	Only    string // where not empty, a word is options only if it is "-" and some of these letters; else it is an operand: echo ---
	Letters int    // so many of the first words are options even without "-" (tar xzf): no slot admits them, only a literal
	Keyed   bool   // operands have the form key=value and come in any order: dd
}

// AllWords is the number of Letters of a program that takes options without "-" anywhere.
const AllWords = 1 << 30

// TakesValue reports whether the option, "-n" or "--lines", has a value that may stand in the next word.
func (s Style) TakesValue(name string) bool {
	if long, ok := strings.CutPrefix(name, "--"); ok {
		return s.hasLong(long)
	}
	return len(name) == 2 && strings.IndexByte(s.Values, name[1]) >= 0
}

// hasLong looks for a whole word of Long, without making a list of it.
func (s Style) hasLong(name string) bool {
	if name == "" || strings.ContainsAny(name, " \n") {
		return false
	}
	for rest := s.Long; ; {
		at := strings.Index(rest, name)
		if at < 0 {
			return false
		}
		end := at + len(name)
		if (at == 0 || isSpace(rest[at-1])) && (end == len(rest) || isSpace(rest[end])) {
			return true
		}
		rest = rest[end:]
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' }
