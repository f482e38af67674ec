package admit

import (
	"strings"
	"testing"
)

// TestEachRowIsRefused: what the manual shows is refused under its name and column, and what it offers instead is read.
func TestEachRowIsRefused(t *testing.T) {
	for r, row := range Table {
		if rule(r) == fine || row.Refused == "" {
			continue
		}
		before, after, ok := strings.Cut(row.Refused, "‸")
		if !ok {
			before, after = "", row.Refused
		}
		_, refused := Admit(before+after, Place{})
		switch {
		case refused == nil:
			t.Errorf("%s: %q is read", row.Construct, before+after)
		case refused.Construct != row.Construct || ok && refused.Column != len(before)+1:
			t.Errorf("%q: %s at %d, want %s at %d", before+after, refused.Construct, refused.Column, row.Construct, len(before)+1)
		}
		if _, refused := Admit(row.Instead, Place{}); refused != nil {
			t.Errorf("%q: %s at column %d: %s", row.Instead, refused.Construct, refused.Column, refused.Reason)
		}
	}
}

// TestRowsAreComplete: every rule has its words.
func TestRowsAreComplete(t *testing.T) {
	for r, row := range Table {
		if rule(r) != fine && (row.Construct == "" || row.Reason == "" || (row.Refused == "") != (row.Instead == "")) {
			t.Errorf("rule %d: %+v", r, row)
		}
	}
}
