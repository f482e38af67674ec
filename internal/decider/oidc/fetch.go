package oidc

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
)

// The bounds of what an issuer says.
const (
	maxBody   = 1 << 20
	maxKeys   = 64
	maxHeader = 64 << 10
)

// discovery is what is used of an issuer's document (OpenID Connect Discovery 1.0, section 3).
type discovery struct {
	jwks        string
	authorize   string
	token       string
	authMethods []string
	challenges  []string
}

// errRedirect: an issuer's documents are where they are said to be.
var errRedirect = errors.New("it redirects, which is not followed")

// newClient makes the one way to the issuer: to hosts on the list, TLS ending here, no proxy, no redirect, no second use of a connection.
func (p *Provider) newClient() *http.Client {
	return &http.Client{
		Timeout:       fetchTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
		Transport: &http.Transport{
			DialTLSContext: p.dialTLS,
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("without TLS nothing is dialled")
			},
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
		},
	}
}

func (p *Provider) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || !p.hosts[address] {
		return nil, refuse(CodeIssuerLying, "the host %s is not named under this issuer", quote(address))
	}
	raw, err := p.cfg.Dial(ctx, host, uint16(number))
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, &tls.Config{ServerName: host, RootCAs: p.cfg.Roots, MinVersion: tls.VersionTLS12, Time: p.cfg.Now, NextProtos: []string{"http/1.1"}})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, p.handshakeError(address, err)
	}
	return conn, nil
}

// handshakeError tells a host that is not reached from one that is not who it should be.
func (p *Provider) handshakeError(address string, err error) error {
	if !byTLS(err) {
		return err
	}
	return refuse(CodeIssuerUntrusted, "%s does not prove who it is (%s): check the root certificates that the policy names for %s", address, quote(err), p.cfg.Issuer).because(err)
}

// byTLS says whether it was TLS that found something wrong, and not the way there.
func byTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	return errors.As(err, &certificate) || errors.As(err, &record) || strings.HasPrefix(err.Error(), "tls: ") ||
		errors.As(err, &alert) && (alert.Op == "local error" || alert.Op == "remote error")
}

// fetch reads the discovery document and the keys.
func (p *Provider) fetch(ctx context.Context) (*published, error) {
	d, err := p.fetchDiscovery(ctx)
	if err != nil {
		return nil, err
	}
	body, err := p.fetchBody(ctx, d.jwks)
	if err != nil {
		return nil, err
	}
	keys, err := decodeKeys(body)
	if err != nil {
		return nil, refuse(CodeIssuerLying, "the keys of %s at %s are not usable: %s", p.cfg.Issuer, quote(d.jwks), quote(err)).because(err)
	}
	return &published{discovery: d, keys: keys}, nil
}

func (p *Provider) fetchDiscovery(ctx context.Context) (discovery, error) {
	body, err := p.fetchBody(ctx, strings.TrimSuffix(p.cfg.Issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return discovery{}, err
	}
	all, err := decodeObject(body)
	if err != nil {
		return discovery{}, refuse(CodeIssuerLying, "the discovery document of %s is not usable: %s", p.cfg.Issuer, quote(err)).because(err)
	}
	if all["issuer"] != any(p.cfg.Issuer) {
		return discovery{}, refuse(CodeIssuerLying, "the discovery document of %s is by %s: write the issuer in the policy exactly as it names itself", p.cfg.Issuer, quote(all["issuer"]))
	}
	d := discovery{authMethods: words(all["token_endpoint_auth_methods_supported"]), challenges: words(all["code_challenge_methods_supported"])}
	if d.jwks, err = p.endpoint(all, "jwks_uri"); err != nil {
		return discovery{}, err
	}
	// What only sign-ins need may be missing, never wrong.
	for name, to := range map[string]*string{"authorization_endpoint": &d.authorize, "token_endpoint": &d.token} {
		if _, has := all[name]; has {
			if *to, err = p.endpoint(all, name); err != nil {
				return discovery{}, err
			}
		}
	}
	return d, nil
}

// endpoint is a URL of the document, on a host that the configuration names.
func (p *Provider) endpoint(all map[string]any, name string) (string, error) {
	text, _ := all[name].(string)
	host, port, err := httpsHost(text)
	if err != nil {
		return "", refuse(CodeIssuerLying, "the %s of %s is %s: %v", name, p.cfg.Issuer, quote(all[name]), err)
	}
	if !p.Reaches(host, port) {
		return "", refuse(CodeIssuerLying, "the %s of %s is at %s: if that is right, name this host under the issuer in the policy", name, p.cfg.Issuer, quote(hostPort(host, port)))
	}
	return text, nil
}

func words(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, w := range list {
		if text, ok := w.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// fetchBody reads one document.
func (p *Provider) fetchBody(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, refuse(CodeIssuerLying, "the address %s is none", quote(address)).because(err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, p.reachError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refuse(CodeIssuerUnreachable, "%s answers %s with status %d: check the issuer's address", p.cfg.Issuer, quote(address), resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil {
		err = ctx.Err() // what ends as the time does may be half of it
	}
	if err != nil {
		return nil, p.reachError(err)
	}
	if len(body) > maxBody {
		return nil, refuse(CodeIssuerLying, "what %s says at %s is longer than %d bytes", p.cfg.Issuer, quote(address), maxBody)
	}
	return body, nil
}

// reachError gives a failed request its code.
func (p *Provider) reachError(err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, errRedirect):
		return refuse(CodeIssuerLying, "%s redirects, which is not followed: write the issuer's final address in the policy", p.cfg.Issuer).because(err)
	case byTLS(err):
		return refuse(CodeIssuerUntrusted, "the TLS connection to %s broke (%s): what lies between changes its bytes", p.cfg.Issuer, quote(err)).because(err)
	}
	return refuse(CodeIssuerUnreachable, "%s is not reached (%s): check the issuer's address and the way there", p.cfg.Issuer, quote(err)).because(err)
}

// decodeKeys decodes a JWK set. Keys of kinds that are not understood are passed over (RFC 7517, section 5), and so are those that cannot
// verify a token here: without a name, for encryption, symmetric, private.
func decodeKeys(body []byte) (map[string][]jose.JSONWebKey, error) {
	all, err := decodeObject(body)
	if err != nil {
		return nil, err
	}
	list, ok := all["keys"].([]any)
	if !ok {
		return nil, errors.New("no list of keys")
	}
	if len(list) > maxKeys {
		return nil, fmt.Errorf("%d keys, at most %d are taken", len(list), maxKeys)
	}
	keys := map[string][]jose.JSONWebKey{}
	for _, member := range list {
		text, err := json.Marshal(member)
		if err != nil {
			return nil, err
		}
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(text); err != nil {
			continue
		}
		usable := slices.ContainsFunc(algorithms, func(a jose.SignatureAlgorithm) bool { return fit(key, a) })
		if usable && printable(key.KeyID, maxID, "") && (key.Use == "" || key.Use == "sig") {
			keys[key.KeyID] = append(keys[key.KeyID], key)
		}
	}
	return keys, nil
}
