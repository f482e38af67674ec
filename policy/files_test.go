package policy_test

import (
	"testing"

	"gatehouse/policy"
)

const filesPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [files, unknown, other]}}
roles:
  files:
    targets: [web-1]
    logins: [deploy]
    files: {read: ["/var/log/app/**", "~/in/*"], write: ["/srv/app/**"]}
    forward: ["db-1:5432", "*.cache:6379"]
    allow: ["tail <path:/etc/**>", wc]
  unknown: {targets: [web-1], logins: [deploy], when: 'target.labels["none"] == "x"', files: {read: ["/etc/**"]}, forward: ["db-2:5432"]}
  other: {targets: [web-2], logins: [deploy], files: {read: ["/etc/**"]}, forward: ["db-3:5432"]}
`

// TestFilesAndForwardsAreTheirOwn: they are closed unless listed, by text and by where a path leads; no command's rule opens them, nor a
// role that does not apply, or of which nobody can say whether it does. A redirection is judged like a transfer.
func TestFilesAndForwardsAreTheirOwn(t *testing.T) {
	p := parsed(t, filesPolicy)
	for _, c := range []struct {
		direction policy.Direction
		path      string
		leads     string
		want      policy.Verdict
	}{
		{policy.FileRead, "/var/log/app/a", "/var/log/app/a", policy.Allow},
		{policy.FileRead, "/var/log/app/link", "/etc/shadow", policy.Deny},
		{policy.FileRead, "/home/deploy/in/x", "/home/deploy/in/x", policy.Allow},
		{policy.FileWrite, "/var/log/app/a", "/var/log/app/a", policy.Deny},
		{policy.FileRead, "/srv/app/x", "/srv/app/x", policy.Deny},
		{policy.FileWrite, "/srv/app/x", "/srv/app/x", policy.Allow},
		{policy.FileWrite, "/srv/app/../../etc/x", "/etc/x", policy.Deny},
		{policy.FileRead, "/etc/hosts", "/etc/hosts", policy.Deny},
	} {
		redir := policy.Redir{FD: 1, Op: policy.RedirOut, Path: c.path}
		if c.direction == policy.FileRead {
			redir = policy.Redir{Op: policy.RedirIn, Path: c.path}
		}
		r := asDeploy(policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"wc"}, Redirs: []policy.Redir{redir}})
		r.Facts.Home = "/home/deploy"
		r.Facts.Programs = map[string]policy.ProgramFact{"wc": {Path: "/usr/bin/wc", Real: "/usr/bin/wc"}}
		d := p.Decide(r)
		if d.Verdict == policy.Look {
			r.Facts.Paths = map[string]policy.PathFact{c.path: {Real: c.leads, Kind: policy.PathFile}}
			d = p.Decide(r)
		}
		if d.Verdict != c.want {
			t.Errorf("redirection, %s %s: %s (%s)", c.direction, c.path, d.Verdict, d.Reason)
		}
		d = p.DecideFile(r, policy.FileAsk{By: policy.SFTP, Op: policy.FileOp(c.direction), Path: c.leads})
		if d.Verdict != c.want {
			t.Errorf("transfer, %s %s: %s (%s)", c.direction, c.leads, d.Verdict, d.Reason)
		}
	}
	for _, c := range []struct {
		host string
		port uint16
		want policy.Verdict
	}{
		{"db-1", 5432, policy.Allow}, {"db-1", 5433, policy.Deny}, {"db-1.evil", 5432, policy.Deny}, {"a.cache", 6379, policy.Allow}, {".cache", 6379, policy.Deny},
		{"db-2", 5432, policy.Deny}, {"db-3", 5432, policy.Deny}, {"127.0.0.1", 5432, policy.Deny}, {"", 5432, policy.Deny},
	} {
		if d := p.DecideForward(asDeploy(policy.Plan{}), policy.ForwardAsk{Host: c.host, Port: c.port}); d.Verdict != c.want {
			t.Errorf("%s:%d: %s (%s)", c.host, c.port, d.Verdict, d.Reason)
		}
	}
}
