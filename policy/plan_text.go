package policy

import (
	"slices"
	"strconv"
	"strings"
)

// String renders the plan as the line that a person would have written: words quoted only where they must be, globs and
// the home as they were, no exec. For a plan made from a line, that line's parser makes the same plan of it. Words may hold
// any character but NUL: escape it before showing it.
func (p Plan) String() string {
	switch {
	case p.Op == OpShell && p.Text == "":
		return "a shell"
	case p.Op == OpGoverned && p.Text == "":
		return "a governed shell"
	case p.Op == OpShell, p.Op == OpGoverned:
		return p.Text
	}
	pipes, all := pipefails(p)
	t := text{pipefail: pipes > 0 && all == pipes}
	line := t.node(p, true)
	if t.pipefail {
		line = "set -o pipefail; " + line
	}
	return line + t.bodies
}

// pipefails counts the pipelines with pipefail, and all.
func pipefails(p Plan) (with, all int) {
	if p.Op == OpPipe {
		all++
		if p.Pipefail {
			with++
		}
	}
	for _, part := range p.Parts {
		w, a := pipefails(part)
		with, all = with+w, all+a
	}
	return with, all
}

// text writes one line.
type text struct {
	pipefail bool   // whether set -o pipefail stands at its beginning
	bodies   string // of its here-documents, to follow it
}

// node renders a plan; whole is true for what nothing stands beside.
func (t *text) node(p Plan, whole bool) string {
	line := t.core(p)
	if own := p.Dir != "" || p.Umask != ""; own {
		line = around(p) + line
		if !whole || p.Not {
			line = "( " + line + " )"
		}
	} else if p.Not && p.Op != OpRun && len(p.Redirs) > 0 {
		line = "( " + line + " )"
	}
	if p.Not {
		line = "! " + line
	}
	return line
}

// around is what a node does before its parts.
func around(p Plan) string {
	before := ""
	if p.Dir != "" {
		before += "cd " + homeText(p.Dir, plainWord) + " && "
	}
	if p.Umask != "" {
		before += "umask " + p.Umask + " && "
	}
	return before
}

// core renders a node with its redirections, and in parentheses where something stands around it that would take only a
// part of it.
func (t *text) core(p Plan) string {
	switch {
	case p.Op == OpRun:
		return commandText(p) + t.redirs(p.Redirs)
	case p.Op == OpPipe && p.Pipefail != t.pipefail:
		return otherPipe(p) + t.redirs(p.Redirs)
	}
	own := p.Dir != "" || p.Umask != ""
	group := len(p.Redirs) > 0 || p.Not && !own || own && len(p.Parts) > 1 && p.Op != OpAnd && p.Op != OpPipe
	parts := make([]string, len(p.Parts))
	for i, part := range p.Parts {
		parts[i] = t.node(part, group && len(p.Parts) == 1)
		bare := part.Op != OpRun && len(part.Redirs) == 0 && part.Dir == "" && part.Umask == "" && !part.Not && !t.other(part)
		if bare && !bindsInside(p.Op, part, i == 0 && (group || !own)) || part.Not && p.Op == OpPipe {
			parts[i] = "( " + parts[i] + " )"
		}
	}
	line := strings.Join(parts, joint(p.Op))
	if group {
		line = "( " + line + " )"
	}
	return line + t.redirs(p.Redirs)
}

// other reports whether a pipeline's pipefail is not the line's.
func (t *text) other(p Plan) bool {
	return p.Op == OpPipe && p.Pipefail != t.pipefail
}

// otherPipe renders a pipeline whose pipefail is not the line's, without its redirections.
func otherPipe(p Plan) string {
	inner := text{pipefail: p.Pipefail}
	line := inner.core(Plan{Op: p.Op, Parts: p.Parts, Pipefail: p.Pipefail}) + inner.bodies
	if p.Pipefail {
		line = "set -o pipefail; " + line
	}
	return "bash -c " + quote(line)
}

// redirs renders redirections behind a command.
func (t *text) redirs(redirs []Redir) string {
	var b strings.Builder
	for _, r := range redirs {
		switch r.Op {
		case RedirData:
			b.WriteString(" " + t.data(r.Data))
		case RedirDup:
			if r.FD == 1 {
				b.WriteString(" >&" + strconv.Itoa(r.To))
			} else {
				b.WriteString(" 2>&" + strconv.Itoa(r.To))
			}
		default:
			fd := ""
			if r.FD == 2 {
				fd = "2"
			}
			b.WriteString(" " + fd + string(r.Op) + " " + homeText(r.Path, plainWord))
		}
	}
	return b.String()
}

// data renders one line as a here-string and everything else as a here-document.
func (t *text) data(data string) string {
	if line, ok := strings.CutSuffix(data, "\n"); ok && !strings.Contains(line, "\n") {
		return "<<< " + wordText(line, plainWord)
	}
	end, lines := "EOF", strings.Split(data, "\n")
	for n := 1; slices.Contains(lines, end); n++ {
		end = "EOF" + strconv.Itoa(n)
	}
	t.bodies += "\n" + data + end
	return "<<'" + end + "'"
}

// commandText renders a command with its variables and launchers.
func commandText(p Plan) string {
	var words []string
	for _, v := range p.Env {
		words = append(words, v.Name+"="+wordText(v.Value, plainWord))
	}
	for _, wrap := range p.Wrap {
		for i, word := range wrap {
			words = append(words, wordText(word, plainAt(i)))
		}
	}
	for i, word := range p.Argv {
		switch {
		case slices.Contains(p.Globs, i) && slices.Contains(p.Tildes, i):
			words = append(words, "~/"+globText(strings.TrimPrefix(word, "~/")))
		case slices.Contains(p.Globs, i):
			words = append(words, globText(word))
		case slices.Contains(p.Tildes, i):
			words = append(words, homeText(word, plainWord))
		default:
			words = append(words, wordText(word, plainAt(i)))
		}
	}
	return strings.Join(words, " ")
}

// plainAt returns what makes the i-th word of a command plain.
func plainAt(i int) func(string) bool {
	if i == 0 {
		return plainName
	}
	return plainWord
}

func wordText(word string, plain func(string) bool) string {
	if plain(word) {
		return word
	}
	return quote(word)
}

// homeText renders a path that may be in the login's home.
func homeText(path string, plain func(string) bool) string {
	switch {
	case path == "~" || path == "~/":
		return path
	case strings.HasPrefix(path, "~/"):
		return "~/" + wordText(path[2:], plain)
	}
	return wordText(path, plain)
}

// globText quotes a pattern but for what makes it one. In brackets as little as possible is quoted, because quotes there
// change what - and ! mean.
func globText(pattern string) string {
	var b strings.Builder
	for pattern != "" {
		end := 1
		switch c := pattern[0]; {
		case c == '[':
			if end = strings.IndexByte(pattern, ']') + 1; end == 0 {
				end = len(pattern)
			}
			b.WriteString(bracketText(pattern[:end]))
		case strings.IndexByte("*?]", c) >= 0:
			b.WriteByte(c)
		default:
			if end = strings.IndexAny(pattern, "*?[]"); end < 0 {
				end = len(pattern)
			}
			b.WriteString(wordText(pattern[:end], plainWord))
		}
		pattern = pattern[end:]
	}
	return b.String()
}

func bracketText(bracket string) string {
	var b strings.Builder
	for _, r := range bracket {
		if c := string(r); strings.Contains("[]!^", c) || plainWord(c) {
			b.WriteString(c)
		} else {
			b.WriteString(quote(c))
		}
	}
	return b.String()
}

// plainWord reports whether a word means itself without quotes, as an argument.
func plainWord(word string) bool {
	for i := range len(word) {
		c := word[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./:=,@%+", c) >= 0) {
			return word == "[" || word == "]"
		}
	}
	return word != ""
}

// plainName is plainWord for a command's name, which is also no keyword, no declaration and no assignment.
func plainName(word string) bool {
	if !plainWord(word) || strings.Contains(word, "=") {
		return false
	}
	switch word {
	case "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "select", "function",
		"time", "coproc", "in", "declare", "typeset", "local", "export", "readonly", "nameref", "let",
		"GATEHOUSE-ARGV-1": // begins the exact-argv form of a line
		return false
	}
	return true
}
