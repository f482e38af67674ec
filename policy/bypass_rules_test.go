package policy_test

import (
	"strings"
	"testing"

	"gatehouse/policy"
)

// row 130
//
// TestSettingsThatSayNothing: a setting that is empty, misspelt, of another type or there twice makes the whole policy unreadable; none is read
// as its opposite or left out.
func TestSettingsThatSayNothing(t *testing.T) {
	const head = "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [r]}}\nroles:\n  r:\n    targets: [web-1]\n    logins: [deploy]\n"
	if _, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(head + "    allow: [ls]\n")}}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"    deny: null\n    allow: [ls]\n", "    deny: ''\n    allow: [ls]\n", "    deny: ls\n    allow: [ls]\n", "    denied: [ls]\n    allow: [ls]\n", "    Deny: [ls]\n    allow: [ls]\n",
		"    deny: [null]\n    allow: [ls]\n", "    deny: [{run: null}]\n    allow: [ls]\n", "    deny: [{reason: x}]\n    allow: [ls]\n", "    deny: [{run: ls, when: null}]\n    allow: [ls]\n",
		"    allow: [{run: ls, pty: null}]\n", "    allow: [{run: ls, pty: 'true'}]\n", "    allow: [{run: ls, dry_run: null}]\n", "    allow: [{run: ls, dry_run: yes please}]\n",
		"    allow: [{run: ls, dryrun: true}]\n", "    allow: [{run: ls, mode: Pinned}]\n", "    allow: [{run: ls, mode: null}]\n", "    allow: [{run: ls, stdin: ''}]\n",
		"    allow: [{run: ls, stdin: 'sha256:'}]\n", "    allow: [{run: ls, stdin: 'sha256:abc'}]\n", "    allow: [{run: ls, sha256: ''}]\n", "    allow: [{run: ls, sha256: []}]\n",
		"    allow: [{run: ls, max_seconds: 0}]\n", "    allow: [{run: ls, max_seconds: -1}]\n", "    allow: [{run: ls, dirs: null}]\n", "    allow: [{run: ls, run: id}]\n",
		"    allow: [ls]\n    allow: [id]\n", "    ask: [{run: ls, approvals: 0}]\n", "    ask: [{run: ls, approvals: null}]\n", "    shell: true\n", "    shell: null\n", "    shell: contained\n",
		"    shell: Recorded\n", "    when: ''\n    allow: [ls]\n", "    when: null\n    allow: [ls]\n", "    windows: null\n    allow: [ls]\n", "    windows: []\n    allow: [ls]\n", "    limits: {session: null}\n    allow: [ls]\n",
		"    limits: {session: 0s}\n    allow: [ls]\n", "    limits: {idle: 5}\n    allow: [ls]\n", "    env: ['*']\n    allow: [ls]\n", "    env: ['LD_*']\n    allow: [ls]\n", "    env: [null]\n    allow: [ls]\n",
		"    files: {read: ['*']}\n    allow: [ls]\n", "    files: {Write: ['/x']}\n    allow: [ls]\n", "    dirs: ['']\n    allow: [ls]\n",
	} {
		if _, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(head + text)}}); err == nil {
			t.Errorf("this is a policy:\n%s", text)
		}
	}
}

// TestARoleThatOnlyDeniesGrantsNothing: a role whose condition cannot be evaluated gives no files, forwards, directories, variables or shell.
func TestARoleThatOnlyDeniesGrantsNothing(t *testing.T) {
	p := parsed(t, `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [known, unknown]}}
roles:
  known: {targets: [web-1], logins: [deploy], allow: [ls, id]}
  unknown:
    targets: [web-1]
    logins: [deploy]
    when: 'target.labels["none"] == "x"'
    files: {read: ["/srv/**"], write: ["/srv/**"]}
    forward: ["db-1:5432"]
    dirs: ["/srv/**"]
    env: [APP_ENV]
    shell: recorded
    allow: [cat]
    deny: [id]
`)
	r := asDeploy(run("ls"))
	r.Facts.Assume = true
	if d := p.Decide(r); d.Verdict != policy.Allow {
		t.Fatalf("%+v", d)
	}
	for _, direction := range []policy.Direction{policy.FileRead, policy.FileWrite} {
		if d := p.DecideFile(r, policy.FileAsk{By: policy.SFTP, Op: policy.FileOp(direction), Path: "/srv/x"}); d.Verdict != policy.Deny {
			t.Errorf("file, %s: %s", direction, d.Verdict)
		}
	}
	if d := p.DecideForward(r, policy.ForwardAsk{Host: "db-1", Port: 5432}); d.Verdict != policy.Deny {
		t.Errorf("forward: %s", d.Verdict)
	}
	for name, plan := range map[string]policy.Plan{
		"dir": {Op: policy.OpRun, Argv: policy.Argv{"ls"}, Dir: "/srv/x"}, "shell": {Op: policy.OpShell}, "line": run("other"), "rule": run("cat"), "deny": run("id"),
		"env":  {Op: policy.OpRun, Argv: policy.Argv{"ls"}, Env: []policy.EnvVar{{Name: "APP_ENV", Value: "x"}}},
		"file": {Op: policy.OpRun, Argv: policy.Argv{"ls"}, Redirs: []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/srv/x"}}},
	} {
		r.Plan = plan
		if d := p.Decide(r); d.Verdict != policy.Deny {
			t.Errorf("%s: %s", name, d.Verdict)
		}
	}
}

// row 131
//
// TestRulesThatReadWider: what looks like a rule for less and would be one for more is no rule.
func TestRulesThatReadWider(t *testing.T) {
	for _, rule := range []string{
		"'git:*'", "'git *'", "'*'", "'**'", "''", "' '", "'<text>'", "'<text>...'", "'[git] status'", "'(git|ls)'", "'git <glob:*'", "'git <path>extra'", "'git <'", "'git (status'", "'git status)'",
		"'git <path:/srv/app/..>'", "'git <path:>'", "'git <path:/srv//app>'", "'git <path:/srv/app*/**x>'", "'git <re:[>'", "'git <int:5..1>'", "'git <enum:>'", "'git <enum:-f>'", "'git <unknown>'",
		"'git <text:0>'", "'git <host:>'", "'git ...'", "'git | sh'", "'git; sh'", "'git && sh'", "'git $(id)'", "'git `id`'", "'git > x'", "'A=1 git'", "'-c'", "'git \"a'", "'git <url:**>'",
	} {
		text := "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [r]}}\nroles:\n  r:\n    targets: [web-1]\n    logins: [deploy]\n    allow: [" + rule + "]\n"
		p, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(text)}})
		if err != nil {
			continue
		}
		for _, argv := range [][]string{{"git", "push"}, {"git", "status", "x"}, {"sh"}, {"git", "x", "sh"}, {"ls"}} {
			r := asDeploy(run(argv...))
			r.Facts.Assume = true
			if d := p.Decide(r); d.Verdict != policy.Deny {
				t.Errorf("the rule %s allows %q", rule, argv)
			}
		}
	}
}

// row 128
//
// TestDenyWinsWhateverElse: a deny rule holds beside an allow and an ask rule with the same words, in any order of rules and roles, with a
// condition that cannot be evaluated, and for a role that allows nothing.
func TestDenyWinsWhateverElse(t *testing.T) {
	const rules = "allow: [%A%]\n    ask: [%A%]\n    deny: [%D%]\n"
	for name, c := range map[string]struct{ deny, about string }{
		"the same words":                {"ls -l", "ls -l"},
		"fewer":                         {"ls", "ls -l"},
		"a condition without an answer": {"{run: ls, when: 'target.labels[\"none\"] == \"x\"'}", "ls -l"},
		"by path":                       {"/usr/bin/ls", "ls -l"},
		"by any slot":                   {"ls <text>", "ls -l"},
	} {
		for _, order := range []string{"r, s", "s, r"} {
			text := "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [" + order + "]}}\nroles:\n  r:\n    targets: [web-1]\n    logins: [deploy]\n    " +
				strings.NewReplacer("%A%", c.about, "%D%", c.deny).Replace(rules) + "  s:\n    targets: [web-1]\n    logins: [deploy]\n    allow: [ls -l]\n    shell: recorded\n"
			d, _ := settle(t, parsed(t, text), asDeploy(run("ls", "-l")), usual)
			if d.Code != policy.CodeDeniedByRule {
				t.Errorf("%s: %s %s", name, d.Verdict, d.Code)
			}
		}
	}
}
