package policy

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of what an issuer or enrolment may list.
const (
	maxRootsPEM = 64 << 10
	maxGlob     = 256
	maxActors   = 4
)

const textGlobShape = "it is 1 to 256 bytes without control characters, in which * stands for any characters, and not * alone"

func validTextGlob(s string) bool {
	return s != "" && len(s) <= maxGlob && strings.Trim(s, "*") != "" && validReason(s[:min(len(s), 200)]) && validReason(s[min(len(s), 200):])
}

func (b *builder) readIssuers(v value) {
	b.named(v, "issuer", func(name string, v value) {
		i := Issuer{Name: name}
		v.fields(map[string]func(value){
			"url": func(v value) {
				i.URL, _ = v.checked(validIssuerURL, "an issuer is https://host[:port][/path] without query")
			},
			"audience":     func(v value) { i.Audience, _ = v.checked(validReason, "an audience is one line") },
			"hosts":        func(v value) { i.Hosts = texts(v, validHost, "a host is a name or host:port") },
			"roots":        func(v value) { i.Roots, _ = v.checked(validRoots, "write PEM certificates") },
			"jti_optional": func(v value) { i.JTIOptional = v.boolean() },
		})
		if i.URL == "" || i.Audience == "" {
			v.problem("%s needs url: and audience:", v.what)
		}
		for _, other := range b.policy.issuers {
			if other.URL == i.URL && i.URL != "" {
				v.problem("%s has the url of the issuer %s", v.what, other.Name)
			}
		}
		b.policy.issuers[name] = i
	})
}

func validIssuerURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && len(s) <= 512
}

func validHost(s string) bool {
	u, err := url.Parse("https://" + s)
	return err == nil && u.Host == s && u.Hostname() != ""
}

func validRoots(s string) bool {
	rest, n := []byte(s), 0
	for len(s) <= maxRootsPEM {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return n > 0 && strings.TrimSpace(string(rest)) == ""
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			return false
		}
		n++
	}
	return false
}

func (b *builder) readProfiles(v value) {
	b.named(v, "profile", func(name string, v value) {
		f := Profile{Name: name, RenewFor: unsaid, Extensions: agentDefault.Extensions}
		v.fields(map[string]func(value){
			"max_ttl":    func(v value) { f.MaxTTL, _ = v.duration(maxPersonTTL) },
			"renew_for":  func(v value) { f.RenewFor = readRenewal(v) },
			"sources":    func(v value) { f.Sources = readSources(v) },
			"tasks":      func(v value) { f.Tasks = texts(v, validTextGlob, textGlobShape) },
			"extensions": func(v value) { f.Extensions = readExtensions(v) },
		})
		if len(f.Tasks) > 0 && !slices.Contains(f.Extensions, extensionTask) {
			v.problem("%s asks for tasks, which its extensions do not let a request name", v.what)
		}
		b.profiles[name] = f
	})
}

// readRenewal reads a duration, or never.
func readRenewal(v value) time.Duration {
	if s, ok := v.node.(*ast.StringNode); ok && s.Value == "never" {
		return 0
	}
	d, _ := v.duration(maxRenewal)
	return d
}

func readSources(v value) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts(v, validPrefix, "a source is a network such as 10.0.0.0/8") {
		p, _ := netip.ParsePrefix(text) // validated
		list = append(list, p)
	}
	return list
}

func validPrefix(s string) bool {
	p, err := netip.ParsePrefix(s)
	return err == nil && p == p.Masked() && !p.Addr().Is4In6()
}

// readExtensions reads a list of words, which may be empty.
func readExtensions(v value) []string {
	if s, ok := v.node.(*ast.SequenceNode); ok && len(s.Values) == 0 {
		return nil
	}
	var list []string
	for _, item := range v.list() {
		if text, ok := item.word(extensionTask, extensionTrace); ok {
			list = append(list, text)
		}
	}
	return list
}

// readProfileName uses a profile; its certificates may live no longer than that kind's may.
func (b *builder) readProfileName(v value, s *subject, limit time.Duration) {
	name, ok := v.text()
	if !ok {
		return
	}
	b.checks = append(b.checks, func() {
		f, ok := b.profiles[name]
		switch {
		case !ok:
			v.problem("there is no profile %q%s", name, didYouMean(name, slices.Sorted(maps.Keys(b.profiles))))
		case f.MaxTTL > limit:
			v.problem("the profile %q has max_ttl %s, and the most here is %s", name, f.MaxTTL, limit)
		default:
			s.profile = f.completed(s.profile)
		}
	})
}

// unsaid is the renewal of a profile that does not say.
const unsaid = time.Duration(-1)

// completed is the profile with what it does not say from the default of whoever uses it: people are not renewed like agents.
func (f Profile) completed(usual Profile) Profile {
	if f.MaxTTL == 0 {
		f.MaxTTL = usual.MaxTTL
	}
	if f.RenewFor == unsaid {
		f.RenewFor = usual.RenewFor
	}
	return f
}

// checkOneTTL reports a subject that has both a profile and a max_ttl of its own.
func (b *builder) checkOneTTL(v value) {
	m, ok := v.node.(*ast.MappingNode)
	if !ok {
		return
	}
	found := map[string]bool{}
	for _, e := range m.Values {
		if key, ok := e.Key.(*ast.StringNode); ok {
			found[key.Value] = true
		}
	}
	if found["profile"] && found["max_ttl"] {
		v.problem("%s has a profile and a max_ttl: say it in the profile", v.what)
	}
}

// readAccount ties a person to a subject of an issuer.
func (b *builder) readAccount(v value, s *subject) {
	var issuer value
	v.fields(map[string]func(value){
		"issuer": func(v value) { issuer = v; s.oidc.issuer, _ = v.text() },
		"subject": func(v value) {
			s.oidc.subject, _ = v.checked(validReason, "a subject is one line of at most 200 bytes")
		},
	})
	if s.oidc.issuer == "" || s.oidc.subject == "" {
		v.problem("%s needs issuer: and subject:", v.what)
		return
	}
	b.checks = append(b.checks, func() {
		b.checkIssuer(issuer, s.oidc.issuer)
		for name, other := range b.policy.people {
			if other != s && other.oidc == s.oidc {
				v.problem("%s is also the account of the person %s", v.what, name)
			}
		}
	})
}

func (b *builder) checkIssuer(v value, name string) {
	if _, ok := b.policy.issuers[name]; !ok {
		v.problem("there is no issuer %q%s", name, didYouMean(name, slices.Sorted(maps.Keys(b.policy.issuers))))
	}
}

// readEnrolments reads a list whose items are join, key, or a mapping for tokens.
func (b *builder) readEnrolments(v value, s *subject) {
	for _, item := range v.list() {
		if _, ok := item.node.(*ast.MappingNode); ok {
			s.enrol = append(s.enrol, b.readOIDC(item))
		} else if word, ok := item.word(string(ByJoin), string(ByKey)); ok {
			s.enrol = append(s.enrol, Enrolment{Method: Method(word)})
		}
	}
}

func (b *builder) readOIDC(v value) Enrolment {
	e := Enrolment{Method: ByOIDC, Claims: map[string]string{}}
	v.fields(map[string]func(value){
		"oidc": func(v value) {
			e.Issuer, _ = v.text()
			b.checks = append(b.checks, func() { b.checkIssuer(v, e.Issuer) })
		},
		"subject": func(v value) { e.Subject, _ = v.checked(validTextGlob, textGlobShape) },
		"claims": func(v value) {
			for _, f := range v.mapping() {
				e.Claims[f.key], _ = f.checked(validTextGlob, textGlobShape)
			}
		},
		"actors": func(v value) {
			if e.Actors = texts(v, validTextGlob, textGlobShape); len(e.Actors) > maxActors {
				v.problem("%s has more than %d actors", v.what, maxActors)
			}
		},
	})
	if e.Issuer == "" || e.Subject == "" {
		v.problem("%s needs oidc: with an issuer's name, and subject:", v.what)
	}
	return e
}
