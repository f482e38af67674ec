package oidc

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// The bounds of claims.
const (
	MaxActors    = 4
	maxActor     = 128
	maxSubject   = 255 // OpenID Connect Core 1.0, section 2
	maxID        = 255
	maxAudiences = 16
	maxYear      = 253402300800 // seconds until the year 10000
	skew         = 30 * time.Second
)

// Claims is what a verified token says.
type Claims struct {
	Issuer    string
	Subject   string // printable ASCII, 1 to 255 bytes
	ID        string // jti, or "sha256:…" of the signed bytes where Config.JTIOptional allows a token without one
	IssuedAt  time.Time
	Expires   time.Time
	NotBefore time.Time // zero where the token has none

	// Actors is the chain of delegation (RFC 8693, section 4.1), from the owner's first delegate to the party that acts now,
	// which is last. In the token it is the other way round: the outermost act acts now. Empty without act.
	Actors []string

	// All is the whole payload. Numbers are json.Number, objects map[string]any, lists []any.
	All map[string]any
}

// expected is what claims are checked against.
type expected struct {
	issuer      string
	audience    string
	party       bool // azp, where there is one, must be the audience: ID tokens are for the client that asked
	jtiOptional bool
	maxLifetime time.Duration
	now         time.Time
}

// readClaims checks a payload. id is the ID of a token that has no jti and needs none.
func readClaims(all map[string]any, want expected, id string) (Claims, error) {
	c := Claims{All: all}
	var err error
	for _, step := range []func(map[string]any, expected) error{c.readIssuer, c.readAudience, c.readTimes, c.readSubject} {
		if err := step(all, want); err != nil {
			return Claims{}, err
		}
	}
	if c.ID, err = readID(all, want, id); err != nil {
		return Claims{}, err
	}
	if c.Actors, err = readActors(all, want.issuer); err != nil {
		return Claims{}, err
	}
	return c, nil
}

func (c *Claims) readIssuer(all map[string]any, want expected) error {
	iss, ok := all["iss"].(string)
	if !ok {
		return refuse(CodeMalformed, "the token names no issuer (iss)")
	}
	if iss != want.issuer {
		return refuse(CodeWrongIssuer, "the token is by %s, trusted is %s: ask that issuer for one, or add this issuer to the policy", quote(iss), quote(want.issuer))
	}
	c.Issuer = iss
	return nil
}

// readAudience: the audience is among those of the token. A token for several says by azp for whom it was made; without that
// every one of them could use it at the others.
func (c *Claims) readAudience(all map[string]any, want expected) error {
	var audiences []any
	switch v := all["aud"].(type) {
	case string:
		audiences = []any{v}
	case []any:
		audiences = v
	default:
		return refuse(CodeMalformed, "the token has no audience (aud): ask the issuer for one with audience %s", quote(want.audience))
	}
	if len(audiences) > maxAudiences || slices.ContainsFunc(audiences, func(a any) bool { _, ok := a.(string); return !ok }) {
		return refuse(CodeMalformed, "the token's audience (aud) is not a string or up to %d of them", maxAudiences)
	}
	if !slices.Contains(audiences, any(want.audience)) {
		return refuse(CodeWrongAudience, "the token is for %s: ask the issuer for one with audience %s", quote(audiences), quote(want.audience))
	}
	azp, has := all["azp"]
	if (len(audiences) > 1 || want.party && has) && azp != any(want.audience) {
		return refuse(CodeWrongAudience, "the token is for more than one audience or made for another party (azp): ask the issuer for one with audience %s alone", quote(want.audience))
	}
	return nil
}

func (c *Claims) readTimes(all map[string]any, want expected) error {
	var err error
	if c.Expires, err = readTime(all, "exp"); err != nil {
		return err
	}
	if c.IssuedAt, err = readTime(all, "iat"); err != nil {
		return err
	}
	if _, has := all["nbf"]; has {
		if c.NotBefore, err = readTime(all, "nbf"); err != nil {
			return err
		}
	}
	latest := want.now.Add(skew)
	switch {
	case c.IssuedAt.After(latest) || c.NotBefore.After(latest):
		return refuse(CodeNotYetValid, "the token is not valid yet: compare the clocks of the issuer and of this machine (%s)", want.now.UTC().Format(time.RFC3339))
	case !want.now.Before(c.Expires):
		return refuse(CodeExpired, "the token expired at %s: ask the issuer for a new one", c.Expires.Format(time.RFC3339))
	case !c.IssuedAt.Before(c.Expires):
		return refuse(CodeMalformed, "the token ends before it begins (iat, exp)")
	case c.Expires.Sub(c.IssuedAt) > want.maxLifetime:
		return refuse(CodeTooLong, "the token lives %s, at most %s is taken: ask the issuer for a shorter one", c.Expires.Sub(c.IssuedAt), want.maxLifetime)
	}
	return nil
}

// readTime reads a NumericDate (RFC 7519, section 2), cut to whole seconds.
func readTime(all map[string]any, name string) (time.Time, error) {
	number, ok := all[name].(json.Number)
	if !ok {
		return time.Time{}, refuse(CodeMalformed, "the token's %s is missing or not a number of seconds", name)
	}
	seconds, err := strconv.ParseFloat(string(number), 64)
	if err != nil || seconds < 1 || seconds >= maxYear {
		return time.Time{}, refuse(CodeMalformed, "the token's %s is not a time", name)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

func (c *Claims) readSubject(all map[string]any, _ expected) error {
	sub, ok := all["sub"].(string)
	if !ok || !printable(sub, maxSubject, "") {
		return refuse(CodeMalformed, "the token's subject (sub) is missing or not 1 to %d printable ASCII characters", maxSubject)
	}
	if _, has := all["events"]; has {
		return refuse(CodeMalformed, "this is a security event or a logout token, not one that says who somebody is")
	}
	c.Subject = sub
	return nil
}

func readID(all map[string]any, want expected, otherwise string) (string, error) {
	v, has := all["jti"]
	if !has && want.jtiOptional {
		return otherwise, nil
	}
	jti, ok := v.(string)
	if !ok || !printable(jti, maxID, "") {
		return "", refuse(CodeMalformed, "the token's id (jti) is missing or not 1 to %d printable ASCII characters: without it, it could be used twice", maxID)
	}
	return jti, nil
}

// readActors reads nested act claims. Names go into key IDs, so they hold nothing that separates fields there.
func readActors(all map[string]any, issuer string) ([]string, error) {
	var actors []string
	for {
		v, has := all["act"]
		if !has {
			break
		}
		act, ok := v.(map[string]any)
		if !ok {
			return nil, refuse(CodeActor, "the token's act is not an object")
		}
		if len(actors) == MaxActors {
			return nil, refuse(CodeActor, "the token delegates more than %d times (act)", MaxActors)
		}
		for name, v := range act {
			if name != "sub" && name != "act" && (name != "iss" || v != any(issuer)) {
				return nil, refuse(CodeActor, "the token's act says %s, understood are sub and act, and iss where it is the token's own", quote(name))
			}
		}
		sub, ok := act["sub"].(string)
		if !ok || !printable(sub, maxActor, ";=>, ") {
			return nil, refuse(CodeActor, "an actor in the token (act.sub) is missing or not 1 to %d printable ASCII characters without space ; = > ,", maxActor)
		}
		actors = append(actors, sub)
		all = act
	}
	slices.Reverse(actors)
	return actors, nil
}

// printable says whether s is 1 to limit bytes of printable ASCII with none of the bytes of without, not beginning or ending in
// a space.
func printable(s string, limit int, without string) bool {
	if s == "" || len(s) > limit || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
		for j := range len(without) {
			if s[i] == without[j] {
				return false
			}
		}
	}
	return true
}
