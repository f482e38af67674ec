package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Method is how an agent proves who it is when it has no certificate yet.
type Method string

// The methods.
const (
	ByOIDC Method = "oidc" // a token of an issuer
	ByJoin Method = "join" // a one-time join token
	ByKey  Method = "key"  // an SSH key that an administrator registered
)

// Issuer is an OpenID Connect provider whose tokens the policy believes, as far as enrolments and accounts name them.
type Issuer struct {
	Name        string   // in the policy
	URL         string   // the issuer, exactly as tokens name it
	Audience    string   // exactly one of a token's audiences; for people, the client id
	Hosts       []string // further hosts that its keys may come from, "host" or "host:port"
	Roots       string   // PEM certificates that its TLS must lead to; empty: those of this machine
	JTIOptional bool     // tokens without a jti are taken, and told apart by their hash
}

// Enrolment is one way in which an agent may be given a certificate.
type Enrolment struct {
	Method  Method
	Issuer  string            // ByOIDC: an issuer's name
	Subject string            // ByOIDC: a glob
	Claims  map[string]string // ByOIDC: claim, or JSON pointer of one, to glob
	Actors  []string          // ByOIDC: globs for the act chain, the owner's delegate first; none: no act claim at all
}

// account ties a person to a subject of an issuer.
type account struct{ issuer, subject string }

// Proof is what an agent has shown, verified.
type Proof struct {
	Method  Method
	Issuer  string // the issuer's name
	Subject string
	Claims  map[string]any // decoded JSON
	Actors  []string       // the act chain, the owner's delegate first
}

// Issuers returns the policy's issuers in the order of their names.
func (p *Policy) Issuers() []Issuer {
	var list []Issuer
	for _, i := range p.issuers {
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b Issuer) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Issuer returns an issuer by its name in the policy.
func (p *Policy) Issuer(name string) (Issuer, bool) {
	i, ok := p.issuers[name]
	return i, ok
}

// IssuerByURL returns the issuer that tokens call url.
func (p *Policy) IssuerByURL(url string) (Issuer, bool) {
	for _, i := range p.issuers {
		if i.URL == url {
			return i, true
		}
	}
	return Issuer{}, false
}

// PersonByAccount returns the person whose account with an issuer has that subject.
func (p *Policy) PersonByAccount(issuer, subject string) (name string, ok bool) {
	for name, s := range p.people {
		if s.oidc == (account{issuer, subject}) && subject != "" {
			return name, true
		}
	}
	return "", false
}

// Enrols returns nil if the policy lets that agent have a certificate for the proof. Its error is one line for whoever
// asked; it says which part of the nearest enrolment does not fit, and never what would.
func (p *Policy) Enrols(agent string, proof Proof) error {
	if why := p.Standing(Agent, agent); why != "" {
		return errors.New(why)
	}
	var nearest error
	for _, e := range p.agents[agent].enrol {
		if e.Method != proof.Method || e.Issuer != proof.Issuer {
			continue
		}
		err := e.admits(proof)
		if err == nil {
			return p.onBehalf(agent, proof)
		}
		nearest = err
	}
	if nearest != nil {
		return fmt.Errorf("agent:%s: %w", agent, nearest)
	}
	return fmt.Errorf("the policy does not let agent:%s enrol by %s", agent, proof.name())
}

// EnrolsBy reports whether some enrolment of the agent still is by that method and issuer, "oidc:github" or "join": what was
// proven before stays proven only as long as the policy takes that proof.
func (p *Policy) EnrolsBy(agent, by string) bool {
	s := p.agents[agent]
	return s != nil && slices.ContainsFunc(s.enrol, func(e Enrolment) bool {
		return Proof{Method: e.Method, Issuer: e.Issuer}.name() == by
	})
}

// name is how grants and messages call a proof.
func (f Proof) name() string {
	if f.Method == ByOIDC {
		return string(ByOIDC) + ":" + f.Issuer
	}
	return string(f.Method)
}

// onBehalf checks the person at the beginning of a chain of delegation: somebody whom the policy knows must be an owner.
func (p *Policy) onBehalf(agent string, proof Proof) error {
	person, known := p.PersonByAccount(proof.Issuer, proof.Subject)
	if known && (!slices.Contains(p.Owners(agent), person) || !p.enabled(person)) {
		return fmt.Errorf("agent:%s: the token speaks for person:%s, who does not own it", agent, person)
	}
	return nil
}

// admits says which part of a proof is not what the enrolment asks for.
func (e Enrolment) admits(proof Proof) error {
	if e.Method != ByOIDC {
		return nil
	}
	if !matchText(e.Subject, proof.Subject) {
		return fmt.Errorf("the token's subject %q is not one that the policy names", proof.Subject)
	}
	for claim, glob := range e.Claims {
		if text, ok := claimText(proof.Claims, claim); !ok || !matchText(glob, text) {
			return fmt.Errorf("the token's claim %q is not what the policy asks for", claim)
		}
	}
	if len(proof.Actors) != len(e.Actors) {
		return fmt.Errorf("the token's act chain has %d actors, the policy asks for %d", len(proof.Actors), len(e.Actors))
	}
	for i, glob := range e.Actors {
		if !matchText(glob, proof.Actors[i]) {
			return fmt.Errorf("the token's actor %q is not one that the policy names", proof.Actors[i])
		}
	}
	return nil
}

// claimText returns a claim as text: strings as they are, numbers and truth values as JSON writes them. Other values match
// nothing. A name that begins with / is a JSON pointer (RFC 6901) into nested claims.
func claimText(claims map[string]any, name string) (string, bool) {
	v := claims[name]
	if pointer, ok := strings.CutPrefix(name, "/"); ok {
		v = claims
		for _, key := range strings.Split(pointer, "/") {
			object, _ := v.(map[string]any)
			v = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(key)]
		}
	}
	switch v := v.(type) {
	case string:
		return v, true
	case bool, float64, json.Number:
		text, err := json.Marshal(v)
		return string(text), err == nil
	}
	return "", false
}
