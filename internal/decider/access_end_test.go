package decider

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

const testTicketSecret = "0123456789abcdef"

// closed says that a ticket was closed.
func (b *accessBench) closed(ticket string) (protocol.AccessGrants, error) {
	body, at := `{"ticket":"`+ticket+`"}`, strconv.FormatInt(b.clock.now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(testTicketSecret))
	mac.Write([]byte(at + "." + body))
	return b.door.CloseTicket(b.t.Context(), protocol.AccessTicket{Body: []byte(body), Signature: "sha256=" + hex.EncodeToString(mac.Sum(nil)), Time: at})
}

// writer gives an agent the role writer for a time, and returns the grant.
func (b *accessBench) writer(conn string) access.Request {
	b.t.Helper()
	r, err := b.door.Ask(b.t.Context(), console.Credential{Connection: conn}, console.AccessOrder{Role: "writer", Targets: []string{"web-1"}, Login: "deploy", Reason: "to write", Ticket: "T-1"})
	b.must(err)
	return b.approved("vic", r.ID)
}

// TestEveryEndActs: whatever ends a grant ends the live session that runs by it, with a line that says why, even where the grant is used
// up already.
func TestEveryEndActs(t *testing.T) {
	type live struct {
		conn, session string
		r             access.Request
	}
	ann := func(b *accessBench) console.Credential { return b.in["ann"] }
	for name, c := range map[string]struct {
		end   func(t *testing.T, b *accessBench, l live)
		why   string
		cause access.Cause
	}{
		"time": {func(_ *testing.T, b *accessBench, _ live) { b.clock.pass(31 * time.Minute) }, "its time is over", access.CauseTime},
		"the agent is done": {func(t *testing.T, b *accessBench, l live) {
			if got, err := b.door.EndGrants(t.Context(), console.Credential{Connection: l.conn}, "", ""); err != nil || len(got) != 1 {
				t.Errorf("%+v, %v", got, err)
			}
		}, "ended by agent:bot", access.CauseDone},
		"its owner ends it": {func(t *testing.T, b *accessBench, l live) {
			if _, err := b.door.EndGrants(t.Context(), ann(b), l.r.Grant, "enough"); err != nil {
				t.Error(err)
			}
		}, "ended by person:ann: enough", access.CauseDone},
		"root ends it": {func(t *testing.T, b *accessBench, l live) {
			if _, err := admin[protocol.AccessGrants](b.bench, protocol.OpAccessEnd, protocol.AccessName{By: "root", ID: l.r.Grant}); err != nil {
				t.Error(err)
			}
		}, "ended by local:root", access.CauseRevoked},
		"the ticket is closed": {func(t *testing.T, b *accessBench, _ live) {
			if got, err := b.closed("T-1"); err != nil || len(got.List) != 1 {
				t.Errorf("%+v, %v", got, err)
			}
		}, "the ticket T-1 was closed", access.CauseTicket},
		"other terms": {func(_ *testing.T, b *accessBench, _ live) {
			b.policy(func(s string) string {
				return strings.Replace(s, "role: writer, from", "role: writer, approvals: 2, from", 1)
			})
		}, "a change of policy", access.CausePolicy},
		"the role is gone": {func(_ *testing.T, b *accessBench, _ live) {
			b.policy(func(s string) string {
				return strings.Replace(s, "    request: [{role: writer, from: [sre], for: 30m}]\n", "", 1)
			})
		}, "a change of policy", access.CausePolicy},
		"another owner": {func(_ *testing.T, b *accessBench, _ live) {
			b.policy(func(s string) string {
				return strings.Replace(s, "bot: {owner: person:ann", "bot: {owner: person:nan", 1)
			})
		}, "", access.CausePolicy},
		"the owner is disabled": {func(_ *testing.T, b *accessBench, _ live) {
			b.policy(func(s string) string { return strings.Replace(s, "ann: {roles", "ann: {disabled: true, roles", 1) })
		}, "", access.CausePolicy},
		"a revocation": {func(t *testing.T, b *accessBench, _ live) {
			if _, err := admin[protocol.Revoked](b.bench, protocol.OpRevoke, protocol.Revoke{By: "root", Handles: []string{"agent:bot"}, Reason: "stolen"}); err != nil {
				t.Error(err)
			}
		}, "", access.CauseRevoked},
		"a kill of the agent": {func(t *testing.T, b *accessBench, _ live) {
			if _, err := b.door.Authorize(t.Context(), ann(b), "kill", "agent:bot", "stop"); err != nil {
				t.Error(err)
			}
		}, "ended with what was killed", access.CauseKilled},
		"a kill of the session": {func(t *testing.T, b *accessBench, l live) {
			if _, err := b.door.Authorize(t.Context(), ann(b), "kill", l.session, "stop"); err != nil {
				t.Error(err)
			}
		}, "ended with what was killed", access.CauseKilled},
		"a lock": {func(t *testing.T, b *accessBench, _ live) {
			requests, grants := b.d.endAccess(context.Background(), func(by access.Requester, _ access.Scope) bool { return by.Principal == "agent:bot" }, access.CauseLock, "locked")
			if requests != 1 || grants != 1 {
				t.Errorf("%d requests, %d grants", requests, grants)
			}
		}, "locked", access.CauseLock},
	} {
		t.Run(name, func(t *testing.T) {
			b := newAccessBench(t)
			b.must(b.reopen(func(c *Config) { c.Tickets = []byte(testTicketSecret) }))
			b.signInAll()
			conn := b.connect(policy.Agent, "bot")
			waiting := b.pending("bot", "printf", "waits")
			r := b.writer(conn)
			q := b.question(conn, "tee", "x")
			b.runs(q)
			c.end(t, b, live{conn, q.Session, r})
			b.d.tickAccess(t.Context())
			if c.why != "" { // otherwise its connection has ended, with a line of its own
				if why := b.revokedFor(q.Session); !strings.Contains(why, c.why) || !strings.Contains(why, r.Grant) {
					t.Errorf("the client is told %q", why)
				}
			}
			g, err := b.d.access.FindGrant(t.Context(), r.Grant)
			if err != nil || g.Ended.IsZero() || g.Cause != c.cause {
				t.Errorf("%+v, %v", g, err)
			}
			if got := b.outcomes(audit.AccessGrant, r.Grant); got != "made used ended" {
				t.Errorf("the log says %q", got)
			}
			if c.cause == access.CauseLock || c.cause == access.CauseRevoked && name == "a revocation" {
				if w, err := b.d.access.Request(t.Context(), waiting.ID); err != nil || w.State != access.Void {
					t.Errorf("the request is %+v, %v", w, err)
				}
			}
		})
	}
}

// TestUsedUpRunsOn: using a grant up does not end what runs by it; its time, its owner and its heartbeat do.
func TestUsedUpRunsOn(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "printf", "x")
	r := b.approved("vic", b.asks(q).Request.ID)
	b.runs(q)
	b.d.tickAccess(t.Context())
	if g, err := b.d.access.FindGrant(t.Context(), r.Grant); err != nil || g.Cause != access.CauseUses {
		t.Fatalf("%+v, %v", g, err)
	}
	b.mu.Lock()
	if len(b.revoked) != 0 {
		t.Errorf("ended: %+v", b.revoked)
	}
	b.mu.Unlock()
	b.clock.pass(10 * time.Minute)
	b.d.tickAccess(t.Context())
	if why := b.revokedFor(q.Session); !strings.Contains(why, "its time is over") {
		t.Errorf("%q", why)
	}
	done := b.question(b.connect(policy.Agent, "bot"), "printf", "y")
	r = b.approved("vic", b.asks(done).Request.ID)
	b.runs(done)
	if _, err := b.door.EndGrants(t.Context(), b.in["ann"], r.Grant, "enough"); err != nil {
		t.Fatal(err)
	}
	if why := b.revokedFor(done.Session); !strings.Contains(why, "enough") {
		t.Errorf("%q", why)
	}
}

// TestHeartbeat: what runs by a grant that wants heartbeats runs while they come, also when the grant is used up, and not a beat longer.
func TestHeartbeat(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "top")
	r := b.asks(q).Request
	if _, err := b.approveBySSH("vic", r.ID); err != nil {
		t.Fatal(err)
	}
	b.runs(q)
	req, err := b.d.access.Request(t.Context(), r.ID)
	b.must(err)
	for range 5 {
		b.clock.pass(25 * time.Second)
		if _, err := b.door.Beat(t.Context(), b.in["ann"], req.Grant); err != nil {
			t.Fatal(err)
		}
		b.d.tickAccess(t.Context())
	}
	b.mu.Lock()
	if len(b.revoked) != 0 {
		t.Errorf("ended with heartbeats: %+v", b.revoked)
	}
	b.mu.Unlock()
	if _, err := b.door.Beat(t.Context(), b.in["nan"], req.Grant); !isForbidden(err) {
		t.Errorf("somebody else's heartbeat: %v", err)
	}
	b.clock.pass(31 * time.Second)
	b.d.tickAccess(t.Context())
	if why := b.revokedFor(q.Session); !strings.Contains(why, "heartbeat") {
		t.Errorf("%q", why)
	}
}

// TestWindowCloses: a live command, a transfer and a forward end when the role's window closes by itself, and none begins anew.
func TestWindowCloses(t *testing.T) {
	b := newAccessBench(t)
	at := b.clock.now()
	b.policy(func(s string) string {
		return strings.Replace(s, "    env: [LANG]\n", "    env: [LANG]\n    files: {read: [\"/srv/**\"]}\n    forward: [\"db-1:5432\"]\n    windows: [{from: \""+at.Add(-time.Minute).Format("15:04")+"\", to: \""+at.Add(2*time.Minute).Format("15:04")+"\"}]\n", 1)
	})
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "echo", "x")
	b.runs(q)
	moved, _ := b.transfer(conn)
	b.d.tickAccess(t.Context())
	b.mu.Lock()
	if len(b.revoked) != 0 {
		t.Errorf("ended in its window: %+v", b.revoked)
	}
	b.mu.Unlock()
	b.clock.pass(2*time.Minute + time.Second)
	b.d.tickAccess(t.Context())
	for _, session := range []string{q.Session, moved} {
		if why := b.revokedFor(session); !strings.Contains(why, "time in which policy allows it") {
			t.Errorf("%q", why)
		}
	}
	if got, err := b.ask(b.question(conn, "echo", "x")); err != nil || got.Decision.Code != policy.CodeOutsideWindow {
		t.Errorf("%+v, %v", got.Decision, err)
	}
}

// TestWatchActsByItself: nobody has to ask: within about a second the watch ends what is over.
func TestWatchActsByItself(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	r := b.writer(conn)
	q := b.question(conn, "tee", "x")
	b.runs(q)
	b.clock.pass(31 * time.Minute)
	if why := b.revokedFor(q.Session); !strings.Contains(why, "its time is over") {
		t.Errorf("%q", why)
	}
	if b.outcomes(audit.AccessGrant, r.Grant) == "" {
		t.Error("nothing in the log")
	}
}

// TestGrantedFiles: a role for a time lets files be written while it lives, and a transfer that began without it uses it once.
func TestGrantedFiles(t *testing.T) {
	b := newAccessBench(t)
	b.policy(func(s string) string {
		return strings.Replace(s, "    env: [LANG]\n", "    env: [LANG]\n    files: {read: [\"/etc/motd\"], write: [\"/tmp/*\"]}\n", 1)
	})
	conn := b.connect(policy.Agent, "bot")
	session, began := b.transfer(conn)
	if len(began.Decision.Grants) != 0 {
		t.Errorf("%+v", began.Decision)
	}
	ask := func(path string) protocol.FileAnswer {
		t.Helper()
		got, err := b.door.File(t.Context(), protocol.File{Session: session, Op: policy.OpWrite, Path: []byte(path), Asked: []byte(path), Home: "/home/deploy", Kind: policy.PathFile})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := ask("/srv/a"); got.Allowed {
		t.Error("without the role")
	}
	r := b.writer(conn)
	for _, path := range []string{"/srv/a", "/srv/b"} {
		if got := ask(path); !got.Allowed {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if g, _ := b.d.access.Grant(r.Grant); g.Used != 1 {
		t.Errorf("used %d times", g.Used)
	}
	if _, err := b.door.EndGrants(t.Context(), console.Credential{Connection: conn}, "", ""); err != nil {
		t.Fatal(err)
	}
	b.revokedFor(session)
	if _, err := b.door.File(t.Context(), protocol.File{Session: session, Op: policy.OpWrite, Path: []byte("/srv/c"), Asked: []byte("/srv/c"), Home: "/home/deploy", Kind: policy.PathFile}); code(err) != protocol.CodeRefused {
		t.Errorf("after its end: %v", err)
	}
	if !id.Valid(id.Grant, r.Grant) {
		t.Error(r.Grant)
	}
}

// signInAll signs everybody in again.
func (b *accessBench) signInAll() {
	b.t.Helper()
	for name, a := range b.signs {
		in, err := b.passkeyIn(a)
		b.must(err)
		b.in[name] = console.Credential{SignIn: in.Cookie}
	}
}
