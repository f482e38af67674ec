package answer

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden vectors")

// The lines are a contract: these vectors outlive releases (docs/spec/answers.md).
func TestGoldenVectors(t *testing.T) {
	for name, got := range map[string]string{
		"denial.txt": Denial{
			Code: "bad_argument", Retryable: "no", DenialID: "dn_01JDDDDDDDDDDDDDDDDDDDDDDD", Session: "ses_01JSSSSSSSSSSSSSSSSSSSSSSS",
			Target: "web-1", Why: `"restart" is not allowed here`, FailedAt: &FailedAt{Index: 1, Token: "restart"}, Rule: "",
			Allowed: []string{"systemctl (status|show) <unit:app-*>"}, PolicyHash: "sha256:00", Argv: [][]string{{"systemctl", "restart", "app-1"}},
		}.Lines(),
		"denial-syntax.txt": Denial{
			Code: "unsupported_syntax", Retryable: "no", DenialID: "dn_01JDDDDDDDDDDDDDDDDDDDDDDD", Why: "command substitution at column 6",
			Construct: "command substitution", ConstructAt: 6,
		}.Lines(),
		"hostile.txt": Denial{Code: "not_allowed", Retryable: "no", DenialID: "dn_x", Why: "\x1b]52;c;aGk=\a \u202ereversed \u200b\n \U0001F600 é"}.Lines(),
		"fault.txt":   Fault{Code: FaultTargetUnreachable, Retryable: "later", ErrorID: "err_01JEEEEEEEEEEEEEEEEEEEEEEE", Target: "web-1", Why: "web-1 does not answer"}.Lines(),
		"killed.txt":  Killed{Session: "ses_01JSSSSSSSSSSSSSSSSSSSSSSS", Why: "ended by person:ann: wrong host"}.Lines(),
	} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
		checkShape(t, name, got)
	}
}

// Two lines, the second a known prefix and valid JSON in printable ASCII.
func checkShape(t *testing.T, name, got string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%s: %d lines, want 2", name, len(lines))
	}
	_, body, _ := strings.Cut(lines[1], " ")
	if !json.Valid([]byte(body)) {
		t.Errorf("%s: not JSON: %s", name, body)
	}
	for _, b := range []byte(lines[1]) {
		if b < 0x20 || b > 0x7e {
			t.Errorf("%s: byte %#x in the machine's line", name, b)
		}
	}
	if strings.ContainsAny(lines[0], "\x1b\a\u202e\u200b") {
		t.Errorf("%s: the human line carries a control: %q", name, lines[0])
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("\x1b[31m\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Visible(s) {
			if hidden(r) {
				t.Fatalf("Visible(%q) keeps %U", s, r)
			}
		}
	})
}
