package policy_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

const credentials = `
version: 1
issuers:
  github: {url: "https://token.actions.githubusercontent.com", audience: gatehouse.example}
  corp: {url: "https://login.example", audience: gatehouse, jti_optional: true, hosts: [keys.example]}
profiles:
  ci: {max_ttl: 10m, renew_for: never, sources: [10.0.0.0/8], tasks: ["CHG-*"], extensions: [task]}
  long: {renew_for: 2h}
  office: {sources: [192.0.2.0/24]}
groups:
  sre: [person:ann, person:bob]
people:
  ann: {profile: office, oidc: {issuer: corp, subject: "ann-7"}}
  bob: {disabled: true, oidc: {issuer: corp, subject: "bob-8"}}
  eve: {oidc: {issuer: corp, subject: "eve-9"}}
agents:
  deployer:
    owner: group:sre
    profile: ci
    enrol:
      - {oidc: github, subject: "repo:acme/app:*", claims: {environment: production, "/deep/er/n": "7"}}
      - key
  helper:
    owner: person:ann
    profile: long
    enrol: [{oidc: corp, subject: "*-*", actors: ["svc:orchestrator", "svc:helper-*"]}, join]
  orphan: {owner: person:bob, enrol: [key]}
  off: {owner: person:ann, disabled: true, enrol: [key]}
`

func TestStanding(t *testing.T) {
	p := parse(t, credentials)
	for name, want := range map[string]string{
		"agent:deployer": "", "agent:helper": "", "person:ann": "",
		"agent:orphan": "its owner person:bob is disabled", "agent:off": "agent:off is disabled", "person:bob": "person:bob is disabled",
		"agent:nobody": "does not know agent:nobody", "person:helper": "does not know person:helper",
	} {
		kind, name, _ := strings.Cut(name, ":")
		why := p.Standing(policy.Kind(kind), name)
		if (why == "") != (want == "") || !strings.Contains(why, want) {
			t.Errorf("%s:%s: %q, want %q", kind, name, why, want)
		}
		if _, known := p.Identity(policy.Kind(kind), name, ""); known != (want == "") {
			t.Errorf("%s:%s has an identity: %v", kind, name, known)
		}
	}
	if got := p.Owners("deployer"); strings.Join(got, " ") != "ann bob" {
		t.Errorf("owners of deployer: %v", got)
	}
}

func TestCertificateIsRefusedNeverCut(t *testing.T) {
	p := parse(t, credentials)
	net := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	good := policy.CertificateRequest{Kind: policy.Agent, Name: "deployer", Task: "CHG-7"}
	terms, err := p.Certificate(good)
	if err != nil || terms.TTL != 10*time.Minute || terms.RenewFor != 0 || terms.Sources[0].String() != "10.0.0.0/8" || terms.Identity.Owner != "group:sre" {
		t.Fatalf("got %+v, %v", terms, err)
	}
	for want, change := range map[string]func(*policy.CertificateRequest){
		"for 10m0s at most, not 10m1s": func(r *policy.CertificateRequest) { r.TTL = 10*time.Minute + time.Second },
		"not -1s":                      func(r *policy.CertificateRequest) { r.TTL = -time.Second },
		"set a trace":                  func(r *policy.CertificateRequest) { r.Trace = "00" },
		`the task "" is none of`:       func(r *policy.CertificateRequest) { r.Task = "" },
		`the task "XCHG-7" is none of`: func(r *policy.CertificateRequest) { r.Task = "XCHG-7" },
		"0.0.0.0/0 is not within":      func(r *policy.CertificateRequest) { r.Sources = net("0.0.0.0/0") },
		"10.0.0.0/7 is not within":     func(r *policy.CertificateRequest) { r.Sources = net("10.0.0.0/7") },
		"192.0.2.0/24 is not within":   func(r *policy.CertificateRequest) { r.Sources = append(net("10.1.0.0/16"), net("192.0.2.0/24")...) },
		"agent:off is disabled":        func(r *policy.CertificateRequest) { r.Name = "off" },
		"does not know person:deployer": func(r *policy.CertificateRequest) {
			r.Kind = policy.Person
		},
	} {
		r := good
		change(&r)
		if terms, err := p.Certificate(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %+v, %v; want %q", r, terms, err, want)
		}
	}
	if terms, err = p.Certificate(policy.CertificateRequest{Kind: policy.Person, Name: "ann"}); err != nil || terms.TTL != 8*time.Hour || terms.RenewFor != 0 || len(terms.Sources) != 1 {
		t.Errorf("what a person's profile does not say: got %+v, %v", terms, err)
	}
	if terms, err = p.Certificate(policy.CertificateRequest{Kind: policy.Agent, Name: "helper"}); err != nil || terms.TTL != 15*time.Minute || terms.RenewFor != 2*time.Hour {
		t.Errorf("what an agent's profile does not say: got %+v, %v", terms, err)
	}
	narrow := good
	narrow.Sources, narrow.TTL = net("10.1.0.0/16"), time.Minute
	if terms, err = p.Certificate(narrow); err != nil || terms.TTL != time.Minute || terms.Sources[0].String() != "10.1.0.0/16" {
		t.Errorf("less than there is: got %+v, %v", terms, err)
	}
}

func TestEnrols(t *testing.T) {
	p := parse(t, credentials)
	claims := map[string]any{"environment": "production", "deep": map[string]any{"er": map[string]any{"n": 7.0}}}
	github := policy.Proof{Method: policy.ByOIDC, Issuer: "github", Subject: "repo:acme/app:ref:refs/heads/main", Claims: claims}
	corp := policy.Proof{Method: policy.ByOIDC, Issuer: "corp", Subject: "ann-7", Actors: []string{"svc:orchestrator", "svc:helper-3"}}
	with := func(base policy.Proof, change func(*policy.Proof)) policy.Proof { change(&base); return base }
	for _, c := range []struct {
		agent string
		proof policy.Proof
		want  string // what the refusal says; empty: enrolled
	}{
		{"deployer", github, ""},
		{"deployer", policy.Proof{Method: policy.ByKey}, ""},
		{"helper", corp, ""},
		{"helper", policy.Proof{Method: policy.ByJoin}, ""},
		{"deployer", policy.Proof{Method: policy.ByJoin}, "does not let agent:deployer enrol by join"},
		{"deployer", with(github, func(f *policy.Proof) { f.Issuer = "corp" }), "enrol by oidc:corp"},
		{"deployer", with(github, func(f *policy.Proof) { f.Subject = "repo:acme/app" }), "subject"},
		{"deployer", with(github, func(f *policy.Proof) { f.Subject = "xrepo:acme/app:" }), "subject"},
		{"deployer", with(github, func(f *policy.Proof) { f.Claims = nil }), "claim"},
		{"deployer", with(github, func(f *policy.Proof) {
			f.Claims = map[string]any{"environment": "staging", "deep": claims["deep"]}
		}), "claim"},
		{"deployer", with(github, func(f *policy.Proof) { f.Claims = map[string]any{"environment": []any{"production"}} }), "claim"},
		{"deployer", with(github, func(f *policy.Proof) { f.Actors = []string{"svc:x"} }), "act chain has 1 actors, the policy asks for 0"},
		{"helper", with(corp, func(f *policy.Proof) { f.Actors = nil }), "act chain has 0 actors"},
		{"helper", with(corp, func(f *policy.Proof) { f.Actors = []string{"svc:helper-3", "svc:orchestrator"} }), "actor"},
		{"helper", with(corp, func(f *policy.Proof) { f.Subject = "eve-9" }), "speaks for person:eve, who does not own it"},
		{"helper", with(corp, func(f *policy.Proof) { f.Subject = "un-known" }), ""},
		{"orphan", policy.Proof{Method: policy.ByKey}, "its owner person:bob is disabled"},
		{"off", policy.Proof{Method: policy.ByKey}, "is disabled"},
		{"nobody", policy.Proof{Method: policy.ByKey}, "does not know"},
	} {
		err := p.Enrols(c.agent, c.proof)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s by %+v: %v, want %q", c.agent, c.proof, err, c.want)
		}
	}
	for by, want := range map[string]bool{"oidc:github": true, "key": true, "join": false, "oidc:corp": false, "oidc": false, "": false} {
		if got := p.EnrolsBy("deployer", by); got != want {
			t.Errorf("deployer enrols by %q: %v", by, got)
		}
	}
	if name, ok := p.PersonByAccount("corp", "ann-7"); !ok || name != "ann" {
		t.Errorf("ann's account: %q, %v", name, ok)
	}
	if name, ok := p.PersonByAccount("github", "ann-7"); ok {
		t.Errorf("another issuer's subject is %q", name)
	}
	if _, ok := p.PersonByAccount("", ""); ok {
		t.Error("nobody's account is somebody's")
	}
}

// TestGlobIsAnchored: a glob never describes a text of which it does not describe the whole.
func TestGlobIsAnchored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.StringMatching(`[ab:/]{0,3}`), 1, 4).Draw(t, "parts")
		fills := rapid.SliceOfN(rapid.StringMatching(`[ab:/x]{0,3}`), len(parts)-1, len(parts)-1).Draw(t, "fills")
		text := parts[0]
		for i, fill := range fills {
			text += fill + parts[i+1]
		}
		glob := strings.Join(parts, "*")
		if strings.Trim(glob, "*") == "" {
			return
		}
		p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte("version: 1\nissuers: {i: {url: 'https://i.example', audience: a}}\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, enrol: [{oidc: i, subject: '" + glob + "'}]}}\n")}})
		if err != nil {
			t.Fatal(err)
		}
		proof := policy.Proof{Method: policy.ByOIDC, Issuer: "i", Subject: text}
		if err := p.Enrols("bot", proof); err != nil {
			t.Fatalf("%q is not %q: %v", text, glob, err)
		}
		for _, other := range []string{text + "!", "!" + text} {
			proof.Subject = other
			wild := strings.HasPrefix(glob, "*") && other[0] == '!' || strings.HasSuffix(glob, "*") && other[0] != '!'
			if err := p.Enrols("bot", proof); err == nil && !wild {
				t.Fatalf("%q is taken for %q", other, glob)
			}
		}
	})
}
