package decider

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/privilege"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// TestApprovedCommand: a command waits, a person approves it with a passkey, and it runs: once, pinned, with everything in the log in
// its order.
func TestApprovedCommand(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "printf", "hello")
	w := b.asks(q)
	if until := b.clock.now().Add(5 * time.Minute); !w.Until.Equal(until) || !w.Preview || w.Request.By.Principal != "agent:bot" || w.Request.Session != q.Session {
		t.Errorf("%+v", w)
	}
	q.Await = w.Request.ID
	if again := b.asks(q); again.Request.ID != w.Request.ID || !again.Until.Equal(w.Until) {
		t.Errorf("asked again it waits for %s until %s", again.Request.ID, again.Until)
	}
	r := b.approved("vic", w.Request.ID)
	if r.State != access.Approved || r.Grant == "" || len(r.Votes) != 1 || r.Votes[0].By != "vic" {
		t.Fatalf("%+v", r)
	}
	got := b.runs(q)
	cert := parseCert(t, got.Certificate)
	if got.Decision.Mode != policy.Pinned || cert.CriticalOptions["force-command"] != got.Line || !strings.Contains(got.Line, "/usr/bin/printf") || len(got.Decision.Grants) != 1 || got.Decision.Grants[0] != r.Grant {
		t.Errorf("%+v, %q", got.Decision, cert.CriticalOptions)
	}
	if a, v, g := b.outcomes(audit.AccessRequest, r.ID), b.outcomes(audit.AccessVote, r.ID), b.outcomes(audit.AccessGrant, r.Grant); a != "pending approved" || v != "yes" || g != "made used ended" {
		t.Errorf("the log says of the request %q, of votes %q, of the grant %q", a, v, g)
	}
	vote := dataOf[privilege.Voted](t, b.about(audit.AccessVote, r.ID)[0])
	if vote.Hash != r.Hash() || string(vote.Request) != string(r.Canonical()) || vote.Vote.Proof.Kind != access.PasskeyProof || len(vote.Vote.Proof.Signature) == 0 {
		t.Errorf("the vote's entry says %+v", vote)
	}
	used := b.about(audit.AccessGrant, r.Grant)[1]
	if d := dataOf[map[string]any](t, used); d["decision"] != got.ID || used.Session != q.Session {
		t.Errorf("the use says %v", d)
	}
	// It was good once.
	next := b.question(conn, "printf", "hello")
	if w := b.asks(next); w.Request.ID == r.ID {
		t.Error("what was used up is asked for again")
	}
}

// TestAwait: a decline, an end and nobody's answer each have a code of their own, with a person's words; and a request that nobody waits
// for any more is found by the same command.
func TestAwait(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	declined := b.question(conn, "printf", "declined")
	w := b.asks(declined)
	if _, err := b.door.Answer(t.Context(), b.in["vic"], console.AccessAnswer{Request: w.Request.ID, Words: "not on a friday"}); err != nil {
		t.Fatal(err)
	}
	declined.Await = w.Request.ID
	got, err := b.ask(declined)
	if err != nil || got.Decision.Verdict != policy.Deny || got.Decision.Code != policy.CodeApprovalDeclined || !strings.Contains(got.Decision.Reason, "not on a friday") || got.Certificate != nil || got.Line != "" {
		t.Errorf("%+v, %v", got.Decision, err)
	}
	slow := b.question(conn, "printf", "slow")
	w = b.asks(slow)
	slow.Await = w.Request.ID
	b.clock.pass(5 * time.Minute)
	if got, err := b.ask(slow); err != nil || got.Decision.Code != policy.CodeApprovalPending || !strings.Contains(got.Decision.Reason, w.Request.ID) {
		t.Errorf("%+v, %v", got.Decision, err)
	}
	again := b.question(conn, "printf", "slow")
	if found := b.asks(again); found.Request.ID != w.Request.ID {
		t.Errorf("the same command asks for %s, not %s", found.Request.ID, w.Request.ID)
	}
	b.clock.pass(10*time.Minute + time.Second)
	b.d.tickAccess(t.Context())
	late := b.question(b.connect(policy.Agent, "bot"), "printf", "slow")
	late.Await = w.Request.ID
	if got, err := b.ask(late); err != nil || got.Decision.Code != policy.CodeApprovalExpired {
		t.Errorf("%+v, %v", got.Decision, err)
	}
	conn = b.connect(policy.Agent, "bot")
	seconds := int64(0)
	short := b.question(conn, "printf", "short")
	short.Wait = &seconds
	if w := b.asks(short); !w.Until.IsZero() {
		t.Errorf("who does not want to wait, waits until %s", w.Until)
	}
	if w := b.asks(b.question(conn, "id")); !w.Until.IsZero() {
		t.Errorf("a rule that lets nobody wait lets one wait until %s", w.Until)
	}
}
