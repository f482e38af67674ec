package testshell

import (
	"path/filepath"
	"testing"
)

// TestGovernedIsBash runs every twelfth case: what is not refused is what bash does. All of them: make shell-diff.
func TestGovernedIsBash(t *testing.T) {
	box, err := NewBox(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	counts := map[Class]int{}
	for _, folder := range []string{"governed", "snippets"} {
		cases, err := Load(filepath.Join("../../bastion/shell/testdata", folder))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(cases); i += 12 {
			c := cases[i]
			class, why, err := box.Judge(t.Context(), c, Here)
			if err != nil {
				t.Fatal(err)
			}
			if counts[class]++; class == Different {
				t.Errorf("%s/%s\n%s%s", c.Group, c.Name, c.Script, why)
			}
		}
	}
	if counts[Equal] < 90 {
		t.Errorf("only %d cases are equal: %v", counts[Equal], counts)
	}
}

// TestADifferenceIsSeen: the judge tells a wrong status, output and file, and does not take a refusal for an answer.
func TestADifferenceIsSeen(t *testing.T) {
	want := Result{Stdout: []byte("a\n"), Files: map[string]string{"f": "x"}}
	for name, got := range map[string]Result{
		"status": {Stdout: []byte("a\n"), Status: 1, Files: want.Files},
		"stdout": {Stdout: []byte("b\n"), Files: want.Files},
		"stderr": {Stdout: []byte("a\n"), Stderr: []byte("oops\n"), Files: want.Files},
		"file":   {Stdout: []byte("a\n"), Files: map[string]string{"f": "y"}},
		"more":   {Stdout: []byte("a\n"), Files: map[string]string{"f": "x", "g": ""}},
		"fewer":  {Stdout: []byte("a\n")},
		"fault":  {Stdout: []byte("a\n"), Files: want.Files, Fault: "it died"},
	} {
		if class, _ := Compare(want, got); class != Different {
			t.Errorf("%s: %s", name, class)
		}
	}
	if class, why := Compare(want, want); class != Equal {
		t.Errorf("%s: %s", class, why)
	}
}
