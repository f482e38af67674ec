package policy

import (
	"strings"
	"testing"
	"time"
)

// A line may go on unrecorded only if every role that takes part says so, for what a command starts too; a policy that says
// nothing is strict.
func TestBestEffortIsEveryRoles(t *testing.T) {
	p, err := Parse([]File{{"policy.yaml", []byte(`version: 1
people: {ann: {}}
agents: {bot: {owner: "person:ann", roles: [strict, loose]}, shelly: {owner: "person:ann", roles: [sh, shl]}, shl: {owner: "person:ann", roles: [shl]}}
roles:
  strict: {targets: [box], logins: [d], allow: ["xargs uptime", uptime, wc]}
  loose: {targets: [box], logins: [d], recording: best_effort, allow: ["id", "xargs id", "xargs uptime -p"]}
  sh: {targets: [box], logins: [d], shell: recorded, recording: strict}
  shl: {targets: [box], logins: [d], shell: recorded, recording: best_effort}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	run := func(words ...string) Plan { return Plan{Op: OpRun, Argv: words} }
	both := func(a, b Plan) Plan { return Plan{Op: OpAnd, Parts: []Plan{a, b}} }
	for _, c := range []struct {
		agent string
		plan  Plan
		want  Recording
	}{
		{"bot", run("id"), BestEffort},
		{"bot", run("uptime"), Strict},
		{"bot", both(run("id"), run("id")), BestEffort},
		{"bot", both(run("id"), run("uptime")), Strict},
		{"bot", both(run("uptime"), run("id")), Strict},
		{"shelly", Plan{Op: OpShell}, Strict},
		{"shl", Plan{Op: OpShell}, BestEffort},
	} {
		id, _ := p.Identity(Agent, c.agent, "")
		d := p.Decide(Request{Identity: id, Target: "box", Login: "d", Plan: c.plan, Now: time.Now(), Facts: Facts{Assume: true}})
		if d.Verdict != Allow || d.Recording != c.want {
			t.Errorf("%s %s: %s (%s), recording %q, want %q", c.agent, c.plan.String(), d.Verdict, d.Reason, d.Recording, c.want)
		}
	}
}

// Another word than the two is an error that names them.
func TestRecordingIsOneOfTwoWords(t *testing.T) {
	_, err := Parse([]File{{"policy.yaml", []byte("version: 1\nroles: {r: {targets: [a], logins: [b], allow: [id], recording: sometimes}}\n")}})
	if err == nil || !strings.Contains(err.Error(), "policy.yaml:2:") || !strings.Contains(err.Error(), "best_effort") {
		t.Errorf("%v", err)
	}
}
