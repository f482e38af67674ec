package decider

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// revoke makes a revocation as root on the machine does.
func (b *bench) revoke(reason string, handles ...string) protocol.Revoked {
	b.t.Helper()
	out, err := admin[protocol.Revoked](b, protocol.OpRevoke, protocol.Revoke{By: "root", Handles: handles, Reason: reason})
	b.must(err)
	return out
}

func (b *bench) lift(id string) protocol.Lifted {
	b.t.Helper()
	out, err := admin[protocol.Lifted](b, protocol.OpLift, protocol.Lift{By: "root", ID: id, Reason: "over"})
	b.must(err)
	return out
}

// endings are the reasons for which the door was told to end a connection.
func (b *bench) endings(conn string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var why []string
	for _, e := range b.ended {
		if slices.Contains(e.Connections, conn) {
			why = append(why, e.Reason)
		}
	}
	return why
}

// awaitTold waits for one event of the decider.
func (b *bench) awaitTold() {
	b.t.Helper()
	select {
	case <-b.told:
	case <-time.After(10 * time.Second):
		b.t.Fatal("the door was told nothing")
	}
}

// holder is a live connection and what it came with.
type holder struct {
	conn string
	key  ssh.PublicKey
	cert []byte
}

func (b *bench) holder(task string) holder {
	b.t.Helper()
	h := holder{conn: b.id(id.Connection)}
	h.key, _ = newKey(b.t)
	got, err := admin[protocol.Issued](b, protocol.OpIssue, protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: h.key.Marshal(), Task: task, TTL: 10 * time.Minute, By: "test"})
	b.must(err)
	h.cert = got.Certificate
	b.must(b.authenticate(h.conn, h.cert))
	return h
}

func (b *bench) authenticate(conn string, cert []byte) error {
	_, err := b.door.Authenticate(b.t.Context(), protocol.Authenticate{Connection: conn, Certificate: cert, Source: "192.0.2.1", Proven: true})
	return err
}

// TestRevokeByEachHandle: a live connection ends at once with the reason, the certificate opens no other, no further one is
// issued where the handle says so; another's connection goes on; a lift undoes it.
func TestRevokeByEachHandle(t *testing.T) {
	for _, c := range []struct {
		handle    func(h holder) string
		reissued  bool // to the same name, key and task
		otherTask bool // a certificate for another task and key is issued
	}{
		{func(h holder) string { return fmt.Sprintf("certificate:%d", parseCert(t, h.cert).Serial) }, true, true},
		{func(h holder) string { return "key:" + ssh.FingerprintSHA256(h.key) }, false, true},
		{func(holder) string { return "agent:bot" }, false, false},
		{func(holder) string { return "owner:person:ann" }, false, false},
		{func(holder) string { return "task:CHG-1" }, false, true},
		{func(h holder) string { return "ca:" + ssh.FingerprintSHA256(parseCert(t, h.cert).SignatureKey) }, false, false},
	} {
		b := newBench(t)
		h, other := b.holder("CHG-1"), b.connect(policy.Agent, "other")
		handle := c.handle(h)
		session := b.question(h.conn, "echo", "x")
		if _, err := b.door.Decide(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		before := len(b.entries())
		got := b.revoke("laptop stolen", handle)
		whole := strings.HasPrefix(handle, "ca:") // the other's certificate is by that CA too
		if want := map[bool]int{false: 1, true: 2}[whole]; got.Connections != want || got.SessionsAll != 1 || got.Sessions[0] != session.Session || !id.Valid(id.Revocation, got.ID) {
			t.Errorf("%s: %+v", handle, got)
		}
		b.awaitTold()
		if why := b.endings(h.conn); len(why) != 1 || !strings.Contains(why[0], "laptop stolen") || !strings.Contains(why[0], got.ID) {
			t.Errorf("%s: the door was told %q", handle, why)
		}
		if _, err := b.door.Decide(t.Context(), b.question(h.conn, "echo", "x")); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "laptop stolen") {
			t.Errorf("%s: decided: %v", handle, err)
		}
		if err := b.authenticate(b.id(id.Connection), h.cert); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "laptop stolen") {
			t.Errorf("%s: let in again: %v", handle, err)
		}
		again := protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: h.key.Marshal(), Task: "CHG-1", TTL: time.Minute, By: "test"}
		if _, err := admin[protocol.Issued](b, protocol.OpIssue, again); (err == nil) != c.reissued || err != nil && !strings.Contains(err.Error(), "laptop stolen") {
			t.Errorf("%s: issued again: %v", handle, err)
		}
		fresh, _ := newKey(t)
		again.PublicKey, again.Task = fresh.Marshal(), "CHG-2"
		if _, err := admin[protocol.Issued](b, protocol.OpIssue, again); (err == nil) != c.otherTask {
			t.Errorf("%s: another task and key: %v", handle, err)
		}
		if err := b.askAs(other, "web-2", "id"); (err == nil) == whole {
			t.Errorf("%s: another's connection: %v", handle, err)
		}
		if e := b.entries()[before]; e.Type != audit.Revoke || e.Object != handle || e.Actor != "local:root" || e.Reason != "laptop stolen" || e.Outcome != "ok" {
			t.Errorf("%s: the log says %+v", handle, e)
		}
		if l := b.lift(got.ID); !slices.Equal(l.Handles, []string{handle}) || len(l.Still) != 0 {
			t.Errorf("%s: lifted %+v", handle, l)
		}
		if err := b.authenticate(b.id(id.Connection), h.cert); err != nil {
			t.Errorf("%s: after the lift: %v", handle, err)
		}
		if _, err := b.door.Decide(t.Context(), b.question(h.conn, "echo", "x")); code(err) != protocol.CodeRefused {
			t.Errorf("%s: the connection came back: %v", handle, err)
		}
	}
}

func (b *bench) askAs(conn, target string, argv ...string) error {
	q := b.question(conn, argv...)
	q.Target = target
	_, err := b.door.Decide(b.t.Context(), q)
	return err
}

// TestRevokePerson: a person's connections and sign-ins end, open links are void, and no others' are.
func TestRevokePerson(t *testing.T) {
	b := newBench(t)
	conn, vic, bot := b.connect(policy.Person, "ann"), b.connect(policy.Person, "vic"), b.connect(policy.Agent, "bot")
	mine, err := b.door.Redeem(t.Context(), b.link(conn), "")
	b.must(err)
	vics, err := b.door.Redeem(t.Context(), b.link(vic), "")
	b.must(err)
	open := b.link(conn)
	got := b.revoke("left the company", "person:ann")
	if got.Connections != 1 || got.SignIns != 1 {
		t.Errorf("%+v", got)
	}
	for name, who := range map[string]console.Credential{"connection": {Connection: conn}, "sign-in": {SignIn: mine.Cookie}} {
		if _, err := b.door.Authorize(t.Context(), who, "sessions.list", "", ""); err == nil {
			t.Errorf("her %s may still read", name)
		}
	}
	if _, err := b.door.Redeem(t.Context(), open, ""); err == nil {
		t.Error("a link outlived the revocation")
	}
	if _, err := admin[protocol.Link](b, protocol.OpSetupLink, protocol.SetupLink{Person: "ann", By: "root"}); code(err) != protocol.CodeRefused {
		t.Errorf("a link for who is revoked: %v", err)
	}
	if _, err := b.door.Authorize(t.Context(), console.Credential{SignIn: vics.Cookie}, "sessions.list", "", ""); err != nil {
		t.Errorf("another's sign-in: %v", err)
	}
	if err := b.askAs(bot, "web-1", "echo", "x"); err != nil {
		t.Errorf("an agent of hers, which owner: would revoke: %v", err)
	}
}

// TestRevokeDelegation: who handed work on, and is revoked, ends what works for them.
func TestRevokeDelegation(t *testing.T) {
	b := newBench(t)
	key, _ := newKey(t)
	issue := func() (protocol.Issued, error) {
		return b.d.certify(t.Context(), policy.CertificateRequest{Kind: policy.Agent, Name: "bot"}, key.Marshal(), proof{actor: "test", by: "local", delegation: "person:ann>agent:boss"})
	}
	got, err := issue()
	b.must(err)
	conn := b.id(id.Connection)
	b.must(b.authenticate(conn, got.Certificate))
	if r := b.revoke("x", "person:ann"); r.Connections != 1 {
		t.Errorf("%+v", r)
	}
	if _, err := issue(); code(err) != protocol.CodeRefused {
		t.Errorf("issued on behalf of who is revoked: %v", err)
	}
}

// TestRevokeHostileDoor: a door that does not end what it was told to end gets nothing more from the decider.
func TestRevokeHostileDoor(t *testing.T) {
	b := newBench(t)
	cert := b.issued(policy.Person, "ann", 10*time.Minute)
	conn, inner := b.id(id.Connection), b.id(id.Connection)
	b.must(b.authenticate(conn, cert))
	_, err := b.door.Authenticate(t.Context(), protocol.Authenticate{Connection: inner, Certificate: b.issued(policy.Person, "ann", 10*time.Minute), Source: "192.0.2.1", Outer: conn, Proven: true})
	b.must(err)
	b.revoke("x", fmt.Sprintf("certificate:%d", parseCert(t, cert).Serial))
	another := b.issued(policy.Person, "ann", 10*time.Minute) // she is not revoked: that certificate is
	for _, c := range []string{conn, inner} {
		who := console.Credential{Connection: c}
		for name, try := range map[string]func() error{
			"decide": func() error { return b.askAs(c, "web-1", "echo", "x") },
			"read":   func() error { _, err := b.door.Authorize(t.Context(), who, "sessions.list", "", ""); return err },
			"link":   func() error { _, _, err := b.door.MintLink(t.Context(), who); return err },
			"revoke": func() error {
				_, err := b.door.Revoke(t.Context(), who, console.RevokeOrder{Handles: []revoke.Handle{{Kind: revoke.Agent, Value: "bot"}}, Reason: "x"})
				return err
			},
			"list": func() error { _, _, err := b.door.Revocations(t.Context(), who, ""); return err },
			"a jump inside it": func() error {
				_, err := b.door.Authenticate(t.Context(), protocol.Authenticate{Connection: b.id(id.Connection), Certificate: another, Source: "192.0.2.1", Outer: c, Proven: true})
				return err
			},
			"its id with another certificate": func() error { return b.authenticate(c, another) },
		} {
			if err := try(); err == nil {
				t.Errorf("%s: the decider answered", name)
			}
		}
	}
	b.must(b.authenticate(b.id(id.Connection), another))
}

// TestRevokeUntil: it ends by itself, and stands again if the clock is set back.
func TestRevokeUntil(t *testing.T) {
	b := newBench(t)
	cert := b.issued(policy.Agent, "bot", 10*time.Minute)
	_, err := admin[protocol.Revoked](b, protocol.OpRevoke, protocol.Revoke{By: "root", Handles: []string{"agent:bot"}, Reason: "x", Until: b.clock.now().Add(time.Minute)})
	b.must(err)
	for i, c := range []struct {
		pass time.Duration
		in   bool
	}{{0, false}, {59 * time.Second, false}, {time.Second, true}, {-30 * time.Second, false}, {5 * time.Minute, true}} {
		b.clock.pass(c.pass)
		if err := b.authenticate(b.id(id.Connection), cert); (err == nil) != c.in {
			t.Errorf("step %d: %v", i, err)
		}
	}
	for name, in := range map[string]protocol.Revoke{"over already": {Handles: []string{"agent:bot"}, Reason: "x", Until: b.clock.now()}, "no handle": {Reason: "x"}, "no reason": {Handles: []string{"agent:bot"}},
		"a reason of two lines": {Handles: []string{"agent:bot"}, Reason: "a\nb"}, "a handle twice": {Handles: []string{"agent:bot", "agent:bot"}, Reason: "x"},
		"no handle at all": {Handles: []string{"bot"}, Reason: "x"}, "too many": {Handles: slices.Repeat([]string{"agent:bot"}, 33), Reason: "x"}} {
		in.By = "root"
		if _, err := admin[protocol.Revoked](b, protocol.OpRevoke, in); code(err) != protocol.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRevokedKeyAndToken: a registered key or a join token of who is revoked gives nothing, and a revoked key neither.
func TestRevokedKeyAndToken(t *testing.T) {
	b := newBench(t)
	b.write("policy.yaml", strings.Replace(testPolicy, "bot: {owner: person:ann, ", "bot: {owner: person:ann, enrol: [key, join], ", 1))
	b.reload()
	key, _ := newKey(t)
	_, err := admin[protocol.AgentKey](b, protocol.OpKeyAdd, protocol.KeyAdd{Agent: "bot", PublicKey: key.Marshal(), By: "root"})
	b.must(err)
	enter := func() (string, error) {
		conn := b.id(id.Connection)
		_, err := b.door.Authenticate(t.Context(), protocol.Authenticate{Connection: conn, Key: key.Marshal(), Source: "192.0.2.1", Proven: true})
		return conn, err
	}
	conn, err := enter()
	b.must(err)
	for _, handle := range []string{"agent:bot", "key:" + ssh.FingerprintSHA256(key), "owner:person:ann"} {
		r := b.revoke("stolen", handle)
		if _, err := enter(); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "stolen") {
			t.Errorf("%s: the key is let in: %v", handle, err)
		}
		if _, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn}); err == nil {
			t.Errorf("%s: a live connection renewed", handle)
		}
		made, err := admin[protocol.JoinCreated](b, protocol.OpJoinCreate, protocol.JoinCreate{Agent: "bot", TTL: time.Minute, By: "root"})
		if err == nil {
			fresh := key
			if !strings.HasPrefix(handle, "key:") {
				fresh, _ = newKey(t)
			}
			_, err = b.door.Enrol(t.Context(), protocol.Enrol{Request: b.id(id.Request), Source: "192.0.2.1", Agent: "bot", PublicKey: fresh.Marshal(), JoinToken: made.Secret})
		}
		if err == nil {
			t.Errorf("%s: a join token gave a certificate", handle)
		}
		b.lift(r.ID)
		if conn, err = enter(); err != nil {
			t.Errorf("%s: after the lift: %v", handle, err)
		}
	}
}
