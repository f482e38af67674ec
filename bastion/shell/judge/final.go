package judge

import (
	"os"
	"path"
	"slices"
	"strings"

	"gatehouse/policy"
)

// Final makes the plan that would run in the box: programs with their paths, patterns and the home expanded. It answers
// what only a target can, as a target would.
func (b *Box) Final(p policy.Plan) (policy.Plan, error) {
	if err := b.reset(); err != nil {
		return p, err
	}
	return b.final(p, b.Home()), nil
}

func (b *Box) final(p policy.Plan, dir string) policy.Plan {
	if p.Dir != "" {
		dir = b.absolute(p.Dir, dir)
		p.Dir = dir
	}
	p.Redirs = slices.Clone(p.Redirs)
	for i, r := range p.Redirs {
		if r.Path != "" {
			p.Redirs[i].Path = b.absolute(r.Path, dir)
		}
	}
	parts := make([]policy.Plan, len(p.Parts))
	for i, part := range p.Parts {
		parts[i] = b.final(part, dir)
	}
	p.Parts = parts
	if p.Op == policy.OpRun {
		b.finalCommand(&p, dir)
	}
	return p
}

func (b *Box) finalCommand(p *policy.Plan, dir string) {
	wraps := make([]policy.Argv, len(p.Wrap))
	for i, wrap := range p.Wrap {
		wraps[i] = slices.Clone(wrap)
		wraps[i][0] = b.program(wrap[0], dir)
	}
	p.Wrap = wraps
	argv := policy.Argv{b.program(p.Argv[0], dir)}
	for i, word := range p.Argv[1:] {
		tilde := slices.Contains(p.Tildes, i+1)
		if tilde {
			word = b.Home() + word[1:]
		}
		if slices.Contains(p.Globs, i+1) {
			argv = append(argv, glob(word, dir)...)
		} else {
			argv = append(argv, word)
		}
	}
	p.Argv, p.Globs, p.Tildes = argv, nil, nil
}

func (b *Box) absolute(name, dir string) string {
	switch {
	case name == "~" || strings.HasPrefix(name, "~/"):
		return b.Home() + name[1:]
	case path.IsAbs(name):
		return name
	}
	return dir + "/" + name
}

// program looks a name up on the box's PATH; what is not there gets a path that is not there either.
func (b *Box) program(name, dir string) string {
	if strings.Contains(name, "/") {
		return b.absolute(name, dir)
	}
	for _, folder := range strings.Split(b.path(), ":") {
		if info, err := os.Stat(folder + "/" + name); err == nil && info.Mode().IsRegular() {
			return folder + "/" + name
		}
	}
	return b.bin() + "/" + name
}

// glob returns what a pattern matches, sorted, or the pattern.
func glob(pattern, dir string) []string {
	found, whole := []string{""}, pattern
	if strings.HasPrefix(pattern, "/") {
		found, dir = []string{"/"}, ""
		pattern = strings.TrimLeft(pattern, "/")
	}
	elements := strings.SplitAfter(pattern, "/")
	for _, element := range elements {
		found = step(found, element, dir)
	}
	slices.Sort(found)
	if len(found) == 0 {
		return []string{whole}
	}
	return found
}

// step extends each path by what one element of a pattern matches; an element may end with slashes.
func step(paths []string, element, dir string) []string {
	name := strings.TrimRight(element, "/")
	slash := element[len(name):]
	var next []string
	for _, p := range paths {
		full := p
		if !strings.HasPrefix(p, "/") {
			full = dir + "/" + p
		}
		if !strings.ContainsAny(name, "*?[") {
			if _, err := os.Stat(full + element); err == nil {
				next = append(next, p+element)
			}
			continue
		}
		entries, err := os.ReadDir(full)
		if err != nil {
			continue
		}
		for _, e := range entries {
			hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(name, ".")
			ok, err := path.Match(strings.ReplaceAll(name, "[!", "[^"), e.Name())
			if err == nil && ok && !hidden && (slash == "" || isDir(full+e.Name())) {
				next = append(next, p+e.Name()+slash)
			}
		}
	}
	return next
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
