package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"

	"gatehouse/internal/testoidc"
)

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// hand makes a token by hand: header and payload as they are, and a signature.
func hand(header, payload string, sign func(input string) []byte) string {
	input := b64(header) + "." + b64(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

func (w *world) payload(claims map[string]any) string {
	text, err := json.Marshal(claims)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

func nothing(string) []byte { return nil }

// hmacWith signs with a secret, as HS256 does.
func hmacWith(secret []byte) func(string) []byte {
	return func(input string) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
}

// TestForgeries: what is not signed by a key that the issuer publishes, in the one form, is refused, each with its code.
func TestForgeries(t *testing.T) {
	w := newWorld(t, nil)
	rsaKey := w.Key()
	ecKey := w.Rotate(jose.ES256)
	payload := w.payload(w.claims())
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	good := w.Sign(w.claims())
	parts := strings.Split(good, ".")
	foreign := testoidc.New(t) // its key has the same name, key-1
	foreignEC := foreign.Rotate(jose.ES256)
	jwk, err := json.Marshal(jose.JSONWebKey{Key: foreign.Key().Private.Public(), KeyID: ecKey.ID, Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	with := func(key *testoidc.Key, name string, value any) string {
		return w.SignWith(key, w.claims(), map[jose.HeaderKey]any{jose.HeaderKey(name): value})
	}
	as := func(key *testoidc.Key, id string, alg jose.SignatureAlgorithm) *testoidc.Key {
		return &testoidc.Key{ID: id, Alg: alg, Private: key.Private}
	}
	for name, c := range map[string]struct {
		raw  string
		want Code
	}{
		"right":                          {good, ""},
		"alg none":                       {hand(`{"alg":"none","kid":"key-1"}`, payload, nothing), CodeAlgNotAllowed},
		"alg None":                       {hand(`{"alg":"None","kid":"key-1"}`, payload, nothing), CodeAlgNotAllowed},
		"alg nOnE with a signature":      {hand(`{"alg":"nOnE","kid":"key-1"}`, payload, hmacWith(public)), CodeAlgNotAllowed},
		"alg empty":                      {hand(`{"alg":"","kid":"key-1"}`, payload, nothing), CodeAlgNotAllowed},
		"no alg":                         {hand(`{"kid":"key-1"}`, payload, nothing), CodeAlgNotAllowed},
		"alg a list":                     {hand(`{"alg":["none","RS256"],"kid":"key-1"}`, payload, nothing), CodeAlgNotAllowed},
		"alg in another case":            {hand(`{"ALG":"RS256","kid":"key-1"}`, payload, nothing), CodeAlgNotAllowed},
		"alg twice":                      {hand(`{"alg":"none","alg":"RS256","kid":"key-1"}`, payload, nothing), CodeMalformed},
		"HMAC with the public key":       {hand(`{"alg":"HS256","kid":"key-1"}`, payload, hmacWith(public)), CodeAlgNotAllowed},
		"HMAC with the public key, DER":  {hand(`{"alg":"HS256","kid":"key-1"}`, payload, hmacWith(der)), CodeAlgNotAllowed},
		"HMAC named RS256":               {hand(`{"alg":"RS256","kid":"key-1"}`, payload, hmacWith(public)), CodeBadSignature},
		"RS512":                          {hand(`{"alg":"RS512","kid":"key-1"}`, payload, nothing), CodeAlgNotAllowed},
		"no signature":                   {parts[0] + "." + parts[1] + ".", CodeBadSignature},
		"another payload":                {parts[0] + "." + b64(payload) + "." + parts[2], CodeBadSignature},
		"another header":                 {b64(`{"alg":"ES256","kid":"key-2","x":1}`) + "." + parts[1] + "." + parts[2], CodeBadSignature},
		"another's key, same name":       {foreign.SignWith(as(foreignEC, "key-2", jose.ES256), w.claims(), nil), CodeBadSignature},
		"a key not published":            {w.SignWith(as(foreignEC, "key-9", jose.ES256), w.claims(), nil), CodeUnknownKey},
		"the RSA key's name for ES256":   {w.SignWith(as(ecKey, "key-1", jose.ES256), w.claims(), nil), CodeAlgNotAllowed},
		"the EC key's name for RS256":    {w.SignWith(as(rsaKey, "key-2", jose.RS256), w.claims(), nil), CodeAlgNotAllowed},
		"PS256 with an RS256 key":        {w.SignWith(as(rsaKey, "key-1", jose.PS256), w.claims(), nil), CodeAlgNotAllowed},
		"no kid":                         {hand(`{"alg":"RS256"}`, payload, nothing), CodeUnknownKey},
		"kid a number":                   {hand(`{"alg":"RS256","kid":1}`, payload, nothing), CodeUnknownKey},
		"kid a path":                     {hand(`{"alg":"RS256","kid":"../../dev/null"}`, payload, nothing), CodeUnknownKey},
		"kid with a newline":             {hand(`{"alg":"RS256","kid":"key-1\n"}`, payload, nothing), CodeUnknownKey},
		"its own key (jwk)":              {foreign.SignWith(as(foreignEC, ecKey.ID, jose.ES256), w.claims(), map[jose.HeaderKey]any{"jwk": json.RawMessage(jwk)}), CodeMalformed},
		"where its keys are (jku)":       {with(ecKey, "jku", foreign.URL+testoidc.KeysPath), CodeMalformed},
		"a certificate (x5c)":            {with(ecKey, "x5c", []string{"AA=="}), CodeMalformed},
		"where it is certified (x5u)":    {with(ecKey, "x5u", foreign.URL), CodeMalformed},
		"crit":                           {hand(`{"alg":"RS256","kid":"key-1","crit":["exp"],"exp":1}`, payload, nothing), CodeMalformed},
		"crit empty":                     {hand(`{"alg":"RS256","kid":"key-1","crit":[]}`, payload, nothing), CodeMalformed},
		"b64 false":                      {hand(`{"alg":"RS256","kid":"key-1","b64":false}`, payload, nothing), CodeMalformed},
		"compressed":                     {with(ecKey, "zip", "DEF"), CodeMalformed},
		"nested":                         {with(ecKey, "cty", "JWT"), CodeMalformed},
		"a logout token":                 {with(ecKey, "typ", "logout+jwt"), CodeMalformed},
		"typ a number":                   {with(ecKey, "typ", 1), CodeMalformed},
		"an access token":                {with(ecKey, "typ", "at+JWT"), ""},
		"an unknown header":              {with(ecKey, "x5t", "abc"), ""},
		"a header that is no object":     {hand(`["RS256"]`, payload, nothing), CodeMalformed},
		"a header and more":              {hand(`{"alg":"RS256","kid":"key-1"}{}`, payload, nothing), CodeMalformed},
		"empty":                          {"", CodeMalformed},
		"dots":                           {"..", CodeMalformed},
		"two parts":                      {parts[0] + "." + parts[1], CodeMalformed},
		"four parts":                     {good + ".x", CodeMalformed},
		"encrypted, five parts":          {good + ".x.y", CodeMalformed},
		"a space after it":               {good + " ", CodeMalformed},
		"a newline in it":                {parts[0] + ".\n" + parts[1] + "." + parts[2], CodeMalformed},
		"padded":                         {parts[0] + "=." + parts[1] + "." + parts[2], CodeMalformed},
		"the JSON form":                  {fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, parts[1], parts[0], parts[2]), CodeMalformed},
		"huge":                           {w.Sign(with64KiB(w.claims())), CodeTooLarge},
		"huge, of nothing":               {strings.Repeat("a", MaxToken+1), CodeTooLarge},
		"many dots":                      {strings.Repeat(".", MaxToken), CodeMalformed},
		"deep":                           {w.SignText(ecKey, []byte(strings.TrimSuffix(payload, "}")+`,"x":`+strings.Repeat("[", maxDepth+1)+strings.Repeat("]", maxDepth+1)+"}"), nil), CodeMalformed},
		"signed by the issuer, not JSON": {w.SignText(ecKey, []byte("hello"), nil), CodeMalformed},
		"signed, a name twice":           {w.SignText(ecKey, []byte(strings.TrimSuffix(payload, "}")+`,"sub":"admin"}`), nil), CodeMalformed},
		"signed, a name twice inside":    {w.SignText(ecKey, []byte(strings.TrimSuffix(payload, "}")+`,"x":{"a":1,"a":2}}`), nil), CodeMalformed},
		"signed, not UTF-8":              {w.SignText(ecKey, []byte(strings.TrimSuffix(payload, "}")+",\"x\":\"\xff\"}"), nil), CodeMalformed},
		"signed, and more":               {w.SignText(ecKey, []byte(payload+"{}"), nil), CodeMalformed},
	} {
		if got := w.verify(c.raw); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func with64KiB(claims map[string]any) map[string]any {
	claims["x"] = strings.Repeat("x", 64<<10)
	return claims
}

// TestEveryByte: no token of which one byte was changed is taken, but for one that says the same: that does not exist.
func TestEveryByte(t *testing.T) {
	w := newWorld(t, nil)
	w.Rotate(jose.ES256)
	raw := w.Sign(w.claims())
	if got := w.verify(raw); got != "" {
		t.Fatal(got)
	}
	for i := range raw {
		for _, c := range "AQx_.\n" {
			if changed := raw[:i] + string(c) + raw[i+1:]; changed != raw && w.verify(changed) == "" {
				t.Fatalf("byte %d as %q is taken", i, c)
			}
		}
	}
	// The last character of a 64 byte signature carries bits that mean nothing.
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if changed := raw[:len(raw)-1] + string(c); changed != raw && w.verify(changed) == "" {
			t.Fatalf("ending in %q is taken", c)
		}
	}
}

// TestJudge: what we take, go-oidc takes, with the same subject.
func TestJudge(t *testing.T) {
	w := newWorld(t, nil)
	ctx := gooidc.ClientContext(t.Context(), w.Client())
	provider, err := gooidc.NewProvider(ctx, w.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range algorithms {
		w.Rotate(alg)
		w.clock.pass(pauseUnknown)
		raw := w.Sign(w.Kubernetes(audience, "prod", "deployer", w.clock.now()))
		ours, err := w.provider.Verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := provider.VerifierContext(ctx, &gooidc.Config{ClientID: audience, SupportedSigningAlgs: []string{string(alg)}, Now: w.clock.now}).Verify(ctx, raw)
		if err != nil || theirs.Subject != ours.Subject || !theirs.Expiry.Equal(ours.Expires) || !theirs.IssuedAt.Equal(ours.IssuedAt) {
			t.Errorf("%s: %+v, %v", alg, theirs, err)
		}
	}
}
