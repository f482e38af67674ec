package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestLintOfPrivileges changes one thing of a policy that has nothing wrong with it, and wants one finding.
func TestLintOfPrivileges(t *testing.T) {
	const good = `version: 1
groups: {sre: [person:cy, person:dan, person:eve], web: [person:ann, person:ben]}
people:
  ann: {}
  ben: {roles: [lead, hands]}
  cy: {roles: [lead], approval_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKcVg3apRNcq1qB0NKpKCVmgSTVFiBMcjmyBDBVzDpkp cy"]}
  dan: {roles: [lead]}
  eve: {}
agents:
  bot: {owner: group:web, roles: [web]}
freezes: [{targets: ["web-*"], from: "2026-12-24T00:00:00Z", to: "2026-12-25T00:00:00Z", reason: "stop"}]
residue: [{targets: ["web-*"], logins: [deploy]}]
roles:
  lead: {rights: [approve, review]}
  base: {ask: [{run: "systemctl reload <unit:app-*>", approvals: 2, from: [sre]}]}
  web:
    includes: [base]
    targets: ["web-*"]
    logins: [deploy]
    ask: [{run: "systemctl restart <unit:app-*>", approvals: 1}]
    request: [{role: db, from: [sre], for: 2h}]
  hands: {break_glass: [{role: rescue, review: {approvals: 2, from: [sre]}}]}
  db: {targets: ["db-*"], logins: [postgres], allow: ["vacuumdb -a"], ask: [{run: "vacuumdb -f", approvals: 2, from: [sre]}]}
  rescue: {targets: ["web-*"], logins: [root], allow: ["systemctl restart <unit:app-*>"]}
`
	late := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	targets := []Target{{Name: "web-1"}, {Name: "db-1"}}
	findings := func(text string, targets []Target, now time.Time) string {
		list := ""
		for _, f := range Lint(parsePolicy(t, text), targets, now) {
			list += fmt.Sprintf("%s:%d %s\n", f.Rule, f.Line, f.Message)
		}
		return list
	}
	for _, inventory := range [][]Target{nil, targets} {
		if got := findings(good, inventory, late); got != "" {
			t.Errorf("nothing is wrong, and found is\n%s", got)
		}
	}
	for _, c := range []struct{ old, new, want string }{
		{"approvals: 2, from: [sre]}]}\n  web", "approvals: 4, from: [sre]}]}\n  web", "too-few-approvers:15 base/ask[0] needs 4 people of sre, and there are cy, dan, eve"},
		{"reload <unit:app-*>\", approvals: 2, from: [sre]", "reload <unit:app-*>\", approvals: 1, from: [web]", "own-approvers:15 base/ask[0] needs 1 person of web, and for agent:bot, whose own people may not approve it, there is nobody"},
		{"approvals: 1}]", "approvals: 3}]", "own-approvers:20 web/ask[0] needs 3 people of those with the right approve, and for agent:bot, whose own people may not approve it, there are cy, dan"},
		{"from: [sre], for: 2h", "from: [sre], approvals: 2, approve_by: ssh", "no-approval-key:21 the request of db in the role web needs signatures of 2 people of sre, and of those with approval_keys there is cy alone"},
		{"from: [sre], for: 2h", "all_of: [{from: [sre]}, {from: [web]}]", "own-approvers:21 the request of db in the role web needs 1 person of web, and for agent:bot"},
		{"approvals: 2, from: [sre]}}]}", "approvals: 2, from: [web]}}]}", "own-approvers:22 the review of rescue in the role hands needs 2 people of web, and for person:ben, whose own people may not approve it, there is ann alone"},
		{"vacuumdb -f\", approvals: 2, from: [sre]", "vacuumdb -f\", approvals: 2, from: [web]", "own-approvers:23 db/ask[0] needs 2 people of web"},
		{"{role: rescue, review: {approvals: 2, from: [sre]}}", "{role: rescue}", "unreviewed-glass:22 break_glass in the role hands does not say who reviews"},
		{"review: {approvals: 2, from: [sre]}", "review: {approvals: 1, from: [sre]}", "unreviewed-glass:22 one person reviews"},
		{"logins: [root], ", `logins: [root], windows: [{from: "08:00", to: "09:00"}], `, "glass-in-window:22 the role rescue"},
		{"roles: [web]}", "roles: [web, db]}", "lent-and-held:21 agent:bot can ask for the role db, and holds it"},
		{"logins: [postgres], ", "logins: [postgres], budget: {per: day, commands: 1}, ", "lent-budget:23 the budget of the role db"},
		{"2026-12-24T00:00:00Z\", to: \"2026-12-25", "2026-11-24T00:00:00Z\", to: \"2026-11-25", "freeze-over:11 the freeze \"stop\" is over since 2026-11-25T00:00:00Z"},
		{"freezes: [{targets: [\"web-*\"]", "freezes: [{targets: [\"weg-*\"]", "freeze-no-host:11 no target of the inventory is of the freeze"},
		{"residue: [{targets: [\"web-*\"]", "residue: [{targets: [\"weg-*\"]", "residue-no-host:12 no role reaches weg-* as deploy"},
		{"logins: [deploy]}]\nroles", "logins: [www]}]\nroles", "residue-no-host:12 no role reaches web-* as www"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%q is not in the policy", c.old)
		}
		if got := findings(text, targets, late); !strings.HasPrefix(got, c.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: want %s, got\n%s", c.new, c.want, got)
		}
	}
}
