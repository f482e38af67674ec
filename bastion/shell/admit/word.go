package admit

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// word reads what only shows in a whole word: braces, tildes, globs.
func (w *walker) word(word *syntax.Word) {
	if w.quoted() {
		return
	}
	parent := w.parent(1)
	if _, inside := parent.(*syntax.ParamExp); inside {
		return
	}
	fields := w.fieldsOf(parent, word)
	w.dollars(word)
	w.tildes(word, parent)
	if fields {
		w.braces(word)
		w.globs(word)
		w.emptyBeside(word)
		w.quotedInSet(word)
	}
}

// dollars refuses a dollar that means itself before something else: as text again it would mean more.
func (w *walker) dollars(word *syntax.Word) {
	for i, part := range word.Parts[:max(0, len(word.Parts)-1)] {
		if next, ok := word.Parts[i+1].(*syntax.Lit); ok && next.Value != "" && strings.IndexByte("|)", next.Value[0]) >= 0 {
			continue // the end of a line in a regular expression
		}
		if lit, ok := part.(*syntax.Lit); ok && strings.HasSuffix(unescaped(lit.Value), "$") {
			w.refuse(lit.Pos(), loneDollar)
		}
	}
}

// fieldsOf says whether a word becomes any number of arguments, elements or turns of a loop.
func (w *walker) fieldsOf(parent syntax.Node, word *syntax.Word) bool {
	switch p := parent.(type) {
	case *syntax.CallExpr, *syntax.WordIter:
		return true
	case *syntax.ArrayElem:
		return p.Index == nil
	case *syntax.Assign:
		return p.Name == nil
	}
	return false
}

// tildes refuses those that are read by one and not by the other.
func (w *walker) tildes(word *syntax.Word, parent syntax.Node) {
	_, assignment := parent.(*syntax.Assign)
	for i, part := range word.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			continue
		}
		at := strings.IndexByte(lit.Value, '~')
		switch {
		case at < 0 || at > 0 && lit.Value[at-1] == '\\':
		case i == 0 && at == 0:
			if len(lit.Value) > 1 && strings.IndexByte("+-0123456789", lit.Value[1]) >= 0 {
				w.refuse(lit.Pos(), tildeOther)
			}
		case at == 0 && assignment && endsInColon(word.Parts[i-1]):
			w.refuse(lit.Pos(), tildeColon)
		case at > 0 && lit.Value[at-1] == '=' && i == 0 && syntax.ValidName(lit.Value[:at-1]):
			w.refuse(lit.Pos(), tildeColon)
		}
	}
}

func endsInColon(part syntax.WordPart) bool {
	lit, ok := part.(*syntax.Lit)
	return ok && strings.HasSuffix(lit.Value, ":")
}

// maxBraces is how many may open in one word.
const maxBraces = 32

// maxWords is what the interpreter makes of one word with braces, at most.
const maxWords = 16 << 10

// braces counts what a word with braces becomes.
func (w *walker) braces(word *syntax.Word) {
	open := 0
	for _, part := range word.Parts {
		if lit, ok := part.(*syntax.Lit); ok {
			open += strings.Count(lit.Value, "{")
		}
	}
	if open > maxBraces { // which would take long to look at
		w.refuse(word.Pos(), braceRange)
		return
	}
	copied := *word
	if !syntax.SplitBraces(&copied) {
		return
	}
	if w.in.Sh {
		w.refuse(word.Pos(), notSh)
		return
	}
	if n := count(&copied); n < 0 || n > maxWords {
		w.refuse(word.Pos(), braceRange)
	}
	if w.emptied(&copied) {
		w.refuse(word.Pos(), braceEmpty)
	}
	if homes(&copied) {
		w.refuse(word.Pos(), tildeColon)
	}
	if namesOn(&copied) {
		w.refuse(word.Pos(), braceName)
	}
}

// homes reports a tilde that begins a word once its braces are gone.
func homes(word *syntax.Word) bool {
	for _, part := range word.Parts {
		if lit, ok := part.(*syntax.Lit); ok && lit.Value == "" {
			continue
		}
		b, ok := part.(*syntax.BraceExp)
		return ok && slices.ContainsFunc(b.Elems, func(elem *syntax.Word) bool { return strings.HasPrefix(leading(elem), "~") || homes(elem) })
	}
	return false
}

// namesOn reports braces right behind $name, which bash reads before it looks for the name.
func namesOn(word *syntax.Word) bool {
	for i, part := range word.Parts {
		if _, is := part.(*syntax.BraceExp); is && i > 0 {
			if p, is := word.Parts[i-1].(*syntax.ParamExp); is && p.Short {
				return true
			}
		}
		if b, is := part.(*syntax.BraceExp); is && i+1 < len(word.Parts) && goesOn(word.Parts[i+1]) && slices.ContainsFunc(b.Elems, endsInName) {
			return true
		}
	}
	return false
}

// goesOn says whether a part might be read as the rest of a name.
func goesOn(part syntax.WordPart) bool {
	lit, ok := part.(*syntax.Lit)
	_, braces := part.(*syntax.BraceExp)
	return braces || ok && lit.Value != "" && (letter(lit.Value[0]) || lit.Value[0] == '[')
}

func endsInName(word *syntax.Word) bool {
	if len(word.Parts) == 0 {
		return false
	}
	switch last := word.Parts[len(word.Parts)-1].(type) {
	case *syntax.ParamExp:
		return last.Short
	case *syntax.BraceExp:
		return slices.ContainsFunc(last.Elems, endsInName)
	}
	return false
}

// count is how many words one becomes; negative for one with a range that is not understood alike.
func count(word *syntax.Word) int64 {
	n := int64(1)
	for _, part := range word.Parts {
		b, ok := part.(*syntax.BraceExp)
		if !ok {
			continue
		}
		sum := int64(0)
		if b.Sequence {
			sum = sequence(b)
		} else {
			for _, elem := range b.Elems {
				sum += count(elem)
			}
		}
		if n *= sum; sum < 0 || n < 0 || n > maxWords {
			return -1
		}
	}
	return n
}

func sequence(b *syntax.BraceExp) int64 {
	from, to, step := b.Elems[0].Lit(), b.Elems[1].Lit(), int64(1)
	if len(b.Elems) > 2 {
		n, ok := integer(b.Elems[2].Lit())
		if !ok {
			return -1
		}
		step = max(1, max(n, -n))
	}
	x, okX := integer(from)
	y, okY := integer(to)
	if okX && okY {
		return (max(x, y)-min(x, y))/step + 1
	}
	if len(from) == 1 && len(to) == 1 && alike(from[0], to[0]) {
		return max(int64(from[0]), int64(to[0])) - min(int64(from[0]), int64(to[0])) + 1
	}
	return -1
}

// alike says whether two letters are of one case: between the cases are other characters.
func alike(a, b byte) bool {
	return 'a' <= a && a <= 'z' && 'a' <= b && b <= 'z' || 'A' <= a && a <= 'Z' && 'A' <= b && b <= 'Z'
}

func integer(s string) (int64, bool) {
	n := int64(0)
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 9 {
		return 0, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(digits[i]-'0')
	}
	if digits != s {
		n = -n
	}
	return n, true
}

// emptied says whether one of the words that a word becomes may be nothing at all, which bash leaves out.
func (w *walker) emptied(word *syntax.Word) bool {
	for _, part := range word.Parts {
		if w.vanishes(part) {
			continue
		}
		b, ok := part.(*syntax.BraceExp)
		if !ok || b.Sequence {
			return false
		}
		empty := false
		for _, elem := range b.Elems {
			empty = empty || !slices.ContainsFunc(elem.Parts, func(part syntax.WordPart) bool { return !w.vanishes(part) })
		}
		if !empty {
			return false
		}
	}
	return true
}

// vanishes says whether a part of a word may be nothing at all.
func (w *walker) vanishes(part syntax.WordPart) bool {
	switch part := part.(type) {
	case *syntax.Lit:
		return part.Value == ""
	case *syntax.ParamExp:
		name := part.Param.Value
		_, set := w.known.set[name]
		plain := part.Exp == nil && part.Repl == nil && part.Slice == nil && part.Index == nil
		return !plain || !part.Length && !inherited()[name] && strings.Trim(name, "#?$") != "" && (!set || w.known.empty[name])
	case *syntax.CmdSubst:
		return true
	}
	return false
}

// globs refuses patterns of file names that are read differently.
func (w *walker) globs(word *syntax.Word) {
	start := true // of a file's name
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.ExtGlob:
			w.refuse(part.Pos(), extendedGlob)
		case *syntax.Lit:
			text := part.Value
			for i := 0; i < len(text); i++ {
				if text[i] == '\\' {
					i, start = i+1, false
					continue
				}
				rest := text[i:]
				if start && (rest[0] == '?' || rest[0] == '[' && dotted(rest)) && globby(rest) {
					w.refuse(part.Pos(), globStart)
				}
				start = text[i] == '/'
			}
		default:
			start = false
		}
	}
}

// dotted says whether a set of characters, which s begins with, may have the dot in it.
func dotted(s string) bool {
	set := s[1:]
	if end := strings.LastIndexByte(set, ']'); end >= 0 {
		set = set[:end]
	}
	if set == "" || set[0] == '!' || set[0] == '^' || strings.Contains(set, ".") {
		return true
	}
	for _, class := range []string{"[:graph:]", "[:print:]", "[:punct:]"} {
		if strings.Contains(set, class) {
			return true
		}
	}
	for i := 1; i+1 < len(set); i++ {
		if set[i] == '-' && set[i-1] < '.' && set[i+1] > '.' {
			return true
		}
	}
	return false
}

func globby(s string) bool { return s[0] == '?' || strings.IndexByte(s, ']') > 0 }

// part reads one part of a word.
func (w *walker) part(p syntax.WordPart) {
	switch p := p.(type) {
	case *syntax.SglQuoted:
		w.single(p)
	case *syntax.DblQuoted:
		if p.Dollar {
			w.refuse(p.Pos(), localeQuotes)
		}
	case *syntax.ProcSubst:
		w.refuse(p.Pos(), processSubstitution)
	case *syntax.CmdSubst:
		if p.TempFile || p.ReplyVar {
			w.refuse(p.Pos(), notUnderstood)
		}
	case *syntax.ParamExp:
		w.param(p)
	case *syntax.ExtGlob:
		w.extGlob(p)
	}
}

// single reads '…' and $'…', of whose escapes the interpreter knows not all.
func (w *walker) single(q *syntax.SglQuoted) {
	if !q.Dollar {
		return
	}
	for i := 0; i+1 < len(q.Value); i++ {
		if q.Value[i] != '\\' {
			continue
		}
		i++
		if c := q.Value[i]; strings.IndexByte(`abeEfnrtv\'"?xuU01234567`, c) < 0 || c == 'x' && i+1 < len(q.Value) && q.Value[i+1] == '{' {
			w.refuse(q.Pos(), ansiEscape)
		}
	}
}

// extGlob refuses those that only match once an option is set, or that the interpreter does not know where they stand.
func (w *walker) extGlob(g *syntax.ExtGlob) {
	for i := len(w.stack) - 2; i >= 0; i-- {
		switch w.stack[i].(type) {
		case *syntax.TestClause:
			return
		case *syntax.Stmt, *syntax.ParamExp:
			w.refuse(g.Pos(), extendedGlob)
			return
		}
	}
}

func isLit(part syntax.WordPart) bool {
	_, ok := part.(*syntax.Lit)
	return ok
}
