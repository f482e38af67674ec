package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/policy"
)

const nearestPolicy = `
version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web, logs, elsewhere]}}
slots: {app-log: "<path:/var/log/app/**>"}
roles:
  web:
    targets: [web-1]
    logins: [deploy]
    allow:
      - systemctl (status|is-active|show) <unit:app-*>
      - systemctl list-units
      - systemctl list-timers
      - git -C <glob:/srv/app> (status|log [--oneline] [-n <int>])
      - git version
      - git help
      - git diff
      - git describe
      - journalctl [(-n|--lines) <int:1..50>] -u <unit:app-*>
      - {run: load <text>, stdin: data}
      - {run: load, dirs: [/srv/app, /srv/web]}
      - {run: edit <text>, pty: true}
      - edit --version
      - tee
      - df [-h]
      - du -sh
      - {run: curl -s <url:http://127.0.0.1/**>, id: curl}
    ask:
      - systemctl restart <unit:app-*>
    env: [LANG, LC_*, {name: APP_ENV, value: "<enum:staging,prod>"}, {name: APP_LEVEL, value: "<int:0..9>"}]
    dirs: [/srv/app, "/srv/app/releases/*", /opt/tool, "~/work"]
    files: {read: ["/var/log/app/**"], write: ["/srv/app/releases/**", "/tmp/out/*", "~/out/*", "/srv/data/**"]}
  logs:
    targets: [web-1]
    logins: [deploy]
    allow:
      - tail [-n <int>] [-f] <app-log>...
      - grep [-i] <text> <app-log>...
      - cat <app-log>
  elsewhere:
    targets: [web-1]
    logins: [root]
    allow: ["systemctl stop <unit:app-*>", reboot]
    env: [APP_ENVX]
    files: {write: ["/srv/app/everything/**"]}
`

// Each denial shows the entries of the policy that come closest, at most three, the nearest first, and none of a role that does
// not reach the target with that login.
func TestNearest(t *testing.T) {
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(nearestPolicy)}})
	if err != nil {
		t.Fatal(err)
	}
	const gitC, logs = "git -C <glob:/srv/app> (status|log [--oneline] [-n <int>])", "<path:/var/log/app/**>"
	for _, c := range []struct {
		line string
		code policy.Code
		want []string
	}{
		// A program that rules name: those that come furthest.
		{"$ systemctl restart nginx", policy.CodeBadArgument, []string{"systemctl restart <unit:app-*>"}},
		{"$ systemctl status nginx", policy.CodeBadArgument, []string{"systemctl (status|is-active|show) <unit:app-*>"}},
		{"$ /usr/bin/systemctl status nginx", policy.CodeBadArgument, []string{"systemctl (status|is-active|show) <unit:app-*>"}},
		{"$ git -C /srv/app push", policy.CodeBadArgument, []string{gitC}},
		{"$ git -C /srv/other status", policy.CodeBadArgument, []string{gitC}},
		{"$ git -C /srv/app log -n x", policy.CodeBadArgument, []string{gitC}},
		{"$ journalctl -u app-api --lines=51", policy.CodeBadArgument, []string{"journalctl [(-n|--lines) <int:1..50>] -u <unit:app-*>"}},
		{"$ curl -s http://example.com/", policy.CodeBadArgument, []string{"curl -s <url:http://127.0.0.1/**>"}},
		// Named slots are written out: who reads the denial does not have the policy.
		{"$ tail -n 5 /etc/passwd", policy.CodeBadArgument, []string{"tail [-n <int>] [-f] " + logs + "..."}},
		{"$ cat /etc/passwd", policy.CodeBadArgument, []string{"cat " + logs}},
		{"$ grep -i x", policy.CodeBadArgument, []string{"grep [-i] <text> " + logs + "..."}},
		{"$ cat /var/log/app/a /var/log/app/b", policy.CodeBadArgument, []string{"cat " + logs}},
		// Of rules that fail at the same word, the one that has a word spelled like it.
		{"$ systemctl stauts app-api", policy.CodeBadArgument, []string{"systemctl (status|is-active|show) <unit:app-*>"}},
		{"$ systemctl list-timer", policy.CodeBadArgument, []string{"systemctl list-timers"}},
		{"$ git dif", policy.CodeBadArgument, []string{"git diff"}},
		{"$ df -k", policy.CodeBadArgument, []string{"df [-h]"}},
		// Nothing is spelled like it: all that fail at that word, three of them.
		{"$ git commit", policy.CodeBadArgument, []string{gitC, "git version", "git help"}},
		{"$ git", policy.CodeBadArgument, []string{gitC, "git version", "git help"}},
		// One command of a line.
		{"$ git version && git -C /srv/app push", policy.CodeBadArgument, []string{gitC}},
		// A program that no rule names: those that are spelled like it, and what of them its words fit.
		{"$ systemclt status app-api", policy.CodeNotAllowed, []string{"systemctl (status|is-active|show) <unit:app-*>"}},
		{"$ systemtcl restart app-api", policy.CodeNotAllowed, []string{"systemctl restart <unit:app-*>"}},
		{"$ ystemctl list-units", policy.CodeNotAllowed, []string{"systemctl list-units"}},
		{"$ gti diff", policy.CodeNotAllowed, []string{"git diff"}},
		{"$ journalct -u app-api", policy.CodeNotAllowed, []string{"journalctl [(-n|--lines) <int:1..50>] -u <unit:app-*>"}},
		{"$ dh -h", policy.CodeNotAllowed, []string{"df [-h]", "du -sh"}},
		{"$ python3 -c x", policy.CodeNotAllowed, nil},
		{"$ rebot", policy.CodeNotAllowed, nil}, // reboot is for another login
		// A redirection: the listed paths of that direction, by the folders that they share.
		{"$ git version >/srv/app/current/x", policy.CodeFileNotAllowed, []string{"/srv/app/releases/**", "/srv/data/**", "/tmp/out/*"}},
		{"$ git version >/home/deploy/elsewhere", policy.CodeFileNotAllowed, []string{"~/out/*", "/srv/app/releases/**", "/srv/data/**"}},
		{"$ git version >>/tmp/x", policy.CodeFileNotAllowed, []string{"/tmp/out/*", "/srv/data/**", "~/out/*"}},
		{"$ load x </etc/shadow", policy.CodeFileNotAllowed, []string{"/var/log/app/**"}},
		// A working directory: what the roles list, or the rule in their place.
		{"$ cd /srv/app/current && git version", policy.CodeDirNotAllowed, []string{"/srv/app", "/srv/app/releases/*", "/opt/tool"}},
		{"$ cd /opt && git version", policy.CodeDirNotAllowed, []string{"/opt/tool", "/srv/app", "~/work"}},
		{"$ cd /opt/tool && load", policy.CodeDirNotAllowed, []string{"/srv/app", "/srv/web"}},
		// A variable: what its value may be, or the names that are spelled like it. Of one that never may be set, nothing.
		{"APP_ENV=dev $ git version", policy.CodeEnvNotAllowed, []string{"APP_ENV=<enum:staging,prod>"}},
		{"APPENV=prod $ git version", policy.CodeEnvNotAllowed, []string{"APP_ENV=<enum:staging,prod>", "APP_LEVEL=<int:0..9>", "LANG"}},
		{"$ APP_LEVEL=99 git version", policy.CodeEnvNotAllowed, []string{"APP_LEVEL=<int:0..9>"}},
		{"$ LD_PRELOAD=/tmp/x git version", policy.CodeEnvNotAllowed, nil},
		// Input and pty: other rules for the same program that take it.
		{"$ git version | load", policy.CodeStdinNotAllowed, []string{"load <text>"}},
		{"$ load <<<x", policy.CodeStdinNotAllowed, []string{"load <text>"}},
		{"$ git version | df", policy.CodeStdinNotAllowed, nil},
		{"-t $ edit --version", policy.CodePTYNotAllowed, []string{"edit <text>"}},
		{"-t $ git version", policy.CodePTYNotAllowed, nil},
	} {
		d := decideLine(t, p, "bot deploy@web-1 "+c.line)
		if d.Code != c.code || !slices.Equal(d.Nearest, c.want) {
			t.Errorf("%s: %s %q, want %s %q (%s)", c.line, d.Code, d.Nearest, c.code, c.want, d.Reason)
		}
	}
	if d := p.DecideFile(policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy", Facts: policy.Facts{Assume: true}}, policy.FileAsk{By: policy.SFTP, Op: policy.OpRead, Path: "/etc/passwd"}); !slices.Equal(d.Nearest, []string{"/var/log/app/**"}) {
		t.Errorf("a file: %q", d.Nearest)
	}
}

// However many rules there are, a denial compares a bounded number of them, and shows three.
func TestNearestIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [r]}}\nroles:\n  r:\n    targets: [web-1]\n    logins: [deploy]\n    allow:\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "      - prog%04d [x]\n      - many a%04d\n", i, i)
	}
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(b.String())}})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"prog150O", "many a150O", "pro", "many"} {
		if d := decideLine(t, p, "bot deploy@web-1 $ "+line); len(d.Nearest) != 3 && line != "pro" {
			t.Errorf("%s: %q", line, d.Nearest)
		}
	}
}
