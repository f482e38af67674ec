// Package testoidc runs OpenID Connect issuers for tests: real HTTPS servers on loopback with a root of their own.
//
// Issuer publishes keys and signs whatever a test wants said, as GitHub Actions and Kubernetes would. Login is a whole provider
// (zitadel/oidc) with a sign-in page and one user, for the authorization code flow. Neither is for anything but tests.
package testoidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// Issuer is an issuer that publishes keys and signs anything.
type Issuer struct {
	Server
	t testing.TB

	mu      sync.Mutex
	keys    []*Key // newest last
	made    int
	fetched int // of the key set
	handle  map[string]http.HandlerFunc
}

// Key is a signing key with its name.
type Key struct {
	ID      string
	Alg     jose.SignatureAlgorithm
	Private crypto.Signer
}

// New starts an issuer with one RS256 key. It stops with the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t, handle: map[string]http.HandlerFunc{}}
	i.Rotate(jose.RS256)
	i.start(t, i)
	return i
}

// Rotate makes a new key with which Sign signs from now on; older ones stay published until Withdraw.
func (i *Issuer) Rotate(alg jose.SignatureAlgorithm) *Key {
	i.t.Helper()
	private, err := generate(alg)
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	key := &Key{ID: "key-" + strconv.Itoa(i.made), Alg: alg, Private: private}
	i.keys = append(i.keys, key)
	return key
}

func generate(alg jose.SignatureAlgorithm) (crypto.Signer, error) {
	switch alg {
	case jose.RS256, jose.PS256:
		return rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("no key for %s", alg)
}

// Withdraw stops publishing all keys but the newest.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = i.keys[len(i.keys)-1:]
}

// Key is the newest key.
func (i *Issuer) Key() *Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// Fetched says how often the keys were read.
func (i *Issuer) Fetched() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetched
}

// Handle answers a path in another way from now on; nil: in the usual way.
func (i *Issuer) Handle(path string, f http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handle[path] = f
}

// The paths of an issuer.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/keys"
)

// ServeHTTP answers with the discovery document and the keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	own := i.handle[r.URL.Path]
	if r.URL.Path == KeysPath {
		i.fetched++
	}
	i.mu.Unlock()
	switch {
	case own != nil:
		own(w, r)
	case r.URL.Path == DiscoveryPath:
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + KeysPath, "response_types_supported": []string{"id_token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"}})
	case r.URL.Path == KeysPath:
		_ = json.NewEncoder(w).Encode(i.KeySet())
	default:
		http.NotFound(w, r)
	}
}

// KeySet is what is published.
func (i *Issuer) KeySet() jose.JSONWebKeySet {
	i.mu.Lock()
	defer i.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: string(k.Alg), Use: "sig"})
	}
	return set
}

// Sign signs claims with the newest key.
func (i *Issuer) Sign(claims map[string]any) string {
	i.t.Helper()
	return i.SignWith(i.Key(), claims, map[jose.HeaderKey]any{"typ": "JWT"})
}

// SignWith signs claims with a key and extra header fields.
func (i *Issuer) SignWith(key *Key, claims map[string]any, header map[jose.HeaderKey]any) string {
	i.t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	return i.SignText(key, text, header)
}

// SignText signs a payload that need not be JSON.
func (i *Issuer) SignText(key *Key, payload []byte, header map[jose.HeaderKey]any) string {
	i.t.Helper()
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"kid": key.ID}}
	maps.Copy(options.ExtraHeaders, header)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.Alg, Key: key.Private}, options)
	if err != nil {
		i.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return raw
}

// Claims are the least that a token says, good for ten minutes from now, with a jti of its own.
func (i *Issuer) Claims(audience, subject string, now time.Time) map[string]any {
	return map[string]any{"iss": i.URL, "aud": audience, "sub": subject, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix()}
}

// GitHub are the claims of a GitHub Actions job's token, for a repository "owner/name" and a git reference.
func (i *Issuer) GitHub(audience, repository, ref string, now time.Time) map[string]any {
	claims := i.Claims(audience, "repo:"+repository+":ref:"+ref, now)
	owner, _, _ := strings.Cut(repository, "/")
	maps.Copy(claims, map[string]any{"repository": repository, "repository_owner": owner, "repository_id": "74", "repository_owner_id": "65",
		"repository_visibility": "private", "ref": ref, "ref_type": "branch", "ref_protected": "true", "sha": strings.Repeat("a", 40), "actor": "octocat", "actor_id": "12",
		"workflow": "deploy", "workflow_ref": repository + "/.github/workflows/deploy.yml@" + ref, "workflow_sha": strings.Repeat("b", 40),
		"job_workflow_ref": repository + "/.github/workflows/deploy.yml@" + ref, "job_workflow_sha": strings.Repeat("b", 40), "event_name": "push", "head_ref": "", "base_ref": "",
		"run_id": "1234567890", "run_number": "10", "run_attempt": "1", "runner_environment": "github-hosted", "environment": "production"})
	return claims
}

// Kubernetes are the claims of a service account's projected token. Before 1.29 they had no jti: delete it.
func (i *Issuer) Kubernetes(audience, namespace, account string, now time.Time) map[string]any {
	claims := i.Claims(audience, "system:serviceaccount:"+namespace+":"+account, now)
	claims["aud"] = []string{audience}
	claims["exp"] = now.Add(time.Hour + 7*time.Second).Unix()
	claims["kubernetes.io"] = map[string]any{"namespace": namespace, "serviceaccount": map[string]any{"name": account, "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
		"pod":  map[string]any{"name": account + "-5d4c9b7f8-x2x4z", "uid": "5d4c9b7f-8f9a-4c3e-9d5c-0f2f6c1f7a11"},
		"node": map[string]any{"name": "node-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"}, "warnafter": now.Add(time.Hour).Unix()}
	return claims
}
