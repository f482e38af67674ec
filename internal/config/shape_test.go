package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestShape: texts that would take all memory are refused before they are parsed, quickly and with their place.
func TestShape(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1, i-1)
	}
	var blocks strings.Builder
	for i := range 500 {
		blocks.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, text := range map[string]string{
		"brackets": "a: " + strings.Repeat("[\n", 100_000), "braces": "a: " + strings.Repeat("{a: ", 10_000), "entries": strings.Repeat("- ", 10_000) + "x", "keys": strings.Repeat("? ", 10_000) + "x",
		"aliases": bomb, "blocks": blocks.String(), "a line": "a: " + strings.Repeat("x", 100_000), "size": strings.Repeat("#\n", maxFile),
	} {
		err := CheckShape("f", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	inventory := "version: 1\ntargets:\n" + strings.Repeat("  web-1: {address: \"x:22\", logins: [deploy], labels: {env: prod}}\n", 2_000)
	for name, text := range map[string]string{"good": good, "a large inventory": inventory, "an alias": "a: &x [1]\nb: *x\n", "nothing": ""} {
		if err := CheckShape("f", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
