package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unscripted are the codes that no script reaches, and why.
var unscripted = map[string]string{
	"signer":              "TestServeSigners takes a token away, over the real ssh too",
	"certificate_expired": "a certificate that ends between the channel's opening and the decision; later the channel is refused",
	"needs_approval":      "what was asked for was withdrawn or is void: TestDryRunAndAskRunNothing",
	"internal":            "stands for mistakes of this program; one that is known is mended",
}

// TestEveryCodeIsReached: each code that a denial or a fault can have is asked for by a line of some script, which gets it over
// the real ssh.
func TestEveryCodeIsReached(t *testing.T) {
	var scripts strings.Builder
	paths, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		script, _, _ := strings.Cut(string(text), "\n-- ")
		scripts.WriteString(script + "\n")
	}
	for _, of := range []struct{ path, prefix, words string }{
		{filepath.Join("..", "..", "policy", "decision.go"), "Code", "denied|blocked"},
		{filepath.Join("..", "..", "internal", "answer", "answer.go"), "Fault", "fault"},
	} {
		for _, code := range stringConstants(t, of.path, of.prefix) {
			if unscripted[code] == "" && !regexp.MustCompile(`(?m)^(`+of.words+`) `+code+`\b`).MatchString(scripts.String()) {
				t.Errorf("no script gets the code %s", code)
			}
		}
	}
}

// stringConstants are the values of a file's string constants whose names begin so.
func stringConstants(t *testing.T, path, prefix string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, prefix) && len(spec.Values) == 1 {
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				values = append(values, text)
			}
		}
		return true
	})
	if len(values) < 5 {
		t.Fatalf("%s: only %q", path, values)
	}
	return values
}
