package oidc

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestClaims: what a rightly signed token may say, and what not, each with its code.
func TestClaims(t *testing.T) {
	w := newWorld(t, nil)
	now := w.clock.now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	type set map[string]any
	for name, c := range map[string]struct {
		change set
		want   Code
	}{
		"nothing":                           {set{}, ""},
		"another audience":                  {set{"aud": "https://other.example"}, CodeWrongAudience},
		"an audience that is longer":        {set{"aud": audience + "/"}, CodeWrongAudience},
		"an audience that is shorter":       {set{"aud": audience[:len(audience)-1]}, CodeWrongAudience},
		"an audience in capitals":           {set{"aud": strings.ToUpper(audience)}, CodeWrongAudience},
		"every audience":                    {set{"aud": "*"}, CodeWrongAudience},
		"no audience":                       {set{"aud": nil}, CodeMalformed},
		"an empty audience":                 {set{"aud": ""}, CodeWrongAudience},
		"an empty list of audiences":        {set{"aud": []string{}}, CodeWrongAudience},
		"an audience in a list":             {set{"aud": []string{audience}}, ""},
		"an audience that is a number":      {set{"aud": []any{audience, 1}}, CodeMalformed},
		"an audience that is an object":     {set{"aud": map[string]any{audience: true}}, CodeMalformed},
		"two audiences":                     {set{"aud": []string{audience, "b"}}, CodeWrongAudience},
		"two audiences, made for us":        {set{"aud": []string{"b", audience}, "azp": audience}, ""},
		"two audiences, made for the other": {set{"aud": []string{"b", audience}, "azp": "b"}, CodeWrongAudience},
		"one audience twice":                {set{"aud": []string{audience, audience}}, CodeWrongAudience},
		"one audience, made by a client":    {set{"azp": "112233"}, ""},
		"many audiences":                    {set{"aud": strings.Split(strings.Repeat("a,", 16)+audience, ","), "azp": audience}, CodeMalformed},
		"another issuer":                    {set{"iss": "https://other.example"}, CodeWrongIssuer},
		"an issuer with a slash":            {set{"iss": w.URL + "/"}, CodeWrongIssuer},
		"an issuer in capitals":             {set{"iss": strings.ToUpper(w.URL)}, CodeWrongIssuer},
		"no issuer":                         {set{"iss": nil}, CodeMalformed},
		"issuers":                           {set{"iss": []string{w.URL}}, CodeMalformed},
		"expired a second ago":              {set{"exp": at(-time.Second)}, CodeExpired},
		"expires now":                       {set{"exp": at(0), "iat": at(-time.Minute)}, CodeExpired},
		"expires in a second":               {set{"exp": at(time.Second)}, ""},
		"no expiry":                         {set{"exp": nil}, CodeMalformed},
		"an expiry that is text":            {set{"exp": fmt.Sprint(at(time.Hour))}, CodeMalformed},
		"an expiry beyond time":             {set{"exp": json.Number("1e400")}, CodeMalformed},
		"an expiry far away":                {set{"exp": json.Number("253402300799")}, CodeTooLong},
		"an expiry before time":             {set{"exp": -1}, CodeMalformed},
		"an expiry with a fraction":         {set{"exp": json.Number(fmt.Sprintf("%d.75", at(time.Minute)))}, ""},
		"EXP for exp":                       {set{"exp": nil, "EXP": at(time.Minute)}, CodeMalformed},
		"made in 30 s":                      {set{"iat": at(skew)}, ""},
		"made in 31 s":                      {set{"iat": at(skew + time.Second)}, CodeNotYetValid},
		"not before 30 s":                   {set{"nbf": at(skew)}, ""},
		"not before 31 s":                   {set{"nbf": at(skew + time.Second)}, CodeNotYetValid},
		"not before text":                   {set{"nbf": "now"}, CodeMalformed},
		"no nbf":                            {set{"nbf": nil}, ""},
		"no iat":                            {set{"iat": nil}, CodeMalformed},
		"ends as it begins":                 {set{"iat": at(10 * time.Second), "exp": at(10 * time.Second)}, CodeMalformed},
		"lives a day":                       {set{"iat": at(-time.Hour), "exp": at(23 * time.Hour)}, ""},
		"lives a day and a second":          {set{"iat": at(-time.Hour), "exp": at(23*time.Hour + time.Second)}, CodeTooLong},
		"no subject":                        {set{"sub": nil}, CodeMalformed},
		"an empty subject":                  {set{"sub": ""}, CodeMalformed},
		"a subject with spaces in it":       {set{"sub": "repo:o/r:environment:My Env"}, ""},
		"a subject with a space after it":   {set{"sub": "admin "}, CodeMalformed},
		"a subject with a newline":          {set{"sub": "a\nb"}, CodeMalformed},
		"a subject that is not ASCII":       {set{"sub": "аdmin"}, CodeMalformed},
		"a subject with an escape":          {set{"sub": "\x1b[2J"}, CodeMalformed},
		"a long subject":                    {set{"sub": strings.Repeat("s", 256)}, CodeMalformed},
		"a subject that is a number":        {set{"sub": 0}, CodeMalformed},
		"no jti":                            {set{"jti": nil}, CodeMalformed},
		"an empty jti":                      {set{"jti": ""}, CodeMalformed},
		"a jti that is a number":            {set{"jti": 7}, CodeMalformed},
		"a long jti":                        {set{"jti": strings.Repeat("j", 256)}, CodeMalformed},
		"a logout token":                    {set{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": set{}}}, CodeMalformed},
		"a nest of objects":                 {set{"x": set{"y": []any{set{"z": 1}}}}, ""},
	} {
		claims := w.claims()
		maps.Copy(claims, c.change)
		for name, v := range c.change {
			if v == nil {
				delete(claims, name)
			}
		}
		if got := w.verify(w.Sign(claims)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestWithoutJTI: where the issuer may leave jti out, the token's own bytes name it, whatever its signature; a jti that is there counts.
func TestWithoutJTI(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.JTIOptional = true })
	w.Rotate("ES256") // signs the same bytes in another way each time
	claims := w.Kubernetes(audience, "prod", "deployer", w.clock.now())
	if got, err := w.provider.Verify(t.Context(), w.Sign(claims)); err != nil || got.ID != claims["jti"] {
		t.Errorf("with jti: %+v, %v", got, err)
	}
	delete(claims, "jti")
	first, second := w.Sign(claims), w.Sign(claims)
	one, err := w.provider.Verify(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := w.provider.Verify(t.Context(), second)
	if err != nil || first == second || one.ID != two.ID || !strings.HasPrefix(one.ID, "sha256:") || len(one.ID) != 71 {
		t.Errorf("%q, %q, %v", one.ID, two.ID, err)
	}
	claims["sub"] = "another"
	if other, err := w.provider.Verify(t.Context(), w.Sign(claims)); err != nil || other.ID == one.ID {
		t.Errorf("another token: %q, %v", other.ID, err)
	}
	claims["jti"] = ""
	if got := w.verify(w.Sign(claims)); got != CodeMalformed {
		t.Errorf("an empty jti: %q", got)
	}
}

// chain nests actors as a token does; the last acts.
func chain(actors ...string) any {
	var act map[string]any
	for _, a := range actors {
		next := map[string]any{"sub": a}
		if act != nil {
			next["act"] = act
		}
		act = next
	}
	return act
}

// TestActors: the order is from the first delegate to the acting party; what is not understood is refused.
func TestActors(t *testing.T) {
	w := newWorld(t, nil)
	for _, want := range [][]string{{"agent"}, {"orchestrator", "agent"}, {"a", "b", "c", "d"}, {strings.Repeat("a", 128)}} {
		claims := w.claims()
		claims["act"] = chain(want...)
		if got, err := w.provider.Verify(t.Context(), w.Sign(claims)); err != nil || !reflect.DeepEqual(got.Actors, want) {
			t.Errorf("%q: %q, %v", want, got.Actors, err)
		}
	}
	type set map[string]any
	for name, act := range map[string]any{
		"too deep": chain("a", "b", "c", "d", "e"), "text": "agent", "a list": []any{set{"sub": "a"}}, "null": nil, "empty": set{}, "no sub": set{"act": set{"sub": "a"}},
		"an empty sub": chain(""), "a number": set{"sub": 1}, "a semicolon": chain("a;own=person:ann"), "an equals sign": chain("a=b"), "an arrow": chain("a>b"), "a comma": chain("a,b"),
		"a space": chain("a b"), "a newline": chain("a\n"), "not ASCII": chain("é"), "long": chain(strings.Repeat("a", 129)), "the inner one bad": chain("a;b", "c"),
		"by another issuer": set{"sub": "a", "iss": "https://other.example"}, "an unknown field": set{"sub": "a", "client_id": "x"}, "SUB": set{"SUB": "a"},
	} {
		claims := w.claims()
		claims["act"] = act
		if got := w.verify(w.Sign(claims)); got != CodeActor {
			t.Errorf("%s: %q", name, got)
		}
	}
	claims := w.claims()
	claims["act"] = set{"sub": "a", "iss": w.URL}
	if got := w.verify(w.Sign(claims)); got != "" {
		t.Errorf("its own issuer: %q", got)
	}
}

// value is any JSON value.
func value() *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(), rapid.String().AsAny())
	return rapid.OneOf(leaf, rapid.SliceOfN(leaf, 0, 3).AsAny(), rapid.MapOfN(rapid.SampledFrom([]string{"sub", "act", "iss", "x"}), leaf, 0, 3).AsAny())
}

// TestClaimsProperty: whatever one claim becomes, the token is refused with a code, or what was read is in its bounds.
func TestClaimsProperty(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	want := expected{issuer: "https://i.example", audience: "a", maxLifetime: MaxLifetime, now: now}
	rapid.Check(t, func(t *rapid.T) {
		claims := map[string]any{"iss": "https://i.example", "aud": "a", "sub": "s", "jti": "j", "iat": now.Unix(), "exp": now.Unix() + 60}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			claims[rapid.SampledFrom([]string{"iss", "aud", "sub", "jti", "iat", "exp", "nbf", "azp", "act", "events"}).Draw(t, "claim")] = value().Draw(t, "value")
		}
		text, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		all, err := decodeObject(text)
		if err != nil {
			return
		}
		c, err := readClaims(all, want, "")
		checkRead(t, c, err, want)
	})
}

type failer interface{ Fatalf(string, ...any) }

// checkRead is what holds for every result of readClaims.
func checkRead(t failer, c Claims, err error, want expected) {
	if err != nil {
		if e, ok := err.(*Error); !ok || e.Code == "" || !printable(e.Line, 2000, "") {
			t.Fatalf("not a refusal of one line: %v", err)
		}
		return
	}
	if c.Issuer != want.issuer || !want.now.Before(c.Expires) || c.IssuedAt.After(want.now.Add(skew)) || c.Expires.Sub(c.IssuedAt) > want.maxLifetime || len(c.Actors) > MaxActors {
		t.Fatalf("taken: %+v", c)
	}
	if !printable(c.Subject, maxSubject, "") || !printable(c.ID, maxID, "") {
		t.Fatalf("taken: subject %q, id %q", c.Subject, c.ID)
	}
	for _, a := range c.Actors {
		if !printable(a, maxActor, ";=>, ") {
			t.Fatalf("taken: actor %q", a)
		}
	}
}
