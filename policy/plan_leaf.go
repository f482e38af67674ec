package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// leaf is one command of a plan with what holds for it.
type leaf struct {
	index int   // among the plan's commands, from 0
	plan  *Plan // as it was asked
	surroundings

	// What a question makes of it.
	chosen  chosen   // the rule that it runs by
	started []chosen // those of what it starts
	none    bool     // it inherits an input that its rule does not take, and reads nothing
	final   Plan     // what the target executes, once nothing is missing
}

// surroundings are what holds where a node of a plan stands.
type surroundings struct {
	dir    string // "" is the home; else absolute, or "~", "~/x" and relative ones joined as far as text goes
	input  inputSort
	sum    string // of inputData: hex SHA-256 of the data
	redirs []placedRedir
}

// inputSort says where a command's standard input comes from.
type inputSort int

const (
	inputClient inputSort = iota // the session's own
	inputPipe                    // another command of the line
	inputData                    // a here-document or here-string
	inputFile                    // a redirection from a file; its path is judged as a file
	inputNull                    // /dev/null
)

// placedRedir is a redirection with the directory that its path is relative to.
type placedRedir struct {
	Redir
	dir string
}

// leaves lists the commands of a plan from left to right.
func leaves(p *Plan) []leaf {
	w := leafWalk{make([]leaf, 0, max(1, len(p.Parts)))}
	w.walk(p, surroundings{})
	return w.found
}

type leafWalk struct{ found []leaf }

// walk visits a node.
func (w *leafWalk) walk(p *Plan, above surroundings) {
	above.dir = joinDir(above.dir, p.Dir)
	above.redirs = slices.Clip(above.redirs)
	for _, r := range p.Redirs {
		above.redirs = append(above.redirs, placedRedir{r, above.dir})
		if r.FD == 0 {
			above.input, above.sum = redirInput(r)
		}
	}
	if p.Op == OpRun || p.Op == OpShell || p.Op == OpGoverned {
		w.found = append(w.found, leaf{index: len(w.found), plan: p, surroundings: above})
		return
	}
	for i := range p.Parts {
		at := above
		if p.Op == OpPipe && i > 0 {
			at.input, at.sum = inputPipe, ""
		}
		w.walk(&p.Parts[i], at)
	}
}

func redirInput(r Redir) (inputSort, string) {
	switch {
	case r.Op == RedirData:
		sum := sha256.Sum256([]byte(r.Data))
		return inputData, hex.EncodeToString(sum[:])
	case r.Path == devNull:
		return inputNull, ""
	}
	return inputFile, ""
}

// joinDir is the directory that a relative one means inside another. ".." stays: only the target knows where it leads.
func joinDir(base, dir string) string {
	switch {
	case dir == "":
		return base
	case strings.HasPrefix(dir, "/"), dir == "~", strings.HasPrefix(dir, "~/"):
		return dir
	}
	dir = strings.TrimPrefix(dir, "./")
	if base == "" {
		base = "~"
	}
	return strings.TrimSuffix(base, "/") + "/" + dir
}

// absolute resolves a directory or path against the home; ok is false while the home is not known.
func absolute(text, home string) (string, bool) {
	switch {
	case strings.HasPrefix(text, "/"):
		return text, true
	case home == "":
		return text, false
	case text == "" || text == "~":
		return home, true
	}
	return strings.TrimSuffix(home, "/") + "/" + strings.TrimPrefix(text, "~/"), true
}

// Programs lists the programs that a plan names, in the ways in which Facts may have them.
func (p Plan) Programs() []string {
	var list []string
	add := func(name string) {
		for _, n := range names(name) {
			if !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	for _, l := range leaves(&p) {
		if l.plan.Op != OpRun {
			continue
		}
		add(l.plan.Argv[0])
		for _, argv := range slices.Concat(l.plan.Wrap, l.plan.Starts) {
			add(argv[0])
		}
	}
	return list
}

// rebuild returns the plan with each of its commands replaced, in order, and every directory and path of a redirection made
// absolute. The home must be known if any of them needs it.
func rebuild(p Plan, home string, command func(index int, p Plan) Plan) Plan {
	n := 0
	return rebuildNode(p, "", home, func(p Plan) Plan { n++; return command(n-1, p) })
}

func rebuildNode(p Plan, dir, home string, command func(Plan) Plan) Plan {
	dir = joinDir(dir, p.Dir)
	if p.Dir != "" {
		p.Dir, _ = absolute(dir, home)
	}
	redirs := make([]Redir, len(p.Redirs))
	for i, r := range p.Redirs {
		if r.Path != "" {
			r.Path, _ = absolute(joinDir(dir, r.Path), home)
		}
		redirs[i] = r
	}
	p.Redirs = redirs
	if len(redirs) == 0 {
		p.Redirs = nil
	}
	if p.Op == OpRun || p.Op == OpShell || p.Op == OpGoverned {
		return command(p)
	}
	parts := make([]Plan, len(p.Parts))
	for i, part := range p.Parts {
		parts[i] = rebuildNode(part, dir, home, command)
	}
	p.Parts = parts
	return p
}
