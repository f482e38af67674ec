package policy

import (
	"strings"

	"gatehouse/policy/program"
)

// rsync judges the paths of rsync's far side. A sender reads what it is given: a file, or a folder with all below it. A receiver writes to its
// one path as the client likes, to a file there or to anything below it, and sets owner, mode and times of the path itself.
func (t *tree) rsync(s program.RsyncServer) *Decision {
	for _, word := range s.Paths {
		t.word = word
		if !s.Sender {
			if no := t.receive(word, s.Recurse); no != nil {
				return no
			}
			continue
		}
		if no := t.send(FileRead, word); no != nil {
			return no
		}
		if s.Removes {
			if no := t.send(FileWrite, word); no != nil {
				return no
			}
		}
	}
	return nil
}

// send judges a path of which everything is read, or removed once it was.
func (t *tree) send(direction Direction, word string) *Decision {
	asked, ok := t.absolute(word)
	if !ok {
		return nil
	}
	s := spotOf(asked)
	if no := t.sends(direction, s); no != nil { // by its text: nothing is looked up of what is not listed
		return no
	}
	if s, ok = t.find(asked); !ok {
		return nil
	}
	if no := t.sends(direction, s); no != nil {
		return no
	}
	t.use(direction, s, !s.lone())
	return nil
}

func (t *tree) sends(direction Direction, s spot) *Decision {
	for _, name := range s.names() {
		listed := !s.lone() && t.below(direction, name) || s.kind != PathDir && t.at(direction, name)
		if !listed && s.kind == PathDir && t.at(direction, name) {
			return t.unlisted(direction, s, "%s is a folder, and not all below it may be %s by %s")
		}
		if !listed {
			return t.unlisted(direction, s, "no role lets %s be %s by %s")
		}
	}
	return t.denied(s)
}

// receive judges the path that is written to.
func (t *tree) receive(word string, recurse bool) *Decision {
	asked, ok := t.absolute(word)
	if !ok {
		return nil
	}
	alone := func(s spot) bool { // a file there can only be replaced
		return !recurse && (s.kind == PathFile || s.kind == "" && !strings.HasSuffix(word, "/"))
	}
	s := spotOf(asked)
	if no := t.receives(s, alone(s)); no != nil {
		return no
	}
	if s, ok = t.find(asked); !ok {
		return nil
	}
	if no := t.receives(s, alone(s)); no != nil {
		return no
	}
	t.use(FileWrite, s, !alone(s))
	return nil
}

func (t *tree) receives(s spot, alone bool) *Decision {
	for _, name := range s.names() {
		at, below := t.at(FileWrite, name), t.below(FileWrite, name)
		switch {
		case at && (alone || below):
		case below:
			return t.unlisted(FileWrite, s, "%s itself may not be %s, and %s sets its mode and times")
		case at:
			return t.unlisted(FileWrite, s, "not all below %s may be %s, and %s writes there what the client likes")
		default:
			return t.unlisted(FileWrite, s, "no role lets %s be %s by %s")
		}
	}
	return t.denied(s)
}
