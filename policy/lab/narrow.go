package lab

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/policy/command"
)

// The bounds of narrowing: beyond them a slot stays as it is.
const (
	maxObserved = 300 // different argvs of one rule
	maxWords    = 64  // different words that one slot may have taken
)

// narrowing is one rule's pattern on its way to what was used of it.
type narrowing struct {
	parse    func(pattern string) (*command.Pattern, error)
	observed [][]string // argvs
	few      int        // slots with at most so many different words become enums
}

// narrow makes a pattern as tight as the observed argvs allow: of (a|b) the words that were used, ranges for numbers, at most
// few words in an enum, one path or one folder for paths. Every observed argv still matches; that is tried, for each step.
func (n narrowing) narrow(pattern string) string {
	if len(n.observed) == 0 || len(n.observed) > maxObserved {
		return pattern
	}
	pattern = n.usedWords(pattern)
	for at := 0; ; {
		start, end := nextSlot(pattern, at)
		if start < 0 {
			return pattern
		}
		slot := pattern[start:end]
		at = end
		for _, tight := range n.tighter(slot, n.words(slot), func(slot string) bool { return n.fits(pattern[:start] + slot + pattern[end:]) }) {
			if tight != slot && n.fits(pattern[:start]+tight+pattern[end:]) {
				pattern = pattern[:start] + tight + pattern[end:]
				at = start + len(tight)
				break
			}
		}
	}
}

// alternatives are plain words in parentheses, none of them an option.
var alternatives = regexp.MustCompile(`\([a-zA-Z0-9][a-zA-Z0-9._/-]*( *\| *[a-zA-Z0-9][a-zA-Z0-9._/-]*)+\)`)

// usedWords leaves out the alternatives without which everything still matches.
func (n narrowing) usedWords(pattern string) string {
	return replaceEach(pattern, alternatives, func(before, group, after string) string {
		words := strings.FieldsFunc(group, func(r rune) bool { return strings.ContainsRune("(| )", r) })
		for _, word := range words {
			without := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == word })
			if len(without) > 0 && n.fits(before+choice(without)+after) {
				words = without
			}
		}
		return choice(words)
	})
}

func choice(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return "(" + strings.Join(words, "|") + ")"
}

// replaceEach replaces the matches of an expression from left to right; with sees what is before, with all that was replaced.
func replaceEach(text string, each *regexp.Regexp, with func(before, match, after string) string) string {
	for at := 0; ; {
		found := each.FindStringIndex(text[at:])
		if found == nil {
			return text
		}
		start, end := at+found[0], at+found[1]
		if inQuotes(text, start) {
			at = end
			continue
		}
		replaced := with(text[:start], text[start:end], text[end:])
		text, at = text[:start]+replaced+text[end:], start+len(replaced)
	}
}

// inQuotes reports whether a place of a pattern is inside of quotes or of a slot.
func inQuotes(pattern string, at int) bool {
	for i := 0; i < at; i++ {
		closing := pattern[i]
		switch closing {
		case '<':
			closing = '>'
		case '"', '\'':
		default:
			continue
		}
		n := strings.IndexByte(pattern[i+1:], closing)
		if n < 0 || i+1+n >= at {
			return true
		}
		i += n + 1
	}
	return false
}

// nextSlot is the place of the next <…> outside of quotes.
func nextSlot(pattern string, at int) (start, end int) {
	for i := at; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '"', '\'':
			length := strings.IndexByte(pattern[i+1:], c)
			if length < 0 {
				return -1, -1
			}
			i += length + 1
		case '<':
			n := strings.IndexByte(pattern[i:], '>')
			if n < 0 {
				return -1, -1
			}
			return i, i + n + 1
		}
	}
	return -1, -1
}

func (n narrowing) fits(pattern string) bool {
	p, err := n.parse(pattern)
	return err == nil && !slices.ContainsFunc(n.observed, func(argv []string) bool { return !p.Admits(argv) })
}

// words are all that the slot could have taken: words of the argvs and values joined to options that it admits by itself.
func (n narrowing) words(slot string) []string {
	p, err := n.parse("x " + slot)
	if err != nil {
		return nil
	}
	var out []string
	for _, argv := range n.observed {
		for _, word := range argv[1:] {
			for _, w := range spellings(word) {
				if !slices.Contains(out, w) && p.Admits([]string{"x", w}) {
					out = append(out, w)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// spellings are a word, and what may be a value in it: --name=VALUE, -nVALUE.
func spellings(word string) []string {
	out := []string{word}
	if strings.HasPrefix(word, "--") {
		if _, value, ok := strings.Cut(word, "="); ok {
			out = append(out, value)
		}
	} else if len(word) > 2 && word[0] == '-' {
		out = append(out, word[2:])
	}
	return out
}

// tighter lists slots to try in a slot's place, the tightest first.
func (n narrowing) tighter(slot string, words []string, fit func(slot string) bool) []string {
	kind, _, _ := strings.Cut(strings.Trim(slot, "<>"), ":")
	if len(words) == 0 || len(words) > maxWords {
		return nil
	}
	switch kind {
	case "int":
		return []string{intRange(words, fit)}
	case "text", "unit", "enum", "user", "host":
		if list := n.needed(words, fit); len(list) <= n.few && n.enumerable(list) {
			return []string{enum(list)}
		}
	case "glob", "path":
		list := n.needed(words, fit)
		if len(list) == 1 && plainPath(list[0]) {
			return []string{"<" + kind + ":" + list[0] + ">"}
		}
		if folder := commonFolder(list); folder != "" {
			return []string{"<" + kind + ":" + folder + "/*>"}
		}
	}
	return nil
}

// needed leaves out the words without which everything still matches.
func (n narrowing) needed(words []string, fit func(slot string) bool) []string {
	list := slices.Clone(words)
	if !n.enumerable(list) || !fit(enum(list)) {
		return list
	}
	for _, word := range words {
		without := slices.DeleteFunc(slices.Clone(list), func(w string) bool { return w == word })
		if len(without) > 0 && fit(enum(without)) {
			list = without
		}
	}
	return list
}

func enum(words []string) string { return "<enum:" + strings.Join(words, ",") + ">" }

// enumerable reports whether all words can stand in an enum slot.
func (n narrowing) enumerable(words []string) bool {
	return len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool {
		_, err := n.parse("x " + enum([]string{word}))
		return err != nil || strings.Contains(word, ",")
	})
}

// intRange is the tightest range of numbers that were used.
func intRange(words []string, fit func(slot string) bool) string {
	var numbers []int64
	for _, word := range words {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	text := func(list []int64) string {
		return "<int:" + strconv.FormatInt(list[0], 10) + ".." + strconv.FormatInt(list[len(list)-1], 10) + ">"
	}
	for len(numbers) > 1 && fit(text(numbers[1:])) {
		numbers = numbers[1:]
	}
	for len(numbers) > 1 && fit(text(numbers[:len(numbers)-1])) {
		numbers = numbers[:len(numbers)-1]
	}
	return text(numbers)
}

// plainPath reports whether a path can stand in a slot as it is.
func plainPath(path string) bool { return !strings.ContainsAny(path, "*?[]{}\\<> ,") }

// commonFolder is the folder in which all the paths lie; empty if there is none.
func commonFolder(paths []string) string {
	folder := ""
	for i, path := range paths {
		cut := strings.LastIndexByte(path, '/')
		if cut <= 0 || i > 0 && path[:cut] != folder || !plainPath(path[:cut]) {
			return ""
		}
		folder = path[:cut]
	}
	return folder
}
