package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
)

// integrity answers about the audit log for the test's decider.
type integrity struct{ d *decider }

func (i integrity) AuditState(ctx context.Context, who console.Credential, before string) (console.AuditState, error) {
	by, err := i.d.Authorize(ctx, who, console.AuditRead, "", before)
	if err != nil {
		return console.AuditState{}, err
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if before == "x" {
		return console.AuditState{}, console.ErrAuditPage
	}
	return console.AuditState{By: by, Size: 4711, Checkpoint: "gatehouse\n4711\nroot\n\n— gatehouse sig\n", Key: "gatehouse+1234+key", At: at, Gap: 61 * time.Second, GapAt: at, GapSince: at,
		Anchors: []console.AuditAnchor{{Kind: "witness", Name: "w1.example/w", Size: 4700, At: at},
			{Kind: "witness", Name: "w2.example/w", Alarm: "ROLLBACK: <b>\x1b[2J", Problem: "refused"}},
		Entries: []console.AuditEntry{{Seq: 4711, Time: at, Type: "read", Verb: "sessions.search", Actor: "person:ann", Outcome: "allow"}, {Seq: 4710, Time: at, Type: "decision", Actor: "agent:<script>", Outcome: "deny", Target: "web-1", Session: "ses_01JDABCDEFGHJKMNPQRSTVWXYZ", Reason: "\u202eno rule"},
			{Seq: 4709, Time: at, Type: "read", Actor: "person:ann", Outcome: "allow", Object: "token=ghp_" + strings.Repeat("k3Y9", 9), Reason: strings.Repeat("x ", 100) + "ghp_k3Y9k3Y9k"}},
		Next: "4660.99"}, nil
}

// The page says how it is with the log, in escaped words, to those who may see sessions, and asks once.
func TestAuditPage(t *testing.T) {
	h := newHouse(t, 0)
	for path, wants := range map[string][]string{
		"/audit":                {"4711", "w1.example/w", "The log is contradicted", "ROLLBACK: &lt;b&gt;", "agent:&lt;script&gt;", "/audit?before=4660.99", "gatehouse audit verify", "read sessions.search", "aria-current"},
		"/audit?before=4660.99": {"Newest", "4711"},
		"/audit/checkpoint":     {"gatehouse\n4711\nroot\n\n— gatehouse sig\n"},
	} {
		h.decider.took()
		status, body := h.get(path)
		if asked := h.decider.took(); status != http.StatusOK || len(asked) != 1 || asked[0].Verb != console.AuditRead {
			t.Errorf("%s: status %d, asked %+v", path, status, asked)
		}
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
		if strings.Contains(body, "k3Y9") {
			t.Errorf("%s shows a secret", path)
		}
		if strings.ContainsAny(body, "\x1b\u202e") {
			t.Errorf("%s shows foreign text raw", path)
		}
		for cookie, want := range map[string]int{"": http.StatusSeeOther, "eve-cookie": http.StatusForbidden} {
			if answer, body := h.ask("GET", path, cookie, nil); answer.StatusCode != want || strings.Contains(body, "4711") {
				t.Errorf("%s with %q: %d", path, cookie, answer.StatusCode)
			}
		}
	}
	if status, _ := h.get("/audit?before=x"); status != http.StatusNotFound {
		t.Errorf("a made-up page: %d", status)
	}
}
