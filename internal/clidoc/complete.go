package clidoc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Kind is what may stand at a place of a line.
type Kind string

// The kinds; a shell knows its own files better than we.
const (
	Words   Kind = "words" // those of the answer
	Files   Kind = "files"
	Folders Kind = "folders"
)

// Candidate is a word that may stand there, and what it means in one line.
type Candidate struct{ Word, About string }

// Answer is what may stand at a place of a line; of words those that begin as what is written there already.
type Answer struct {
	Kind  Kind
	Words []Candidate
}

// String is the answer as the shells' functions read it: the kind on a line of its own, then a word a line, a tab, what it means.
func (a Answer) String() string {
	var text strings.Builder
	fmt.Fprintln(&text, a.Kind)
	for _, c := range a.Words {
		fmt.Fprintf(&text, "%s\t%s\n", c.Word, c.About)
	}
	return text.String()
}

// place is where the cursor is, in the words of a line that stand before it.
type place struct {
	path     []*kong.Node
	value    *kong.Value // of a flag that waits for one
	operands int         // how many there were
	only     bool        // after --: operands alone
}

// Complete answers what may stand in the place of the last word; the others stand before it. bash breaks words at = and hands
// these over as words of their own.
func Complete(app *kong.Node, words []string) Answer {
	if len(words) == 0 {
		words = []string{""}
	}
	words = joinAssignments(words)
	at := place{path: []*kong.Node{app}}
	for _, word := range words[:len(words)-1] {
		at.pass(word)
	}
	return at.answer(words[len(words)-1])
}

// joinAssignments makes --flag = value one word again.
func joinAssignments(words []string) []string {
	var out []string
	for i := 0; i < len(words); i++ {
		last := len(out) - 1
		switch {
		case words[i] == "=" && last >= 0 && strings.HasPrefix(out[last], "--"):
			out[last] += "="
			if i+1 < len(words) {
				i++
				out[last] += words[i]
			}
		default:
			out = append(out, words[i])
		}
	}
	return out
}

func (p *place) verb() *kong.Node { return p.path[len(p.path)-1] }

// pass goes on behind a word.
func (p *place) pass(word string) {
	switch {
	case p.value != nil:
		p.value = nil
	case p.only || word == "-" || !strings.HasPrefix(word, "-"):
		if next := child(p.verb(), word); next != nil && !p.only {
			p.path, p.operands = append(p.path, next), 0
			return
		}
		p.operands++
	case word == "--":
		p.only = true
	default:
		p.passFlag(word)
	}
}

func (p *place) passFlag(word string) {
	name, _, assigned := strings.Cut(word, "=")
	f := flagNamed(flags(p.path), name)
	if f != nil && !assigned && !f.IsBool() && !f.IsCounter() {
		p.value = f.Value
	}
}

func child(n *kong.Node, word string) *kong.Node {
	at := slices.IndexFunc(n.Children, func(c *kong.Node) bool {
		return c.Type == kong.CommandNode && (c.Name == word || slices.Contains(c.Aliases, word))
	})
	if at < 0 {
		return nil
	}
	return n.Children[at]
}

// flagNamed is the flag that is written --name or -n.
func flagNamed(all []*kong.Flag, name string) *kong.Flag {
	for _, f := range all {
		if name == "--"+f.Name || (f.Short != 0 && name == "-"+string(f.Short)) {
			return f
		}
	}
	return nil
}

// answer says what may stand where word begins.
func (p *place) answer(word string) Answer {
	switch name, value, assigned := strings.Cut(word, "="); {
	case p.value != nil:
		return valuesOf(p.value, word, "")
	case assigned && strings.HasPrefix(word, "--") && !p.only:
		f := flagNamed(flags(p.path), name)
		if f == nil {
			return Answer{Kind: Words}
		}
		return valuesOf(f.Value, value, name+"=")
	case strings.HasPrefix(word, "-") && !p.only:
		return p.flagsFrom(word)
	}
	if found := p.verbsFrom(word); len(found.Words) > 0 || len(verbs(p.verb())) > 0 {
		return found
	}
	return p.operand(word)
}

func (p *place) flagsFrom(word string) Answer {
	a := Answer{Kind: Words}
	for _, f := range flags(p.path) {
		if name := "--" + f.Name; strings.HasPrefix(name, word) {
			a.Words = append(a.Words, Candidate{name, firstSentence(f.Help)})
		}
	}
	return a
}

func (p *place) verbsFrom(word string) Answer {
	a := Answer{Kind: Words}
	for _, c := range verbs(p.verb()) {
		if strings.HasPrefix(c.Name, word) {
			a.Words = append(a.Words, Candidate{c.Name, firstSentence(c.Help)})
		}
	}
	return a
}

// operand answers for the verb's next argument; the last of them may stand for several.
func (p *place) operand(word string) Answer {
	all := p.verb().Positional
	switch {
	case p.operands < len(all):
		return valuesOf(all[p.operands], word, "")
	case len(all) > 0 && all[len(all)-1].IsCumulative():
		return valuesOf(all[len(all)-1], word, "")
	}
	return Answer{Kind: Words}
}

// valuesOf says what a value can be. A path is what kong checks as one, or what has the tag complete:"files".
func valuesOf(v *kong.Value, word, prefix string) Answer {
	switch v.Tag.Type {
	case "path", "existingfile", "filecontent":
		return Answer{Kind: Files}
	case "existingdir":
		return Answer{Kind: Folders}
	}
	if kind := v.Tag.Get("complete"); kind != "" {
		return Answer{Kind: Kind(kind)}
	}
	a := Answer{Kind: Words}
	for _, one := range v.EnumSlice() {
		if one != "" && strings.HasPrefix(one, word) {
			a.Words = append(a.Words, Candidate{prefix + one, ""})
		}
	}
	return a
}

// firstSentence is enough beside a word, and has no tab or line break.
func firstSentence(help string) string {
	help = strings.Join(strings.Fields(help), " ")
	if at := strings.IndexAny(help, ".;"); at > 0 && (at == len(help)-1 || help[at+1] == ' ') {
		return help[:at]
	}
	return help
}
