package oidc

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"gatehouse/internal/testoidc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const audience = "https://gatehouse.example"

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is a real issuer and a provider for it.
type world struct {
	*testing.T
	*testoidc.Issuer
	clock    *clock
	provider *Provider
	dial     func(context.Context, string, uint16) (net.Conn, error)
}

func newWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := &world{T: t, Issuer: testoidc.New(t), clock: &clock{at: time.Now().Truncate(time.Second)}, dial: testoidc.Dial}
	w.provider = w.open(change)
	return w
}

func (w *world) open(change func(*Config)) *Provider {
	w.Helper()
	cfg := Config{Issuer: w.URL, Audience: audience, Roots: w.Roots, Now: w.clock.now,
		Dial: func(ctx context.Context, host string, port uint16) (net.Conn, error) { return w.dial(ctx, host, port) }}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(p.Close)
	return p
}

func (w *world) claims() map[string]any { return w.Claims(audience, "sub", w.clock.now()) }

// verify returns the code of the refusal, "" for none, and fails for an error that has no code or no line.
func (w *world) verify(raw string) Code {
	w.Helper()
	_, err := w.provider.Verify(w.Context(), raw)
	return codeOf(w.T, err)
}

func codeOf(t *testing.T, err error) Code {
	t.Helper()
	var e *Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &e) || e.Code == "" || e.Line == "" {
		t.Fatalf("not a refusal: %v", err)
	}
	return e.Code
}

func benchmarkVerify(b *testing.B, alg jose.SignatureAlgorithm) {
	i := testoidc.New(b)
	i.Rotate(alg)
	p, err := New(Config{Issuer: i.URL, Audience: audience, Roots: i.Roots, Dial: testoidc.Dial})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	raw := i.Sign(i.GitHub(audience, "octo/app", "refs/heads/main", time.Now()))
	for b.Loop() {
		if _, err := p.Verify(b.Context(), raw); err != nil {
			b.Fatal(err)
		}
	}
}
