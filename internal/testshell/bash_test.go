package testshell

import (
	"path/filepath"
	"testing"
)

// Bash is its own equal: a case whose result bash does not repeat can judge nobody.
func TestBashRepeats(t *testing.T) {
	box, err := NewBox(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"governed", "snippets"} {
		cases, err := Load(filepath.Join("../../bastion/shell/testdata", folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			a, err := box.Bash(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			b, err := box.Bash(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if a.Status == -1 {
				t.Errorf("%s/%s has no end", c.Group, c.Name)
			}
			if class, why := Compare(a, b); class != Equal {
				t.Errorf("%s/%s: %s", c.Group, c.Name, why)
			}
		}
	}
}
