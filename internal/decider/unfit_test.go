package decider

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
)

const unfitPolicy = `version: 1
issuers:
  github: {url: "https://token.example", audience: gatehouse.example}
profiles:
  office: {max_ttl: 10m, sources: [192.0.2.0/24]}
people:
  ann: {roles: [oncall], oidc: {issuer: github, subject: "7"}}
  vic: {}
agents:
  bot: {owner: person:vic, roles: [r], profile: office, enrol: [join, key, {oidc: github, subject: "repo:a/b:*"}]}
roles:
  oncall: {rights: [view, operate]}
  r: {targets: [web-1], logins: [deploy], allow: [id]}
`

// TestPolicyEndsConnections: whatever policy takes away ends the connections that had it, with the reason, keeps the same
// certificate out, and leaves the others alone.
func TestPolicyEndsConnections(t *testing.T) {
	for name, c := range map[string]struct {
		by, who, old, new, why string
	}{
		"agent disabled":    {"key", "agent:bot", "bot: {", "bot: {disabled: true, ", "agent:bot is disabled in the policy"},
		"owner disabled":    {"key", "agent:bot", "vic: {}", "vic: {disabled: true}", "owner person:vic is disabled"},
		"agent removed":     {"key", "agent:bot", "  bot:", "  bat:", "the policy does not know agent:bot"},
		"person disabled":   {"passkey", "person:ann", "ann: {", "ann: {disabled: true, ", "person:ann is disabled in the policy"},
		"key no more":       {"key", "agent:bot", "[join, key,", "[join,", "issued by key any more"},
		"join no more":      {"join", "agent:bot", "[join, key,", "[key,", "issued by join any more"},
		"issuer no more":    {"oidc:github", "agent:bot", `, {oidc: github, subject: "repo:a/b:*"}`, "", "issued by oidc:github any more"},
		"account no more":   {"oidc:github", "person:ann", `, oidc: {issuer: github, subject: "7"}`, "", "issued by oidc:github any more"},
		"sources narrowed":  {"key", "agent:bot", "sources: [192.0.2.0/24]", "sources: [192.0.2.128/25]", "from [192.0.2.128/25] only, and this is 192.0.2.1"},
		"another way stays": {"key", "agent:bot", "[join, key,", "[key,", ""},
		"root's word stays": {"local", "agent:bot", "[join, key,", "[", ""},
		"a passkey stays":   {"passkey", "person:ann", `, oidc: {issuer: github, subject: "7"}`, "", ""},
	} {
		b := &bench{t: t, dir: t.TempDir(), clock: newBenchClock(), told: make(chan struct{}, 64)}
		b.write("policy.yaml", unfitPolicy)
		b.write("targets.yaml", testTargets)
		b.open()
		b.connectDoor()
		kind, who, _ := strings.Cut(c.who, ":")
		key, _ := newKey(t)
		got, err := b.d.certify(t.Context(), policy.CertificateRequest{Kind: policy.Kind(kind), Name: who, TTL: 5 * time.Minute}, key.Marshal(), proof{actor: "test", by: c.by})
		b.must(err)
		conn, other := b.id(id.Connection), b.connect(policy.Person, "vic")
		b.must(b.authenticate(conn, got.Certificate))
		b.write("policy.yaml", strings.Replace(unfitPolicy, c.old, c.new, 1))
		if r := b.reload(); r.Problem != "" || !r.Changed {
			t.Fatalf("%s: %+v", name, r)
		}
		b.awaitTold()
		if c.why == "" {
			if why := b.endings(conn); len(why) != 0 || b.authenticate(b.id(id.Connection), got.Certificate) != nil {
				t.Errorf("%s: ended for %q", name, why)
			}
			continue
		}
		b.awaitTold() // the inventory, and this
		if why := b.endings(conn); len(why) != 1 || !strings.Contains(why[0], c.why) {
			t.Errorf("%s: ended for %q", name, why)
		}
		if _, err := b.door.Authorize(t.Context(), console.Credential{Connection: conn}, "whoami", "", ""); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: it may still ask: %v", name, err)
		}
		if err := b.authenticate(b.id(id.Connection), got.Certificate); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: let in again: %v", name, err)
		}
		if name != "owner disabled" && len(b.endings(other)) != 0 {
			t.Errorf("%s: ended another's: %q", name, b.endings(other))
		}
		if name == "owner disabled" && !slices.ContainsFunc(b.endings(other), func(why string) bool { return strings.Contains(why, "person:vic is disabled") }) {
			t.Errorf("%s: the owner's own: %q", name, b.endings(other))
		}
	}
}
