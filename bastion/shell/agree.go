package shell

import (
	"sort"

	"mvdan.cc/sh/v3/syntax"
)

// Each function here takes one token of the scanner's away and reports whether the parser sees the same one there. What is
// left in the end the parser did not see.

// word returns the characters of what the parser takes for a word from one offset to another.
func (r *reader) word(from, to syntax.Pos) (*token, error) {
	at := int(from.Offset())
	found := r.found.words[at]
	if found == nil || found.end != int(to.Offset()) {
		return nil, disagree(at)
	}
	delete(r.found.words, at)
	return found, nil
}

// joint takes | && or ||.
func (r *reader) joint(c *syntax.BinaryCmd) error {
	at := int(c.OpPos.Offset())
	if r.found.joints[at] != c.Op.String() {
		return disagree(at)
	}
	delete(r.found.joints, at)
	return nil
}

// open takes the parenthesis or brace that begins a group.
func (r *reader) open(pos syntax.Pos, c byte) error {
	at := int(pos.Offset())
	if r.found.opens[at] != c {
		return disagree(at)
	}
	delete(r.found.opens, at)
	return nil
}

// redirection takes a redirection's descriptor and operator, "2>", and its word.
func (r *reader) redirection(d *syntax.Redirect) (*token, error) {
	at := int(d.OpPos.Offset())
	text := d.Op.String()
	if d.N != nil {
		text = d.N.Value + text
	}
	if r.found.redirs[at] != text {
		return nil, disagree(at)
	}
	delete(r.found.redirs, at)
	return r.word(d.Word.Pos(), d.Word.End())
}

// document takes the body of a here-document.
func (r *reader) document(d *syntax.Redirect) (string, error) {
	at := int(d.OpPos.Offset())
	doc := r.found.documents[at]
	if doc == nil {
		return "", disagree(at)
	}
	delete(r.found.documents, at)
	seen := ""
	if d.Hdoc != nil {
		for _, part := range d.Hdoc.Parts {
			lit, ok := part.(*syntax.Lit)
			if !ok {
				return "", disagree(at)
			}
			seen += lit.Value
		}
	}
	if doc.tabs {
		seen = withoutTabs(seen)
	}
	if seen != doc.body {
		return "", disagree(at)
	}
	return doc.body, nil
}

// agreed reports the first token that the parser did not see.
func (r *reader) agreed() error {
	var left []int
	left = appendKeys(left, r.found.words)
	left = appendKeys(left, r.found.joints)
	left = appendKeys(left, r.found.redirs)
	left = appendKeys(left, r.found.opens)
	left = appendKeys(left, r.found.documents)
	if len(left) == 0 {
		return nil
	}
	sort.Ints(left)
	return disagree(left[0])
}

func appendKeys[V any](keys []int, m map[int]V) []int {
	for at := range m {
		keys = append(keys, at)
	}
	return keys
}

// disagree refuses a text that can be read in two ways.
func disagree(at int) error {
	return &Refusal{"ambiguous syntax", at + 1, "it can be read in two ways: quote it, or write it more simply"}
}
