package policy_test

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// TestLanguage runs policies whose own tests are the cases: one file a subject.
func TestLanguage(t *testing.T) {
	paths, err := filepath.Glob("testdata/language/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p, err := policy.Parse([]policy.File{{Name: filepath.Base(path), Data: text}})
			if err != nil {
				t.Fatal(err)
			}
			results := p.RunTests(shell.Parse)
			if len(results) < 20 {
				t.Errorf("%d cases", len(results))
			}
			for _, r := range results {
				if r.Problem != "" {
					t.Errorf("%s:%d: %s: %s", r.Test.File, r.Test.Line, r.Test.Run, r.Problem)
				}
			}
		})
	}
}
