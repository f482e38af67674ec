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
	"gatehouse/internal/decider/oidc"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// enrolPolicy lets bot enrol by key and join token.
var enrolPolicy = strings.Replace(testPolicy, "agents: {bot: {owner: person:ann, roles: [operator]}",
	"profiles: {short: {max_ttl: 10m, renew_for: 25m, sources: [192.0.2.0/24]}}\nagents: {bot: {owner: person:ann, roles: [operator], enrol: [key, join], profile: short}", 1)

func newEnrolBench(t *testing.T) *bench {
	b := newBench(t)
	b.setPolicy(enrolPolicy)
	return b
}

func (b *bench) setPolicy(text string) {
	b.t.Helper()
	b.write("policy.yaml", text)
	if r, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil || r.Problem != "" {
		b.t.Fatalf("reload: %v %s", err, r.Problem)
	}
}

// registered registers a new key for bot and returns it.
func (b *bench) registered() ssh.PublicKey {
	b.t.Helper()
	key, _ := newKey(b.t)
	_, err := admin[protocol.AgentKey](b, protocol.OpKeyAdd, protocol.KeyAdd{Agent: "bot", PublicKey: key.Marshal(), By: "test"})
	b.must(err)
	return key
}

// byKey has the door say that somebody holds a plain key.
func (b *bench) byKey(key ssh.PublicKey, change func(*protocol.Authenticate)) (string, protocol.Authenticated, error) {
	in := protocol.Authenticate{Connection: b.id(id.Connection), Key: key.Marshal(), Source: "192.0.2.1", Proven: true}
	if change != nil {
		change(&in)
	}
	out, err := b.door.Authenticate(b.t.Context(), in)
	return in.Connection, out, err
}

// TestRegisteredKeyOnlyRenews: whatever the door says, a connection by a registered key gets certificates for that key and
// nothing else.
func TestRegisteredKeyOnlyRenews(t *testing.T) {
	b := newEnrolBench(t)
	key := b.registered()
	conn, who, err := b.byKey(key, nil)
	if err != nil || !who.RenewOnly || who.Identity.Name != "bot" || who.Reaches {
		t.Fatalf("%+v %v", who, err)
	}
	if got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); code(err) != protocol.CodeRefused || got.Certificate != nil {
		t.Errorf("decide: %+v %v", got, err)
	}
	for _, verb := range []string{"whoami", "web-login", "sessions.list", "kill", "revoke"} {
		if _, err := b.door.Authorize(t.Context(), console.Credential{Connection: conn}, console.Verb(verb), "", ""); err == nil {
			t.Errorf("%s is authorised", verb)
		}
	}
	if _, _, err := b.door.MintLink(t.Context(), console.Credential{Connection: conn}); err == nil {
		t.Error("a sign-in link is made")
	}
	inner := protocol.Authenticate{Connection: b.id(id.Connection), Certificate: b.issued(policy.Agent, "bot", time.Minute), Source: "192.0.2.1", Proven: true, Outer: conn}
	if _, err := b.door.Authenticate(t.Context(), inner); code(err) != protocol.CodeRefused {
		t.Errorf("around another connection: %v", err)
	}
	outer := b.connect(policy.Agent, "bot")
	for name, change := range map[string]func(*protocol.Authenticate){
		"inside a jump":      func(in *protocol.Authenticate) { in.Outer = outer },
		"for a target":       func(in *protocol.Authenticate) { in.Target, in.Login = "web-1", "deploy" },
		"from elsewhere":     func(in *protocol.Authenticate) { in.Source = "198.51.100.1" },
		"with a certificate": func(in *protocol.Authenticate) { in.Certificate = inner.Certificate },
		"a key nobody knows": func(in *protocol.Authenticate) { k, _ := newKey(t); in.Key = k.Marshal() },
		"no key":             func(in *protocol.Authenticate) { in.Key = []byte("x") },
		"a certificate as a key": func(in *protocol.Authenticate) {
			in.Key = inner.Certificate
		},
	} {
		if _, got, err := b.byKey(key, change); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	got, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn, Task: "CHG-1"})
	if err != nil {
		t.Fatal(err)
	}
	cert := parseCert(t, got.Issued.Certificate)
	if !bytes.Equal(cert.Key.Marshal(), key.Marshal()) || cert.ValidPrincipals[0] != "agent:bot" || cert.CriticalOptions["source-address"] != "192.0.2.0/24" {
		t.Errorf("%q %q", cert.ValidPrincipals, cert.CriticalOptions)
	}
	b.clock.pass(renewTime)
	if _, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn}); code(err) != protocol.CodeRefused {
		t.Errorf("after its minute: %v", err)
	}
}

// renewable opens a connection with a certificate that a registered key got.
func (b *bench) renewable(key ssh.PublicKey, task string) (conn string, cert []byte) {
	b.t.Helper()
	first, _, err := b.byKey(key, nil)
	b.must(err)
	got, err := b.door.Renew(b.t.Context(), protocol.Renew{Connection: first, Task: task})
	b.must(err)
	return b.open1(got.Issued.Certificate), got.Issued.Certificate
}

func (b *bench) open1(cert []byte) string {
	b.t.Helper()
	conn := b.id(id.Connection)
	_, err := b.door.Authenticate(b.t.Context(), protocol.Authenticate{Connection: conn, Certificate: cert, Source: "192.0.2.1", Proven: true})
	b.must(err)
	return conn
}

// TestRenewalKeepsTheGrant: a chain of renewals changes nothing but the time, ends with the grant, and outlives no right.
func TestRenewalKeepsTheGrant(t *testing.T) {
	b := newEnrolBench(t)
	key := b.registered()
	conn, wire := b.renewable(key, "CHG-1")
	first := parseCert(t, wire)
	v, err := b.d.cas.Agent.Verify(first, netip.MustParseAddr("192.0.2.1"))
	b.must(err)
	for _, in := range []protocol.Renew{{Connection: conn, TTL: time.Hour}, {Connection: conn, Task: "CHG-2"}, {Connection: conn, TTL: -1}, {Connection: b.id(id.Connection)}} {
		if got, err := b.door.Renew(t.Context(), in); err == nil {
			t.Errorf("%+v: %+v", in, got)
		}
	}
	renewals := 0
	for {
		b.clock.pass(9 * time.Minute)
		got, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn})
		if err != nil {
			break
		}
		renewals++
		cert := parseCert(t, got.Issued.Certificate)
		if end := time.Unix(int64(cert.ValidBefore), 0); end.After(v.Grant.Until) {
			t.Errorf("renewal %d ends %s, after the grant's %s", renewals, end, v.Grant.Until)
		}
		for _, name := range []string{"grant@gatehouse.internal", "task@gatehouse.internal", "owner@gatehouse.internal"} {
			if cert.Extensions[name] != first.Extensions[name] {
				t.Errorf("%s: %q, was %q", name, cert.Extensions[name], first.Extensions[name])
			}
		}
		if cert.CriticalOptions["source-address"] != first.CriticalOptions["source-address"] || !bytes.Equal(cert.Key.Marshal(), key.Marshal()) {
			t.Errorf("renewal %d: %q", renewals, cert.CriticalOptions)
		}
		conn = b.open1(got.Issued.Certificate)
	}
	if renewals != 2 {
		t.Errorf("%d renewals within 25 minutes of certificates of 10", renewals)
	}
	// Sources that a certificate has are kept, and what policy narrows afterwards is not widened by them.
	bound := b.open1(b.issued(policy.Agent, "bot", 5*time.Minute, "192.0.2.0/28"))
	got, err := b.door.Renew(t.Context(), protocol.Renew{Connection: bound})
	if err != nil || parseCert(t, got.Issued.Certificate).CriticalOptions["source-address"] != "192.0.2.0/28" {
		t.Errorf("%+v %v", got, err)
	}
}

// A connection renews a bounded number of times.
func TestRenewalsAreBounded(t *testing.T) {
	b := newEnrolBench(t)
	conn, _, err := b.byKey(b.registered(), nil)
	b.must(err)
	for i := range maxRenewals + 2 {
		_, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn})
		if (err == nil) != (i < maxRenewals) {
			t.Errorf("renewal %d: %v", i+1, err)
		}
	}
}

func (b *bench) joinToken(agent string) (string, error) {
	got, err := admin[protocol.JoinCreated](b, protocol.OpJoinCreate, protocol.JoinCreate{Agent: agent, TTL: time.Minute, By: "test"})
	return got.Secret, err
}

func (b *bench) enrol(change func(*protocol.Enrol)) (protocol.Enrolled, error) {
	key, _ := newKey(b.t)
	in := protocol.Enrol{Request: b.id(id.Request), Source: "192.0.2.1", Agent: "bot", PublicKey: key.Marshal()}
	change(&in)
	return b.door.Enrol(b.t.Context(), in)
}

// TestJoinToken: once, in time, for its agent, as long as policy says so; and never shown again.
func TestJoinToken(t *testing.T) {
	b := newEnrolBench(t)
	if _, err := b.joinToken("other"); code(err) != protocol.CodeRefused {
		t.Errorf("for an agent that may not: %v", err)
	}
	secret, err := b.joinToken("bot")
	b.must(err)
	for name, c := range map[string]struct {
		change func(*protocol.Enrol)
		reason string
	}{
		"for another agent": {func(in *protocol.Enrol) { in.Agent, in.JoinToken = "other", secret }, reasonJoinToken},
		"a guess":           {func(in *protocol.Enrol) { in.JoinToken = secret + "x" }, reasonJoinToken},
		"for too long":      {func(in *protocol.Enrol) { in.JoinToken, in.TTL = secret, time.Hour }, ""},
		"from elsewhere":    {func(in *protocol.Enrol) { in.JoinToken, in.Sources = secret, []string{"198.51.100.0/24"} }, ""},
	} {
		if _, err := b.enrol(c.change); code(err) != protocol.CodeRefused || reasonOf(err) != c.reason {
			t.Errorf("%s: %v %q", name, err, reasonOf(err))
		}
	}
	got, err := b.enrol(func(in *protocol.Enrol) { in.JoinToken = secret })
	if err != nil || got.Principal != "agent:bot" || len(got.KnownHosts) == 0 || !strings.HasPrefix(got.KnownHosts[0], "@cert-authority bastion-host,gatehouse,web-1,web-2 ssh-ed25519 ") {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := b.enrol(func(in *protocol.Enrol) { in.JoinToken = secret }); reasonOf(err) != reasonReplayed {
		t.Errorf("again: %v", err)
	}
	late, err := b.joinToken("bot")
	b.must(err)
	b.clock.pass(time.Minute)
	if _, err := b.enrol(func(in *protocol.Enrol) { in.JoinToken = late }); reasonOf(err) != reasonJoinToken {
		t.Errorf("too late: %v", err)
	}
	narrowed, err := b.joinToken("bot")
	b.must(err)
	b.setPolicy(strings.Replace(enrolPolicy, "[key, join]", "[key]", 1))
	if _, err := b.enrol(func(in *protocol.Enrol) { in.JoinToken = narrowed }); reasonOf(err) != reasonNotAllowed {
		t.Errorf("after policy took it back: %v", err)
	}
	for _, e := range b.entries() {
		if strings.Contains(string(e.Data), secret) || strings.Contains(e.Reason, secret) {
			t.Error("the log holds a join token's secret")
		}
	}
	if list, err := admin[protocol.JoinList](b, protocol.OpJoinList, protocol.Empty{}); err != nil || len(list.Tokens) != 1 {
		t.Errorf("%+v %v", list, err)
	}
}

// TestEnrolShape: what does not even have the form is invalid, and nothing is asked of anybody.
func TestEnrolShape(t *testing.T) {
	b := newEnrolBench(t)
	for name, change := range map[string]func(*protocol.Enrol){
		"no proof":                func(*protocol.Enrol) {},
		"two proofs":              func(in *protocol.Enrol) { in.Token, in.JoinToken = "x", "y" },
		"no agent":                func(in *protocol.Enrol) { in.Agent, in.Token = "", "x" },
		"no key":                  func(in *protocol.Enrol) { in.PublicKey, in.Token = nil, "x" },
		"a key that is none":      func(in *protocol.Enrol) { in.PublicKey, in.JoinToken = []byte("x"), "y" },
		"a certificate as key":    func(in *protocol.Enrol) { in.PublicKey, in.JoinToken = b.issued(policy.Agent, "bot", time.Minute), "y" },
		"a device code and agent": func(in *protocol.Enrol) { in.DeviceCode = "x" },
		"no source":               func(in *protocol.Enrol) { in.Source, in.Token = "", "x" },
		"no request":              func(in *protocol.Enrol) { in.Request, in.Token = "req_1", "x" },
		"negative time":           func(in *protocol.Enrol) { in.TTL, in.Token = -1, "x" },
		"a bad prefix":            func(in *protocol.Enrol) { in.Sources, in.Token = []string{"10.0.0.1"}, "x" },
	} {
		if _, err := b.enrol(change); code(err) != protocol.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryIssueIsLogged: one entry for each certificate and each refusal, before the answer.
func TestEveryIssueIsLogged(t *testing.T) {
	b := newEnrolBench(t)
	secret, err := b.joinToken("bot")
	b.must(err)
	outcomes := ""
	for range 2 {
		_, _ = b.enrol(func(in *protocol.Enrol) { in.JoinToken = secret })
	}
	for _, e := range b.entries() {
		if e.Type == audit.Issue {
			outcomes += e.Outcome + " "
			if !strings.Contains(string(e.Data), `"request":"req_`) || !strings.Contains(string(e.Data), `"by":"join"`) {
				t.Errorf("%s", e.Data)
			}
		}
	}
	if outcomes != "ok deny " {
		t.Errorf("entries: %s", outcomes)
	}
}

// TestChain: only policy's word makes a name in a chain a person's.
func TestChain(t *testing.T) {
	pol, err := policy.Parse([]policy.File{{Name: "p", Data: []byte(`version: 1
issuers: {idp: {url: "https://idp.example", audience: a}}
people: {ann: {oidc: {issuer: idp, subject: "u-1"}}}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		subject string
		actors  []string
		want    string
		bad     bool
	}{
		{"repo:x", nil, "", false},
		{"u-1", nil, "person:ann", false},
		{"u-1", []string{"agent:planner", "agent:me"}, "person:ann>agent:planner", false},
		{"u-1", []string{"agent:me"}, "person:ann", false},
		{"u-2", []string{"agent:planner", "agent:me"}, "u-2>agent:planner", false},
		{"person:ann", []string{"agent:me"}, "", true},
		{"group:sre", []string{"agent:me"}, "", true},
		{"u-2>person:ann", []string{"agent:me"}, "", true},
		{"u-1", []string{"person:bob", "agent:me"}, "", true},
		{"u 2", []string{"agent:me"}, "", true},
		{"u-2;own=x", []string{"agent:me"}, "", true},
	} {
		got, err := chain(pol, "idp", oidc.Claims{Subject: c.subject, Actors: c.actors})
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%q %q: %q %v", c.subject, c.actors, got, err)
		}
	}
}

// The refusal of an unknown plain key is the one that every plain key gets.
func TestUnknownKeyIsAPlainKey(t *testing.T) {
	b := newEnrolBench(t)
	key, _ := newKey(t)
	for _, proven := range []bool{false, true} {
		_, _, err := b.byKey(key, func(in *protocol.Authenticate) { in.Proven = proven })
		if err == nil || err.Error() != ca.ClientLine(ca.ErrNotCertificate) {
			t.Errorf("proven %t: %v", proven, err)
		}
	}
}
