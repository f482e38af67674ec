package oidc

import (
	"encoding/json"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// FuzzClaims: no payload makes the reader panic, and what it takes is in its bounds.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"https://i.example","aud":"a","sub":"repo:o/r:ref:refs/heads/main","jti":"j","iat":1800000000,"nbf":1800000000,"exp":1800000600,"run_id":"1"}`,
		`{"iss":"https://i.example","aud":["a"],"sub":"system:serviceaccount:n:s","iat":1.8e9,"exp":1800003607,"kubernetes.io":{"pod":{"name":"p"}}}`,
		`{"iss":"https://i.example","aud":["a","b"],"azp":"a","sub":"s","jti":"j","iat":1800000000,"exp":1800000600,"act":{"sub":"x","act":{"sub":"y"}}}`,
		`{"a":{"a":[[{"a":1}]]},"a":2}`, `{"exp":1e999}`, `[]`, `{`, `{}{}`, "{\"\xff\":1}", `{"sub":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	want := expected{issuer: "https://i.example", audience: "a", maxLifetime: MaxLifetime, now: time.Unix(1_800_000_001, 0), jtiOptional: true}
	f.Fuzz(func(t *testing.T, payload []byte) {
		all, err := decodeObject(payload)
		if err != nil {
			return
		}
		if !json.Valid(payload) {
			t.Fatalf("decoded what is not JSON: %q", payload)
		}
		c, err := readClaims(all, want, "sha256:00")
		checkRead(t, c, err, want)
	})
}

// FuzzToken: no token makes the parser panic, and what it takes apart has an allowed algorithm and a name for its key.
func FuzzToken(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.AA")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(`{"payload":"e30","protected":"eyJhbGciOiJSUzI1NiJ9","signature":"AA"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := parse(raw)
		if err != nil {
			if e, ok := err.(*Error); !ok || !printable(e.Line, 2000, "") {
				t.Fatalf("not a refusal of one line: %v", err)
			}
			return
		}
		if p.alg == "none" || p.kid == "" || len(p.jws.Signatures) != 1 || len(raw) > MaxToken {
			t.Fatalf("%+v", p)
		}
	})
}

// FuzzKeys: no key set makes the decoder panic, and no key that it keeps is symmetric, private, weak or without a name.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","kid":"k","k":"AA"},{"kty":"EC","crv":"P-256","kid":"e","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`))
	f.Add([]byte(`{"keys":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := decodeKeys(body)
		if err != nil {
			return
		}
		n := 0
		for name, list := range keys {
			for _, key := range list {
				n++
				if !key.IsPublic() || name == "" || fit(key, jose.HS256) {
					t.Fatalf("%q: %+v", name, key)
				}
			}
		}
		if n > maxKeys {
			t.Fatalf("%d keys", n)
		}
	})
}

// BenchmarkVerify: a token by a key that is known.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms {
		b.Run(string(alg), func(b *testing.B) { benchmarkVerify(b, alg) })
	}
}
