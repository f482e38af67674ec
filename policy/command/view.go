package command

import (
	"path"
	"strings"
)

// View is what is known of the target when words are judged. The zero View knows nothing.
type View struct {
	Dir  string                                      // the absolute working directory; "" if it is not known yet
	Home string                                      // the login's home, absolute; "" if it is not known yet
	Real func(path string) (real string, known bool) // where an absolute path leads, ".." kept as it was asked; nil if nothing is known
}

// absolute is the path that a word names, as it was asked: ".." stays. It is false if that depends on the unknown
// working directory.
func (v *View) absolute(word string) (string, bool) {
	switch {
	case word[0] == '/':
		return word, true
	case v.Dir == "":
		return "", false
	}
	return strings.TrimSuffix(v.Dir, "/") + "/" + word, true
}

func (v *View) real(asked string) (string, bool) {
	if v.Real == nil {
		return "", false
	}
	return v.Real(asked)
}

// below cuts a base off a clean absolute path: rest are the components below it, none for the base itself. known is false
// if where the base lies is not known.
func (v *View) below(base pathBase, clean string) (rest []string, below, known bool) {
	at := "/"
	switch base {
	case fromHome:
		at = v.Home
	case fromDir:
		at = v.Dir
	}
	if at == "" {
		return nil, false, false
	}
	at = path.Clean(at)
	if clean == at {
		return nil, true, true
	}
	text, below := strings.CutPrefix(clean, strings.TrimSuffix(at, "/")+"/")
	if !below {
		return nil, false, true
	}
	return strings.Split(text, "/"), true, true
}
