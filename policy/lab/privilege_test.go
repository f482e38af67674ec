package lab

import (
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

const lendingPolicy = `version: 1
groups: {sre: [person:cy, person:dan]}
people: {ann: {roles: [lead]}, cy: {}, dan: {}}
agents:
  bot: {owner: person:ann, roles: [web]}
freezes: [{targets: ["web-*"], from: "2026-12-24T00:00:00Z", to: "2026-12-25T00:00:00Z", reason: "stop"}]
roles:
  lead: {break_glass: [{role: rescue, for: 30m, review: {approvals: 2, from: [sre]}}]}
  web:
    targets: ["web-*"]
    logins: [deploy]
    ask: [{run: "systemctl restart <unit:app-*>", approvals: 2, from: [sre]}]
    request: [{role: db, all_of: [{from: [sre]}, {approvals: 2, from: [sre], approve_by: ssh}], for: 2h, uses: 5}]
  db: {targets: ["db-*", "web-*"], logins: [deploy], allow: ["vacuumdb -a"]}
  rescue: {targets: ["web-*"], logins: [root], allow: [reboot]}
`

func TestExplainSaysWhatCanBeAskedFor(t *testing.T) {
	p := parsePolicy(t, lendingPolicy)
	ask := Ask{As: "bot", Target: Target{Name: "web-1"}, Login: "deploy", Line: "vacuumdb -a", Now: at}
	e := Explain(p, ask, shell.Parse)
	if text := e.String(); len(e.Requests) != 1 || !strings.Contains(text, "may be asked for: the role db, if 1 person of sre and 2 people of sre by ssh approve it, for 2h0m0s at most and 5 commands") {
		t.Errorf("%+v\n%s", e.Requests, text)
	}
	ask.Granted = []string{"db"}
	if text := Explain(p, ask, shell.Parse).String(); !strings.Contains(text, "allow by db/allow[0]") || !strings.Contains(text, "→ db/allow[0]") || !strings.Contains(text, "by the grant granted:db") {
		t.Errorf("with the role:\n%s", text)
	}
	ask.Line, ask.Granted = "systemctl restart app-x", nil
	if text := Explain(p, ask, shell.Parse).String(); !strings.Contains(text, "approvals 2 people of sre") {
		t.Errorf("an ask rule:\n%s", text)
	}
	ask.Now = time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)
	if text := Explain(p, ask, shell.Parse).String(); !strings.Contains(text, "deny (outside_window): nothing is changed here until 2026-12-25T00:00:00Z: stop") {
		t.Errorf("a freeze:\n%s", text)
	}
}

func TestAccessListsWhatCanBeHad(t *testing.T) {
	p := parsePolicy(t, lendingPolicy)
	for name, want := range map[string][]string{
		"bot":        {"agent:bot (owner person:ann) by role web: deploy", "agent:bot (owner person:ann) by role db on request (if 1 person of sre and 2 people of sre by ssh approve it, for 2h0m0s at most and 5 commands): deploy on db-*, web-*"},
		"person:ann": {"person:ann by role rescue in an emergency (at once, for 30m0s, reviewed by 2 people of sre): root on web-*"},
		"db-1":       {"by role db on request"},
	} {
		list, err := AccessOf(p, name, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		text := AccessText(list, false)
		for _, line := range want {
			if !strings.Contains(text, line) {
				t.Errorf("%s: %q is not in\n%s", name, line, text)
			}
		}
	}
}

// TestDiffOfPrivileges: who may ask for more, or with fewer people, is seen, and so is what a role that is only lent newly allows.
func TestDiffOfPrivileges(t *testing.T) {
	for change, want := range map[[2]string]string{
		{"for: 2h", "for: 8h"}:                     "changed: agent:bot may ask for the role db: if 1 person of sre and 2 people of sre by ssh approve it, for 8h0m0s at most and 5 commands; was if 1 person",
		{"uses: 5}]", "uses: 5}, {role: rescue}]"}: "new: agent:bot may ask for the role rescue: if 1 person of those with the right approve approves it, for 1h0m0s at most",
		{"lead: {break_glass: [{role: rescue, for: 30m, review: {approvals: 2, from: [sre]}}]}", "lead: {rights: [view]}"}: "gone: person:ann may take in an emergency the role rescue: at once, for 30m0s, reviewed by 2 people of sre",
		{"2026-12-25", "2026-12-26"}:                     "changed: the freeze of web-*: from 2026-12-24T00:00:00Z to 2026-12-26T00:00:00Z: stop; was from",
		{"vacuumdb -a", "vacuumdb -f"}:                   "agent:bot holding db on deploy@web-1\n  newly allowed by db/allow[0]",
		{"allow: [reboot]", "allow: [reboot, poweroff]"}: "person:ann holding rescue on root@web-1\n  newly allowed by rescue/allow[1]",
	} {
		text := strings.Replace(lendingPolicy, change[0], change[1], 1)
		if text == lendingPolicy {
			t.Fatalf("%q is not in the policy", change[0])
		}
		changes, err := Diff(parsePolicy(t, lendingPolicy), parsePolicy(t, text), Comparison{Parse: shell.Parse, Targets: []Target{{Name: "web-1"}}, Now: at})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(changes.String(), want) {
			t.Errorf("%s: want %s, got\n%s", change[1], want, changes)
		}
	}
}

// TestSimulateWithGrants: what people approved, or a role that was held let through, is no difference under the same policy.
func TestSimulateWithGrants(t *testing.T) {
	p := parsePolicy(t, lendingPolicy)
	of := func(verdict policy.Verdict, line string, held []policy.Granted, approved bool) Record {
		ask := Ask{As: "bot", Target: Target{Name: "web-1"}, Login: "deploy", Line: line, Now: at}
		r, err := ask.request(p, shell.Parse)
		if err != nil {
			t.Fatal(err)
		}
		r.Granted = held
		return Record{Request: r, Verdict: verdict, Time: at, Approved: approved}
	}
	records := []Record{of(policy.Allow, "systemctl restart app-x", nil, true), of(policy.Ask, "systemctl restart app-x", nil, false), of(policy.Allow, "vacuumdb -a", supposed("db", "web-1", "deploy"), true)}
	changes, err := Simulate(p, Of(records...))
	if err != nil || len(changes.Changes) > 0 {
		t.Errorf("%v\n%s", err, changes)
	}
	without := parsePolicy(t, strings.ReplaceAll(lendingPolicy, "vacuumdb -a", "vacuumdb -z"))
	if changes, err := Simulate(without, Of(records...)); err != nil || changes.Count(policy.Deny) != 1 {
		t.Errorf("%v\n%s", err, changes)
	}
}
