package process_test

import (
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/testshell"
)

// TestTwoRedirectionsOfOneFile: where they would overwrite one another the text ends with a message; where both append it goes on.
func TestTwoRedirectionsOfOneFile(t *testing.T) {
	for line, refused := range map[string]bool{
		"{ echo a > o; echo b; } > o":           true,
		"{ echo a >> ./o; echo b; } > o":        true,
		"ls nope > o 2> o":                      true,
		"exec > o; echo a >> o":                 true,
		"{ echo a >> o; echo b; } >> o":         false,
		"echo a > o; echo b > o; cat o > p":     false,
		"f() { echo a > o; }; f > p; cat < o":   false,
		"(echo a > o) | cat; { cat < o; } > p2": false,
	} {
		home := filepath.Join(t.TempDir(), "home")
		c := testshell.Case{Script: line}
		fill(t, home, c)
		got, _ := governedShell(t, home, c)
		if (got.Refused != nil) != refused {
			t.Errorf("%s: refused %v, status %d, %s", line, got.Refused, got.Status, got.Stderr)
		}
		if refused && (got.Refused == nil || got.Refused.Construct != "redirection") {
			t.Errorf("%s: refused %v", line, got.Refused)
		}
	}
}

// TestOwnVariablesAreNotTold: not where the function that a command stands in is tested, nor in a shell in it.
func TestOwnVariablesAreNotTold(t *testing.T) {
	all, got := commands(t, "set -e; f() { (ls); ls | cat; bash -c ls; }; if f; then ls; fi; f || ls; ! f")
	if len(all) < 5 {
		t.Fatalf("%d commands ran: %s", len(all), got.Stderr)
	}
	for _, e := range all {
		for _, v := range e.Env {
			if strings.Contains(v.Name, "gatehouse") {
				t.Errorf("%q is told %s", e.Argv, v.Name)
			}
		}
	}
}
