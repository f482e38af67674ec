package oidc

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse/internal/testoidc"
)

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// drip says a byte at a time, as long as somebody listens.
func drip(w http.ResponseWriter, r *http.Request) {
	for tick := time.NewTicker(time.Millisecond); ; {
		_, _ = io.WriteString(w, " ")
		w.(http.Flusher).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			tick.Stop()
			return
		}
	}
}

// TestLyingIssuer: what an issuer says that contradicts the configuration or the bounds is refused, with its code, and no token
// is taken afterwards.
func TestLyingIssuer(t *testing.T) {
	w := newWorld(t, nil)
	other := testoidc.New(t)
	document := func(change map[string]any) http.HandlerFunc {
		all := map[string]any{"issuer": w.URL, "jwks_uri": w.URL + testoidc.KeysPath}
		for name, v := range change {
			all[name] = v
		}
		return say(w.payload(all))
	}
	redirect := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusFound)
	}
	w.Handle("/moved"+testoidc.DiscoveryPath, document(nil))
	keys, err := json.Marshal(w.KeySet())
	if err != nil {
		t.Fatal(err)
	}
	w.Handle("/moved"+testoidc.KeysPath, say(string(keys)))
	// What is right as far as it goes, and 10 MB of nothing after it.
	flood := func(right http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			right(w, r)
			_, _ = io.WriteString(w, strings.Repeat(" ", 10<<20))
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		for err := error(nil); err == nil && r.Context().Err() == nil; {
			_, err = io.WriteString(w, strings.Repeat(" ", 1<<16))
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(keys)
	_ = z.Close()
	zipped := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	}
	many, err := json.Marshal(map[string]any{"keys": make([]struct{}, maxKeys+1)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path   string
		answer http.HandlerFunc
		want   Code
	}{
		"another issuer":               {testoidc.DiscoveryPath, document(map[string]any{"issuer": other.URL}), CodeIssuerLying},
		"an issuer with a slash":       {testoidc.DiscoveryPath, document(map[string]any{"issuer": w.URL + "/"}), CodeIssuerLying},
		"no issuer":                    {testoidc.DiscoveryPath, say(`{}`), CodeIssuerLying},
		"an issuer twice":              {testoidc.DiscoveryPath, say(fmt.Sprintf(`{"issuer":%q,"issuer":%q,"jwks_uri":%q}`, other.URL, w.URL, w.URL+testoidc.KeysPath)), CodeIssuerLying},
		"keys elsewhere":               {testoidc.DiscoveryPath, document(map[string]any{"jwks_uri": other.URL + testoidc.KeysPath}), CodeIssuerLying},
		"keys on another port":         {testoidc.DiscoveryPath, document(map[string]any{"jwks_uri": "https://127.0.0.1/keys"}), CodeIssuerLying},
		"keys without TLS":             {testoidc.DiscoveryPath, document(map[string]any{"jwks_uri": "http" + strings.TrimPrefix(w.URL, "https") + "/keys"}), CodeIssuerLying},
		"keys in a file":               {testoidc.DiscoveryPath, document(map[string]any{"jwks_uri": "file:///etc/keys"}), CodeIssuerLying},
		"keys with a password":         {testoidc.DiscoveryPath, document(map[string]any{"jwks_uri": strings.Replace(w.URL, "https://", "https://a:b@", 1)}), CodeIssuerLying},
		"no keys":                      {testoidc.DiscoveryPath, document(map[string]any{"jwks_uri": nil}), CodeIssuerLying},
		"sign-ins elsewhere":           {testoidc.DiscoveryPath, document(map[string]any{"token_endpoint": other.URL}), CodeIssuerLying},
		"discovery is HTML":            {testoidc.DiscoveryPath, say("<html>"), CodeIssuerLying},
		"discovery redirects":          {testoidc.DiscoveryPath, redirect, CodeIssuerLying},
		"discovery is huge":            {testoidc.DiscoveryPath, flood(document(nil)), CodeIssuerLying},
		"discovery is not there":       {testoidc.DiscoveryPath, status(http.StatusNotFound), CodeIssuerUnreachable},
		"discovery drips":              {testoidc.DiscoveryPath, drip, CodeIssuerUnreachable},
		"keys redirect":                {testoidc.KeysPath, redirect, CodeIssuerLying},
		"keys are 10 MB":               {testoidc.KeysPath, flood(say(string(keys))), CodeIssuerLying},
		"keys do not end":              {testoidc.KeysPath, endless, CodeIssuerLying},
		"keys are compressed, unasked": {testoidc.KeysPath, zipped, CodeIssuerLying},
		"keys drip":                    {testoidc.KeysPath, drip, CodeIssuerUnreachable},
		"keys are too many":            {testoidc.KeysPath, say(string(many)), CodeIssuerLying},
		"keys are no list":             {testoidc.KeysPath, say(`{"keys":{}}`), CodeIssuerLying},
		"keys are there twice":         {testoidc.KeysPath, say(`{"keys":[],"keys":[]}`), CodeIssuerLying},
		"keys fail":                    {testoidc.KeysPath, status(http.StatusInternalServerError), CodeIssuerUnreachable},
		"keys never begin":             {testoidc.KeysPath, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, CodeIssuerUnreachable},
		"keys break off":               {testoidc.KeysPath, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, CodeIssuerUnreachable},
		"keys break off in their middle": {testoidc.KeysPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = io.WriteString(w, "{")
		}, CodeIssuerUnreachable},
		"headers are huge": {testoidc.KeysPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, CodeIssuerUnreachable},
		"keys are empty": {testoidc.KeysPath, say(`{"keys":[]}`), CodeUnknownKey},
	} {
		t.Run(name, func(t *testing.T) {
			w.Handle(c.path, c.answer)
			defer w.Handle(c.path, nil)
			p := w.open(nil)
			if c.want == CodeIssuerUnreachable {
				p.keys.patience = 300 * time.Millisecond
			}
			_, err := p.Verify(t.Context(), w.Sign(w.claims()))
			if got := codeOf(t, err); got != c.want {
				t.Errorf("%q, want %q: %v", got, c.want, err)
			}
		})
	}
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Errorf("the honest issuer: %q", got)
	}
}

// TestKeysThatAreNot: keys that must never verify a token are passed over, whatever else is in the set.
func TestKeysThatAreNot(t *testing.T) {
	w := newWorld(t, nil)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := w.Rotate(jose.ES256)
	secret := []byte("a secret of more than 32 bytes length")
	set := func(keys ...jose.JSONWebKey) http.HandlerFunc {
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		// A key of a kind that nobody knows, beside the others.
		return say(strings.Replace(string(text), `[{`, `[{"kty":"PQC","alg":"ML-DSA-44","kid":"q"},{`, 1))
	}
	public := jose.JSONWebKey{Key: good.Private.Public(), KeyID: good.ID}
	shortKey := &testoidc.Key{ID: "short", Alg: jose.RS256, Private: short}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		raw    string
		want   Code
	}{
		"good":                  {set(public), w.Sign(w.claims()), ""},
		"for encryption":        {set(jose.JSONWebKey{Key: public.Key, KeyID: good.ID, Use: "enc"}), w.Sign(w.claims()), CodeUnknownKey},
		"private":               {set(jose.JSONWebKey{Key: good.Private, KeyID: good.ID}), w.Sign(w.claims()), CodeUnknownKey},
		"without a name":        {set(jose.JSONWebKey{Key: public.Key}), w.Sign(w.claims()), CodeUnknownKey},
		"for another algorithm": {set(jose.JSONWebKey{Key: public.Key, KeyID: good.ID, Algorithm: "ES384"}), w.Sign(w.claims()), CodeUnknownKey},
		"short":                 {set(jose.JSONWebKey{Key: short.Public(), KeyID: "short"}), w.SignWith(shortKey, w.claims(), nil), CodeUnknownKey},
		"symmetric":             {set(jose.JSONWebKey{Key: secret, KeyID: "oct"}), hand(`{"alg":"HS256","kid":"oct"}`, w.payload(w.claims()), hmacWith(secret)), CodeAlgNotAllowed},
		"symmetric, as RS256":   {set(jose.JSONWebKey{Key: secret, KeyID: "oct"}), hand(`{"alg":"RS256","kid":"oct"}`, w.payload(w.claims()), hmacWith(secret)), CodeUnknownKey},
		"two of one name":       {set(jose.JSONWebKey{Key: w.Rotate(jose.ES256).Private.Public(), KeyID: good.ID}, public), w.SignWith(good, w.claims(), nil), ""},
	} {
		w.Handle(testoidc.KeysPath, c.answer)
		_, err := w.open(nil).Verify(t.Context(), c.raw)
		if got := codeOf(t, err); got != c.want {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
		}
	}
}

// TestUntrustedHost: without a certificate by the pinned roots, in time and for the host, nothing is read.
func TestUntrustedHost(t *testing.T) {
	w := newWorld(t, nil)
	other := testoidc.New(t)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = http.Serve(plain, w.Issuer)
	}()
	t.Cleanup(func() { _ = plain.Close(); <-done })
	for name, c := range map[string]struct {
		change func(*Config)
		want   Code
	}{
		"another's root":      {func(c *Config) { c.Roots = other.Roots }, CodeIssuerUntrusted},
		"the system's roots":  {func(c *Config) { c.Roots = nil }, CodeIssuerUntrusted},
		"certificate too old": {func(c *Config) { c.Now = func() time.Time { return time.Now().AddDate(20, 0, 0) } }, CodeIssuerUntrusted},
		"certificate too new": {func(c *Config) { c.Now = func() time.Time { return time.Now().AddDate(-1, 0, 0) } }, CodeIssuerUntrusted},
		"another host answers": {func(c *Config) {
			c.Dial = func(ctx context.Context, _ string, _ uint16) (net.Conn, error) {
				return testoidc.Dial(ctx, other.Host, other.Port)
			}
		}, CodeIssuerUntrusted},
		"no TLS": {func(c *Config) {
			c.Dial = func(ctx context.Context, _ string, _ uint16) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", plain.Addr().String())
			}
		}, CodeIssuerUntrusted},
		"nobody answers": {func(c *Config) {
			c.Dial = func(context.Context, string, uint16) (net.Conn, error) { return nil, io.ErrClosedPipe }
		}, CodeIssuerUnreachable},
		"hangs up": {func(c *Config) {
			c.Dial = func(context.Context, string, uint16) (net.Conn, error) {
				a, b := net.Pipe()
				_ = b.Close()
				return a, nil
			}
		}, CodeIssuerUnreachable},
	} {
		_, err := w.open(c.change).Verify(t.Context(), w.Sign(w.claims()))
		if got := codeOf(t, err); got != c.want {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
		}
	}
	if w.Fetched() != 0 {
		t.Errorf("the keys were read %d times", w.Fetched())
	}
}

// TestConfig: what is not one https issuer and one audience is no configuration.
func TestConfig(t *testing.T) {
	for _, issuer := range []string{"", "http://localhost", "http://issuer.example", "issuer.example", "https://", "https:///path", "https://a:b@issuer.example", "https://issuer.example?x=1", "https://issuer.example#x",
		"https://issuer.example:0", "https://issuer.example:99999", "https://ïssuer.example", "file:///etc"} {
		if _, err := New(Config{Issuer: issuer, Audience: "a", Dial: testoidc.Dial}); err == nil {
			t.Errorf("%q is an issuer", issuer)
		}
	}
	for name, change := range map[string]func(*Config){"no audience": func(c *Config) { c.Audience = "" }, "no way to dial": func(c *Config) { c.Dial = nil }, "a host with a path": func(c *Config) { c.Hosts = []string{"a/b"} },
		"a long life": func(c *Config) { c.MaxLifetime = MaxLifetime + 1 }, "a negative life": func(c *Config) { c.MaxLifetime = -1 }} {
		c := Config{Issuer: "https://issuer.example", Audience: "a", Dial: testoidc.Dial}
		change(&c)
		if _, err := New(c); err == nil {
			t.Error(name)
		}
	}
	p, err := New(Config{Issuer: "https://Issuer.example/path", Audience: "a", Hosts: []string{"keys.example", "keys.example:8443"}, Dial: testoidc.Dial})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for address, want := range map[string]bool{"issuer.example:443": true, "keys.example:443": true, "keys.example:8443": true, "issuer.example:8443": false, "example:443": false} {
		host, _, _ := net.SplitHostPort(address)
		port := uint16(443)
		if strings.HasSuffix(address, ":8443") {
			port = 8443
		}
		if p.Reaches(host, port) != want {
			t.Errorf("%s: %t", address, !want)
		}
	}
	if bytes.Contains([]byte(quote("\x1b[2Jé"+strings.Repeat("x", 1000))), []byte("\x1b")) || len(quote(strings.Repeat("é", 1000))) > 7*maxQuoted {
		t.Error("what is quoted is not safe")
	}
}
