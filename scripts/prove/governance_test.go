package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const capabilities = 40

var namedTest = regexp.MustCompile("`(\\./[a-z0-9/]+) (Test\\w+)(?:/([a-z0-9-]+))?`")

// TestGovernanceNamesRealTests: docs/governance.md has all its rows, each shown by tests that are there, or not yet.
func TestGovernanceNamesRealTests(t *testing.T) {
	text, err := os.ReadFile("../../docs/governance.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, n := map[string]map[string]bool{}, 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 7 || !strings.HasPrefix(strings.TrimSpace(cells[1]), fmt.Sprint(n+1)) {
			continue
		}
		n++
		if len(cells) != 7 || strings.TrimSpace(cells[4]) == "" || strings.TrimSpace(cells[5]) == "" {
			t.Errorf("row %d is not whole", n)
		}
		shown := strings.TrimSpace(cells[3])
		if shown == "not yet" {
			continue
		}
		named := namedTest.FindAllStringSubmatch(shown, -1)
		if len(named) == 0 || strings.TrimSpace(namedTest.ReplaceAllString(shown, "")) != "" {
			t.Errorf("row %d: %q is no list of tests", n, shown)
		}
		for _, m := range named {
			if tests[m[1]] == nil {
				tests[m[1]] = testsOf(t, m[1])
			}
			if !tests[m[1]][m[2]] {
				t.Errorf("row %d: there is no %s in %s", n, m[2], m[1])
			}
			if script := filepath.Join("../..", m[1], "testdata/script", m[3]+".txtar"); m[3] != "" && !isFile(script) {
				t.Errorf("row %d: there is no %s", n, script)
			}
		}
	}
	if n != capabilities {
		t.Errorf("it has %d rows in order, want %d", n, capabilities)
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// testsOf are a package's test functions.
func testsOf(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("../..", pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				found[f.Name.Name] = true
			}
		}
	}
	return found
}
