package policy

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// MaxNamed is how many words of a command that people must approve may name files: an approval is bound to each of them.
const MaxNamed = 400

// FileState is what was at a path when it was asked about: what an approval of a command is bound to.
type FileState struct {
	Path    string   `json:"path"`             // absolute, as the command names it
	Real    string   `json:"real,omitempty"`   // without symbolic links, where that is another path
	Kind    PathKind `json:"kind,omitempty"`   // empty: nothing is there
	SHA256  string   `json:"sha256,omitempty"` // of a file's content, 64 hex digits; empty: it could not be read, or is larger than what is read
	Size    int64    `json:"size,omitempty"`   // of a file
	Missing bool     `json:"missing,omitempty"`
	Why     string   `json:"why,omitempty"` // why its content is not bound
}

// Bound reports whether no byte of it can change unnoticed. A folder's content is not bound, nor is that of a file that was not read.
func (f FileState) Bound() bool { return f.Missing || f.SHA256 != "" }

// Named is a path that a command may name by one of its words.
type Named struct {
	Path string // absolute; while the login's home is not known "~" or "~/x"
	Sure bool   // it is written as a path: that nothing is there says something
}

// Named lists what may be files among the words of the commands for which people are asked, by path. It is empty but for the verdict
// Ask. What is appended to is not among it: what is there already says nothing about what is approved.
func (d Decision) Named() []Named { return d.named }

// ContentProbes are the questions whose answers say what an approval is to be bound to; none once all are known.
func (d Decision) ContentProbes(f Facts) []Probe {
	var probes []Probe
	for _, n := range d.named {
		if _, known := f.Contents[n.Path]; known {
			continue
		}
		if n.Path[0] != '/' {
			return []Probe{{Kind: ProbeHome}}
		}
		probes = append(probes, Probe{Kind: ProbeContent, Name: n.Path, Hash: true})
	}
	return probes
}

// Files is what an approval is bound to, by path: all that is there of what the command names, and what is not there of what is
// written as a path. It is complete once ContentProbes are answered.
func (d Decision) Files(f Facts) []FileState {
	var files []FileState
	for _, n := range d.named {
		if s, known := f.Contents[n.Path]; known && (!s.Missing || n.Sure) {
			s.Path = n.Path
			files = append(files, s)
		}
	}
	return files
}

// nameFiles fills named from the commands whose rules want approval.
func (q *question) nameFiles(d *Decision) {
	names := map[string]bool{}
	for i := range q.leaves {
		l := &q.leaves[i]
		if !l.asks() {
			continue
		}
		n := naming{dir: l.dir, home: q.r.home(), into: names}
		n.argv(l.final.Argv)
		for _, wrap := range l.final.Wrap {
			n.add(wrap[0], true)
		}
		for _, argv := range l.final.Starts {
			if fact, known := q.r.program(argv[0]); known && fact.Path != "" {
				argv = append(Argv{fact.Path}, argv[1:]...)
			}
			n.argv(argv)
		}
		for _, r := range l.redirs {
			if r.Op == RedirIn || r.Op == RedirOut {
				(&naming{dir: r.dir, home: n.home, into: names}).add(r.Path, true)
			}
		}
	}
	for name, sure := range names {
		d.named = append(d.named, Named{name, sure})
	}
	slices.SortFunc(d.named, func(a, b Named) int { return cmp.Compare(a.Path, b.Path) })
}

// asks reports whether people are asked because of this command.
func (l *leaf) asks() bool {
	return l.chosen.kind == AskRule || slices.ContainsFunc(l.started, func(c chosen) bool { return c.kind == AskRule })
}

// tooManyNamed denies what no approval can be bound to.
func tooManyNamed(n int) Decision {
	return deny(CodeBadArgument, fmt.Sprintf("it has %d words that may name files, and an approval is bound to %d at most: split it", n, MaxNamed))
}

// naming collects paths.
type naming struct {
	dir, home string
	into      map[string]bool // sure
}

// argv takes a command's program and its words.
func (n *naming) argv(argv Argv) {
	n.add(argv[0], strings.HasPrefix(argv[0], "/"))
	for _, word := range argv[1:] {
		n.word(word)
	}
}

// word takes what may be a path in one word: all of it, what follows the first "=" or "@", and an option's value that begins with a
// slash (-I/usr/include).
func (n *naming) word(word string) {
	if strings.Contains(word, Unknown) {
		return
	}
	if !strings.HasPrefix(word, "-") {
		n.add(word, written(word))
	} else if at := strings.IndexByte(word, '/'); at > 0 {
		n.add(word[at:], false)
	}
	for _, mark := range []string{"=", "@"} {
		if _, value, ok := strings.Cut(word, mark); ok {
			n.add(value, written(value))
		}
	}
}

// written reports whether a word looks like a path and like nothing else.
func written(word string) bool {
	for _, start := range []string{"/", "./", "../"} {
		if strings.HasPrefix(word, start) {
			return true
		}
	}
	return false
}

func (n *naming) add(name string, sure bool) {
	if name == "" || name == "-" {
		return
	}
	dir, known := absolute(n.dir, n.home)
	switch {
	case name[0] == '/':
	case known:
		name = dir + "/" + name
	default:
		name = "~/" + name
	}
	if !slices.Contains(strings.Split(name, "/"), "..") { // where that leads, only the target knows
		name = path.Clean(name)
	}
	if name != devNull && name != "/" {
		n.into[name] = n.into[name] || sure
	}
}
