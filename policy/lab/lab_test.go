package lab

import (
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

var at = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

const small = `version: 1
people: {ann: {}}
groups: {sre: [person:ann]}
agents:
  bot: {owner: person:ann, roles: [web]}
  twin: {owner: person:ann, roles: [web]}
roles:
  web:
    targets: ["web-*"]
    logins: [deploy]
    allow:
      - systemctl (status|show) <unit:app-*>
      - {run: "grep <text>", stdin: data}
      - systemctl status <unit:app-api>
      - uptime
      - uptime
    deny:
      - systemctl show <unit:app-db>
  nobody: {targets: [db-9], logins: [ops], allow: [uptime]}
tests:
  - {as: bot, on: web-1, login: deploy, run: uptime, expect: allow}
`

// TestCases: test files say what they claim, and what is wrong with them is said with its line.
func TestCases(t *testing.T) {
	cases, err := ReadCases(policy.File{Name: "tests/a.txtar", Data: []byte(`Reading is allowed,
writing is not.
-- tests --
# a comment
bot deploy@web-1 $ systemctl status app-api => allow web/allow[0]
bot deploy@web-1 -t --task=T LANG=C $ uptime => deny pty_not_allowed
bot deploy@web-1 $ grep ' => ' => allow

bot deploy@web-1 $ uptime => deny
bot deploy@web-1 --from=10.0.0.1 --at=2026-11-25T10:00:00Z $ uptime $(id) => deny unsupported_syntax
-- notes --
this is not a test
`)})
	if err != nil || len(cases) != 5 || cases[0].Claim != "Reading is allowed, writing is not." || cases[1].Line != 6 || cases[1].Ask.Task != "T" {
		t.Fatalf("%+v, %v", cases, err)
	}
	results := Run(parsePolicy(t, small), cases, shell.Parse, nil, at)
	for i, want := range []string{"", "", "", "expected deny, got allow", ""} {
		if got := results[i].Problem; (want == "") != (got == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", results[i].Asks, got, want)
		}
	}
	for text, want := range map[string]string{
		"bot deploy@web-1 $ uptime":                    "a:2: a test is a question",
		"bot deploy@web-1 => allow":                    "a question is",
		"bot web-1 $ uptime => allow":                  "not LOGIN@TARGET",
		"bot deploy@web-1 --pty $ uptime => allow":     "neither -t",
		"bot deploy@web-1 --at=noon $ uptime => allow": "not a time",
		"bot deploy@web-1 $ uptime => maybe":           "not an outcome",
		"bot deploy@web-1 $ uptime => allow a b":       "after =>",
	} {
		if _, err := ReadCases(policy.File{Name: "a", Data: []byte("-- tests --\n" + text + "\n")}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestJUnit: one suite a file, a failure where a test fails.
func TestJUnit(t *testing.T) {
	text, err := JUnit([]Result{{File: "a", Line: 1, Asks: "x <&>"}, {File: "a", Line: 2, Asks: "y", Problem: "no\x1b"}, {File: "b", Line: 3, Asks: "z"}})
	if err != nil {
		t.Fatal(err)
	}
	var got junitSuites
	if err := xml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 3 || got.Failures != 1 || len(got.Suites) != 2 || got.Suites[0].Failures != 1 || got.Suites[0].Cases[1].Failure == nil || got.Suites[0].Cases[0].Name != "1: x <&>" {
		t.Errorf("%s", text)
	}
}

// TestSARIF: what SARIF 2.1.0 requires of a log (3.13.2, 3.14.6, 3.18, 3.27.5, 3.30.5) is there, and each result points at its rule.
func TestSARIF(t *testing.T) {
	text, err := SARIF([]Finding{{Rule: "grants-exec", Level: Error, File: "./p.yaml", Line: 3, Message: "m", Fix: "f"}, {Rule: "unused-group", Level: Note, File: "p.yaml", Message: "n"}, {Rule: "grants-exec", Level: Error, File: "q.yaml", Line: 1, Message: "o"}})
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID               string
						ShortDescription struct{ Text string }
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex *int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if log.Version != "2.1.0" || len(log.Runs) != 1 || run.Tool.Driver.Name == "" || len(run.Tool.Driver.Rules) != 2 || len(run.Results) != 3 {
		t.Fatalf("%s", text)
	}
	for _, r := range run.Results {
		at := r.Locations[0].PhysicalLocation
		if r.RuleIndex == nil || run.Tool.Driver.Rules[*r.RuleIndex].ID != r.RuleID || r.Message.Text == "" || !slices.Contains([]string{"error", "warning", "note"}, r.Level) ||
			at.Region.StartLine < 1 || strings.HasPrefix(at.ArtifactLocation.URI, ".") || run.Tool.Driver.Rules[*r.RuleIndex].ShortDescription.Text == r.RuleID {
			t.Errorf("%+v", r)
		}
	}
	empty, err := SARIF(nil)
	if err != nil || !strings.Contains(string(empty), `"results": []`) {
		t.Errorf("%s, %v", empty, err)
	}
}

// TestExplain: the rule that decided, the word at which each other one failed, and the roles that do not reach.
func TestExplain(t *testing.T) {
	p := parsePolicy(t, small)
	got := Explain(p, Ask{As: "bot", Target: Target{Name: "web-1"}, Login: "deploy", Line: "systemctl status app-api | grep x"}, shell.Parse).String()
	for _, want := range []string{
		"agent:bot as deploy@web-1: allow by ", "role web reaches it", "command 0: systemctl status app-api", "→ web/allow[0]  systemctl (status|show) <unit:app-*>\n      matches\n",
		"= web/allow[2]", "  web/deny[0]", `word 1, "status", is not show`, "command 1: grep x", "→ web/allow[1]", "5 rules are about other programs", "certificate plain",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for line, want := range map[string]string{
		"systemctl status sshd": `word 2, "sshd", is not <unit:app-*>`,
		"systemctl status":      "the command ends where the rule wants <unit:app-*>",
		"systemctl show app-db": "→ web/deny[0]  systemctl show <unit:app-db>\n      matches, and denies",
		"reboot":                `no rule is about "reboot"`,
		"uptime $(id)":          "deny (unsupported_syntax)",
	} {
		got := Explain(p, Ask{As: "bot", Target: Target{Name: "web-1"}, Login: "deploy", Line: line}, shell.Parse).String()
		if !strings.Contains(got, want) {
			t.Errorf("%s: no %q in\n%s", line, want, got)
		}
	}
	got = Explain(p, Ask{As: "bot", Target: Target{Name: "db-1"}, Login: "deploy", Line: "uptime"}, shell.Parse).String()
	if !strings.Contains(got, "role web does not reach it: its targets are web-*") {
		t.Error(got)
	}
	if got := Explain(p, Ask{As: "nobody", Target: Target{Name: "db-1"}, Login: "deploy", Line: "uptime"}, shell.Parse).String(); !strings.Contains(got, "agent:nobody has no role") {
		t.Error(got)
	}
}

// TestLint: each thing that is not what it looks is found where it stands.
func TestLint(t *testing.T) {
	got := map[string]int{}
	for _, f := range Lint(parsePolicy(t, small), []Target{{Name: "web-1"}}, time.Time{}) {
		if f.Fix == "" || about(f.Rule) == f.Rule {
			t.Errorf("incomplete: %v", f)
		}
		got[f.Rule+" "+string(f.Level)] = f.Line
	}
	want := map[string]int{"unused-group note": 3, "shared-login warning": 6, "shadowed-rule warning": 14, "duplicate-rule warning": 16, "role-without-user warning": 19, "role-without-host warning": 19}
	for rule, line := range want {
		if got[rule] != line {
			t.Errorf("%s in line %d, want %d", rule, got[rule], line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
}

// TestOverlaps: what makes a rule useless, and what does not.
func TestOverlaps(t *testing.T) {
	for rules, want := range map[string]string{
		"allow: [\"cat <text>\", \"cat <int>\"]":                                 "shadowed-rule proven",
		"allow: [\"cat <text>\", {run: \"cat <int>\", pty: true}]":               "",
		"allow: [\"cat <text>\", {run: \"cat <int>\", mode: pinned}]":            "",
		"allow: [\"cat <text>\", {run: \"cat <int>\", stdin: data}]":             "",
		"allow: [{run: \"cat <text>\", stdin: data}, \"cat <int>\"]":             "shadowed-rule proven",
		"allow: [\"cat <int>\"]\n    deny: [\"cat <text>\"]":                     "dead-rule proven",
		"allow: [\"cat <text>\"]\n    deny: [\"cat <int>\"]":                     "",
		"allow: [\"cat (a|b) <enum:x,y>\", \"cat (b|a) (y|x)\"]":                 "shadowed-rule proven",
		"allow: [\"cat [-a|-b]... <glob:/x/*>\", \"cat [-a] <glob:/x/*>\"]":      "shadowed-rule",
		"allow: [\"cat <text>\"]\n    deny: [\"cat <text> b\", \"cat <int> b\"]": "shadowed-rule proven",
	} {
		got := ""
		for _, f := range lintText(t, rules) {
			if strings.HasSuffix(f.Rule, "-rule") {
				got += f.Rule + " " + f.Message
			}
		}
		rule, how, _ := strings.Cut(want, " ")
		if want == "" && got != "" || !strings.HasPrefix(got, rule) || !strings.Contains(got, how) {
			t.Errorf("%s: %q, want %q", rules, got, want)
		}
	}
}

// TestDiff: what a change does, for whom, and nothing where nothing changes.
func TestDiff(t *testing.T) {
	old := parsePolicy(t, small)
	diff := func(from, to string) string {
		t.Helper()
		changed := strings.Replace(small, from, to, 1)
		if from != "" && changed == small {
			t.Fatalf("%q is not in the policy", from)
		}
		got, err := Diff(old, parsePolicy(t, changed), Comparison{Parse: shell.Parse, Now: at})
		if err != nil || got.Compared < 20 {
			t.Fatalf("%+v, %v", got, err)
		}
		return got.String()
	}
	if got := diff("", ""); !strings.Contains(got, "0 newly allowed, 0 newly asked, 0 newly denied") {
		t.Error(got)
	}
	for _, c := range []struct{ from, to, want string }{
		{"      - {run: \"grep <text>\", stdin: data}\n", "", "agent:bot on deploy@web-1\n  newly denied (not_allowed), was allowed by web/allow[1]: "},
		{"<unit:app-*>", "<unit:app-a*>", "newly denied (bad_argument), was allowed by web/allow[0]: "},
		{"<unit:app-*>", "<unit:*>", "newly allowed by web/allow[0], was denied (bad_argument): "},
		{"- systemctl show <unit:app-db>", "- systemctl show <unit:app-x>", "newly allowed by web/allow[0], was denied by web/deny[0] (denied_by_rule): 1\n      systemctl show app-db\n"},
		{"twin: {owner: person:ann, roles: [web]}", "twin: {owner: person:ann}", "agent:twin on deploy@web-1\n  newly denied"},
		{"twin: {owner: person:ann, roles: [web]}", "twin: {owner: person:ann, disabled: true, roles: [web]}", "agent:twin on deploy@web-1\n  newly denied"},
		{"targets: [\"web-*\"]", "targets: [\"web-*\", api-1]", "agent:bot on deploy@api-1\n  newly allowed"},
		{"logins: [deploy]", "logins: [deploy, root]", "agent:bot on root@web-1\n  newly allowed"},
	} {
		if got := diff(c.from, c.to); !strings.Contains(got, c.want) {
			t.Errorf("%s to %s: no %q in\n%s", c.from, c.to, c.want, got)
		}
	}
}

// TestSimulate: what was decided is compared with what would be; who, how often, which lines.
func TestSimulate(t *testing.T) {
	old := parsePolicy(t, small)
	history := recorded(t, old, "web-1", "deploy", "uptime", "uptime", "systemctl status app-api", "reboot", "systemctl status app-db")
	proposed := parsePolicy(t, strings.Replace(strings.Replace(small, "      - uptime\n      - uptime\n", "      - reboot\n", 1), "run: uptime, expect: allow", "run: uptime, expect: deny", 1))
	got, err := Simulate(proposed, Of(history...))
	if err != nil {
		t.Fatal(err)
	}
	text := got.String()
	for _, want := range []string{"agent:bot on deploy@web-1\n", "  newly allowed by web/allow[3], was denied (not_allowed): 1\n      reboot\n", "  newly denied (not_allowed), was allowed by web/allow[3]: 2\n      uptime  × 2\n", "5 requests compared: 1 newly allowed, 0 newly asked, 2 newly denied\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	// The diff takes a history as well.
	if got, err = Diff(old, proposed, Comparison{Parse: shell.Parse, Now: at, History: Of(history...)}); err != nil || got.Count(policy.Deny) < 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestAccess: by agent and by target, with what was used.
func TestAccess(t *testing.T) {
	p := parsePolicy(t, small)
	history := recorded(t, p, "web-1", "deploy", "uptime", "uptime", "reboot")
	mine, err := AccessOf(p, "bot", nil, Of(history...))
	if err != nil || len(mine) != 1 || mine[0].Role != "web" || len(mine[0].Rules) != 6 || mine[0].Rules[3].Uses != 2 || mine[0].Rules[0].Uses != 0 {
		t.Errorf("%+v, %v", mine, err)
	}
	there, err := AccessOf(p, "web-7", nil, nil)
	if err != nil || len(there) != 2 || there[0].Who != "agent:bot" || there[1].Who != "agent:twin" || there[0].Logins[0] != "deploy" {
		t.Errorf("%+v, %v", there, err)
	}
	if text := AccessText(mine, true); !strings.Contains(text, "agent:bot (owner person:ann) by role web: deploy on web-*\n") || !strings.Contains(text, "used 2 times, last 2026-11-25T10:00:01Z") || !strings.Contains(text, "never used") {
		t.Error(text)
	}
	if _, err := AccessOf(p, "db-1", nil, nil); err == nil {
		t.Error("nobody reaches db-1, and it is no mistake to ask")
	}
	if list, err := AccessOf(p, "person:ann", nil, nil); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
