package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// wide is a policy with every layout that a list of rules may have.
const wide = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web, db, log]}}
roles:
  # those who operate the web
  web:
    targets: ["web-*"]
    logins: [deploy]
    allow:
      # what is asked all day
      - systemctl (status|show) <unit:app-*>   # by the panel
      - {run: "tail [-n <int:1..10000>] <glob:/var/log/app/**>...", stdin: data}

      # not used any more
      - uptime
      - run: 'grep [-i] <text>'
        id: filter
        stdin: data
    deny:
      - systemctl show <unit:app-secret>
  db: {targets: [db-1], logins: [ops], allow: [uptime, "psql -c <text>", {run: "df [-h]"}]}
  log: {targets: [log-1], logins: [ops], allow: [uptime]}
tests:
  - {as: bot, on: web-1, login: deploy, run: "uptime", expect: allow}
  # stays
  - {as: bot, on: web-1, login: deploy, run: "id", expect: deny}
`

func parsePolicy(t interface {
	Helper()
	Fatal(...any)
}, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// recorded is what the policy decided on lines, as a history.
func recorded(t interface {
	Helper()
	Fatal(...any)
}, p *policy.Policy, target string, login policy.Login, lines ...string) []Record {
	t.Helper()
	var out []Record
	for i, line := range lines {
		ask := Ask{As: "bot", Target: Target{Name: target}, Login: login, Line: line, Now: time.Date(2026, 11, 25, 10, 0, i, 0, time.UTC)}
		r, d := ask.decide(p, shell.Parse)
		r.Facts = policy.Facts{}
		out = append(out, Record{Request: r, Verdict: d.Verdict, Code: d.Code, Rules: d.Rules, Time: ask.Now})
	}
	return out
}

// TestTighten: unused rules and their tests go, slots close around what was used, comments stay, observed lines are tests.
func TestTighten(t *testing.T) {
	p := parsePolicy(t, wide)
	history := slices.Concat(
		recorded(t, p, "web-1", "deploy", "systemctl status app-api", "tail -n5 /var/log/app/a.log", "tail -n 50 /var/log/app/b.log | grep -i error", "id"),
		recorded(t, p, "db-1", "ops", "psql -c 'select 1'"))
	got, err := Tighten([]policy.File{{Name: "p.yaml", Data: []byte(wide)}}, Of(history...), TightenOptions{Parse: shell.Parse, Few: 3, Tests: 1})
	if err != nil {
		t.Fatal(err)
	}
	const want = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web, db, log]}}
roles:
  # those who operate the web
  web:
    targets: ["web-*"]
    logins: [deploy]
    allow:
      # what is asked all day
      - "systemctl status <enum:app-api>"   # by the panel
      - {run: "tail [-n <int:5..50>] <glob:/var/log/app/*>...", stdin: data}

      # not used any more
      - run: 'grep [-i] <enum:error>'
        id: filter
        stdin: data
    deny:
      - systemctl show <unit:app-secret>
  db: {targets: [db-1], logins: [ops], allow: ["psql -c <text>"]}
  log: {targets: [log-1], logins: [ops]}
tests:
  # stays
  - {as: bot, on: web-1, login: deploy, run: "id", expect: deny}
  - {as: "bot", on: db-1, login: ops, run: "psql -c 'select 1'", expect: allow}
  - {as: "bot", on: web-1, login: deploy, run: "systemctl status app-api", expect: allow}
  - {as: "bot", on: web-1, login: deploy, run: "tail -n5 /var/log/app/a.log", expect: allow}
  - {as: "bot", on: web-1, login: deploy, run: "tail -n 50 /var/log/app/b.log | grep -i error", expect: allow}
`
	if text := string(got.Files[0].Data); text != want {
		t.Errorf("got\n%s", text)
	}
	if !strings.Contains(got.Patch, "\n-      - uptime\n") || got.Seen != 4 || len(got.Removed) != 4 || len(got.Dropped) != 1 {
		t.Errorf("%+v", got)
	}
}

// someRules are rules with lines that they admit.
var someRules = []struct {
	rule  string
	lines []string
}{
	{"uptime", []string{"uptime"}},
	{"systemctl (status|show) <unit:app-*>", []string{"systemctl status app-api", "systemctl show app-db.service", "systemctl status app-x"}},
	{"tail [(-n|--lines) <int:1..5000>] <glob:/var/log/**>...", []string{"tail -n5 /var/log/a", "tail --lines=5 /var/log/a /var/log/b/c", "tail /var/log/x", "tail -n 4000 /var/log/a"}},
	{"grep [-i] <text>", []string{"grep a", "grep -i 'b c'", "grep 'it''s'"}},
	{"cat <text:20>", []string{"cat /etc/hosts", "cat x"}},
	{"id <enum:root,deploy,ops>", []string{"id root", "id ops"}},
	{"pad <int> <int:0..9>", []string{"pad 5 5", "pad 5 7", "pad 70 7"}},
}

// TestTightenKeepsTheHistory: whatever the layout and the history, the result is valid, its tests hold, nothing of the
// history is newly denied, and what is not used is gone.
func TestTightenKeepsTheHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		picked := rapid.Permutation(someRules).Draw(t, "rules")[:rapid.IntRange(1, len(someRules)).Draw(t, "n")]
		text, lines := "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web]}}\nroles:\n", []string{}
		flow := rapid.Bool().Draw(t, "flow")
		text += map[bool]string{true: "  web: {targets: [web-1], logins: [deploy], allow: [", false: "  web:\n    targets: [web-1]\n    logins: [deploy]\n    allow:\n"}[flow]
		unused := 0
		for i, r := range picked {
			item := rapid.SampledFrom([]string{"%q", "{run: %q}", "{run: %q, stdin: data, id: r" + fmt.Sprint(i) + "}"}).Draw(t, "layout")
			item = fmt.Sprintf(item, r.rule)
			if flow {
				text += item + map[bool]string{true: "", false: ", "}[i == len(picked)-1]
			} else {
				text += "      - " + item + rapid.SampledFrom([]string{"", " # why", "\n\n      # next"}).Draw(t, "comment") + "\n"
			}
			used := rapid.SliceOfN(rapid.SampledFrom(r.lines), 0, 4).Draw(t, "lines")
			if len(used) == 0 {
				unused++
			}
			lines = append(lines, used...)
		}
		if flow {
			text += "]}\n"
		}
		switch rapid.IntRange(0, 3).Draw(t, "tests") {
		case 1:
			text += fmt.Sprintf("tests: [{as: bot, on: web-1, login: deploy, run: %q, expect: allow}]\n", picked[0].lines[0])
		case 2:
			text += fmt.Sprintf("tests:\n- {as: bot, on: web-1, login: deploy, run: %q, expect: allow}\n- {as: bot, on: web-1, login: deploy, run: reboot, expect: deny}", picked[0].lines[0])
		case 3:
			text += fmt.Sprintf("tests:\n  - as: bot\n    on: web-1\n    login: deploy\n    run: %q\n    expect: allow", picked[0].lines[0])
		}
		p := parsePolicy(t, text)
		lines = append(lines, "reboot")
		if rapid.Bool().Draw(t, "pipe") && len(lines) > 2 {
			lines = append(lines, lines[0]+" | "+lines[1])
		}
		history := recorded(t, p, "web-1", "deploy", lines...)
		got, err := Tighten([]policy.File{{Name: "p.yaml", Data: []byte(text)}}, Of(history...), TightenOptions{Parse: shell.Parse, Few: rapid.IntRange(0, 3).Draw(t, "few"), Tests: 2})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		smaller := parsePolicy(t, string(got.Files[0].Data))
		if n := Failed(Inline(smaller, shell.Parse)); n > 0 {
			t.Fatalf("%d tests fail\n%s", n, got.Files[0].Data)
		}
		changes, err := Simulate(smaller, Of(history...))
		if err != nil || len(changes.Changes) > 0 {
			t.Fatalf("%v %v\n%s", err, changes, got.Files[0].Data)
		}
		if len(got.Removed) != unused || len(got.ByHand) > 0 {
			t.Fatalf("%d unused, removed %v, by hand %v\n%s", unused, got.Removed, got.ByHand, got.Files[0].Data)
		}
	})
}

// TestATestHoldsTheLineAsItWas: what was asked stands in the test that is written of it, whatever is in it.
func TestATestHoldsTheLineAsItWas(t *testing.T) {
	for _, line := range []string{"echo 'a\rb'", "echo 'a\x1b[2Jb'", "echo 'a\nb'", `echo "a\\b"`, "echo '\U000E0001'", "echo '#{ }: ,'"} {
		text := testText(Ask{As: "agent:bot", Target: Target{Name: "web-1"}, Login: "deploy", Line: line}, policy.Deny)
		var got map[string]any
		if err := yaml.Unmarshal([]byte(text), &got); err != nil || got["run"] != line {
			t.Errorf("%q became %q: %v", line, got["run"], err)
		}
	}
}
