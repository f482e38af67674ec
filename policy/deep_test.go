package policy_test

import (
	"strings"
	"testing"

	"gatehouse/policy"
)

// TestDeepFilesAreRefused has files on which the YAML parser would take minutes, or all memory.
func TestDeepFilesAreRefused(t *testing.T) {
	const n = 100_000
	for name, text := range map[string]string{
		"entries":       strings.Repeat("- ", n),
		"lists":         strings.Repeat("[", n),
		"open mappings": strings.Repeat("{a: ", n),
		"keys":          strings.Repeat("? ", n),
		"anchors":       strings.Repeat("&a ", n),
		"tags":          strings.Repeat("!a ", n),
		"colons":        strings.Repeat("a: ", n),
		"long word":     strings.Repeat("a", 1<<20),
		"comments":      strings.Repeat("#\n", n),
		"unclosed":      "a: [" + strings.Repeat("b, ", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := policy.Parse([]policy.File{{Name: "p", Data: []byte(text)}}); err == nil {
				t.Error("accepted")
			}
		})
	}
	if _, err := policy.Parse([]policy.File{{Name: "p", Data: make([]byte, 4<<20+1)}}); err == nil {
		t.Error("more than 4 MiB: accepted")
	}
}
