package decider

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

const forwardRules = `    forward: ["db-1:5432", {to: "*.cache:6379", within: [10.0.0.0/8]}, {to: "127.0.0.1:8080", via: target}, {socket: /run/app.sock}]
    limits: {sessions: 2}
    allow:
      - echo`

func newForwardBench(t *testing.T) (*bench, string) {
	t.Helper()
	b := newBench(t)
	b.write("policy.yaml", strings.Replace(testPolicy, "    allow:\n      - echo", forwardRules, 1)+`  through: {targets: [bastion-2], logins: [jump], forward: ["bastion-2:22"]}
`)
	b.write("targets.yaml", testTargets+"  bastion-2: {address: \"192.0.2.20:2222\", gatehouse: true}\n")
	b.reload()
	return b, b.connect(policy.Agent, "bot")
}

func (b *bench) wire() []byte {
	key, _ := newKey(b.t)
	return key.Marshal()
}

func (b *bench) forwardTo(conn, host string, port uint16, addresses ...string) protocol.Forward {
	q := protocol.Forward{Connection: conn, Session: b.id(id.Session), Target: "web-1", Login: "deploy", Host: host, Port: port, Recorded: len(addresses) > 0}
	for _, a := range addresses {
		q.Addresses = append(q.Addresses, netip.MustParseAddr(a))
	}
	return q
}

// TestForwardByDoor: the name first, without an entry; then each address, and only those that policy allows may be dialled.
func TestForwardByDoor(t *testing.T) {
	b, conn := newForwardBench(t)
	first, err := b.door.Forward(t.Context(), b.forwardTo(conn, "db-1", 5432))
	b.must(err)
	if first.Needs != protocol.NeedsAddresses || first.ID != "" || len(first.Certificate) > 0 || len(b.of(audit.Forward)) > 0 {
		t.Fatalf("%+v, %d entries", first, len(b.of(audit.Forward)))
	}
	for _, c := range []struct {
		host    string
		port    uint16
		given   []string
		allowed string
	}{
		{"db-1", 5432, []string{"192.0.2.7", "2001:db8::7"}, "[192.0.2.7 2001:db8::7]"},
		{"db-1", 5432, []string{"127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1"}, "[]"},
		{"a.cache", 6379, []string{"192.0.2.7", "10.1.2.3"}, "[10.1.2.3]"},
		{"a.cache", 6379, []string{"192.0.2.7"}, "[]"},
	} {
		conn := b.connect(policy.Agent, "bot")
		q := b.forwardTo(conn, c.host, c.port, c.given...)
		got, err := b.door.Forward(t.Context(), q)
		if err != nil || fmt.Sprint(got.Addresses) != c.allowed || (got.Decision.Verdict == policy.Allow) != (c.allowed != "[]") {
			t.Errorf("%s at %v: %+v, %v", c.host, c.given, got, err)
		}
		if got.Decision.Verdict == policy.Allow {
			b.must(b.door.End(t.Context(), protocol.End{Connection: conn, Session: q.Session, State: "ended",
				Forward: &protocol.ForwardEnd{Host: c.host, Port: c.port, Address: "x", Via: "door", BytesIn: 1, BytesOut: 2}}))
		}
	}
	var outcomes []string
	for _, e := range b.of(audit.Forward) {
		outcomes = append(outcomes, e.Outcome)
	}
	if got := strings.Join(outcomes, " "); got != "allow close deny allow close deny" {
		t.Errorf("entries: %s", got)
	}
}

// TestForwardByTarget: what opens the target for a forward names it and its login, lives half a minute, may forward, and runs one line that does nothing.
func TestForwardByTarget(t *testing.T) {
	b, conn := newForwardBench(t)
	for _, q := range []protocol.Forward{b.forwardTo(conn, "127.0.0.1", 8080), {Connection: conn, Session: b.id(id.Session), Target: "web-1", Login: "deploy", Socket: "/run/app.sock"}} {
		first, err := b.door.Forward(t.Context(), q)
		if err != nil || first.Needs != protocol.NeedsKey || len(first.Certificate) > 0 {
			t.Fatalf("%+v, %v", first, err)
		}
		q.PublicKey, q.Recorded = b.wire(), true
		got, err := b.door.Forward(t.Context(), q)
		b.must(err)
		cert, err := ca.ParseCertificate(got.Certificate)
		b.must(err)
		if !slices.Equal(cert.ValidPrincipals, []string{"gh:web-1:deploy"}) || !maps.Equal(cert.Extensions, map[string]string{"permit-port-forwarding": ""}) ||
			!maps.Equal(cert.CriticalOptions, map[string]string{"force-command": "exit 1"}) || cert.ValidBefore-cert.ValidAfter > uint64((2*ca.MaxPinnedTTL).Seconds()) {
			t.Errorf("certificate: %+v", cert)
		}
	}
	if n := len(b.of(audit.CertIssue)); n != 2 {
		t.Errorf("%d entries of certificates", n)
	}
}

// TestFakeDoorForward: a taken-over door gets no more than policy gives the identity, whatever it says of a forward.
func TestFakeDoorForward(t *testing.T) {
	b, conn := newForwardBench(t)
	foreign := b.connect(policy.Agent, "other")
	used := b.forwardTo(conn, "db-1", 5432, "192.0.2.7")
	_, err := b.door.Forward(t.Context(), used)
	b.must(err)
	for name, c := range map[string]struct {
		spoil func(*protocol.Forward)
		code  string
	}{
		"another identity's connection": {func(q *protocol.Forward) { q.Connection = foreign }, ""},
		"no connection":                 {func(q *protocol.Forward) { q.Connection = b.id(id.Connection) }, protocol.CodeRefused},
		"another port":                  {func(q *protocol.Forward) { q.Port = 5433 }, ""},
		"another target":                {func(q *protocol.Forward) { q.Target = "web-2" }, ""},
		"another login":                 {func(q *protocol.Forward) { q.Login = "root" }, ""},
		"a key where the door dials":    {func(q *protocol.Forward) { q.Host, q.Addresses, q.PublicKey = "db-9", nil, b.wire() }, ""},
		"the other Gatehouse's port":    {func(q *protocol.Forward) { q.Target, q.Login, q.Host, q.Port = "bastion-2", "", "bastion-2", 2222 }, ""},
		"a socket beside a host":        {func(q *protocol.Forward) { q.Socket = "/run/app.sock" }, protocol.CodeInvalid},
		"no endpoint":                   {func(q *protocol.Forward) { q.Host, q.Port = "", 0 }, protocol.CodeInvalid},
		"a host without a port":         {func(q *protocol.Forward) { q.Port = 0 }, protocol.CodeInvalid},
		"a live session's id":           {func(q *protocol.Forward) { q.Session = used.Session }, protocol.CodeInvalid},
		"too many addresses":            {func(q *protocol.Forward) { q.Addresses = make([]netip.Addr, 17) }, protocol.CodeInvalid},
		"a key that is none": {func(q *protocol.Forward) {
			q.Host, q.Port, q.Addresses, q.PublicKey = "127.0.0.1", 8080, nil, []byte("x")
		}, protocol.CodeInvalid},
	} {
		q := b.forwardTo(conn, "db-1", 5432, "192.0.2.7")
		c.spoil(&q)
		got, err := b.door.Forward(t.Context(), q)
		if code(err) != c.code || err == nil && got.Decision.Verdict == policy.Allow || len(got.Certificate)+len(got.Addresses)+len(got.Dial) > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// The session's limit counts forwards.
	_, err = b.door.Forward(t.Context(), b.forwardTo(conn, "db-1", 5432, "192.0.2.7"))
	b.must(err)
	if _, err := b.door.Forward(t.Context(), b.forwardTo(conn, "db-1", 5432, "192.0.2.7")); code(err) != protocol.CodeRefused {
		t.Errorf("a third forward of two: %v", err)
	}
	// No recording, nothing that could be dialled.
	q := b.forwardTo(b.connect(policy.Agent, "bot"), "db-1", 5432, "192.0.2.7")
	q.Unrecorded = true
	if got, err := b.door.Forward(t.Context(), q); err != nil || got.Fault != "evidence" {
		t.Errorf("unrecorded: %+v, %v", got, err)
	}
}

// TestForwardToGatehouse: another Gatehouse is good for a forward to it and for nothing else.
func TestForwardToGatehouse(t *testing.T) {
	b := newBench(t)
	b.write("policy.yaml", strings.Replace(testPolicy, "roles: [operator]", "roles: [operator, through]", 1)+`  through: {targets: [bastion-2], logins: [jump, deploy], forward: ["bastion-2:22", {to: "127.0.0.1:8080", via: target}], allow: [id]}
`)
	b.write("targets.yaml", testTargets+"  bastion-2: {address: \"192.0.2.20:2222\", gatehouse: true}\n")
	b.reload()
	conn := b.connect(policy.Agent, "bot")
	q := protocol.Forward{Connection: conn, Session: b.id(id.Session), Target: "bastion-2", Host: "bastion-2", Port: 22}
	first, err := b.door.Forward(t.Context(), q)
	if err != nil || first.Needs != protocol.NeedsRecording || first.ID != "" {
		t.Fatalf("%+v, %v", first, err)
	}
	q.Recorded = true
	got, err := b.door.Forward(t.Context(), q)
	if err != nil || got.Dial != "192.0.2.20:2222" || got.Via != protocol.ViaGatehouse || got.Fault != "" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, login := range []string{"jump", "deploy"} {
		d := b.question(conn, "id")
		d.Target, d.Login = "bastion-2", login
		if got, err := b.door.Decide(t.Context(), d); err != nil || len(got.Certificate) > 0 || got.Decision.Verdict == policy.Allow && got.Fault == "" {
			t.Errorf("a command as %s: %+v, %v", login, got, err)
		}
		f := protocol.Forward{Connection: conn, Session: b.id(id.Session), Target: "bastion-2", Login: login, Host: "127.0.0.1", Port: 8080, PublicKey: b.wire(), Recorded: true}
		if got, err := b.door.Forward(t.Context(), f); err != nil || len(got.Certificate) > 0 || got.Fault == "" {
			t.Errorf("a forward by it as %s: %+v, %v", login, got, err)
		}
	}
	if _, err := b.door.Face(t.Context(), protocol.Face{PublicKey: b.wire(), Target: "bastion-2"}); err == nil {
		t.Error("its face is certified")
	}
	// It leaves the inventory: what goes through it ends.
	b.write("targets.yaml", testTargets)
	b.reload()
	if gone := b.d.disallowed(); !slices.Contains(gone, q.Session) {
		t.Errorf("what is not allowed any more: %v", gone)
	}
}

// TestChooseByLabels: only targets that the identity reaches are counted or named.
func TestChooseByLabels(t *testing.T) {
	b := newBench(t)
	b.write("targets.yaml", strings.NewReplacer("logins: [deploy, root],", "logins: [deploy, root], labels: {env: prod},", "logins: [deploy],", "logins: [deploy], labels: {env: prod},").Replace(testTargets))
	b.reload()
	ask := func(selector string, proven bool) (protocol.Authenticated, error) {
		return b.door.Authenticate(t.Context(), protocol.Authenticate{Connection: b.id(id.Connection), Certificate: b.issued(policy.Agent, "bot", time.Minute), Source: "192.0.2.1",
			Proven: proven, Target: selector, Login: "deploy"})
	}
	for _, proven := range []bool{false, true} {
		if got, err := ask("env=prod", proven); err != nil || got.Target != "web-1" || !got.Reaches {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := ask("env=test", proven); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "no target that you reach as deploy") {
			t.Errorf("none: %v", err)
		}
	}
}
