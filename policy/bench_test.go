package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/policy"
)

// BenchmarkDecideMix has the decisions of a day, for profiles: commands with and without paths, a pipeline, and the denials.
// What they are compared with is in scripts/bench.
func BenchmarkDecideMix(b *testing.B) {
	var y strings.Builder
	y.WriteString("version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web]}}\nroles:\n  web:\n    targets: [web-1]\n    logins: [deploy]\n    allow:\n")
	for _, pattern := range []string{"tail -n <int:1..5000> <path:/var/log/app/**>", "grep -F <text> <path:/var/log/app/**>", "grep -F <text>", "wc -l", "systemctl status <unit:app-*>"} {
		fmt.Fprintf(&y, "      - %q\n", pattern)
	}
	y.WriteString("    deny:\n      - tail -f\n      - grep -r\n")
	p := parse(b, y.String())
	run := func(words ...string) policy.Plan { return policy.Plan{Op: policy.OpRun, Argv: words} }
	facts := policy.Facts{Home: "/home/deploy", Programs: map[string]policy.ProgramFact{}, Paths: map[string]policy.PathFact{
		"/var/log/app/web.log": {Real: "/var/log/app/web.log", Kind: policy.PathFile},
		"/var/log/app/away":    {Real: "/etc/shadow", Kind: policy.PathFile},
	}}
	for _, name := range []string{"tail", "grep", "wc", "systemctl"} {
		facts.Programs[name] = policy.ProgramFact{Path: "/usr/bin/" + name, Real: "/usr/bin/" + name}
	}
	for _, c := range []struct {
		name    string
		verdict policy.Verdict
		plan    policy.Plan
	}{
		{"simple", policy.Allow, run("systemctl", "status", "app-api")},
		{"path", policy.Allow, run("tail", "-n", "50", "/var/log/app/web.log")},
		{"pipeline", policy.Allow, policy.Plan{Op: policy.OpPipe, Parts: []policy.Plan{run("tail", "-n", "50", "/var/log/app/web.log"), run("grep", "-F", "error"), run("wc", "-l")}}},
		{"text", policy.Deny, run("tail", "-n", "50", "/etc/shadow")},
		{"fact", policy.Deny, run("tail", "-n", "50", "/var/log/app/away")},
	} {
		r := policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy", Plan: c.plan, Facts: facts}
		if d := p.Decide(r); d.Verdict != c.verdict {
			b.Fatalf("%s: %+v", c.name, d)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(r)
			}
		})
	}
}
