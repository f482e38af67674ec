package config

import (
	"strings"
	"testing"
)

// TestAliases: each other name is one target's alone, and a mistake is reported where it stands.
func TestAliases(t *testing.T) {
	file := func(first, second string) string {
		return "version: 1\ntargets:\n  db-1: {local: true, run_as: {a: b}, aliases: " + first + "}\n  db-2: {local: true, run_as: {a: b}, aliases: " + second + "}\n"
	}
	inv, err := ParseInventory("targets.yaml", []byte(file("[db, main]", "[standby]")))
	if err != nil || len(inv.Targets["db-1"].Aliases) != 2 {
		t.Fatalf("%+v, %v", inv, err)
	}
	for _, c := range []struct{ first, second, want string }{
		{"[db]", "[db]", `targets.yaml:4:49: target "db-2": the alias "db" is an alias of "db-1" too`},
		{"[db-2]", "[x]", `targets.yaml:3:49: target "db-1": the alias "db-2" is the name of a target`},
		{"[db-1]", "[x]", `targets.yaml:3:49: target "db-1": the alias "db-1" is the name of a target`},
		{"[x]", "[y, y]", `targets.yaml:4:52: target "db-2": the alias "y" is there twice`},
		{"[x]", "[env=prod]", `the alias "env=prod" is not a name`}, {"[A]", "[x]", `the alias "A" is not a name`}, {`[""]`, "[x]", `the alias "" is not a name`},
		{"[a@b]", "[x]", `is not a name`}, {"[a" + strings.Repeat(", b", 16) + "]", "[x]", `17 aliases, at most 16`},
	} {
		if _, err := ParseInventory("targets.yaml", []byte(file(c.first, c.second))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s and %s: %v", c.first, c.second, err)
		}
	}
}
