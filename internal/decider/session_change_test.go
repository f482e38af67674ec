package decider

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
)

// TestChangesEndSessions: a change of policy ends the sessions that it would not let begin: with what each was, delegation
// included, and also where it would only be shown what runs, or would not be given its input.
func TestChangesEndSessions(t *testing.T) {
	const input = `- {run: "echo <text>...", stdin: data}`
	of := func(rule, role string) string {
		text := strings.Replace(testPolicy, "- echo <text>...", rule, 1)
		return strings.Replace(text, "logins: [deploy, ops]\n", "logins: [deploy, ops]\n"+role, 1)
	}
	for claim, c := range map[string]struct {
		rule, role string
		ends       bool
	}{
		"nothing of it":                {input, "    limits: {idle: 5m}\n", false},
		"more than it has":             {`- {run: "echo <text>...", stdin: data, pty: true}`, "", false},
		"another rule":                 {"- id", "", true},
		"a dry run":                    {`- {run: "echo <text>...", stdin: data, dry_run: true}`, "", true},
		"no input":                     {"- echo <text>...", "", true},
		"another input":                {`- {run: "echo <text>...", stdin: "sha256:` + strings.Repeat("ab", 32) + `"}`, "", true},
		"who handed it on, as it was":  {input, `    when: request.delegation == "person:ann>agent:boss"` + "\n", false},
		"who handed it on, not anyone": {input, `    when: request.delegation == ""` + "\n", true},
	} {
		t.Run(claim, func(t *testing.T) {
			b := newBench(t)
			b.setPolicy(of(input, ""))
			key, _ := newKey(t)
			cert, err := b.d.certify(t.Context(), policy.CertificateRequest{Kind: policy.Agent, Name: "bot"}, key.Marshal(), proof{actor: "test", by: "local", delegation: "person:ann>agent:boss"})
			b.must(err)
			conn := b.id(id.Connection)
			b.must(b.authenticate(conn, cert.Certificate))
			q := b.question(conn, "echo", "x")
			if got, err := b.door.Decide(t.Context(), q); err != nil || got.Decision.Verdict != policy.Allow {
				t.Fatalf("%+v, %v", got.Decision, err)
			}
			b.setPolicy(of(c.rule, c.role))
			if got := slices.Equal(b.d.disallowed(), []string{q.Session}); got != c.ends {
				t.Errorf("it ends: %t", got)
			}
			b.must(b.door.End(t.Context(), protocol.End{Connection: conn, Session: q.Session, State: "ended"}))
		})
	}
}
