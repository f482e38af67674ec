package look

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/policy"
)

// bash expands patterns as bash does, with nothing where nothing matches.
func bash(t *testing.T, patterns []string) [][]string {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"--norc", "-c", `IFS=; shopt -s nullglob; for p in "$@"; do set -- $p; printf '%s\0' "$#" "$@"; done`, "bash"}, patterns...)...)
	cmd.Env = []string{"LC_ALL=C"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	fields := bytes.Split(out, []byte{0})
	all := make([][]string, len(patterns))
	for i := range patterns {
		n, err := strconv.Atoi(string(fields[0]))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields[1 : 1+n] {
			all[i] = append(all[i], string(f))
		}
		fields = fields[1+n:]
	}
	return all
}

// TestGlobsAreBash: over a tree of odd names, 2,000 patterns match what bash says they do.
func TestGlobsAreBash(t *testing.T) {
	root := t.TempDir()
	tree(t, root, rand.New(rand.NewPCG(1, 2)))
	var patterns []string
	for _, p := range []string{"*", "*/", ".*", ".*/", "*/*", "*/.*", "**", "**/*", "*/../*", "*/./*", "*/.", "*/..", "l*/*", "[.]*", "?*", `\.*`, `\**`, `*\*`, "[a-c]*", "[!a-c]*", "[^a-c]*", "[]a]*", "[!]a]*", "[a", "[a*", "*[", "*[]*", "*/[a", "[[:digit:]]*", "[![:alpha:]]*", "[[:upper:][:digit:]]", "[a-]*", "[-a]*", `[\a-\c]*`, `[\]]*`, "*a*b*", "*//*", "?", "??", "dang*", "dang*/", "*/dang", "a?/", "nothing*", "*é*", "[é]", "???", "*[[:space:]]*", "*[[:punct:]]", "*\n*", "-*", "[[:alpha:]", "[a]b*", "[!]", "[^]*", `[!-]*`} {
		patterns = append(patterns, root+"/"+p)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for len(patterns) < 2000 {
		if p := root + "/" + randomPattern(r); strings.ContainsAny(p, "*?[") {
			patterns = append(patterns, p)
		}
	}
	want := bash(t, patterns)
	l, err := New(t.Context(), startLocal(t, root, false), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	compared, matched := 0, 0
	for i, p := range patterns {
		var f policy.Facts
		if err := l.Answer(t.Context(), []policy.Probe{{Kind: policy.ProbeGlob, Name: p}}, &f); err != nil {
			if strings.Contains(err.Error(), "glob ") && l.client.Err() == nil {
				continue // not understood, and said so
			}
			t.Fatalf("%q: %v", p, err)
		}
		g, _ := parseGlob(p)
		if !slices.ContainsFunc(g.parts, func(p pattern) bool { return p.magic }) {
			continue // bash leaves such a word as it is
		}
		compared++
		if len(want[i]) > 0 {
			matched++
		}
		if !slices.Equal(f.Globs[p], want[i]) {
			t.Errorf("%q:\n%q, bash has\n%q", strings.TrimPrefix(p, root), f.Globs[p], want[i])
		}
	}
	if compared < 1200 || matched < 300 {
		t.Errorf("only %d patterns were compared, of which %d match", compared, matched)
	}
	t.Logf("%d compared, %d match", compared, matched)
}

// tree makes folders, files and links of names from a small alphabet, so that patterns meet them.
func tree(t *testing.T, root string, r *rand.Rand) {
	t.Helper()
	must := func(err error) {
		if err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	dirs := []string{root}
	for range 25 {
		d := filepath.Join(dirs[r.IntN(len(dirs))], randomName(r))
		if os.Mkdir(d, 0o755) == nil {
			dirs = append(dirs, d)
		}
	}
	for range 150 {
		f := filepath.Join(dirs[r.IntN(len(dirs))], randomName(r))
		if _, err := os.Lstat(f); os.IsNotExist(err) {
			must(os.WriteFile(f, nil, 0o644))
		}
	}
	must(os.Symlink("nowhere", filepath.Join(root, "dang")))
	must(os.Symlink(filepath.Base(dirs[1]), filepath.Join(root, "link")))
	for range 10 {
		must(os.Symlink(dirs[r.IntN(len(dirs))], filepath.Join(dirs[r.IntN(len(dirs))], randomName(r))))
	}
}

var alphabet = []string{"a", "b", "c", "A", "1", ".", "-", "]", "[", "!", "*", "\\", " ", "\n", "é", "~"}

func randomName(r *rand.Rand) string {
	for {
		var sb strings.Builder
		for range 1 + r.IntN(3) {
			sb.WriteString(alphabet[r.IntN(len(alphabet))])
		}
		if n := sb.String(); n != "." && n != ".." {
			return n
		}
	}
}

var pieces = []string{"*", "*", "*", "?", "?", "[abc]", "[a-c]", "[!a]", "[^1]", "[[:alpha:]]", "[[:digit:]]", "[[:upper:]1]", "[]]", "[!]]", "[-a]", `\*`, `\[`, `\a`, "a", "b", "c", "1", ".", "[", "]", "-", "/", "/", "é", "!", "**", "[[:punct:]]", "[.]"}

func randomPattern(r *rand.Rand) string {
	for {
		var sb strings.Builder
		for range 1 + r.IntN(6) {
			sb.WriteString(pieces[r.IntN(len(pieces))])
		}
		if p := sb.String(); !strings.Contains(p, "//") && !strings.HasPrefix(p, "/") {
			return p
		}
	}
}
