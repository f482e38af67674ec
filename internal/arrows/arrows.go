// Package arrows checks that the module's packages import each other only in the directions that the design allows:
// cmd → web, bastion, internal/decider → ca, policy, recorder → codecs.
//
// It reads the import clauses of every Go file below a root, whatever its build tags, so that no platform or tag hides an
// arrow. Test files may import anything. A violation names the file where the way to the forbidden package begins, and
// each step of that way.
package arrows

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Rule forbids arrows. Folders are relative to the module's root and stand for everything below them too.
type Rule struct {
	From   []string // folders that the rule binds; empty means every folder
	Except []string // folders that it does not bind, nor looks through
	Never  []string // folders that they must not reach, directly or through others
	Only   []string // if set: the only import paths allowed besides the standard library and the module's own From
	Reason string   // why, for whoever meets the violation
}

// Violation is one arrow in the wrong direction.
type Violation struct {
	File   string // relative to the root, with the line of the import: "web/page.go:12"
	Way    []string
	Reason string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %s: %s", v.File, strings.Join(v.Way, " → "), v.Reason)
}

// imported is one import clause.
type imported struct {
	path string // folder relative to the root for the module's own packages, else the import path
	own  bool
	file string
}

// Check reads the module below root and returns its violations in the order of their files.
func Check(root, module string, rules []Rule) ([]Violation, error) {
	graph, err := load(root, module)
	if err != nil {
		return nil, err
	}
	var found []Violation
	for _, rule := range rules {
		for folder := range graph {
			if !rule.binds(folder) {
				continue
			}
			found = append(found, rule.reach(graph, folder)...)
			found = append(found, rule.foreign(graph, folder)...)
		}
	}
	slices.SortFunc(found, func(a, b Violation) int { return strings.Compare(a.String(), b.String()) })
	return found, nil
}

func (r Rule) binds(folder string) bool {
	return (len(r.From) == 0 || within(folder, r.From)) && !within(folder, r.Except)
}

// reach walks the imports from one folder, breadth first, so that the way it reports is the shortest.
func (r Rule) reach(graph map[string][]imported, from string) []Violation {
	type step struct {
		folder, file string
		way          []string
	}
	var found []Violation
	seen := map[string]bool{from: true}
	for queue := []step{{folder: from, way: []string{from}}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, i := range graph[at.folder] {
			if !i.own || seen[i.path] || within(i.path, r.Except) {
				continue
			}
			seen[i.path] = true
			next := step{folder: i.path, file: at.file, way: append(slices.Clone(at.way), i.path)}
			if next.file == "" {
				next.file = i.file
			}
			if within(i.path, r.Never) && !(len(r.From) == 0 && within(from, r.Never)) {
				found = append(found, Violation{File: next.file, Way: next.way, Reason: r.Reason})
				continue
			}
			queue = append(queue, next)
		}
	}
	return found
}

// foreign applies Only to one folder's own imports.
func (r Rule) foreign(graph map[string][]imported, from string) []Violation {
	if len(r.Only) == 0 {
		return nil
	}
	var found []Violation
	for _, i := range graph[from] {
		first, _, _ := strings.Cut(i.path, "/")
		standard := !i.own && !strings.Contains(first, ".")
		if standard || i.own && within(i.path, r.From) || within(i.path, r.Only) {
			continue
		}
		found = append(found, Violation{File: i.file, Way: []string{from, i.path}, Reason: r.Reason})
	}
	return found
}

// within says whether a path is one of the folders or lies below one.
func within(name string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return name == f || strings.HasPrefix(name, f+"/") })
}

// load reads the import clauses of the module's files, tests and testdata left out.
func load(root, module string) (map[string][]imported, error) {
	graph := map[string][]imported{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			hidden := file != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_"))
			if hidden || name == "testdata" || name == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		imports, err := read(file, filepath.ToSlash(relative), module)
		folder := path.Dir(filepath.ToSlash(relative))
		graph[folder] = append(graph[folder], imports...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read imports below %s: %w", root, err)
	}
	return graph, nil
}

func read(file, relative, module string) ([]imported, error) {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var imports []imported
	for _, spec := range syntax.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		own, isOwn := strings.CutPrefix(target, module+"/")
		imports = append(imports, imported{
			path: own, own: isOwn, file: fmt.Sprintf("%s:%d", relative, set.Position(spec.Pos()).Line),
		})
	}
	return imports, nil
}
