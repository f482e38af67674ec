package permit

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"gatehouse/policy"
)

func TestCheck(t *testing.T) {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := Permit{ID: "prm_1", User: "nobody", Argv: policy.Argv{"id"}, NotAfter: now.Add(Lifetime)}
	good, err := Sign(key, p)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := Sign(other, p)
	if err != nil {
		t.Fatal(err)
	}
	p.ID = "prm_2"
	second, err := Sign(key, p)
	if err != nil {
		t.Fatal(err)
	}
	c := NewChecker(pub, func() time.Time { return now })
	if got, err := c.Check(good); err != nil || got.User != "nobody" {
		t.Fatalf("Check(good) = %+v, %v", got, err)
	}
	if _, err := c.Check(good); !errors.Is(err, ErrUsed) {
		t.Errorf("second use: %v, want ErrUsed", err)
	}
	for name, data := range map[string][]byte{
		"another key": forged, "empty": nil, "not JSON": []byte("{"),
		"one bit": bytes.Replace(second, []byte(`"payload":"e`), []byte(`"payload":"f`), 1),
	} {
		if _, err := c.Check(data); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v, want ErrForged", name, err)
		}
	}
	now = now.Add(Lifetime + time.Second)
	if _, err := c.Check(second); !errors.Is(err, ErrExpired) {
		t.Errorf("late: %v, want ErrExpired", err)
	}
}
