package lab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/bastion/shell/outline"
	"gatehouse/policy"
	"gatehouse/policy/lab"
)

const governedPolicy = `version: 1
groups: {sre: [person:ben]}
people: {ann: {}, ben: {}}
agents:
  bot: {owner: person:ann, roles: [web]}
  old: {owner: person:ann, roles: [web, free]}
roles:
  web:
    targets: ["web-*"]
    logins: [deploy]
    shell: governed
    env: [LANG]
    files: {read: ["/var/log/**"]}
    allow:
      - ls [<path:/srv/**>]
      - {run: "grep <text>", stdin: pipe}
      - sed [-n] <text>
    ask:
      - {run: "touch <path:/srv/**>", approvals: 1, from: [sre]}
      - {run: "awk <text>", approvals: 1, from: [sre]}
  free:
    targets: [web-1]
    logins: [deploy]
    shell: recorded
`

func parsed(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func explained(p *policy.Policy, ask lab.Ask) lab.Explanation {
	e := lab.Explain(p, ask, shell.Parse)
	lab.ExplainShell(&e, p, ask, outline.Read)
	return e
}

// TestExplainSaysWhatAGovernedShellWouldDo asks about whole texts: what stands behind how each command is dealt with.
func TestExplainSaysWhatAGovernedShellWouldDo(t *testing.T) {
	p := parsed(t, governedPolicy)
	ask := lab.Ask{As: "bot", Target: lab.Target{Name: "web-1"}, Login: "deploy", Now: time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)}
	for line, want := range map[string]string{
		`for d in a b; do ls "/srv/$d"; done; id "$d"`: "later 1, later 0",
		"x=$(ls /srv/a); ls /etc; echo $x":             "allow web/allow[0], deny bad_argument, shell",
		"true | { grep x; ls; }; x=1":                  "shell, allow web/allow[1], allow web/allow[0]",
		"grep x > /srv/out; x=1":                       "deny file_not_allowed",
		"LANG=C ls; LD_PRELOAD=x ls; x=1":              "allow web/allow[0], deny env_not_allowed",
		"if :; then touch /srv/a; fi":                  "shell, ask web/ask[0]",
		"bash -c 'ls /srv/a; x=1'":                     "allow web/allow[0]",
	} {
		ask.Line = line
		e := explained(p, ask)
		var got []string
		if e.Shell == nil {
			t.Errorf("%s: %s, and no shell", line, lab.Outcome(e.Decision))
			continue
		}
		for _, s := range e.Shell.Steps {
			switch {
			case s.Decision != nil && s.Decision.Verdict == policy.Deny:
				got = append(got, "deny "+string(s.Decision.Code))
			case s.Decision != nil:
				got = append(got, fmt.Sprint(s.Decision.Verdict, " ", strings.Join(s.Decision.Rules, " ")))
			case s.How == "shell":
				got = append(got, "shell")
			default:
				got = append(got, fmt.Sprint("later ", s.Rules))
			}
		}
		if text := strings.Join(got, ", "); text != want || !e.Decision.Governed() {
			t.Errorf("%s\n  %s\n  want %s", line, text, want)
		}
	}
}

// TestExplainOfALineThatNoGovernedShellReads: it is refused by name, or it is a plan, or another shell has it.
func TestExplainOfALineThatNoGovernedShellReads(t *testing.T) {
	p := parsed(t, governedPolicy)
	ask := lab.Ask{As: "bot", Target: lab.Target{Name: "web-1"}, Login: "deploy"}
	for _, c := range []struct{ as, line, says string }{
		{"bot", "ls; cat <(ls)", "a governed shell refuses the line, and nothing of it runs: process substitution at column 9"},
		{"bot", "ls /srv/a", "allow by web/allow[0]"},
		{"bot", "", "a governed shell gives a prompt"},
		{"old", "for i in a; do id; done", "allow by free/shell"},
	} {
		ask.As, ask.Line, ask.PTY = c.as, c.line, c.line == ""
		if text := explained(p, ask).String(); !strings.Contains(text, c.says) {
			t.Errorf("%s: %s\n%s\nlacks %q", c.as, c.line, text, c.says)
		}
	}
	ask = lab.Ask{As: "bot", Target: lab.Target{Name: "web-1"}, Login: "deploy", Line: "ls /etc", Step: true}
	if d := explained(p, ask).Decision; d.Code != policy.CodeBadArgument {
		t.Errorf("a step is decided as %s", lab.Outcome(d))
	}
}

// TestLintOfAGovernedRole: what is said once of a role, and how it is silenced.
func TestLintOfAGovernedRole(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     []string
	}{
		"a word is code":             {"", "", []string{"governed-code", "governed-unused"}},
		"the words are written out":  {"sed [-n] <text>", "sed -n 5p", []string{"governed-unused"}},
		"people are asked":           {"      - sed [-n] <text>\n    ask:", "    ask:\n      - {run: \"sed [-n] <text>\", approvals: 1, from: [sre]}", []string{"governed-unused"}},
		"the role has no files":      {"    files: {read: [\"/var/log/**\"]}\n", "", []string{"governed-code", "governed-files", "governed-unused"}},
		"no other shell":             {"roles: [web, free]", "roles: [web]", []string{"governed-code"}},
		"the other is another login": {"targets: [web-1]\n    logins: [deploy]", "targets: [web-1]\n    logins: [root]", []string{"governed-code"}},
		"no governed shell":          {"    shell: governed\n", "", nil},
	} {
		var got []string
		for _, f := range lab.Lint(parsed(t, strings.Replace(governedPolicy, c.old, c.new, 1)), nil, time.Time{}) {
			if strings.HasPrefix(f.Rule, "governed-") {
				got = append(got, f.Rule)
				if f.Fix == "" {
					t.Errorf("%s: %s does not say what to do", name, f.Rule)
				}
			}
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestTestFilesKnowGovernedLines: a line that the shell reads, and a command as the shell comes to it.
func TestTestFilesKnowGovernedLines(t *testing.T) {
	p := parsed(t, governedPolicy)
	for line, fails := range map[string]bool{
		`bot deploy@web-1 $ for i in a; do ls /srv/$i; done => governed`: false,
		`bot deploy@web-1 $ for i in a; do ls /srv/$i; done => allow`:    true,
		`bot deploy@web-1 $ ls /srv/a => governed`:                       true,
		`bot deploy@web-1 $ ls /etc => governed web/shell`:               false,
		`bot deploy@web-1 --step $ ls /etc => deny bad_argument`:         false,
		`bot deploy@web-1 --step $ ls /etc => governed`:                  true,
		`old deploy@web-1 $ for i in a; do ls; done => allow free/shell`: false,
		`bot deploy@db-1 $ for i in a; do ls; done => deny`:              false,
	} {
		cases, err := lab.ReadCases(policy.File{Name: "a.txtar", Data: []byte("claim\n-- tests --\n" + line + "\n")})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if r := lab.Run(p, cases, shell.Parse, nil, lab.TestTime()); (r[0].Problem != "") != fails {
			t.Errorf("%s: %q", line, r[0].Problem)
		}
	}
}
