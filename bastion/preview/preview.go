// Package preview finds out what a person should see of a command before deciding about it: what its globs match, what is at the
// paths that it names, what would be in the file that it writes, which unit it is about, how much it removes.
//
// It only looks, by a server that can do nothing else (bastion/target/look), and takes at most a few seconds. What it finds is the
// target's word, hostile text, and true for the moment: it is shown, every invisible character of it spelled out, and nothing is
// decided by it. What an approval is bound to are the hashes of the request, not this.
package preview

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"gatehouse/bastion/target/look"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// The most that a preview takes and holds.
const (
	Limit      = 5 * time.Second
	maxGlobs   = 20
	maxMatches = 100
	maxFiles   = 200
	maxNotes   = 50
	maxText    = 32 << 10  // bytes of all globs' matches
	maxRead    = 1 << 20   // bytes of a file that is compared
	maxDiff    = 32 << 10  // bytes of one diff
	maxDiffs   = 128 << 10 // of all
	maxTree    = 10_000    // entries of a folder that is removed

	MaxSize = 384 << 10 // of all of it, as JSON
)

// Eyes look at the target. Nothing that they are asked changes it. *look.Looker is one.
type Eyes interface {
	Stat(ctx context.Context, name string) (look.Found, error)
	Read(ctx context.Context, name string, most int) ([]byte, error)
	Tree(ctx context.Context, name string, most int) (entries int, size int64, whole bool, err error)
}

var _ Eyes = (*look.Looker)(nil)

// Subject is the command that is looked at.
type Subject struct {
	Plan  policy.Plan  // final
	Facts policy.Facts // what was found for its decision: globs, and the contents of what it names
	Names []string     // paths that it may name, absolute
}

// work is one preview in the making.
type work struct {
	ctx   context.Context
	eyes  Eyes
	in    Subject
	out   access.Preview
	files map[string]*access.FilePreview
	diffs int // bytes
}

// Build looks at the command for at most Limit. It always returns a preview: what could not be looked at is in its notes. With
// an error the eyes are good for nothing more.
func Build(ctx context.Context, eyes Eyes, in Subject) (access.Preview, error) {
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	w := &work{ctx: ctx, eyes: eyes, in: in, files: map[string]*access.FilePreview{}}
	w.globs()
	var failed error
	for _, step := range []func() error{w.changes, w.units, w.named} {
		if failed = step(); failed != nil {
			break
		}
	}
	switch {
	case failed == nil:
	case errors.Is(failed, context.DeadlineExceeded):
		w.note("the look took longer than %s: what is missing was not looked at", Limit)
	default:
		w.note("the target could not be looked at to the end: %v", failed)
	}
	w.finish()
	return w.out, failed
}

func (w *work) note(format string, args ...any) {
	text := Visible(fmt.Sprintf(format, args...))
	if len(w.out.Notes) < maxNotes && !slices.Contains(w.out.Notes, text) {
		w.out.Notes = append(w.out.Notes, text)
	}
}

// globs are those of the line, as the decision had them expanded.
func (w *work) globs() {
	size := 0
	for _, pattern := range slices.Sorted(keys(w.in.Facts.Globs)) {
		if len(w.out.Globs) == maxGlobs {
			w.note("only the first %d patterns are shown", maxGlobs)
			return
		}
		matches := w.in.Facts.Globs[pattern]
		g := access.GlobPreview{Pattern: Visible(pattern), Matches: []string{}}
		for _, m := range matches[:min(len(matches), maxMatches)] {
			if size += len(m); size > maxText {
				break
			}
			g.Matches = append(g.Matches, Visible(m))
		}
		g.More = len(matches) - len(g.Matches)
		w.out.Globs = append(w.out.Globs, g)
	}
}

// named looks at the paths that the command may name, as far as something is there or they are certainly paths.
func (w *work) named() error {
	certain := words(&w.in.Plan)
	for _, name := range w.in.Names {
		if _, known := w.files[name]; known {
			continue
		}
		f, err := w.file(name)
		if err != nil {
			return err
		}
		if f.Kind == "missing" && !certain[name] {
			delete(w.files, name)
		}
	}
	return nil
}

// file is what is at a path; it is looked at once.
func (w *work) file(name string) (*access.FilePreview, error) {
	if f := w.files[name]; f != nil {
		return f, nil
	}
	found, err := w.eyes.Stat(w.ctx, name)
	if err != nil {
		return nil, err
	}
	f := &access.FilePreview{Path: Visible(name), Kind: kind(found), Size: found.Size, Changed: found.Changed, Why: found.Why}
	if found.Kind != policy.PathNone && found.Why == "" {
		f.Mode = found.Mode.String()
	}
	if found.Real != name && found.Real != "" {
		f.Leads = Visible(found.Real)
	}
	if s, known := w.in.Facts.Contents[name]; known {
		f.SHA256, f.Why = s.SHA256, cmp.Or(f.Why, s.Why)
	}
	w.files[name] = f
	return f, nil
}

// kind is the word that is shown.
func kind(f look.Found) string {
	switch f.Kind {
	case policy.PathNone:
		return "missing"
	case policy.PathDir:
		return "folder"
	case policy.PathFile:
		return "file"
	}
	return "other"
}

// finish puts the files in order: what is changed first.
func (w *work) finish() {
	for _, name := range slices.Sorted(keys(w.files)) {
		w.out.Files = append(w.out.Files, *w.files[name])
	}
	slices.SortStableFunc(w.out.Files, func(a, b access.FilePreview) int { return cmp.Compare(first(a), first(b)) })
	if n := len(w.out.Files); n > maxFiles {
		w.out.Files = w.out.Files[:maxFiles]
		w.note("%d more files are not shown", n-maxFiles)
	}
	w.fit()
}

// fit leaves out what is largest until all of it fits: escapes can make text six times as long.
func (w *work) fit() {
	for i := len(w.out.Files) - 1; i >= 0 && w.size() > MaxSize; i-- {
		if w.out.Files[i].Diff != "" {
			w.out.Files[i].Diff = ""
			w.note("some differences are not shown: there are too many")
		}
	}
	if w.size() > MaxSize {
		w.out.Globs, w.out.Files = nil, w.out.Files[:min(len(w.out.Files), 20)]
		w.note("most of it is not shown: its names are too long")
	}
}

func (w *work) size() int {
	b, _ := json.Marshal(w.out) // strings, numbers and times
	return len(b)
}

func first(f access.FilePreview) int {
	if f.Changes {
		return 0
	}
	return 1
}

func keys[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// words are the paths that stand in the plan as they are.
func words(p *policy.Plan) map[string]bool {
	set := map[string]bool{}
	each(p, func(c command) {
		for _, word := range c.argv {
			if path.IsAbs(word) {
				set[path.Clean(word)] = true
			}
		}
	})
	return set
}
