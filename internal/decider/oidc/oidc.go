// Package oidc verifies OpenID Connect tokens inside the decider, and signs people in by the authorization code flow.
//
// One Provider is one issuer and one audience. It trusts the issuer's keys, which it reads over TLS with pinned roots through streams that it
// does not trust, and its clock. It guarantees: a token is taken only if it is exactly by the issuer, exactly for the audience,
// signed by a key that the issuer publishes, with an algorithm on a short list, in time, and in the one form that is understood. Everything else is
// an *Error with a code and a line. Whether a token is used twice is for the caller, by Claims.ID; what a subject may do too.
//
// Nobody can make it fetch at will: keys are fetched once an hour, and for a key that is not known once a minute. If the issuer is not reached the
// keys last for a day. Limit: for that long a door that withholds the network keeps a key alive that the issuer has withdrawn.
package oidc

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// MaxLifetime bounds how long a token may live, from iat to exp.
const MaxLifetime = 24 * time.Hour

// Config is one issuer and one audience. Issuer, Audience and Dial are required.
type Config struct {
	Issuer   string         // https URL, compared exactly
	Audience string         // for sign-ins this is the client id
	Hosts    []string       // "host" or "host:port" besides the issuer's own where its keys and endpoints may be
	Roots    *x509.CertPool // who may certify these hosts; nil: the system's roots, which must be loaded before the process is confined

	JTIOptional bool          // for issuers that give no jti: Kubernetes before 1.29
	MaxLifetime time.Duration // of a token; 0: the constant, which is also the most

	ClientSecret func() (string, error) // for the code flow, read at each sign-in; nil or "": a public client
	Scopes       []string               // for the code flow, besides openid

	Dial func(ctx context.Context, host string, port uint16) (net.Conn, error) // TLS runs over what it returns
	Now  func() time.Time                                                      // nil: time.Now
}

// Validate says what is wrong, with the name of the field.
func (c Config) Validate() error {
	if _, _, err := httpsHost(c.Issuer); err != nil {
		return fmt.Errorf("issuer %q: %w", c.Issuer, err)
	}
	if u, _ := url.Parse(c.Issuer); u.RawQuery != "" || u.ForceQuery {
		return fmt.Errorf("issuer %q: must have no query", c.Issuer)
	}
	if !printable(c.Audience, maxID, "") {
		return fmt.Errorf("audience %q: must be 1 to %d printable ASCII characters", c.Audience, maxID)
	}
	for _, h := range c.Hosts {
		if _, _, err := httpsHost("https://" + h); err != nil || strings.ContainsAny(h, "/?#@") {
			return fmt.Errorf("hosts: %q is not a host or host:port", h)
		}
	}
	if c.MaxLifetime < 0 || c.MaxLifetime > MaxLifetime {
		return fmt.Errorf("maximum token lifetime %s: must be at most %s", c.MaxLifetime, MaxLifetime)
	}
	if c.Dial == nil {
		return fmt.Errorf("a way to dial is required")
	}
	return nil
}

// Provider verifies the tokens of one issuer for one audience. Safe for concurrent use.
type Provider struct {
	cfg    Config
	hosts  map[string]bool // "host:port"
	client *http.Client
	keys   *keyring
}

// New prepares a provider; nothing is fetched before the first token.
func New(cfg Config) (*Provider, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxLifetime == 0 {
		cfg.MaxLifetime = MaxLifetime
	}
	p := &Provider{cfg: cfg, hosts: map[string]bool{}}
	for _, address := range append([]string{cfg.Issuer}, prefixed(cfg.Hosts)...) {
		host, port, err := httpsHost(address)
		if err != nil {
			return nil, err
		}
		p.hosts[hostPort(host, port)] = true
	}
	p.client = p.newClient()
	p.keys = newKeyring(cfg.Now, p.fetch)
	return p, nil
}

// Close ends a fetch that is under way and waits for it.
func (p *Provider) Close() {
	p.keys.close()
	p.client.CloseIdleConnections()
}

// Reaches says whether this provider may need a host: what the door is allowed to be asked for.
func (p *Provider) Reaches(host string, port uint16) bool { return p.hosts[hostPort(host, port)] }

// Verify verifies a workload token. The issuer's keys are fetched if need be, for at most 10 s. Refusals are *Error.
func (p *Provider) Verify(ctx context.Context, raw string) (Claims, error) {
	return p.verify(ctx, raw, expected{jtiOptional: p.cfg.JTIOptional})
}

func (p *Provider) verify(ctx context.Context, raw string, want expected) (Claims, error) {
	t, err := parse(raw)
	if err != nil {
		return Claims{}, err
	}
	want.issuer, want.audience, want.maxLifetime = p.cfg.Issuer, p.cfg.Audience, p.cfg.MaxLifetime
	// Nobody's token makes us fetch another's keys.
	if err := new(Claims).readIssuer(t.claims, want); err != nil {
		return Claims{}, err
	}
	keys, err := p.keys.get(ctx, t.kid)
	if err != nil {
		return Claims{}, err
	}
	if err := t.verify(keys); err != nil {
		return Claims{}, err
	}
	want.now = p.cfg.Now()
	return readClaims(t.claims, want, t.id)
}

func prefixed(hosts []string) []string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = "https://" + h
	}
	return out
}

func hostPort(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// httpsHost takes the host and port out of an https URL; anything but a plain one is an error.
func httpsHost(text string) (string, uint16, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", 0, err
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme != "https":
		return "", 0, fmt.Errorf("must begin with https://")
	case host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return "", 0, fmt.Errorf("must be https://host[:port][/path]")
	case !printable(host, maxSubject, " "):
		return "", 0, fmt.Errorf("the host must be in ASCII: write xn--…")
	case u.Port() == "":
		return host, 443, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return "", 0, fmt.Errorf("port %q is none", u.Port())
	}
	return host, uint16(port), nil
}
