package access

import (
	"fmt"
	"slices"
	"strings"
)

// Fact is what a person knows of a text before they see it: a label of Text, and the value behind it.
type Fact struct{ Label, Value string }

// CheckText reports, to whoever is about to sign a text that somebody else handed over, why it is not what they asked for: not an approval,
// or not a break-glass, of this version, or without one of these facts. An id may be the beginning of the one in the text.
func CheckText(text string, glass bool, known ...Fact) error {
	want := "an approval"
	if glass {
		want = "a break-glass"
	}
	var head facts
	head.title(glass)
	rest, ok := strings.CutPrefix(text, head.text.String())
	if !ok || !strings.HasSuffix(rest, "\n") {
		return fmt.Errorf("the text is not that of %s", want)
	}
	all := strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
	for _, f := range known {
		if !slices.ContainsFunc(all, f.is) {
			return fmt.Errorf("the text is that of another request: it does not say %s: %s", f.Label, quoted(f.Value))
		}
	}
	return nil
}

// is reports whether a line is that of the fact.
func (f Fact) is(line string) bool {
	value, ok := strings.CutPrefix(line, f.Label+": ")
	return ok && (value == quoted(f.Value) || f.Label == labelRequest && f.Value != "" && strings.HasPrefix(value, f.Value))
}
