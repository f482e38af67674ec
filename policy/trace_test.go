package policy_test

import (
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

const tracedPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web, db]}}
roles:
  web:
    targets: ["web-*"]
    logins: [deploy]
    allow:
      - systemctl status <unit:app-*>
      - systemctl show <unit>
      - uptime
    deny:
      - systemctl show <unit:secret>
  db: {targets: [db-1], logins: [deploy], allow: [uptime]}
`

// TestTrace: every rule of the program is there with the word that failed and what would have done; roles say why not.
func TestTrace(t *testing.T) {
	p, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(tracedPolicy)}})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := shell.Parse("systemctl status sshd; uptime")
	if err != nil {
		t.Fatal(err)
	}
	id, _ := p.Identity(policy.Agent, "bot", "")
	r := policy.Request{Identity: id, Target: "web-1", Login: "deploy", Plan: plan}
	got := p.Trace(r)
	if len(got) != 2 || len(got[0].Rules) != 3 || got[0].Others != 1 || len(got[1].Rules) != 1 || !got[1].Rules[0].Matched {
		t.Fatalf("%+v", got)
	}
	a := got[0].Rules[0]
	if a.Rule != "web/allow[0]" || a.Matched || a.Index != 2 || a.Word != "sshd" || len(a.Expected) != 1 || a.Expected[0] != "<unit:app-*>" || a.Line != 9 {
		t.Errorf("%+v", a)
	}
	if deny := got[0].Rules[2]; deny.Kind != policy.DenyRule || deny.Matched {
		t.Errorf("%+v", deny)
	}
	roles := p.TraceRoles(r)
	if len(roles) != 2 || !roles[0].Reaches || roles[1].Reaches || roles[1].Why != "its targets are db-1" {
		t.Errorf("%+v", roles)
	}
}

// TestInspect: what is in the policy is listed once, in order, with its place.
func TestInspect(t *testing.T) {
	p, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(tracedPolicy)}})
	if err != nil {
		t.Fatal(err)
	}
	rules := p.Rules()
	if len(rules) != 5 || rules[0].ID != "db/allow[0]" || rules[1].ID != "web/allow[0]" || rules[1].Line != 9 || rules[4].Kind != policy.DenyRule {
		t.Errorf("%+v", rules)
	}
	if roles := p.Roles(); len(roles) != 2 || roles[1].Name != "web" || roles[1].Line != 5 || roles[1].Targets[0] != "web-*" {
		t.Errorf("%+v", roles)
	}
	if agents := p.Agents(); len(agents) != 1 || agents[0].Principal() != "agent:bot" || agents[0].Line != 3 || agents[0].Owner != "person:ann" {
		t.Errorf("%+v", agents)
	}
}
