package command

import (
	"strings"

	"gatehouse/policy/program"
)

// part is one thing that is matched: a word, or an option as the program reads it.
type part struct {
	text     string // the word; of an option its name: "-n", "--lines"
	value    string // of an option
	at       int32  // the index of its word in argv
	valueAt  int32  // the index of the word that holds the value
	kind     partKind
	hasValue bool
	free     bool // the word may begin with "-": the program takes it for an operand
	letters  bool // the program takes the word for options, though it does not begin with "-"
}

type partKind byte

const (
	partWord   partKind = iota // a word as it stands
	partOption                 // an option that was read
	partEnd                    // a "--" that ends the options
)

// takeWords makes each word after the program a part.
func (m *matcher) takeWords(style program.Style, argv []string) {
	m.words = m.wordBuffer[:0]
	for at := 1; at < len(argv); at++ {
		m.words = append(m.words, part{at: int32(at), text: argv[at], letters: at <= style.Letters})
	}
}

// readOptions makes parts of the words as a program of this style reads them. Options of a program that permutes go to
// m.options, because their place says nothing; otherwise they keep it. It reports whether there are few enough of them.
func (m *matcher) readOptions(style program.Style, argv []string) bool {
	m.words, m.options = m.wordBuffer[:0], m.optionBuffer[:0]
	options := &m.words
	if style.Permute {
		options = &m.options
	}
	ended := false
	for at := 1; at < len(argv); at++ {
		word := argv[at]
		switch {
		case ended:
			m.words = append(m.words, part{at: int32(at), text: word, free: style.End && style.Permute || style.Rest && !isUnknown(word)})
		case word == "--" && style.Only == "":
			m.words, ended = append(m.words, part{kind: endKind(style), at: int32(at), text: word}), true
		case !isOption(word) || operandOnly(style, word):
			m.words = append(m.words, part{at: int32(at), text: word, letters: at <= style.Letters, free: operandOnly(style, word)})
			ended = !style.Permute
		default:
			*options = splitOption(style, *options, word, int32(at))
			last := &(*options)[len(*options)-1]
			if at+1 < len(argv) && !last.hasValue && style.TakesValue(last.text) {
				at++
				last.value, last.hasValue, last.valueAt = argv[at], true, int32(at)
			}
		}
		if len(m.options) > maxOptions {
			m.furthest = at
			return false
		}
	}
	return true
}

// operandOnly reports whether a word that looks like an option is none to a program that has only a few.
func operandOnly(style program.Style, word string) bool {
	if style.Only == "" || !strings.HasPrefix(word, "-") || isUnknown(word) {
		return false
	}
	return word == "-" || strings.Trim(word[1:], style.Only) != ""
}

func endKind(style program.Style) partKind {
	if style.End {
		return partEnd
	}
	return partWord
}

// splitOption appends the options that one word holds. Only the last may lack a value that it takes: the next word is it.
func splitOption(style program.Style, to []part, word string, at int32) []part {
	if strings.HasPrefix(word, "--") {
		name, value, hasValue := strings.Cut(word, "=")
		return append(to, part{kind: partOption, at: at, text: name, value: value, hasValue: hasValue, valueAt: at})
	}
	before := to
	for i := 1; i < len(word); i++ {
		c := word[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || style.Digits && c >= '0' && c <= '9') {
			return append(before, part{kind: partOption, at: at, text: word})
		}
		to = append(to, part{kind: partOption, at: at, text: shortName(word, i), valueAt: at})
		takes := strings.IndexByte(style.Values, c) >= 0
		if !takes && strings.IndexByte(style.Maybe, c) < 0 {
			continue
		}
		if last := &to[len(to)-1]; i+1 < len(word) {
			last.value, last.hasValue = word[i+1:], true
			if style.Equals {
				last.value = strings.TrimPrefix(last.value, "=")
			}
		}
		break
	}
	return to
}

// shortName is the option of one letter of a bundle. It allocates only for letters after the first.
func shortName(word string, i int) string {
	if i == 1 {
		return word[:2]
	}
	return "-" + word[i:i+1]
}
