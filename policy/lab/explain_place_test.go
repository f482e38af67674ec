package lab

import (
	"strings"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// TestExplainOfFilesAndForwards: the decision, and every entry that could be about it, marked where it is.
func TestExplainOfFilesAndForwards(t *testing.T) {
	p := parsePolicy(t, `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web]}}
roles:
  web:
    targets: [web-1]
    logins: [deploy]
    files: {read: ["/var/log/**", "/srv/app/**"], write: ["~/in/*"], deny: ["/srv/app/*.key"]}
    forward: ["db-1:5432", {socket: /run/app.sock}]
    request: [{role: keys}]
  keys: {targets: [web-1], logins: [deploy], files: {read: ["/etc/keys/**"]}}
`)
	explain := func(file *policy.FileAsk, forward *policy.ForwardAsk) string {
		return Explain(p, Ask{As: "bot", Target: Target{Name: "web-1"}, Login: "deploy", Now: at, Carry: file, Forward: forward}, shell.Parse).String()
	}
	file := func(op policy.FileOp, path string) *policy.FileAsk {
		return &policy.FileAsk{By: policy.SFTP, Op: op, Path: path}
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{explain(file(policy.OpRead, "/var/log/a/b"), nil), []string{"allow by web/files", "sftp read /var/log/a/b", "  = web/read  /var/log/**", "    web/read  /srv/app/**", "    web/write  ~/in/*"}},
		{explain(file(policy.OpWrite, "/home/deploy/in/x"), nil), []string{"allow by web/files", "  = web/write  ~/in/*"}},
		{explain(file(policy.OpRead, "/srv/app/a.key"), nil), []string{"deny (denied_by_rule)", "  = web/deny  /srv/app/*.key", "  = web/read  /srv/app/**"}},
		{explain(file(policy.OpList, "/srv"), nil), []string{"allow by web/files", "  = web/read  /srv/app/**"}},
		{explain(file(policy.OpRead, "/etc/keys/x"), nil), []string{"deny (file_not_allowed)", "may be asked for: the role keys"}},
		{explain(nil, &policy.ForwardAsk{Host: "db-1", Port: 5432}), []string{"allow by web/forward", "forward db-1:5432", "  = web/forward  db-1:5432", "dialled by the door"}},
		{explain(nil, &policy.ForwardAsk{Host: "db-2", Port: 5432}), []string{"deny (not_allowed)", "    web/forward  db-1:5432"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("%q is not in\n%s", want, c.text)
			}
		}
	}
}
