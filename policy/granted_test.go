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
  ann: {roles: [lead, hand]}
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
  hand:
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

var (
	bot = policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "person:ann"}
	ann = policy.Identity{Kind: policy.Person, Name: "ann"}
)

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
	if g, ok := p.BreakGlass(ann, "rescue"); !ok || g.For != 1800 || g.Review.Approvals != 2 {
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

func TestBudgets(t *testing.T) {
	p := parse(t, `version: 1
people: {ann: {roles: [small]}, ben: {}}
agents:
  bot: {owner: person:ann, roles: [small, large]}
  free: {owner: person:ann, roles: [none]}
roles:
  small: {targets: [a], logins: [b], budget: {per: task, commands: 10, wall: 1h}}
  large: {targets: [a], logins: [b], budget: {per: task, commands: 100, bytes_out: 1MiB, wall: 30m}, request: [{role: lent}]}
  none: {targets: [a], logins: [b]}
  lent: {targets: [a], logins: [b], budget: {per: task, commands: 1}}
`)
	want := policy.Budget{Per: policy.PerTask, Commands: 10, BytesOut: 1 << 20, Wall: 1800}
	if got, ok := p.Budget(policy.Identity{Kind: policy.Agent, Name: "bot"}); !ok || got != want {
		t.Errorf("the stricter bound of each: %+v %v", got, ok)
	}
	for _, id := range []policy.Identity{{Kind: policy.Agent, Name: "free"}, {Kind: policy.Person, Name: "ben"}, {Kind: policy.Agent, Name: "stranger"}} {
		if got, ok := p.Budget(id); ok {
			t.Errorf("%s has %+v", id.Principal(), got)
		}
	}
}

func TestResidue(t *testing.T) {
	p := parse(t, "version: 1\nresidue: [{targets: [\"web-*\", {labels: {env: prod}}], logins: [deploy]}, {targets: [all-1], logins: [root], after: end}, {targets: [\"all-*\"], logins: [root]}]\n")
	for place, want := range map[[2]string]policy.After{{"web-1", "deploy"}: policy.AfterKill, {"web-1", "root"}: "", {"db-1", "deploy"}: "", {"web-*", "deploy"}: "", {"all-1", "root"}: policy.AfterEnd} {
		if got := p.Residue(place[0], nil, policy.Login(place[1])); got != want {
			t.Errorf("%v: %v", place, got)
		}
	}
	if p.Residue("db-1", map[string]string{"env": "prod"}, "deploy") != policy.AfterKill {
		t.Error("not by labels")
	}
}

// TestStricterTermsStand: where two roles say how a third may be had, both must be met; in an emergency the stricter of the two counts.
func TestStricterTermsStand(t *testing.T) {
	p := parse(t, `version: 1
groups: {sre: [person:ben], dba: [person:cy]}
people: {ann: {roles: [one, two]}, ben: {}, cy: {}, off: {disabled: true, roles: [one]}}
roles:
  one: {request: [{role: lent, from: [sre]}], break_glass: [{role: lent, for: 2h, review: {approvals: 1, from: [sre]}}]}
  two: {request: [{role: lent, from: [dba], for: 30m}], break_glass: [{role: lent, for: 3h}]}
  lent: {targets: [a], logins: [b], allow: [id]}
`)
	if terms, ok := p.MayRequestRole(ann, "lent"); !ok || len(terms) != 2 || terms[0].From[0] != "sre" || terms[1].From[0] != "dba" || terms[1].For != 1800 {
		t.Errorf("%+v %v", terms, ok)
	}
	if g, ok := p.BreakGlass(ann, "lent"); !ok || g.For != 7200 || g.Review.Approvals != 2 {
		t.Errorf("%+v %v", g, ok)
	}
	for _, name := range []string{"off", "ben", "stranger"} {
		id := policy.Identity{Kind: policy.Person, Name: name}
		if _, ok := p.MayRequestRole(id, "lent"); ok || len(p.Requestable(id)) > 0 {
			t.Errorf("%s may ask", name)
		}
		if _, ok := p.BreakGlass(id, "lent"); ok || len(p.Glasses(id)) > 0 {
			t.Errorf("%s may take it", name)
		}
	}
}

// TestHeldRolesReach: where a role that is held for a time leads, a connection may be made.
func TestHeldRolesReach(t *testing.T) {
	p := parse(t, lending)
	r := asked("db-1", "deploy", "uptime")
	if p.ReachesAs(r) {
		t.Error("without the grant")
	}
	r.Granted = []policy.Granted{{ID: "gr_1", Role: "writer", Targets: []string{"db-1"}, Login: "deploy"}}
	if !p.ReachesAs(r) {
		t.Error("not with the grant")
	}
	if got := p.Rights(bot); len(got) > 0 {
		t.Errorf("a grant gives rights: %v", got)
	}
}

// TestDefaults: what an ask rule and a request mean that say nothing else.
func TestDefaults(t *testing.T) {
	p := parse(t, `version: 1
people: {ann: {roles: [web]}}
roles:
  web: {targets: [web-1], logins: [deploy], ask: [a, {run: b, within: 5m}, {run: c, wait: 0s}], request: [{role: lent}], break_glass: [{role: lent}]}
  lent: {targets: [a], logins: [b], allow: [id]}
`)
	for pattern, want := range map[string]policy.Approval{
		"a": {Approvals: 1, Within: 900, Decline: "one", Wait: 900, For: 600, Uses: 1},
		"b": {Approvals: 1, Within: 300, Decline: "one", Wait: 300, For: 600, Uses: 1},
		"c": {Approvals: 1, Within: 900, Decline: "one", For: 600, Uses: 1},
	} {
		if got, ok := p.PatternTerms(ann, "web", pattern); !ok || !sameTerms(got, want) {
			t.Errorf("%s: %+v %v", pattern, got, ok)
		}
	}
	if got, ok := p.MayRequestRole(ann, "lent"); !ok || !sameTerms(got, policy.Approval{Approvals: 1, Within: 900, Decline: "one", For: 3600}) {
		t.Errorf("%+v %v", got, ok)
	}
	if got, ok := p.BreakGlass(ann, "lent"); !ok || got.For != 3600 || got.Review.Approvals != 2 || len(got.Review.From) > 0 {
		t.Errorf("%+v %v", got, ok)
	}
}

// TestOffersOfHeldRoles: what may be done by a role that is held for a time is offered too, and a role that is held twice once.
func TestOffersOfHeldRoles(t *testing.T) {
	p := parse(t, lending)
	r := asked("web-1", "deploy", "uptime")
	r.Granted = []policy.Granted{writer("gr_1"), writer("gr_2"), {ID: "gr_3", Role: "reader", Targets: []string{"web-1"}, Login: "deploy"}}
	var roles []string
	for _, o := range p.OffersAs(r) {
		roles = append(roles, o.Role)
	}
	if !slices.Equal(roles, []string{"reader", "writer"}) {
		t.Errorf("%v", roles)
	}
	if lent := p.Lent(bot); len(lent) != 2 || lent[0].Role != "db" || lent[1].Role != "writer" || len(lent[0].Terms) != 2 {
		t.Errorf("%+v", lent)
	}
	if lent := p.Lent(ann); len(lent) != 1 || lent[0].Role != "rescue" || lent[0].Glass == nil {
		t.Errorf("%+v", lent)
	}
}

// TestPatternsByWhateverName: the rule's own words, the words that a denial shows, its id; and without a role only where one has it.
func TestPatternsByWhateverName(t *testing.T) {
	p := parse(t, `version: 1
people: {ann: {roles: [one, two]}}
slots: {app: "<unit:app-*>"}
roles:
  base: {ask: [{run: "systemctl stop <app>", id: stop}]}
  one: {includes: [base], targets: [a], logins: [b], ask: ["systemctl restart <app>", reboot]}
  two: {targets: [a], logins: [b], ask: [reboot], allow: [halt]}
`)
	for _, c := range []struct {
		role, pattern string
		want          []string
	}{
		{"one", "systemctl restart <app>", []string{"one/ask[0]"}},
		{"one", "systemctl restart <unit:app-*>", []string{"one/ask[0]"}},
		{"one", "one/ask[0]", []string{"one/ask[0]"}},
		{"", "systemctl restart <app>", []string{"one/ask[0]"}},
		{"one", "base/stop", []string{"base/stop"}},
		{"base", "systemctl stop <app>", []string{"base/stop"}},
		{"", "base/stop", []string{"base/stop"}},
		{"two", "reboot", []string{"two/ask[0]"}},
		{"", "reboot", nil},
		{"two", "halt", nil},
		{"two", "systemctl restart <app>", nil},
	} {
		var got []string
		for _, rule := range p.PatternRules(ann, c.role, c.pattern) {
			got = append(got, rule.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q of %q: %v", c.pattern, c.role, got)
		}
	}
}
