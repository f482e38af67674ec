package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/policy"
)

// change is what cd or umask changes for the commands that follow.
type change struct{ dir, umask string }

// changeOf returns cd or umask if the statement is that command, negated or not, and nothing otherwise.
func (r *reader) changeOf(s *syntax.Stmt) string {
	c, ok := s.Cmd.(*syntax.CallExpr)
	if !ok || len(c.Args) == 0 {
		return ""
	}
	t := r.found.words[int(c.Args[0].Pos().Offset())]
	if t == nil {
		return ""
	}
	if name := plainText(t.chars); name == "cd" || name == "umask" {
		return name
	}
	return ""
}

// change reads cd DIR or umask MASK.
func (r *reader) change(s *syntax.Stmt, p place) (change, error) {
	name := r.changeOf(s)
	c := s.Cmd.(*syntax.CallExpr)
	switch {
	case s.Negated || len(s.Redirs) > 0 || len(c.Assigns) > 0:
		return change{}, refuse(s, name, "it has no !, no redirections and no variables")
	case p.braced:
		return change{}, refuse(s, name, "in { } it would hold for what follows the group: use ( )")
	case len(c.Args) != 2 && name == "cd":
		return change{}, refuse(s, name, "it has one operand, the directory")
	case len(c.Args) != 2:
		return change{}, refuse(s, name, "it has one operand, such as 022")
	}
	if _, err := r.word(c.Args[0].Pos(), c.Args[0].End()); err != nil {
		return change{}, err
	}
	t, err := r.word(c.Args[1].Pos(), c.Args[1].End())
	if err != nil {
		return change{}, err
	}
	w, err := r.pathWord(t.chars, name)
	if err != nil {
		return change{}, err
	}
	if name == "umask" {
		return maskOf(w)
	}
	return dirOf(w)
}

// dirOf reads a directory. Shells resolve .. in their own way, without asking the file system.
func dirOf(w word) (change, error) {
	switch {
	case w.text == "":
		return change{}, w.refuse("cd", "the directory's name is empty")
	case strings.HasPrefix(w.text, "-"):
		return change{}, w.refuse("cd", "options and - are not accepted: write the directory")
	case slices.Contains(strings.Split(w.text, "/"), ".."):
		return change{}, w.refuse("cd", "write the directory without ..")
	}
	return change{dir: w.path()}, nil
}

// maskOf reads one to three octal digits, or four of which the first is 0.
func maskOf(w word) (change, error) {
	mask := w.text
	if len(mask) == 4 {
		mask = strings.TrimPrefix(mask, "0")
	}
	if w.tilde || mask == "" || len(mask) > 3 || strings.Trim(mask, "01234567") != "" {
		return change{}, w.refuse("umask", "it is three octal digits, such as 022")
	}
	return change{umask: strings.Repeat("0", 3-len(mask)) + mask}, nil
}

// around puts the change around what it holds for.
func (c change) around(plan policy.Plan) policy.Plan {
	if plan.Not || c.dir != "" && plan.Dir != "" || c.umask != "" && plan.Umask != "" {
		plan = policy.Plan{Op: policy.OpSeq, Parts: []policy.Plan{plan}}
	}
	if c.dir != "" {
		plan.Dir = c.dir
	} else {
		plan.Umask = c.umask
	}
	return plan
}

// set reads a statement that is set -e, -u or -o pipefail, and reports whether it is.
func (r *reader) set(s *syntax.Stmt, o *options) (bool, error) {
	c, ok := s.Cmd.(*syntax.CallExpr)
	if !ok || len(c.Args) < 2 || len(c.Assigns) > 0 || len(s.Redirs) > 0 || s.Negated || s.Background {
		return false, nil
	}
	if t := r.found.words[int(c.Args[0].Pos().Offset())]; t == nil || plainText(t.chars) != "set" {
		return false, nil
	}
	var words []word
	for _, arg := range c.Args {
		t, err := r.word(arg.Pos(), arg.End())
		if err != nil {
			return true, err
		}
		w, err := r.literalWord(t.chars, "set")
		if err != nil {
			return true, err
		}
		words = append(words, w)
	}
	for rest := words[1:]; len(rest) > 0; {
		used, err := r.option(rest, o, "")
		if err != nil {
			return true, err
		}
		rest = rest[used:]
	}
	return true, nil
}

// option reads the option that begins the words, of set or of a shell: -e, -u, -o NAME, joined, and the letters more.
func (r *reader) option(words []word, o *options, more string) (used int, err error) {
	w := words[0]
	used = 1
	if len(w.text) < 2 || w.text[0] != '-' || !w.literal() {
		return 0, w.refuse("shell option", "only -e, -u and -o pipefail are accepted")
	}
	for i, letter := range w.text[1:] {
		switch {
		case letter == 'e':
			o.errexit = true
		case letter == 'u', strings.ContainsRune(more, letter):
		case letter == 'o' && i == len(w.text)-2 && len(words) > 1:
			used = 2
			if err := r.named(words[1], o); err != nil {
				return 0, err
			}
		default:
			return 0, w.refuse("shell option", "only -e, -u and -o pipefail are accepted, not "+w.text)
		}
	}
	return used, nil
}

// named reads the name behind -o.
func (r *reader) named(w word, o *options) error {
	switch {
	case w.text == "pipefail" && !r.sh:
		o.pipefail = true
	case w.text == "errexit":
		o.errexit = true
	case w.text == "nounset":
	case w.text == "pipefail":
		return w.refuse("shell option", "not every sh knows pipefail: use bash -c")
	default:
		return w.refuse("shell option", "only errexit, nounset and pipefail are accepted")
	}
	return nil
}
