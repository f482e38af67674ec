package decider

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// TestALookIsNotedAndOnlyLooks: what lets the door look comes only with a decision that needs it, for that target and login, can
// do nothing but read, and is in the log before.
func TestALookIsNotedAndOnlyLooks(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	key, _ := newKey(t)
	ask := func(spoil func(*protocol.Decide)) protocol.Decided {
		t.Helper()
		q := b.question(conn, "echo", "x")
		q.ProbeKey, q.Facts = key.Marshal(), policy.Facts{}
		spoil(&q)
		got, err := b.door.Decide(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	looks := func() (n int) {
		for _, e := range b.entries() {
			if e.Type == audit.TargetLook {
				n++
			}
		}
		return n
	}

	got := ask(func(*protocol.Decide) {})
	cert := parseCert(t, got.ProbeCertificate)
	if got.Decision.Verdict != policy.Look || got.Certificate != nil || got.Line != "" || got.ID != "" {
		t.Errorf("a look came with %+v", got)
	}
	if cert.CriticalOptions["force-command"] != readonly.Command(false) || strings.Join(cert.ValidPrincipals, ",") != "gh:web-1:deploy" || len(cert.Extensions) != 0 ||
		!bytes.Equal(cert.Key.Marshal(), key.Marshal()) || time.Unix(int64(cert.ValidBefore), 0).Sub(b.clock.now()) > 30*time.Second {
		t.Errorf("the certificate: options %q, principals %q, extensions %q, until %d", cert.CriticalOptions, cert.ValidPrincipals, cert.Extensions, cert.ValidBefore)
	}
	if looks() != 1 {
		t.Errorf("%d looks are noted, want 1", looks())
	}
	if again := ask(func(q *protocol.Decide) { q.ProbeKey, q.Looking = nil, true }); again.Decision.Verdict != policy.Look || again.ProbeCertificate != nil || looks() != 2 {
		t.Errorf("a look that is open: %+v, %d noted", again.Decision, looks())
	}
	if early := ask(func(q *protocol.Decide) { q.ProbeKey = nil }); early.Decision.Verdict != policy.Look || early.ProbeCertificate != nil || looks() != 2 {
		t.Errorf("nobody can look: %+v, %d noted", early.Decision, looks())
	}
	local := ask(func(q *protocol.Decide) { q.Target, q.Login = "bastion-host", "ops" })
	if local.ProbePermit == nil || local.Permit != nil || looks() != 3 {
		t.Errorf("on this machine: permit %t, other permit %t, %d noted", local.ProbePermit != nil, local.Permit != nil, looks())
	}
	for name, spoil := range map[string]func(*protocol.Decide){
		"a command that no rule names":  func(q *protocol.Decide) { q.Plan = run("rm", "x") },
		"a login that no role reaches":  func(q *protocol.Decide) { q.Login = "root" },
		"a target that no role reaches": func(q *protocol.Decide) { q.Target = "web-2" },
		"nothing left to look up":       func(q *protocol.Decide) { q.Facts = usualFacts },
	} {
		if got := ask(spoil); got.ProbeCertificate != nil || got.ProbePermit != nil || looks() != 3 {
			t.Errorf("%s: certificate %t, permit %t, %d noted", name, got.ProbeCertificate != nil, got.ProbePermit != nil, looks())
		}
	}
}

const obligedPolicy = `version: 1
people: {ann: {roles: [oncall]}, vic: {roles: [viewer]}, nan: {}}
agents: {bot: {owner: person:ann, roles: [operator]}, other: {owner: person:vic, roles: [elsewhere]}}
roles:
  oncall: {rights: [view, operate]}
  viewer: {rights: [view]}
  operator:
    targets: [web-1]
    logins: [deploy]
    limits: {sessions: 2, denials: 3}
    allow: [echo <text>..., {run: top, dry_run: true}]
    ask: ["printf <text>..."]
  elsewhere: {targets: [web-2], logins: [deploy], allow: [id]}
`

// obliged is a bench with rules that oblige.
func obliged(t *testing.T) (*bench, string) {
	b := newBench(t)
	b.write("policy.yaml", obligedPolicy)
	if out, err := b.d.Reload(t.Context()); err != nil || out.Problem != "" {
		t.Fatalf("%+v, %v", out, err)
	}
	return b, b.connect(policy.Agent, "bot")
}

// TestDryRunAndAskRunNothing: what is only to be shown, or waits for people, comes without anything that could run it.
func TestDryRunAndAskRunNothing(t *testing.T) {
	b, conn := obliged(t)
	for code, argv := range map[policy.Code][]string{policy.CodeDryRun: {"top"}, policy.CodeNeedsApproval: {"printf", "x"}} {
		got, err := b.door.Decide(t.Context(), b.question(conn, argv...))
		if err != nil || got.Decision.Verdict == policy.Allow || got.Decision.Code != code {
			t.Fatalf("%q: %+v, %v", argv, got.Decision, err)
		}
		if got.Certificate != nil || got.Permit != nil || got.Line != "" || !id.Valid(id.Denial, got.ID) {
			t.Errorf("%q came with certificate %t, permit %t, line %q, id %s", argv, got.Certificate != nil, got.Permit != nil, got.Line, got.ID)
		}
		if got.Decision.Plan == nil || got.Decision.Plan.Argv[0] != "/usr/bin/"+argv[0] {
			t.Errorf("%q does not show what would run: %+v", argv, got.Decision.Plan)
		}
	}
}

// TestQuotas: so many sessions at once, so many denials within an hour.
func TestQuotas(t *testing.T) {
	b, conn := obliged(t)
	var live []string
	for range 2 {
		q := b.question(conn, "echo", "x")
		if got, err := b.door.Decide(t.Context(), q); err != nil || got.Certificate == nil {
			t.Fatalf("%+v, %v", got.Decision, err)
		}
		live = append(live, q.Session)
	}
	if got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); code(err) != protocol.CodeRefused || got.Certificate != nil || !strings.Contains(err.Error(), "2 sessions") {
		t.Errorf("a third session: %v", err)
	}
	b.must(b.door.End(t.Context(), protocol.End{Connection: conn, Session: live[0], State: "ended"}))
	if got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); err != nil || got.Certificate == nil {
		t.Errorf("after one has ended: %v", err)
	}
	denied := func() (policy.Code, int64) {
		t.Helper()
		got, err := b.door.Decide(t.Context(), b.question(conn, "rm", "x"))
		if err != nil {
			t.Fatal(err)
		}
		return got.Decision.Code, got.DenialsLeft
	}
	for left := int64(2); left >= 0; left-- {
		if code, got := denied(); code != policy.CodeNotAllowed || got != left {
			t.Errorf("%s, %d left, want %d", code, got, left)
		}
	}
	if code, _ := denied(); code != policy.CodeQuota {
		t.Errorf("the fourth: %s", code)
	}
	if got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); err != nil || got.Decision.Code != policy.CodeQuota || got.Certificate != nil {
		t.Errorf("what is allowed, after that: %+v, %v", got.Decision, err)
	}
	b.clock.pass(time.Hour + time.Second)
	conn = b.connect(policy.Agent, "bot")
	if code, _ := denied(); code != policy.CodeNotAllowed {
		t.Errorf("an hour later: %s", code)
	}
}

// TestRevokedWhileALookIsNoted: what was revoked after the decision gets nothing to look with.
func TestRevokedWhileALookIsNoted(t *testing.T) {
	b := newBench(t)
	key, _ := newKey(t)
	q := b.question(b.connect(policy.Agent, "bot"), "echo", "x")
	q.Facts, q.ProbeKey = policy.Facts{}, key.Marshal()
	r, err := b.d.rule(q)
	if err != nil || r.out.Decision.Verdict != policy.Look {
		t.Fatalf("%+v, %v", r, err)
	}
	b.revoke("meanwhile", "agent:bot")
	if got, err := b.d.look(t.Context(), r); code(err) != protocol.CodeRefused || got.ProbeCertificate != nil {
		t.Errorf("certificate %t, %v", got.ProbeCertificate != nil, err)
	}
}
