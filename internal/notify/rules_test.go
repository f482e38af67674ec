package notify

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/secret"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func testRules(t *testing.T) *rules {
	detector, err := secret.New(secret.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return newRules(detector.MaskCut)
}

func raw(v any) json.RawMessage {
	b, _ := json.Marshal(v) // plain values
	return b
}

// pending is the entry of a request for a command.
func pending(id string, argv ...string) audit.Entry {
	req := access.Request{ID: id, By: access.Requester{Principal: "agent:bot"}, Need: []policy.Approval{{Approvals: 2, From: []string{"sre"}}},
		Scope: access.Scope{Kind: access.CommandScope, Targets: []string{"web-1"}, Login: "deploy", Command: &access.Command{Plan: policy.Plan{Op: policy.OpRun, Argv: argv}}}}
	return audit.Entry{Type: audit.AccessRequest, Actor: "agent:bot", Object: id, Target: "web-1", Login: "deploy", Outcome: "pending", Reason: "the release", Data: raw(map[string]any{"request": req.Canonical(), "holder": "agent:bot"})}
}

func glassGrant(id string) audit.Entry {
	g := access.Grant{ID: id, By: access.Requester{Principal: "person:ann"}, Ends: noon.Add(time.Hour), Scope: access.Scope{Kind: access.RoleScope, Role: "db-admin", Glass: true}}
	return audit.Entry{Type: audit.AccessGrant, Object: id, Outcome: "made", Data: raw(map[string]any{"grant": g})}
}

// TestKinds: what each entry becomes.
func TestKinds(t *testing.T) {
	for want, e := range map[string]audit.Entry{
		"access.requested notice":      pending("ar_1", "systemctl", "restart", "app"),
		"access.over notice":           {Type: audit.AccessRequest, Object: "ar_1", Outcome: "declined", Reason: "not now"},
		"access.over info":             {Type: audit.AccessRequest, Object: "ar_1", Outcome: "withdrawn"},
		"":                             {Type: audit.AccessRequest, Object: "ar_1", Outcome: "approved"},
		"access.granted notice":        {Type: audit.AccessGrant, Object: "gr_1", Outcome: "made", Data: raw(map[string]any{"grant": access.Grant{}})},
		"access.ended info":            {Type: audit.AccessGrant, Object: "gr_1", Outcome: "ended"},
		"break_glass critical":         glassGrant("gr_1"),
		"break_glass.reviewed notice":  {Type: audit.AccessReview, Object: "gr_1", Outcome: "ok", Data: raw(map[string]any{"reviewed": true})},
		"lock critical":                {Type: audit.AccessLock, Object: "lck_1", Outcome: "locked", Data: raw(map[string]any{"lock": access.Lock{What: access.Subject{Kind: access.LockEverything}}})},
		"policy.loaded notice":         {Type: audit.PolicyLoad, Outcome: "ok"},
		"policy.rejected warning":      {Type: audit.PolicyReject, Outcome: "deny"},
		"revoke notice":                {Type: audit.Revoke, Object: "rev_1", Outcome: "ok"},
		"enrol notice":                 {Type: audit.Enrol, Object: "person:ann", Outcome: "ok"},
		"ca.rotate notice":             {Type: audit.Rotate, Object: "target", Outcome: "ok"},
		"budget warning":               {Type: audit.Budget, Actor: "agent:bot", Outcome: "exceeded"},
		"witness.contradicts critical": {Type: audit.Witnessed, Object: "w", Outcome: "rollback"},
		"witness.agrees notice":        {Type: audit.Witnessed, Object: "w", Outcome: "ok"},
		"signer.fault critical":        {Type: audit.SignerFault, Object: "target_ca", Outcome: "fault"},
		"log.recovered warning":        {Type: audit.LogRecovered},
		"clock.step warning":           {Type: audit.ClockStep},
		"export.lost warning":          {Type: audit.Export, Object: "siem", Outcome: "lost"},
		"alerts.dead warning":          {Type: audit.Alert, Object: "ops", Outcome: "dead"},
	} {
		got := testRules(t).feed(record(t, 7, noon, e))
		if want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0].Kind+" "+string(got[0].Severity) != want || got[0].Seq != 7 || !got[0].Time.Equal(noon) || !strings.HasPrefix(got[0].Runbook, "#") || got[0].Title == "" || got[0].Subject == "" {
			t.Errorf("want %s, got %+v", want, got)
		}
	}
}

// TestRequestIsForItsApprovers: it says who, what, where, why and whose approvals are needed, and links to the page.
func TestRequestIsForItsApprovers(t *testing.T) {
	got := testRules(t).feed(record(t, 1, noon, pending("ar_01", "systemctl", "restart", "app")))
	if len(got) != 1 || got[0].Link("https://gate.test/") != "https://gate.test/requests/ar_01" {
		t.Fatalf("%+v", got)
	}
	for _, part := range []string{"agent:bot", "systemctl restart app", "web-1 as deploy", "2 of sre", "the release"} {
		if !strings.Contains(got[0].Text, part) {
			t.Errorf("%q is not in %q", part, got[0].Text)
		}
	}
}

// TestNothingSecret: what looks like a secret is masked wherever it came in, and nothing invisible or broken over lines is left.
func TestNothingSecret(t *testing.T) {
	const token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
	entries := []audit.Entry{pending("ar_01", "curl", "-H", "Authorization: Bearer "+token), {Type: audit.AccessRequest, Object: "ar_1", Outcome: "declined", Reason: "use " + token + "\r\nBcc: all\u202e"},
		{Type: audit.PolicyReject, Reason: token}, {Type: audit.Revoke, Object: token, Outcome: "ok", Reason: token}, {Type: audit.ClockStep, Reason: token}}
	r := testRules(t)
	for i, e := range entries {
		for _, a := range r.feed(record(t, int64(i), noon, e)) {
			all := a.Title + a.Text + a.Subject
			if strings.Contains(all, token) || strings.Contains(all, token[:12]) || strings.ContainsAny(all, "\r\n\u202e") {
				t.Errorf("%+v", a)
			}
		}
	}
}

// TestRepetitionsAreOne: the same of the same subject is told at once, then as one with a count; another subject's is its own.
func TestRepetitionsAreOne(t *testing.T) {
	r := testRules(t)
	fault := audit.Entry{Type: audit.SignerFault, Object: "target_ca", Outcome: "fault"}
	other := audit.Entry{Type: audit.SignerFault, Object: "agent_ca", Outcome: "fault"}
	var got []Alert
	for i := range 5 {
		got = append(got, r.feed(record(t, int64(i), noon.Add(time.Duration(i)*time.Minute), fault))...)
	}
	got = append(got, r.feed(record(t, 5, noon, other))...)
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	if early := r.tick(noon.Add(dedupSpan - time.Second)); len(early) != 0 {
		t.Errorf("too early: %+v", early)
	}
	late := r.tick(noon.Add(dedupSpan))
	if len(late) != 1 || late[0].Count != 4 || late[0].Subject != "target_ca" || !strings.Contains(late[0].Title, "4 times") {
		t.Errorf("%+v", late)
	}
	if again := r.feed(record(t, 9, noon.Add(dedupSpan), fault)); len(again) != 1 || again[0].Count != 0 {
		t.Errorf("afterwards: %+v", again)
	}
}

// TestDenialsOverTheThreshold: one alert an hour and identity, at the twentieth.
func TestDenialsOverTheThreshold(t *testing.T) {
	r := testRules(t)
	told := 0
	for i := range 3 * denialMost {
		for _, who := range []string{"agent:bot", "agent:calm"} {
			e := audit.Entry{Type: audit.Decision, Actor: who, Outcome: "deny", Reason: "no"}
			if who == "agent:calm" && i >= denialMost-1 {
				e.Outcome = "allow"
			}
			got := r.feed(record(t, int64(i), noon.Add(time.Duration(i)*time.Second), e))
			for _, a := range got {
				told++
				if a.Kind != "denials" || a.Subject != "agent:bot" || i != denialMost-1 {
					t.Errorf("%d: %+v", i, a)
				}
			}
		}
	}
	if told != 1 {
		t.Errorf("%d alerts", told)
	}
}

// TestBreakGlassIsRepeatedUntilReviewed: at once, then each hour and no faster, to every channel, until enough have reviewed it; through
// a restart.
func TestBreakGlassIsRepeatedUntilReviewed(t *testing.T) {
	r := testRules(t)
	if got := r.feed(record(t, 1, noon, glassGrant("gr_1"))); len(got) != 1 || got[0].Severity != Critical {
		t.Fatalf("%+v", got)
	}
	told := 0
	for minute := range 6 * 60 {
		stored, again := state{}, testRules(t)
		if err := json.Unmarshal(raw(r.state), &stored); err != nil {
			t.Fatal(err)
		}
		again.state = stored.ready()
		r = again
		for _, a := range r.tick(noon.Add(time.Duration(minute) * time.Minute)) {
			told++
			if a.Kind != KindGlass || a.Subject != "gr_1" || !strings.HasPrefix(a.Title, "NOT REVIEWED YET") {
				t.Errorf("%+v", a)
			}
		}
		if minute == 150 { // one of two reviewers
			r.feed(record(t, 2, noon, audit.Entry{Type: audit.AccessReview, Object: "gr_1", Outcome: "ok", Data: raw(map[string]any{"reviewed": false})}))
		}
		if minute == 250 {
			r.feed(record(t, 3, noon, audit.Entry{Type: audit.AccessReview, Object: "gr_1", Outcome: "ok", Data: raw(map[string]any{"reviewed": true})}))
		}
	}
	if told != 4 {
		t.Errorf("%d reminders in 250 minutes, want 4", told)
	}
}

// TestSilence: a log that says nothing for minutes is told of while the service runs, and not while it is stopped.
func TestSilence(t *testing.T) {
	r := testRules(t)
	count := 0
	for i, step := range []struct {
		at time.Duration
		t  audit.Type
	}{{0, audit.ServeStart}, {time.Minute, audit.Heartbeat}, {2 * time.Minute, audit.ServeStop}, {3 * time.Hour, audit.ServeStart}, {3*time.Hour + gapLimit + time.Second, audit.Heartbeat}} {
		got := r.feed(record(t, int64(i), noon.Add(step.at), audit.Entry{Type: step.t}))
		count += len(got)
		if i < 4 && len(got) > 0 {
			t.Errorf("%d: %+v", i, got)
		}
	}
	if count != 1 {
		t.Errorf("%d alerts", count)
	}
}

// TestBounds: identities without number are not remembered without bound, and what is in no order does no harm.
func TestBounds(t *testing.T) {
	r := testRules(t)
	for i := range 3 * maxWatched {
		who := fmt.Sprint("agent:", i)
		r.feed(record(t, int64(i), noon, audit.Entry{Type: audit.Decision, Actor: who, Outcome: "deny"}))
		r.feed(record(t, int64(i), noon, audit.Entry{Type: audit.Revoke, Object: who, Outcome: "ok"}))
	}
	if len(r.state.Denied) > maxWatched || len(r.state.Windows) > maxWatched {
		t.Errorf("%d, %d", len(r.state.Denied), len(r.state.Windows))
	}
	for _, line := range []string{"", "{}", "null", "\xff", `{"v":1,"seq":1`} {
		r.feed(audit.Record{Seq: 1, Line: []byte(line)})
	}
}

// TestRunbooks: every section that an alert names is in docs/alerts.md, and every kind is explained there.
func TestRunbooks(t *testing.T) {
	text, err := os.ReadFile("../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, name := range append(sources, "../decider/alerts.go") {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`Runbook: +"#([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
			found["runbook"]++
			if !strings.Contains(string(text), `<a id="`+m[1]+`"></a>`) {
				t.Errorf("%s: docs/alerts.md has no section %s", name, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`Kind(?: =|:) "([a-z_.]+)"`).FindAllStringSubmatch(string(source), -1) {
			found["kind"]++
			if !strings.Contains(string(text), "`"+m[1]+"`") {
				t.Errorf("%s: docs/alerts.md does not explain %s", name, m[1])
			}
		}
	}
	if found["runbook"] < 15 || found["kind"] < 15 {
		t.Errorf("found only %v", found)
	}
}
