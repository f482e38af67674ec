package policy

import (
	"reflect"
	"testing"
	"time"
)

// TestRecordedShells: of several roles with shell: recorded the strictest limits hold, in whichever order they are written, and the
// shell gets the client's own line.
func TestRecordedShells(t *testing.T) {
	var decisions []Decision
	for _, roles := range []string{"[long, short, none]", "[none, short, long]"} {
		p, err := Parse([]File{{"policy.yaml", []byte(`version: 1
people: {ann: {}}
agents: {bot: {owner: "person:ann", roles: ` + roles + `}}
roles:
  long: {targets: [box], logins: [dev], shell: recorded, limits: {session: 4h, bytes_out: 1MiB}}
  short: {targets: [box], logins: [dev], shell: recorded, limits: {session: 1h}}
  none: {targets: [box], logins: [dev], deny: [reboot]}
`)}})
		if err != nil {
			t.Fatal(err)
		}
		id, _ := p.Identity(Agent, "bot", "")
		ask := func(plan Plan, text string) Decision {
			d := p.Decide(Request{Identity: id, Target: "box", Login: "dev", Plan: plan, Text: text, Now: time.Now(), Facts: Facts{Assume: true}})
			d.PolicyHash = ""
			return d
		}
		d := ask(Plan{Op: OpRun, Argv: Argv{"id"}}, "bash -lc 'id'")
		if d.Verdict != Allow || d.Plan.Op != OpShell || d.Plan.Text != "bash -lc 'id'" {
			t.Errorf("%s: %+v", roles, d)
		}
		decisions = append(decisions, d)
		if d := ask(Plan{Op: OpRun, Argv: Argv{"id"}}, "id\x00"); d.Verdict != Deny {
			t.Errorf("a line that no shell can be given: %+v", d)
		}
		if d := ask(Plan{Op: OpRun, Argv: Argv{"reboot"}}, "reboot"); d.Code != CodeDeniedByRule {
			t.Errorf("a deny rule: %+v", d)
		}
	}
	want := Obligations{MaxSeconds: 3600, BytesOut: 1 << 20}
	if d := decisions[0]; d.Obligations != want || !reflect.DeepEqual(d.Rules, []string{"long/shell"}) || !reflect.DeepEqual(d, decisions[1]) {
		t.Errorf("%+v and %+v", d, decisions[1])
	}
}
