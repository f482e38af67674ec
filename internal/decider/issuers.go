package decider

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"gatehouse/ca"
	"gatehouse/internal/decider/lend"
	"gatehouse/internal/decider/oidc"
	"gatehouse/policy"
)

// maxClientSecret bounds a client secret's file.
const maxClientSecret = 4096

// issuers are the policy's issuers that somebody has shown a token of, with the keys that they publish.
type issuers struct {
	mu   sync.Mutex
	open map[string]openIssuer // by the policy's name
}

type openIssuer struct {
	policy.Issuer
	*oidc.Provider
}

// issuer returns the verifier of an issuer that the policy in force names. Its keys are kept as long as the policy says the same of it.
func (d *Decider) issuer(name string) (*oidc.Provider, error) {
	d.mu.RLock()
	pol := d.policy
	d.mu.RUnlock()
	want, ok := pol.Issuer(name)
	if !ok {
		return nil, refuse("the policy names no issuer %q", name)
	}
	d.issuers.drop(pol)
	d.issuers.mu.Lock()
	defer d.issuers.mu.Unlock()
	if have, ok := d.issuers.open[name]; ok {
		return have.Provider, nil
	}
	p, err := oidc.New(d.issuerConfig(want))
	if err != nil {
		return nil, fmt.Errorf("issuer %s: %w", name, err)
	}
	d.issuers.open[name] = openIssuer{want, p}
	return p, nil
}

// drop closes what the policy does not name any more, or names otherwise; nil: everything.
func (i *issuers) drop(pol *policy.Policy) {
	for _, old := range i.take(pol) {
		old.Close() // not under the lock: a fetch that it waits for may ask mayReach
	}
}

func (i *issuers) take(pol *policy.Policy) []openIssuer {
	i.mu.Lock()
	defer i.mu.Unlock()
	var old []openIssuer
	for name, have := range i.open {
		if pol != nil {
			if want, ok := pol.Issuer(name); ok && reflect.DeepEqual(want, have.Issuer) {
				continue
			}
		}
		old = append(old, have)
		delete(i.open, name)
	}
	return old
}

func (d *Decider) issuerConfig(i policy.Issuer) oidc.Config {
	cfg := oidc.Config{Issuer: i.URL, Audience: i.Audience, Hosts: i.Hosts, JTIOptional: i.JTIOptional, Dial: d.dial, Now: d.cfg.Now,
		ClientSecret: func() (string, error) { return d.clientSecret(i.Name) }}
	if i.Roots != "" {
		cfg.Roots = x509.NewCertPool()
		cfg.Roots.AppendCertsFromPEM([]byte(i.Roots)) // the policy took nothing but certificates; an empty pool trusts nobody
	}
	return cfg
}

// clientSecret reads the file oidc-secret-ISSUER in the decider's folder. Without the file the client is a public one.
func (d *Decider) clientSecret(issuer string) (string, error) {
	path := filepath.Join(d.cfg.Dir, "oidc-secret-"+issuer)
	text, err := ca.ReadSecretFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err == nil && len(text) > maxClientSecret {
		err = fmt.Errorf("it is longer than %d bytes", maxClientSecret)
	}
	if err != nil {
		return "", fmt.Errorf("client secret %s: %w", path, err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// mayReach says what the door may be asked to dial: the receivers of exports and alerts, witnesses and anchors, and the hosts of issuers in use.
func (d *Decider) mayReach(host string, port uint16) bool {
	if d.anchors.Reaches(host, port) || d.exporter != nil && d.exporter.Reaches(host, port) || d.alerts != nil && d.alerts.Reaches(host, port) {
		return true
	}
	d.issuers.mu.Lock()
	defer d.issuers.mu.Unlock()
	for _, i := range d.issuers.open {
		if i.Reaches(host, port) {
			return true
		}
	}
	return false
}

func (d *Decider) borrower() *lend.Borrower {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.streams
}

// errNoDoor: alone, the decider has no network.
var errNoDoor = errors.New("there is no door to lend a network stream: this works only while gatehouse serve runs")

// dial borrows a byte stream from the door. Whoever uses it ends TLS inside this process.
func (d *Decider) dial(ctx context.Context, host string, port uint16) (net.Conn, error) {
	if b := d.borrower(); b != nil {
		return b.DialContext(ctx, host, port)
	}
	return nil, errNoDoor
}
