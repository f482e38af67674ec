package preview

import (
	"errors"
	"path"
	"slices"
	"strings"

	"gatehouse/bastion/target/look"
	"gatehouse/bastion/target/sftp"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// change is a file that a command writes, replaces or removes.
type change struct {
	path    string  // absolute
	content *string // what it will hold, if that is known
	from    string  // or the file on the target whose content it gets
	adds    bool    // it is appended
	tree    bool    // it is removed with all that is in it
}

// changes looks at what the commands change.
func (w *work) changes() error {
	var list []change
	each(&w.in.Plan, func(c command) { list = append(list, w.changed(c)...) })
	for _, c := range list {
		if err := w.change(c); err != nil {
			return err
		}
	}
	return nil
}

// changed lists what one command changes, as far as its words say.
func (w *work) changed(c command) (list []change) {
	home := w.in.Facts.Home
	for _, r := range c.redirs {
		name := in(r.dir, r.Path, home)
		if (r.Op != policy.RedirOut && r.Op != policy.RedirAppend) || name == "" || name == "/dev/null" {
			continue
		}
		ch := change{path: name, adds: r.Op == policy.RedirAppend}
		if r.FD == 1 {
			ch.content = c.prints()
		}
		list = append(list, ch)
	}
	options, operands := c.split()
	names := make([]string, 0, len(operands))
	for _, o := range operands {
		if name := in(c.dir, o, home); name != "" {
			names = append(names, name)
		}
	}
	switch c.name() {
	case "tee":
		for _, name := range names {
			list = append(list, change{path: name, content: c.input, adds: has(options, 'a', "append")})
		}
	case "cp", "mv", "install":
		list = append(list, copied(c.name(), options, names)...)
	case "sed":
		if has(options, 'i', "in-place") && len(operands) > 1 {
			for _, name := range names[1:] { // the first is the script
				list = append(list, change{path: name})
			}
		}
	case "dd":
		for _, word := range c.argv[1:] {
			if of, ok := strings.CutPrefix(word, "of="); ok {
				list = append(list, change{path: in(c.dir, of, home)})
			}
		}
	case "rm":
		for _, name := range names {
			list = append(list, change{path: name, tree: has(options, 'r', "recursive") || has(options, 'R', "")})
		}
	case "rmdir", "unlink", "shred", "truncate", "touch", "mkdir":
		for _, name := range names {
			list = append(list, change{path: name})
		}
	case "chmod", "chown", "chgrp":
		for _, name := range names[min(1, len(names)):] { // the first is the mode or the owner
			list = append(list, change{path: name})
		}
	case "ln":
		if n := len(names); n > 0 {
			list = append(list, change{path: names[n-1]})
		}
	}
	return slices.DeleteFunc(list, func(c change) bool { return c.path == "" })
}

// copied is what cp, mv and install write: one file into another is known, into a folder by its name.
func copied(program string, options, names []string) (list []change) {
	n := len(names)
	if n < 2 || has(options, 't', "target-directory") {
		return nil
	}
	whole := has(options, 'r', "recursive") || has(options, 'R', "") || has(options, 'a', "archive")
	for _, from := range names[:n-1] {
		c := change{path: names[n-1], from: from}
		if whole && program != "mv" {
			c.from = ""
		}
		list = append(list, c)
		if program == "mv" {
			list = append(list, change{path: from})
		}
	}
	return list
}

// takesValue are the options of programs above whose value is the next word.
var takesValue = map[string]string{"cp": "tS", "mv": "tS", "install": "mogtS", "sed": "efl", "truncate": "sr", "touch": "drt", "shred": "ns", "mkdir": "m", "ln": "tS"}

// split divides a command's words into options and the others.
func (c command) split() (options, operands []string) {
	words := c.argv[1:]
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			return options, append(operands, words[i+1:]...)
		case len(word) < 2 || word[0] != '-':
			operands = append(operands, word)
		default:
			options = append(options, word)
			if word[1] != '-' && strings.IndexByte(takesValue[c.name()], word[len(word)-1]) >= 0 {
				i++
			}
		}
	}
	return options, operands
}

// has reports an option by its letter, which may stand among others, or by its name, which may have a value.
func has(options []string, letter byte, name string) bool {
	return slices.ContainsFunc(options, func(o string) bool {
		if strings.HasPrefix(o, "--") {
			given, _, _ := strings.Cut(o[2:], "=")
			return name != "" && given == name
		}
		return strings.IndexByte(o, letter) > 0
	})
}

// change looks at one of them.
func (w *work) change(c change) error {
	if len(w.files) >= maxFiles {
		w.note("more than %d files: the others are not looked at", maxFiles)
		return nil
	}
	f, err := w.file(c.path)
	if err != nil {
		return err
	}
	if f.Kind == "folder" && c.from != "" { // it goes into the folder
		c.path = path.Join(c.path, path.Base(c.from))
		if f, err = w.file(c.path); err != nil {
			return err
		}
	}
	f.Changes = true
	if c.tree && f.Kind == "folder" {
		return w.tree(c.path, f)
	}
	return w.compare(c, f)
}

// tree counts what is in a folder that is removed.
func (w *work) tree(name string, f *access.FilePreview) error {
	entries, size, whole, err := w.eyes.Tree(w.ctx, name, maxTree)
	if err != nil {
		return err
	}
	f.Entries, f.Size = entries, size
	if !whole {
		w.note("%s: it has more than was counted, or parts that the login may not list", name)
	}
	return nil
}

// compare adds the difference between what is there and what will be, where both are known and are text.
func (w *work) compare(c change, f *access.FilePreview) error {
	if c.content == nil && c.from == "" || f.Kind == "folder" || f.Kind == "other" {
		return nil
	}
	var before, after string
	var err error
	if c.content != nil {
		after = *c.content
	} else if after, err = w.read(c.from); err != nil {
		return w.unread(c.from, err)
	}
	if f.Kind == "file" {
		if before, err = w.read(c.path); err != nil {
			return w.unread(c.path, err)
		}
	}
	if c.adds {
		after = before + after
	}
	text, why := unified(c.path, before, after)
	switch {
	case why != "":
		w.note("%s: %s", c.path, why)
	case w.diffs+len(text) > maxDiffs:
		w.note("%s: no difference is shown: there are too many", c.path)
	default:
		w.diffs += len(text)
		f.Diff = text
	}
	return nil
}

func (w *work) read(name string) (string, error) {
	b, err := w.eyes.Read(w.ctx, name, maxRead)
	return string(b), err
}

// unread notes why a file could not be read, and passes on what ends the look.
func (w *work) unread(name string, err error) error {
	var status sftp.StatusError
	switch {
	case errors.Is(err, look.ErrTooMuch):
		w.note("%s: it is larger than %d MiB, so no difference is shown", name, maxRead>>20)
	case errors.As(err, &status):
		w.note("%s: the login may not read it, so no difference is shown", name)
	default:
		return err
	}
	return nil
}
