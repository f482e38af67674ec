package policy_test

import (
	"encoding/json"
	"testing"

	"gatehouse/policy"
)

// offers parses a policy whose only agent is bot, and returns what it offers there.
func offers(t *testing.T, text, target string, labels map[string]string, login policy.Login) []policy.Offer {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	bot := policy.Identity{Kind: policy.Agent, Name: "bot"}
	list := p.Offers(bot, target, labels, login)
	if reaches := p.Reaches(bot, target, labels, login); reaches != (len(list) > 0) {
		t.Errorf("%s@%s: reaches is %v, and %d roles offer something", login, target, reaches, len(list))
	}
	return list
}

const offerPolicy = `
version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web, off]}, gone: {owner: person:ann, roles: [web], disabled: true}}
slots: {app-log: "<path:/var/log/app/**>", level: "<enum:a,b>"}
roles:
  web:
    targets: ["web-*", {name: "db-*", labels: {env: prod}}]
    logins: [deploy]
    includes: [base]
    when: |
      request.task != "" &&
      target.name != "x"
    shell: recorded
    allow:
      - {run: "tail -n <level> <app-log>...", id: logs}
      - |
        grep <text>
          '<app-log>' if=<level>
    forward: ["db-1:5432"]
  base:
    env: [{name: LEVEL, value: "<level>"}]
    deny: [{run: tail -f, reason: "no following"}]
    dirs: [/srv]
  off: {targets: [elsewhere], logins: [deploy], allow: [id]}
`

// What a role offers is what it says, with included rules, named slots written out and everything on one line.
func TestOffers(t *testing.T) {
	for _, c := range []struct {
		target string
		labels map[string]string
		login  policy.Login
		roles  int
	}{{"web-1", nil, "deploy", 1}, {"web-1", nil, "root", 0}, {"db-1", nil, "deploy", 0}, {"db-1", map[string]string{"env": "prod"}, "deploy", 1},
		{"db-1", map[string]string{"env": "test"}, "deploy", 0}, {"", nil, "deploy", 0}, {"web-\x1b", nil, "deploy", 0}, {"elsewhere", nil, "deploy", 1}} {
		if got := offers(t, offerPolicy, c.target, c.labels, c.login); len(got) != c.roles {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	got, err := json.Marshal(offers(t, offerPolicy, "web-1", nil, "deploy")[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"role":"web","when":"request.task != \"\" \u0026\u0026 target.name != \"x\"","shell":"recorded","rules":[` +
		`{"id":"web/logs","kind":"allow","pattern":"tail -n \u003cenum:a,b\u003e \u003cpath:/var/log/app/**\u003e...","mode":"plain","stdin":["pipe"]},` +
		`{"id":"web/allow[1]","kind":"allow","pattern":"grep \u003ctext\u003e '\u003capp-log\u003e' if=\u003cenum:a,b\u003e","mode":"plain","stdin":["pipe"]},` +
		`{"id":"base/deny[0]","kind":"deny","pattern":"tail -f","reason":"no following"}],` +
		`"env":[{"name":"LEVEL","value":"\u003cenum:a,b\u003e"}],"dirs":["/srv"],"forward":["db-1:5432"]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Whoever may not act is offered nothing, and hears of no place.
func TestNobodyIsOfferedNothing(t *testing.T) {
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(offerPolicy)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []policy.Identity{{}, {Kind: policy.Agent, Name: "gone"}, {Kind: policy.Agent, Name: "ann"}, {Kind: policy.Person, Name: "bot"}, {Kind: policy.Person, Name: "ann"}} {
		if n := len(p.Where(id)) + len(p.Logins(id, "web-1", nil)) + len(p.Offers(id, "web-1", nil, "deploy")); n > 0 {
			t.Errorf("%+v is offered %d things", id, n)
		}
	}
	if got := p.Where(policy.Identity{Kind: policy.Agent, Name: "bot"}); len(got) != 2 || got[0].Targets[1].Labels["env"] != "prod" {
		t.Errorf("%+v", got)
	}
}
