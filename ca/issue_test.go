package ca_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/policy"

	"golang.org/x/crypto/ssh"
)

// TestAgentIssueRefuses spoils one field of a good request at a time.
func TestAgentIssueRefuses(t *testing.T) {
	set, _ := newSet(t, at)
	key, _ := newKey(t)
	cert, err := set.Agent.Issue(agentRequest(key))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name  string
		spoil func(*ca.AgentRequest)
		want  string
	}{
		{"no kind", func(r *ca.AgentRequest) { r.Kind = "" }, "want agent or person"},
		{"another kind", func(r *ca.AgentRequest) { r.Kind = "group" }, "want agent or person"},
		{"no name", func(r *ca.AgentRequest) { r.Name = "" }, "1 to 48 characters"},
		{"long name", func(r *ca.AgentRequest) { r.Name = strings.Repeat("a", 49) }, "1 to 48 characters"},
		{"name with ;", func(r *ca.AgentRequest) { r.Name = "a;own=person:eve" }, "want letters"},
		{"name with =", func(r *ca.AgentRequest) { r.Name = "a=b" }, "want letters"},
		{"name with :", func(r *ca.AgentRequest) { r.Name = "a:b" }, "want letters"},
		{"name with newline", func(r *ca.AgentRequest) { r.Name = "a\nb" }, "want letters"},
		{"name with comma", func(r *ca.AgentRequest) { r.Name = "a,person:ann" }, "want letters"},
		{"name that is an option", func(r *ca.AgentRequest) { r.Name = "-oProxyCommand" }, "beginning with a letter"},
		{"name in Cyrillic", func(r *ca.AgentRequest) { r.Name = "аnn" }, "want letters"},
		{"owner without kind", func(r *ca.AgentRequest) { r.Owner = "web" }, "person:NAME or group:NAME"},
		{"owner that is an agent", func(r *ca.AgentRequest) { r.Owner = "agent:web" }, "person:NAME or group:NAME"},
		{"owner with ;", func(r *ca.AgentRequest) { r.Owner = "group:web;task=x" }, "want letters"},
		{"a person's owner", func(r *ca.AgentRequest) { r.Kind = policy.Person }, "a person has none"},
		{"task with ;", func(r *ca.AgentRequest) { r.Task = "x;own=person:eve" }, "without ; and ="},
		{"task with =", func(r *ca.AgentRequest) { r.Task = "x=1" }, "without ; and ="},
		{"task with escape", func(r *ca.AgentRequest) { r.Task = "x\x1b[2J" }, "printable ASCII"},
		{"long task", func(r *ca.AgentRequest) { r.Task = strings.Repeat("x", 65) }, "at most 48"},
		{"no key", func(r *ca.AgentRequest) { r.PublicKey = nil }, "no key"},
		{"a certificate as key", func(r *ca.AgentRequest) { r.PublicKey = cert }, "type \"ssh-ed25519-cert"},
		{"RSA-1024", func(r *ca.AgentRequest) { r.PublicKey = rsaKey(t, 1024) }, "RSA with 1024 bits"},
		{"no lifetime", func(r *ca.AgentRequest) { r.TTL = 0 }, "want 1s to 1h0m0s"},
		{"negative lifetime", func(r *ca.AgentRequest) { r.TTL = -time.Hour }, "want 1s to 1h0m0s"},
		{"long lifetime", func(r *ca.AgentRequest) { r.TTL = ca.MaxAgentTTL + 1 }, "want 1s to 1h0m0s"},
		{"person's long lifetime", func(r *ca.AgentRequest) { r.Kind, r.Owner, r.TTL = policy.Person, "", ca.MaxPersonTTL+1 }, "want 1s to 8h0m0s"},
		{"source that is none", func(r *ca.AgentRequest) { r.Sources = []netip.Prefix{{}} }, "want a network"},
		{"source with host bits", func(r *ca.AgentRequest) { r.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")} }, "want a network"},
		{"many sources", func(r *ca.AgentRequest) { r.Sources = make([]netip.Prefix, 17) }, "at most 16"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := agentRequest(key)
			c.spoil(&r)
			cert, err := set.Agent.Issue(r)
			refused(t, cert, err, c.want)
		})
	}
}

// TestTargetIssueRefuses spoils one field of a good request at a time.
func TestTargetIssueRefuses(t *testing.T) {
	set, _ := newSet(t, at)
	key, _ := newKey(t)
	if _, err := set.Target.Issue(targetRequest(key)); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name  string
		spoil func(*ca.TargetRequest)
		want  string
	}{
		{"target with :", func(r *ca.TargetRequest) { r.Target = "web-1:root" }, "want letters"},
		{"no target", func(r *ca.TargetRequest) { r.Target = "" }, "1 to 48 characters"},
		{"login with :", func(r *ca.TargetRequest) { r.Login = "a:b" }, "login"},
		{"no login", func(r *ca.TargetRequest) { r.Login = "" }, "login"},
		{"login with comma", func(r *ca.TargetRequest) { r.Login = "deploy,root" }, "login"},
		{"no connection", func(r *ca.TargetRequest) { r.Connection = "" }, "connection id"},
		{"connection with ;", func(r *ca.TargetRequest) { r.Connection = "c;agt=x" }, "connection id"},
		{"request with =", func(r *ca.TargetRequest) { r.Request = "r=1" }, "request id"},
		{"no identity", func(r *ca.TargetRequest) { r.Identity = policy.Identity{} }, "want agent or person"},
		{"task with ;", func(r *ca.TargetRequest) { r.Identity.Task = "a;b" }, "without ; and ="},
		{"long lifetime", func(r *ca.TargetRequest) { r.TTL = time.Minute + 1 }, "want 1s to 1m0s"},
		{"pinned for long", func(r *ca.TargetRequest) { r.ForceCommand, r.TTL = "id", 31*time.Second }, "want 1s to 30s"},
		{"NUL in the command", func(r *ca.TargetRequest) { r.ForceCommand = "id\x00" }, "NUL"},
		{"long command", func(r *ca.TargetRequest) { r.ForceCommand = strings.Repeat("x", 16<<10+1) }, "at most 16384"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := targetRequest(key)
			c.spoil(&r)
			cert, err := set.Target.Issue(r)
			refused(t, cert, err, c.want)
		})
	}
}

// TestHostAndFaceIssueRefuse covers names that would be read as more than one host.
func TestHostAndFaceIssueRefuse(t *testing.T) {
	set, _ := newSet(t, at)
	key, _ := newKey(t)
	cert, err := set.Host.Issue(ca.HostRequest{PublicKey: key, Target: "web-*", TTL: time.Hour})
	refused(t, cert, err, "want letters")
	cert, err = set.Host.Issue(ca.HostRequest{PublicKey: key, Target: "web-1", TTL: ca.MaxHostTTL + 1})
	refused(t, cert, err, "lifetime")
	for _, name := range []string{"", "*", "*.example.com", "web-?", "Web-1", "web-1,web-2", "web 1", "[web-1]:22"} {
		cert, err = set.Face.Issue(ca.FaceRequest{PublicKey: key, Principals: []string{name}, TTL: time.Hour})
		refused(t, cert, err, "host name")
	}
	cert, err = set.Face.Issue(ca.FaceRequest{PublicKey: key, TTL: time.Hour})
	refused(t, cert, err, "0 names")
}

// TestLongestKeyID: with every part at its bound the key ID is whole and MaxKeyID bytes long.
func TestLongestKeyID(t *testing.T) {
	set, _ := newSet(t, at)
	key, _ := newKey(t)
	r := targetRequest(key)
	name := strings.Repeat("n", ca.MaxName)
	r.Identity = policy.Identity{Kind: policy.Agent, Name: name, Owner: "person:" + name, Task: strings.Repeat("t", ca.MaxTask)}
	r.Identity.Delegation = strings.Repeat("d", ca.MaxDelegation)
	r.Request, r.Connection = strings.Repeat("r", ca.MaxID), strings.Repeat("c", ca.MaxID)
	cert, err := set.Target.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	if want := ";con=" + r.Connection + ";via=~640440dcc025"; len(cert.KeyId) > ca.MaxKeyID || !strings.HasSuffix(cert.KeyId, want) {
		t.Errorf("key ID of %d bytes, want at most %d ending in %s: %s", len(cert.KeyId), ca.MaxKeyID, want, cert.KeyId)
	}
	r.Identity = policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "person:ann", Delegation: "person:ann>orchestrator"}
	if cert, err = set.Target.Issue(r); err != nil || !strings.HasSuffix(cert.KeyId, ";via=person:ann>orchestrator") {
		t.Errorf("key ID %q, %v: want the whole chain where it fits", cert.KeyId, err)
	}
}

// TestGrantBoundsItsCertificates: what stems from a grant ends before it; a grant, trace or chain that is not well formed is
// refused.
func TestGrantBoundsItsCertificates(t *testing.T) {
	set, _ := newSet(t, at)
	key, _ := newKey(t)
	good := ca.AgentRequest{Kind: policy.Agent, Name: "bot", PublicKey: key, TTL: 10 * time.Minute,
		Grant: ca.Grant{ID: "enr_1", By: "join", Until: at.Add(10 * time.Minute)}}
	if _, err := set.Agent.Issue(good); err != nil {
		t.Fatalf("as long as its grant: %v", err)
	}
	for want, change := range map[string]func(*ca.AgentRequest){
		"outlive its grant": func(r *ca.AgentRequest) { r.Grant.Until = at.Add(10*time.Minute - time.Second) },
		"grant id":          func(r *ca.AgentRequest) { r.Grant.ID = "enr;1" },
		"grant by":          func(r *ca.AgentRequest) { r.Grant.By = "" },
		"whole second":      func(r *ca.AgentRequest) { r.Grant.Until = at.Add(time.Hour + 1) },
		"traceparent":       func(r *ca.AgentRequest) { r.Trace = "00-1-2-01" },
		"policy hash":       func(r *ca.AgentRequest) { r.PolicyHash = "sha256:00" },
		"a name in it":      func(r *ca.AgentRequest) { r.Delegation = "a>>b" },
		"want printable":    func(r *ca.AgentRequest) { r.Delegation = "a;b" },
		"want at most 512":  func(r *ca.AgentRequest) { r.Delegation = strings.Repeat("a", 513) },
	} {
		r := good
		change(&r)
		cert, err := set.Agent.Issue(r)
		refused(t, cert, err, want)
	}
}

func refused(t *testing.T, cert *ssh.Certificate, err error, want string) {
	t.Helper()
	if err == nil || cert != nil {
		t.Fatalf("issued %+v", cert)
	}
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("refused with %q, want one line with %q", err, want)
	}
}

func rsaKey(t testing.TB, bits int) ssh.PublicKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
