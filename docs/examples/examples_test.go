// Package examples_test holds the example policies to what their comments and their tests say.
package examples_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
	"gatehouse/policy/lab"
)

// minTests is how many tests an example has at least.
const minTests = 25

// TestEveryExampleHolds reads each example, runs its tests, and wants it to be lint-clean: no finding, not even a note.
func TestEveryExampleHolds(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("only %d examples: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			p := readExample(t, file)
			for _, finding := range lab.Lint(p, nil, time.Time{}) {
				t.Errorf("%s:%d: %s: %s", finding.File, finding.Line, finding.Rule, finding.Message)
			}
			runTests(t, p)
		})
	}
}

func readExample(t *testing.T, file string) *policy.Policy {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse([]policy.File{{Name: file, Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// runTests wants the tests to hold, and some of each verdict among them.
func runTests(t *testing.T, p *policy.Policy) {
	t.Helper()
	expected := map[policy.Verdict]int{}
	results := p.RunTests(shell.Parse)
	for _, r := range results {
		expected[r.Test.Expect]++
		if r.Problem != "" {
			t.Errorf("%s:%d: %s: %s", r.Test.File, r.Test.Line, r.Test.Run, r.Problem)
		}
	}
	if len(results) < minTests || expected[policy.Allow] == 0 || expected[policy.Ask] == 0 || expected[policy.Deny] == 0 {
		t.Errorf("%d tests, of each verdict %v: want %d and some of each", len(results), expected, minTests)
	}
}
