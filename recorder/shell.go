package recorder

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ShellLine says what a Line or Step event is about: the line that begins, or the command, with begins; why a line is refused without.
// Ends say nothing. Data that does not decode is shown as it stands.
func ShellLine(e Event) (text string, begins bool) {
	var v struct {
		Text    *string
		Argv    []string
		Refused *struct {
			Construct string
			Column    int
			Reason    string
		}
	}
	switch {
	case json.Unmarshal(e.Data, &v) != nil:
		return string(e.Data), true
	case v.Refused != nil:
		return fmt.Sprintf("refused: %s at column %d: %s", v.Refused.Construct, v.Refused.Column, v.Refused.Reason), false
	case v.Text != nil:
		return *v.Text, true
	case v.Argv != nil:
		return words(v.Argv), true
	}
	return "", false
}

// words writes an argv as a shell would read it.
func words(argv []string) string {
	out := make([]string, len(argv))
	for i, w := range argv {
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") != "" {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out[i] = w
	}
	return strings.Join(out, " ")
}
