package answer

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
)

var update = flag.Bool("update", false, "rewrite the golden vectors")

const (
	denialID  = "dn_01JDDDDDDDDDDDDDDDDDDDDDDD"
	sessionID = "ses_01JSSSSSSSSSSSSSSSSSSSSSSS"

	requestID = "ar_01JRRRRRRRRRRRRRRRRRRRRRRR"
	// nasty drives a terminal, reorders, hides and breaks lines, and is not UTF-8.
	nasty = "\x1b]52;c;aGk=\a\r\n\u009b2J\u202ereversed\u2066\u200b\u00ad\u2028\ufeff\ufe0f\u3164\U000e0041\x00\x7f\xff \U0001F600 é"
)

// everywhere is a denial whose every text comes from somebody who means harm.
func everywhere(code string) Denial {
	return Denial{Code: code, DenialID: denialID, Session: sessionID, Target: nasty, Why: nasty, FailedAt: &FailedAt{Token: nasty}, Rule: nasty, Allowed: []string{nasty, nasty},
		PolicyHash: nasty, Argv: [][]string{{nasty, nasty}}, Construct: nasty, ConstructAt: 1, Final: nasty, Approvals: []Approval{{Approvals: 1, From: []string{nasty}}},
		Request: &Request{Roles: []string{nasty}, Approvers: []string{nasty}}}
}

// The lines are a contract: these vectors outlive releases (docs/spec/answers.md).
func TestGoldenVectors(t *testing.T) {
	for name, got := range map[string]string{
		"denial.txt": Denial{
			Code: "bad_argument", DenialID: denialID, Session: sessionID,
			Target: "web-1", Why: `"restart" is not allowed here`, FailedAt: &FailedAt{Index: 1, Token: "restart"}, Rule: "", DenialsLeft: 4,
			Allowed: []string{"systemctl (status|show) <unit:app-*>", "systemctl is-active <unit:app-*>"}, PolicyHash: "sha256:00", Argv: [][]string{{"systemctl", "restart", "app-1"}},
		}.Lines(),
		"denial-syntax.txt": Denial{
			Code: "unsupported_syntax", DenialID: denialID, Target: "web-1", Why: "command substitution at column 6",
			Construct: "command substitution", ConstructAt: 6,
		}.Lines(),
		"denial-approval.txt": Denial{
			Code: "needs_approval", DenialID: denialID, Session: sessionID, Target: "web-1", Why: "this runs only after 2 people approve it from sre", Rule: "web/ask[0]",
			Final: "/usr/bin/systemctl restart app-1", Approvals: []Approval{{Approvals: 2, From: []string{"sre"}, WithinSeconds: 900}}, Argv: [][]string{{"systemctl", "restart", "app-1"}},
		}.Lines(),
		"denial-dry-run.txt": Denial{
			Code: "dry_run", DenialID: denialID, Target: "web-1", Why: "it is allowed, and the rule says that nothing runs; it would be /usr/bin/id", Rule: "web/allow[0]", Final: "/usr/bin/id",
		}.Lines(),
		"denial-target.txt": Denial{Code: "target_not_granted", DenialID: denialID, Target: "web-9", Why: "no role of agent:bot reaches that target with that login"}.Lines(),
		"denial-quota.txt":  Denial{Code: "quota", DenialID: denialID, Target: "web-1", Why: "10 commands of agent:bot were denied within an hour"}.Lines(),
		"denial-pending.txt": Denial{
			Code: "approval_pending", DenialID: denialID, Session: sessionID, Target: "web-1", Why: "nobody has decided yet", Rule: "web/ask[0]", Request: &Request{ID: requestID},
			Final: "/usr/bin/systemctl restart app-1", Approvals: []Approval{{Approvals: 2, From: []string{"sre"}, WithinSeconds: 900}},
		}.Lines(),
		"denial-declined.txt": Denial{Code: "approval_declined", DenialID: denialID, Target: "web-1", Why: "ben declined it: not before the backup", Request: &Request{ID: requestID}}.Lines(),
		"denial-role.txt": Denial{
			Code: "not_allowed", DenialID: denialID, Target: "web-1", Why: `no rule names "systemctl"`, Request: &Request{Roles: []string{"web-admin"}, Approvers: []string{"sre"}, TTL: 900},
		}.Lines(),
		"waiting.txt": Waiting{
			Request: requestID, Until: time.Date(2026, 11, 28, 20, 15, 0, 0, time.UTC), Expires: time.Date(2026, 11, 28, 20, 30, 0, 0, time.UTC), Session: sessionID, Target: "web-1",
			Approvals: []Approval{{Approvals: 2, From: []string{"sre"}, WithinSeconds: 900}, {Approvals: 1, From: []string{"dba"}}}, Final: "/usr/bin/systemctl restart app-1",
		}.Lines(),
		"hostile.txt": everywhere("bad_argument").Lines(),
		"fault.txt":   Fault{Code: FaultTargetUnreachable, Retryable: "later", ErrorID: "err_01JEEEEEEEEEEEEEEEEEEEEEEE", Target: "web-1", Why: "web-1 does not answer"}.Lines(),
		"killed.txt":  Killed{Session: sessionID, Why: "ended by person:ann: wrong host"}.Lines(),
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
	if at := strings.IndexFunc(lines[0], harmful); at >= 0 {
		t.Errorf("%s: the human line has %q", name, lines[0][at:])
	}
	validate(t, lines[1])
}

// harmful is what Unicode itself says of a rune: a control, a format, a line break, private, or drawn as nothing.
func harmful(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// TestNothingHostilePasses: no field of any answer puts a byte on the wire that drives a terminal, reorders, hides or breaks
// a line.
func TestNothingHostilePasses(t *testing.T) {
	for _, code := range constants(t, filepath.Join("..", "..", "policy", "decision.go"), "Code") {
		checkShape(t, code.(string), everywhere(code.(string)).Lines())
	}
	for _, code := range constants(t, "answer.go", "Fault") {
		checkShape(t, code.(string), Fault{Code: code.(string), Retryable: "later", ErrorID: "err_01JEEEEEEEEEEEEEEEEEEEEEEE", Session: sessionID, Target: nasty, Why: nasty}.Lines())
	}
	checkShape(t, "killed", Killed{Session: sessionID, Why: nasty}.Lines())
	checkShape(t, "waiting", Waiting{Request: requestID, Session: sessionID, Target: nasty, Final: nasty, Approvals: []Approval{{Approvals: 1, From: []string{nasty}}}}.Lines())
	for _, text := range []string{StillWaiting(nasty, time.Time{}), Approved(nasty, []string{nasty, nasty})} {
		if at := strings.IndexFunc(strings.TrimSuffix(text, "\n"), harmful); at >= 0 {
			t.Errorf("%q has %q", text, text[at:])
		}
	}
}

// TestHiddenKnowsUnicode: every control, format and bidirectional character there is.
func TestHiddenKnowsUnicode(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if harmful(r) && !hidden(r) {
			t.Errorf("%U is shown as it is", r)
		}
	}
	for _, r := range "aZ09 é漢字й😀–“→" {
		if hidden(r) {
			t.Errorf("%q is hidden", r)
		}
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
