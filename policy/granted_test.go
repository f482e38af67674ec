package policy_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse/policy"
)

const lending = `version: 1
groups: {sre: [person:ann, person:bob], dba: [person:kim]}
people:
  ann: {roles: [lead]}
  bob: {}
  kim: {}
  eve: {disabled: true, roles: [lead]}
agents:
  bot: {owner: person:ann, roles: [reader]}
  plain: {owner: person:ann, roles: [plain]}
roles:
  lead: {rights: [approve, review]}
  plain: {targets: ["*"], logins: [deploy], allow: [uptime]}
  reader:
    targets: ["web-*"]
    logins: [deploy]
    allow: [uptime, "cat <path:/var/log/**>"]
    ask: [{run: "systemctl restart <unit:app-*>", approvals: 2, from: [sre], within: 5m, for: 20m, uses: any}]
    deny: [reboot]
    request:
      - {role: writer, from: [dba], for: 2h}
      - {role: db, all_of: [{approvals: 2, from: [sre]}, {from: [dba], approve_by: ssh}], decline: quorum, within: 1h, uses: 5, heartbeat: 1m}
    break_glass: [{role: rescue, for: 30m, review: {approvals: 2, from: [sre]}}]
  writer:
    targets: ["*"]
    logins: [deploy, root]
    allow: ["systemctl stop <unit:app-*>", uptime, "tee <path:/srv/**>"]
    deny: ["cat /var/log/secret"]
    env: [APP_*]
    files: {write: ["/srv/**"]}
    forward: ["db-1:5432"]
  db: {targets: ["db-*"], logins: [postgres], allow: ["psql -l"]}
  rescue: {targets: ["*"], logins: [root], shell: recorded}
`

var bot = policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "person:ann"}

// asked is a request of the agent bot, in which everything is where its name says.
func asked(target string, login policy.Login, argv ...string) policy.Request {
	return policy.Request{Identity: bot, Target: target, Login: login, Plan: policy.Plan{Op: policy.OpRun, Argv: argv},
		Now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Facts: policy.Facts{Assume: true}}
}

func writer(id string) policy.Granted {
	return policy.Granted{ID: id, Role: "writer", Targets: []string{"web-1"}, Login: "deploy"}
}

// TestAGrantedRoleDecides: what the policy's own roles do needs no grant; what only a granted role does names it; and a grant is good on
// its targets, with its login, while the role exists.
func TestAGrantedRoleDecides(t *testing.T) {
	p := parse(t, lending)
	stop := asked("web-1", "deploy", "systemctl", "stop", "app-1")
	if d := p.Decide(stop); d.Verdict != policy.Deny || !slices.Equal(d.Request, []string{"writer"}) {
		t.Fatalf("without a grant: %+v", d)
	}
	stop.Granted = []policy.Granted{writer("gr_1")}
	if d := p.Decide(stop); d.Verdict != policy.Allow || !slices.Equal(d.Grants, []string{"gr_1"}) || len(d.Request) > 0 {
		t.Errorf("with a grant: %+v", d)
	}
	own := asked("web-1", "deploy", "uptime")
	own.Granted = stop.Granted
	if d := p.Decide(own); d.Verdict != policy.Allow || len(d.Grants) > 0 || d.Rules[0] != "reader/allow[0]" {
		t.Errorf("what both allow: %+v", d)
	}
	for name, change := range map[string]func(*policy.Request){
		"another target":            func(r *policy.Request) { r.Target = "web-2" },
		"another login":             func(r *policy.Request) { r.Login = "root" },
		"a role that is gone":       func(r *policy.Request) { r.Granted[0].Role = "gone" },
		"a login beyond the role's": func(r *policy.Request) { r.Login = "www"; r.Granted[0].Login = "www" },
		"no id":                     func(r *policy.Request) { r.Granted[0].ID = "" },
		"a stranger":                func(r *policy.Request) { r.Identity.Name = "stranger" },
	} {
		r := stop
		r.Granted = slices.Clone(stop.Granted)
		change(&r)
		if d := p.Decide(r); d.Verdict != policy.Deny || len(d.Grants) > 0 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestAGrantedRoleDenies(t *testing.T) {
	p := parse(t, lending)
	r := asked("web-1", "deploy", "cat", "/var/log/secret")
	if d := p.Decide(r); d.Verdict != policy.Allow {
		t.Fatalf("without the grant: %+v", d)
	}
	r.Granted = []policy.Granted{writer("gr_1")}
	if d := p.Decide(r); d.Verdict != policy.Deny || d.Code != policy.CodeDeniedByRule {
		t.Errorf("with the grant: %+v", d)
	}
}

// TestFewestGrants: of two that would both do, one is used; and one whose rule the line does not need is not.
func TestFewestGrants(t *testing.T) {
	p := parse(t, lending)
	r := asked("web-1", "deploy", "systemctl", "stop", "app-1")
	r.Granted = []policy.Granted{writer("gr_2"), writer("gr_1"), {ID: "gr_0", Role: "rescue", Targets: []string{"web-1"}, Login: "root"}}
	if d := p.Decide(r); d.Verdict != policy.Allow || !slices.Equal(d.Grants, []string{"gr_1"}) {
		t.Errorf("%+v", d)
	}
	both := r
	both.Plan = policy.Plan{Op: policy.OpAnd, Parts: []policy.Plan{{Op: policy.OpRun, Argv: policy.Argv{"uptime"}}, r.Plan}}
	if d := p.Decide(both); d.Verdict != policy.Allow || !slices.Equal(d.Grants, []string{"gr_1"}) {
		t.Errorf("%+v", d)
	}
	set := asked("web-1", "deploy", "uptime")
	set.Env, set.Granted = []policy.EnvVar{{Name: "APP_ENV", Value: "x"}}, r.Granted
	if d := p.Decide(set); d.Verdict != policy.Allow || len(d.Grants) != 1 {
		t.Errorf("a variable of the granted role: %+v", d)
	}
}

func TestGrantsOfFilesAndForwards(t *testing.T) {
	p := parse(t, lending)
	r := asked("web-1", "deploy", "uptime")
	write := policy.FileAsk{By: policy.SFTP, Op: policy.OpWrite, Path: "/srv/x"}
	to := policy.ForwardAsk{Host: "db-1", Port: 5432}
	if d := p.DecideFile(r, write); d.Verdict != policy.Deny || !slices.Equal(d.Request, []string{"writer"}) {
		t.Errorf("%+v", d)
	}
	if d := p.DecideForward(r, to); d.Verdict != policy.Deny || !slices.Equal(d.Request, []string{"writer"}) {
		t.Errorf("%+v", d)
	}
	r.Granted = []policy.Granted{writer("gr_1")}
	for name, d := range map[string]policy.Decision{"file": p.DecideFile(r, write), "forward": p.DecideForward(r, to), "transfer": p.DecideTransfer(r, policy.SFTP)} {
		if d.Verdict != policy.Allow || !slices.Equal(d.Grants, []string{"gr_1"}) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestTerms(t *testing.T) {
	p := parse(t, lending)
	r := asked("web-1", "deploy", "systemctl", "restart", "app-1")
	d := p.Decide(r)
	want := policy.Approval{Approvals: 2, From: []string{"sre"}, Within: 300, Decline: "one", Wait: 300, For: 1200}
	if rules := p.AskRules(d); len(rules) != 1 || rules[0].ID != "reader/ask[0]" || rules[0].Role != "reader" || rules[0].Pattern != "systemctl restart <unit:app-*>" || !sameTerms(rules[0].Terms, want) {
		t.Errorf("%+v", rules)
	}
	if got := p.Permit(d); got.Verdict != policy.Allow || got.Code != "" || len(got.Approvals) > 0 || got.Mode != d.Mode || got.Plan != d.Plan {
		t.Errorf("%+v", got)
	}
	if terms, ok := p.PatternTerms(bot, "reader", "systemctl restart <unit:app-*>"); !ok || !sameTerms(terms, want) {
		t.Errorf("%+v %v", terms, ok)
	}
	if terms, ok := p.PatternTerms(bot, "writer", "uptime"); ok {
		t.Errorf("a rule that asks nobody: %+v", terms)
	}
	if terms, ok := p.MayRequestRole(bot, "db"); !ok || !sameTerms(terms,
		policy.Approval{Approvals: 2, From: []string{"sre"}, Within: 3600, Decline: "quorum", For: 3600, Uses: 5, Beat: 60},
		policy.Approval{Approvals: 1, From: []string{"dba"}, By: "ssh", Within: 3600, Decline: "quorum", For: 3600, Uses: 5, Beat: 60}) {
		t.Errorf("%+v %v", terms, ok)
	}
	if _, ok := p.MayRequestRole(bot, "rescue"); ok {
		t.Error("a role that may only be taken in an emergency can be asked for")
	}
	if g, ok := p.BreakGlass(bot, "rescue"); !ok || g.For != 1800 || g.Review.Approvals != 2 {
		t.Errorf("%+v %v", g, ok)
	}
	if got := p.ApproversOf(policy.Approval{}); !slices.Equal(got, []string{"ann"}) {
		t.Errorf("%v", got)
	}
	if got := p.Members(""); !slices.Equal(got, []string{"ann", "eve"}) {
		t.Errorf("%v", got)
	}
}

func sameTerms(got []policy.Approval, want ...policy.Approval) bool {
	return slices.EqualFunc(got, want, func(a, b policy.Approval) bool {
		af, bf := a.From, b.From
		a.From, b.From = nil, nil
		return slices.Equal(af, bf) && a.Approvals == b.Approvals && a.Within == b.Within && a.By == b.By && a.Decline == b.Decline && a.Wait == b.Wait && a.For == b.For && a.Uses == b.Uses && a.Beat == b.Beat
	})
}
