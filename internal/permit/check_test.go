package permit

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/policy"
)

func newChecker(t *testing.T, now *time.Time) (*Checker, ed25519.PrivateKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return NewChecker(pub, func() time.Time { return *now }), key
}

// wrap signs any payload under any domain, as whoever had the key could.
func wrap(t *testing.T, key ed25519.PrivateKey, domain, payload string) []byte {
	t.Helper()
	text, err := json.Marshal(signed{Payload: []byte(payload), Signature: ed25519.Sign(key, []byte(domain+payload))})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestPayload: even a signature by the right key is good for one kind of thing in one form.
func TestPayload(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c, key := newChecker(t, &now)
	const good = `{"id":"prm_1","session":"s","target":"t","login":"l","user":"nobody","argv":["id"],"not_after":"2026-01-01T00:00:30Z"}`
	for name, text := range map[string][]byte{
		"another domain":   wrap(t, key, "gatehouse permit v2\n", good),
		"no domain":        wrap(t, key, "", good),
		"an unknown field": wrap(t, key, domain, strings.Replace(good, `"user"`, `"root":true,"user"`, 1)),
		"no id":            wrap(t, key, domain, strings.Replace(good, "prm_1", "", 1)),
		"no argv":          wrap(t, key, domain, strings.Replace(good, `["id"]`, `[]`, 1)),
		"too large":        wrap(t, key, domain, strings.Replace(good, `"id"]`, `"`+strings.Repeat("x", maxSize)+`"]`, 1)),
	} {
		if _, err := c.Check(text); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Check(wrap(t, key, domain, good)); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// TestEveryByte: no single changed byte of a permit is accepted as another permit.
func TestEveryByte(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c, key := newChecker(t, &now)
	text, err := Sign(key, Permit{ID: "prm_1", User: "nobody", Argv: policy.Argv{"id"}, NotAfter: now.Add(Lifetime)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		changed := append([]byte{}, text...)
		changed[i] ^= 1
		// JSON's own freedoms (a key's case) leave the permit as it is; then it is used up, and no other.
		if p, err := c.Check(changed); err == nil && (p.ID != "prm_1" || p.User != "nobody" || len(p.Argv) != 1 || p.Argv[0] != "id") {
			t.Errorf("byte %d: %+v", i, p)
		}
	}
}

// TestOnce: of many at once one is accepted.
func TestOnce(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c, key := newChecker(t, &now)
	text, err := Sign(key, Permit{ID: "prm_1", User: "nobody", Argv: policy.Argv{"id"}, NotAfter: now.Add(Lifetime)})
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int32
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() {
			if _, err := c.Check(text); err == nil {
				accepted.Add(1)
			}
		})
	}
	work.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("accepted %d times", n)
	}
}

// TestBound: what is remembered is bounded, refused at the bound, and forgotten when it has expired and could not be used.
func TestBound(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c, key := newChecker(t, &now)
	for i := range maxUsed {
		c.used[fmt.Sprintf("prm_%d", i)] = now.Add(Lifetime)
	}
	p := Permit{ID: "prm_x", User: "nobody", Argv: policy.Argv{"id"}, NotAfter: now.Add(2 * Lifetime)}
	text, err := Sign(key, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Check(text); err == nil || len(c.used) != maxUsed {
		t.Errorf("at the bound: %v, %d remembered", err, len(c.used))
	}
	now = now.Add(Lifetime + time.Second)
	if _, err := c.Check(text); err != nil || len(c.used) != 1 {
		t.Errorf("afterwards: %v, %d remembered", err, len(c.used))
	}
}
