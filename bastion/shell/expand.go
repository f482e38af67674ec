package shell

import (
	"slices"
	"strings"

	"gatehouse/policy"
)

// word is a word of a command as the plan holds it.
type word struct {
	text  string
	glob  bool // a pattern that files answer
	tilde bool // "~" or "~/…", the login's home
	at    int  // offset in the text that it is from
	chars []char
}

// literal reports whether the word means itself.
func (w word) literal() bool { return !w.glob && !w.tilde }

// refuse refuses because of the word.
func (w word) refuse(construct, reason string) error {
	return &Refusal{construct, w.at + 1, reason}
}

// offsets returns for each byte of the word, and for its end, the offset that it is from.
func (w word) offsets() []int {
	at := []int{}
	last := w.at
	for _, c := range w.chars {
		for i := range len(c.text) {
			last = c.at + i
			at = append(at, last)
		}
	}
	for len(at) <= len(w.text) {
		at = append(at, last)
	}
	return at
}

// expand makes the words that one word of the line stands for.
func (r *reader) expand(t *token) ([]word, error) {
	if open, _, err := firstBrace(t.chars); r.sh && err == nil && open >= 0 {
		return nil, &Refusal{"brace", t.chars[open].at + 1, "not every sh expands it: use bash -c, or quote it"}
	}
	lists, err := expandBraces(t.chars)
	if err != nil {
		return nil, err
	}
	var words []word
	for _, chars := range lists {
		if len(chars) == 0 {
			continue // {,x}: nothing that is not quoted is no word
		}
		w, err := r.single(chars)
		if err != nil {
			return nil, err
		}
		words = append(words, w)
	}
	return words, nil
}

func plainText(chars []char) string {
	var b strings.Builder
	for _, c := range chars {
		b.WriteString(c.text)
	}
	return b.String()
}

// single makes a word of characters in which braces are done with.
func (r *reader) single(chars []char) (word, error) {
	w := word{at: chars[0].at, chars: chars}
	rest, tilde, err := r.home(chars)
	if err != nil {
		return word{}, err
	}
	var b strings.Builder
	if w.tilde = tilde; tilde {
		b.WriteByte('~')
	}
	for i, c := range rest {
		switch {
		case c.home:
			return word{}, &Refusal{"parameter expansion", c.at + 1, "$HOME is known only at the beginning of a word, alone or before a /"}
		case c.is("~") && i > 0 && strings.HasSuffix(rest[i-1].text, "=") || c.is("~") && i > 0 && strings.HasSuffix(rest[i-1].text, ":"):
			return word{}, &Refusal{"tilde expansion", c.at + 1, "write the path in full, or quote the ~"}
		}
		b.WriteString(c.text)
	}
	w.text = b.String()
	w.glob, err = r.glob(rest)
	return w, err
}

// home reads the ~ or $HOME that begins a word, and returns what follows it.
func (r *reader) home(chars []char) (rest []char, tilde bool, err error) {
	if chars[0].home {
		if len(chars) > 1 && chars[1].text != "/" {
			return nil, false, &Refusal{"parameter expansion", chars[0].at + 1, "after $HOME there is a / or nothing"}
		}
		return chars[1:], true, nil
	}
	if !chars[0].is("~") {
		return chars, false, nil
	}
	end := 1
	for end < len(chars) && !chars[end].is("/") {
		if chars[end].quoted || chars[end].home {
			return nil, false, &Refusal{"tilde expansion", chars[0].at + 1, "quote the whole beginning up to the / or nothing of it"}
		}
		end++
	}
	if name := plainText(chars[1:end]); name != "" && name != string(r.context.Login) {
		return nil, false, &Refusal{"tilde expansion", chars[0].at + 1, "only the login's own home is known: write the path in full, or quote the ~"}
	}
	return chars[end:], true, nil
}

// glob reports whether the characters are a pattern, and refuses those that are not the same everywhere.
func (r *reader) glob(chars []char) (bool, error) {
	if text := plainText(chars); text == "[" || text == "]" {
		return false, nil
	}
	chars = slices.DeleteFunc(slices.Clone(chars), func(c char) bool { return c.text == "" })
	found := false
	for i := 0; i < len(chars); i++ {
		switch c := chars[i]; {
		case c.is("*") && i > 0 && chars[i-1].is("*"):
			return false, &Refusal{"glob", c.at + 1, "** is the same as *: write one, or use find"}
		case c.is("*"), c.is("?"):
			found = true
		case c.is("["):
			length, err := r.bracket(chars[i:])
			if err != nil {
				return false, err
			}
			found, i = true, i+length-1
		}
	}
	if !found {
		return false, nil
	}
	for _, c := range chars {
		if c.escape || c.quoted && strings.ContainsAny(c.text, `*?[]\`) {
			return false, &Refusal{"glob", c.at + 1, "a word with a pattern has no backslash and no quoted * ? [ ]: quote the whole word or none of it"}
		}
	}
	return true, nil
}

// bracket measures a bracket expression.
func (r *reader) bracket(chars []char) (int, error) {
	refuse := func(reason string) (int, error) { return 0, &Refusal{"glob", chars[0].at + 1, reason} }
	i := 1
	if i < len(chars) && (chars[i].is("!") || chars[i].is("^")) {
		if r.sh && chars[i].is("^") {
			return refuse("not every sh knows [^…]: write [!…]")
		}
		i++
	}
	for first := i; i < len(chars); i++ {
		c := chars[i]
		switch {
		case c.is("]") && i == first:
			return refuse("an empty bracket is not accepted: quote it")
		case c.is("]"):
			return i + 1, nil
		case strings.ContainsAny(c.text, "[/") || c.quoted && strings.ContainsAny(c.text, "-!^:.="):
			return refuse("in brackets only characters and ranges are accepted, unquoted")
		}
	}
	return refuse("the bracket is never closed: quote it")
}

// literalWord makes a word in which nothing may expand.
func (r *reader) literalWord(chars []char, what string) (word, error) {
	w, err := r.pathWord(chars, what)
	if err == nil && w.tilde {
		return word{}, w.refuse("tilde expansion", "in "+what+" write the path in full")
	}
	return w, err
}

// pathWord makes a word that may be in the login's home and is literal otherwise.
func (r *reader) pathWord(chars []char, what string) (word, error) {
	for _, c := range chars {
		if c.is("{") || c.is("}") {
			return word{}, &Refusal{"brace", c.at + 1, "in " + what + " nothing expands: quote it"}
		}
	}
	if len(chars) == 0 {
		return word{}, nil
	}
	w, err := r.single(chars)
	if err == nil && w.glob {
		return word{}, w.refuse("glob", "in "+what+" no pattern is accepted: quote it")
	}
	return w, err
}

// path returns a path as plans hold it: what looks like the home and is not begins with ./
func (w word) path() string {
	if !w.tilde && strings.HasPrefix(w.text, "~") {
		return "./" + w.text
	}
	return w.text
}

// indexes lists the words of which something holds.
func indexes(words []word, holds func(word) bool) []int {
	var found []int
	for i, w := range words {
		if holds(w) {
			found = append(found, i)
		}
	}
	return found
}

// texts is the argv of words.
func texts(words []word) policy.Argv {
	argv := make(policy.Argv, len(words))
	for i, w := range words {
		argv[i] = w.text
	}
	return argv
}
