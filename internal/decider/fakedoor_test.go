package decider

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
	"gatehouse/policy"
)

// TestFakeDoorDecide: a taken-over door gets a certificate for what policy allows an identity that it has shown a live
// certificate of, and nothing for anything else.
func TestFakeDoorDecide(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	foreign := b.connect(policy.Agent, "other")
	person := b.connect(policy.Person, "ann")
	used := b.question(conn, "echo", "x")
	if _, err := b.door.Decide(t.Context(), used); err != nil {
		t.Fatal(err)
	}
	certAsKey := b.issued(policy.Agent, "bot", time.Minute)
	for name, c := range map[string]struct {
		spoil   func(*protocol.Decide)
		code    string
		verdict policy.Verdict
	}{
		"an allowed one, to compare":    {func(*protocol.Decide) {}, "", policy.Allow},
		"without authenticate":          {func(q *protocol.Decide) { q.Connection = b.id(id.Connection) }, protocol.CodeRefused, ""},
		"no connection":                 {func(q *protocol.Decide) { q.Connection = "" }, protocol.CodeRefused, ""},
		"another identity's connection": {func(q *protocol.Decide) { q.Connection = foreign }, "", policy.Deny},
		"a person's connection":         {func(q *protocol.Decide) { q.Connection = person }, "", policy.Deny},
		"another command":               {func(q *protocol.Decide) { q.Plan = run("rm", "-rf", "/") }, "", policy.Deny},
		"another command in a pipeline": {func(q *protocol.Decide) {
			q.Plan = policy.Plan{Op: policy.OpPipe, Parts: []policy.Plan{run("echo"), run("sh")}}
		}, "", policy.Deny},
		"root's login":                    {func(q *protocol.Decide) { q.Login = "root" }, "", policy.Deny},
		"another target":                  {func(q *protocol.Decide) { q.Target = "web-2" }, "", policy.Deny},
		"every target":                    {func(q *protocol.Decide) { q.Target = "*" }, "", policy.Deny},
		"a target with a login in it":     {func(q *protocol.Decide) { q.Target = "web-1:root,gh:web-1" }, "", policy.Deny},
		"a pty for a command without":     {func(q *protocol.Decide) { q.PTY = true }, "", policy.Deny},
		"a session id that is none":       {func(q *protocol.Decide) { q.Session = "ses_1; rm" }, protocol.CodeInvalid, ""},
		"a live session's id":             {func(q *protocol.Decide) { q.Session = used.Session }, protocol.CodeInvalid, ""},
		"a key that is a certificate":     {func(q *protocol.Decide) { q.PublicKey = certAsKey }, protocol.CodeInvalid, ""},
		"a key that is none":              {func(q *protocol.Decide) { q.PublicKey = []byte("x") }, protocol.CodeInvalid, ""},
		"a plan with an operator unheard": {func(q *protocol.Decide) { q.Plan.Op = "&" }, protocol.CodeInvalid, ""},
		"a plan that is empty":            {func(q *protocol.Decide) { q.Plan = policy.Plan{} }, protocol.CodeInvalid, ""},
		"a NUL byte":                      {func(q *protocol.Decide) { q.Plan = run("echo", "a\x00b") }, protocol.CodeInvalid, ""},
		"a plan larger than the log": {func(q *protocol.Decide) {
			q.Plan = run(append([]string{"echo"}, strings.Fields(strings.Repeat(strings.Repeat("x", 50)+" ", 1500))...)...)
		}, "", policy.Deny},
	} {
		q := b.question(conn, "echo", "hello")
		c.spoil(&q)
		got, err := b.door.Decide(t.Context(), q)
		if code(err) != c.code || got.Decision.Verdict != c.verdict {
			t.Errorf("%s: %q %q (%v), want %q %q", name, code(err), got.Decision.Verdict, err, c.code, c.verdict)
		}
		if (c.verdict == policy.Allow) != (len(got.Certificate) > 0) || c.verdict != policy.Allow && (got.Line != "" || got.Permit != nil) {
			t.Errorf("%s: certificate %t, permit %t, line %q", name, len(got.Certificate) > 0, got.Permit != nil, got.Line)
		}
	}
}

// TestFakeDoorUnlisted: a target that policy reaches and the inventory does not have gets neither line nor certificate.
func TestFakeDoorUnlisted(t *testing.T) {
	b := newBench(t)
	q := b.question(b.connect(policy.Agent, "bot"), "echo", "x")
	for _, target := range []string{"gone-1", "bastion-host"} { // the latter without the login deploy
		q.Target, q.Session = target, b.id(id.Session)
		got, err := b.door.Decide(t.Context(), q)
		if err != nil || got.Fault == "" || got.Certificate != nil || got.Permit != nil || got.Line != "" {
			t.Errorf("%s: %+v, %v", target, got, err)
		}
	}
}

// TestFakeDoorPlainCertificate: what comes with an allowed plain decision opens one target and login, for a minute at most,
// and grants no terminal or forward that was not decided. What runs on it is the door's word: that is plain mode's limit.
func TestFakeDoorPlainCertificate(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	for _, pty := range []bool{false, true} {
		q := b.question(conn, "top")
		q.PTY = pty
		got, err := b.door.Decide(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		cert := parseCert(t, got.Certificate)
		if cert.CertType != ssh.UserCert || len(cert.ValidPrincipals) != 1 || cert.ValidPrincipals[0] != "gh:web-1:deploy" {
			t.Errorf("type %d, principals %q", cert.CertType, cert.ValidPrincipals)
		}
		if _, ok := cert.Extensions["permit-pty"]; ok != pty || len(cert.Extensions) > 1 || len(cert.Extensions) == 1 && !pty {
			t.Errorf("pty %t: extensions %q", pty, cert.Extensions)
		}
		if left := time.Unix(int64(cert.ValidBefore), 0).Sub(b.clock.now()); left > time.Minute {
			t.Errorf("lives %s", left)
		}
		if !bytes.Equal(cert.Key.Marshal(), q.PublicKey) || !strings.Contains(cert.KeyId, "con="+conn) || !strings.Contains(cert.KeyId, "req="+q.Session) {
			t.Errorf("key ID %q", cert.KeyId)
		}
	}
}

// TestFakeDoorPinnedCertificate: a pinned decision forces its line and needs a key of its own.
func TestFakeDoorPinnedCertificate(t *testing.T) {
	b := newBench(t)
	q := b.question(b.connect(policy.Agent, "bot"), "printf", "it's")
	bare := q
	bare.PublicKey = nil
	if got, err := b.door.Decide(t.Context(), bare); err != nil || !got.NeedsKey || got.Certificate != nil || got.Line != "" || got.Decision.Verdict != "" {
		t.Fatalf("without a key: %+v, %v", got, err)
	}
	got, err := b.door.Decide(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	cert := parseCert(t, got.Certificate)
	want := run("/usr/bin/printf", "it's").Line([]policy.EnvVar{{Name: permit.SessionVariable, Value: q.Session}})
	if cert.CriticalOptions["force-command"] != want || got.Line != want || len(cert.Extensions) != 0 {
		t.Errorf("options %q, extensions %q, line %q", cert.CriticalOptions, cert.Extensions, got.Line)
	}
	if left := time.Unix(int64(cert.ValidBefore), 0).Sub(b.clock.now()); left > 30*time.Second {
		t.Errorf("lives %s", left)
	}
	// The plan cannot be swapped afterwards: the session is taken, and another line is another certificate.
	q.Plan = run("printf", "other")
	if again, err := b.door.Decide(t.Context(), q); code(err) != protocol.CodeInvalid || again.Certificate != nil {
		t.Errorf("the same session for another plan: %+v, %v", again, err)
	}
}

// TestFakeDoorPermit: a local decision's permit says all that the supervisor will do.
func TestFakeDoorPermit(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	q := b.question(conn, "echo", "x")
	q.Target, q.Login, q.Env = "bastion-host", "ops", []policy.EnvVar{{Name: "LANG", Value: "C"}, {Name: "LD_PRELOAD", Value: "x"}, {Name: permit.SessionVariable, Value: "mine"}}
	got, err := b.door.Decide(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	p, err := permit.NewChecker(b.d.PermitKey(), b.clock.now).Check(got.Permit)
	if err != nil {
		t.Fatal(err)
	}
	if p.User != "nobody" || strings.Join(p.Argv, " ") != "/usr/bin/echo x" || p.PTY || p.NotAfter.Sub(b.clock.now()) > permit.Lifetime || p.Session != q.Session {
		t.Errorf("permit %+v", p)
	}
	if len(p.Env) != 2 || p.Env[0].Name != "LANG" || p.Env[1] != (policy.EnvVar{Name: permit.SessionVariable, Value: q.Session}) || len(got.EnvRefused) != 2 {
		t.Errorf("environment %+v, refused %q", p.Env, got.EnvRefused)
	}
	if got.Certificate != nil {
		t.Error("a local decision came with a certificate")
	}
	q.Session, q.Login = b.id(id.Session), "root"
	if got, err := b.door.Decide(t.Context(), q); err != nil || got.Permit != nil {
		t.Errorf("as root: %+v, %v", got, err)
	}
}

// TestFakeDoorCertificates: what the decider refuses of client certificates, whatever the door says of them.
func TestFakeDoorCertificates(t *testing.T) {
	b := newBench(t)
	good := b.issued(policy.Agent, "bot", 10*time.Minute)
	bound := b.issued(policy.Agent, "bot", 10*time.Minute, "203.0.113.0/24")
	conn := b.connect(policy.Agent, "bot")
	decided, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x"))
	if err != nil {
		t.Fatal(err)
	}
	key, _ := newKey(t)
	face, err := b.door.Face(t.Context(), protocol.Face{PublicKey: key.Marshal()})
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := newKey(t)
	elsewhere, err := ca.Open(t.TempDir(), b.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := elsewhere.Agent.Issue(ca.AgentRequest{Kind: policy.Agent, Name: "bot", PublicKey: key, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := b.d.cas.Agent.Issue(ca.AgentRequest{Kind: policy.Agent, Name: "stranger", PublicKey: key, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	altered := bytes.Replace(good, []byte("agent:bot"), []byte("agent:bat"), 1)
	person := bytes.Replace(good, []byte("agent:bot"), []byte("agent:ann"), 1)
	for name, wire := range map[string][]byte{
		"altered": altered, "another name": person, "bound to another address": bound, "by another CA": foreign.Marshal(), "a name that policy does not know": unknown.Marshal(),
		"a plain key": plain.Marshal(), "a target's certificate": decided.Certificate, "a face certificate": face.Certificate,
		"cut": good[:len(good)-1], "with a byte more": append(bytes.Clone(good), 0), "empty": nil, "large": make([]byte, 100_000),
	} {
		for _, proven := range []bool{true, false} {
			in := protocol.Authenticate{Connection: b.id(id.Connection), Certificate: wire, Source: "192.0.2.1", Proven: proven}
			if _, err := b.door.Authenticate(t.Context(), in); code(err) != protocol.CodeRefused {
				t.Errorf("%s, proven %t: %v", name, proven, err)
			}
			if _, err := b.door.Decide(t.Context(), b.question(in.Connection, "echo", "x")); code(err) != protocol.CodeRefused {
				t.Errorf("%s: decided afterwards: %v", name, err)
			}
		}
	}
	in := protocol.Authenticate{Connection: b.id(id.Connection), Certificate: good, Source: "192.0.2.1"}
	if _, err := b.door.Authenticate(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := b.door.Decide(t.Context(), b.question(in.Connection, "echo", "x")); code(err) != protocol.CodeRefused {
		t.Errorf("an offered certificate made a connection: %v", err)
	}
	for name, spoil := range map[string]func(*protocol.Authenticate){
		"no source": func(a *protocol.Authenticate) { a.Source = "" }, "a source that is none": func(a *protocol.Authenticate) { a.Source = "anywhere" },
		"an id that is none": func(a *protocol.Authenticate) { a.Connection = "con_1" }, "an id in use": func(a *protocol.Authenticate) { a.Connection = conn },
	} {
		a := protocol.Authenticate{Connection: b.id(id.Connection), Certificate: good, Source: "192.0.2.1", Proven: true}
		spoil(&a)
		if _, err := b.door.Authenticate(t.Context(), a); code(err) != protocol.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFakeDoorJump: a connection inside a jump is by the same identity, from the same address, as a live one around it.
func TestFakeDoorJump(t *testing.T) {
	b := newBench(t)
	outer := b.connect(policy.Agent, "bot")
	closed := b.connect(policy.Agent, "bot")
	if err := b.door.CloseConnection(t.Context(), protocol.Close{Connection: closed}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, outer, source, who, code string
	}{
		{"right", outer, "192.0.2.1", "bot", ""}, {"another identity", outer, "192.0.2.1", "other", protocol.CodeRefused},
		{"another address", outer, "192.0.2.2", "bot", protocol.CodeRefused}, {"a closed one around it", closed, "192.0.2.1", "bot", protocol.CodeRefused},
		{"none around it", b.id(id.Connection), "192.0.2.1", "bot", protocol.CodeRefused},
	} {
		in := protocol.Authenticate{Connection: b.id(id.Connection), Certificate: b.issued(policy.Agent, c.who, 10*time.Minute), Source: c.source, Outer: c.outer, Proven: true}
		if _, err := b.door.Authenticate(t.Context(), in); code(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := b.door.Decide(t.Context(), b.question(in.Connection, "echo", "x")); code(err) != c.code {
			t.Errorf("%s: decide: %v", c.name, err)
		}
	}
}

// TestFakeDoorExpiry: a connection asks for nothing from the second on in which its certificate ends.
func TestFakeDoorExpiry(t *testing.T) {
	b := newBench(t)
	conn := b.connect(policy.Agent, "bot")
	b.clock.pass(10*time.Minute - time.Second)
	if _, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); err != nil {
		t.Errorf("a second before: %v", err)
	}
	b.clock.pass(time.Second)
	if _, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); code(err) != protocol.CodeRefused {
		t.Errorf("at its end: %v", err)
	}
	if _, err := b.door.Authorize(t.Context(), console.Credential{Connection: conn}, "sessions.list", "", ""); err == nil {
		t.Error("it may still read")
	}
}

// TestFakeDoorFaces: a face is a host certificate for the door's names or one target's, and opens nothing.
func TestFakeDoorFaces(t *testing.T) {
	b := newBench(t)
	key, _ := newKey(t)
	for _, target := range []string{"web-9", "*", "web-1,evil", "WEB-1"} {
		if _, err := b.door.Face(t.Context(), protocol.Face{PublicKey: key.Marshal(), Target: target}); code(err) != protocol.CodeRefused {
			t.Errorf("face for %q: %v", target, err)
		}
	}
	for target, want := range map[string]string{"": "gatehouse", "web-1": "web-1"} {
		got, err := b.door.Face(t.Context(), protocol.Face{PublicKey: key.Marshal(), Target: target})
		if err != nil {
			t.Fatal(err)
		}
		cert := parseCert(t, got.Certificate)
		if cert.CertType != ssh.HostCert || strings.Join(cert.ValidPrincipals, ",") != want || bytes.Equal(cert.SignatureKey.Marshal(), b.d.cas.Host.PublicKey().Marshal()) {
			t.Errorf("type %d, principals %q", cert.CertType, cert.ValidPrincipals)
		}
		if _, err := b.d.cas.Agent.Verify(cert, netip.MustParseAddr("192.0.2.1")); err == nil {
			t.Error("a face opens the door")
		}
	}
	cert := b.issued(policy.Agent, "bot", time.Minute)
	if _, err := b.door.Face(t.Context(), protocol.Face{PublicKey: cert}); code(err) != protocol.CodeInvalid {
		t.Errorf("a face for a certificate: %v", err)
	}
}

// TestFakeDoorSweep: whatever session, target and login a door names, it gets one line, which ends processes that carry
// that session's mark and can be nothing else.
func TestFakeDoorSweep(t *testing.T) {
	b := newBench(t)
	key, _ := newKey(t)
	session := b.id(id.Session)
	got, err := b.door.Sweep(t.Context(), protocol.Sweep{Session: session, Target: "web-2", Login: "deploy", PublicKey: key.Marshal()})
	if err != nil {
		t.Fatal(err)
	}
	line, err := b.d.sweepLine(protocol.Sweep{Session: session})
	if err != nil {
		t.Fatal(err)
	}
	cert := parseCert(t, got.Certificate)
	if cert.CriticalOptions["force-command"] != line || cert.ValidPrincipals[0] != "gh:web-2:deploy" || len(cert.Extensions) != 0 {
		t.Errorf("certificate %+v", cert)
	}
	for _, in := range []protocol.Sweep{
		{Session: "ses_'; rm -rf /; '", Target: "web-1", Login: "deploy"}, {Session: "", Target: "web-1", Login: "deploy"}, {Session: session, Target: "web-9", Login: "deploy"},
		{Session: session, Target: "web-1", Login: "deploy", Do: "rm"}, {Session: session, Target: "web-1", Login: "deploy", Do: protocol.SweepResidue},
		{Session: session, Target: "web-1", Login: "nobody"}, {Session: session, Target: "bastion-host", Login: "ops"}, {Session: session + "\n", Target: "web-1", Login: "deploy"},
	} {
		in.PublicKey = key.Marshal()
		if got, err := b.door.Sweep(t.Context(), in); err == nil {
			t.Errorf("%+v: %+v", in, got)
		}
	}
}
