package oidc

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"gatehouse/internal/testoidc"
)

// TestKeysAreKept: keys are read once an hour, not once a token.
func TestKeysAreKept(t *testing.T) {
	w := newWorld(t, nil)
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {0, 1}, {keysFresh - time.Second, 1}, {time.Second, 2}, {0, 2}} {
		w.clock.pass(step.pass)
		if got := w.verify(w.Sign(w.claims())); got != "" || w.Fetched() != step.want {
			t.Errorf("after %s: %q, read %d times, want %d", step.pass, got, w.Fetched(), step.want)
		}
	}
}

// TestRotation: a new key is found at once, an old one ends when it is withdrawn.
func TestRotation(t *testing.T) {
	w := newWorld(t, nil)
	old := w.Key()
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Fatal(got)
	}
	w.Rotate(jose.ES256)
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Errorf("the new key: %q", got)
	}
	if got := w.verify(w.SignWith(old, w.claims(), nil)); got != "" {
		t.Errorf("the old key: %q", got)
	}
	w.Withdraw()
	w.clock.pass(keysFresh)
	if got := w.verify(w.SignWith(old, w.claims(), nil)); got != CodeUnknownKey {
		t.Errorf("the withdrawn key: %q", got)
	}
}

// TestStrangersFetchNothing: tokens by keys that nobody knows make us read the keys once a minute, however many come; tokens by
// other issuers never.
func TestStrangersFetchNothing(t *testing.T) {
	w := newWorld(t, nil)
	stranger := &testoidc.Key{ID: "stranger", Alg: jose.ES256, Private: testoidc.New(t).Rotate(jose.ES256).Private}
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Fatal(got)
	}
	for minute := range 5 {
		for range 100 {
			if got := w.verify(w.SignWith(stranger, w.claims(), nil)); got != CodeUnknownKey {
				t.Fatal(got)
			}
		}
		if got, want := w.Fetched(), minute+2; got != want {
			t.Errorf("read %d times, want %d", got, want)
		}
		w.clock.pass(pauseUnknown)
	}
	claims := w.claims()
	claims["iss"] = "https://other.example"
	cold := w.open(nil)
	if _, err := cold.Verify(t.Context(), w.Sign(claims)); codeOf(t, err) != CodeWrongIssuer {
		t.Error(err)
	}
	if got := w.Fetched(); got != 6 {
		t.Errorf("another issuer's token: read %d times", got)
	}
}

// TestOutage: known keys outlive an issuer that is not reached by a day from when they were read, and no more; meanwhile it is asked
// once in a while, and when it is back it counts.
func TestOutage(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Fatal(got)
	}
	known := w.Key()
	dials := 0
	w.dial = func(context.Context, string, uint16) (net.Conn, error) { dials++; return nil, errors.New("no route") }
	w.clock.pass(keysFresh)
	for range 10 {
		if got := w.verify(w.Sign(w.claims())); got != "" {
			t.Fatal(got)
		}
	}
	if dials != 1 {
		t.Errorf("dialled %d times", dials)
	}
	w.clock.pass(keysStale - keysFresh - time.Second)
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Errorf("a second before a day: %q", got)
	}
	w.Rotate(jose.ES256)
	if got := w.verify(w.Sign(w.claims())); got != CodeIssuerUnreachable {
		t.Errorf("a key that is not known: %q", got)
	}
	w.clock.pass(time.Second)
	if got := w.verify(w.SignWith(known, w.claims(), nil)); got != CodeIssuerUnreachable {
		t.Errorf("after a day: %q", got)
	}
	w.dial = testoidc.Dial
	w.clock.pass(pauseFailed)
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Errorf("back again: %q", got)
	}
}

// TestLieEndsKeys: an issuer that is reached and contradicts itself ends the keys that it had.
func TestLieEndsKeys(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Fatal(got)
	}
	w.Handle(testoidc.DiscoveryPath, say(`{"issuer":"https://other.example"}`))
	w.clock.pass(keysFresh)
	if got := w.verify(w.Sign(w.claims())); got != CodeIssuerLying {
		t.Errorf("%q", got)
	}
}

// TestClockBack: a clock that goes back by a day does not make old keys new.
func TestClockBack(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.verify(w.Sign(w.claims())); got != "" {
		t.Fatal(got)
	}
	w.clock.pass(-25 * time.Hour)
	if got := w.verify(w.Sign(w.claims())); got != "" || w.Fetched() != 2 {
		t.Errorf("%q, read %d times", got, w.Fetched())
	}
}

// TestOneFetch: many tokens at once make one fetch; who does not want to wait goes, the others get their answer.
func TestOneFetch(t *testing.T) {
	w := newWorld(t, nil)
	reached, release := make(chan struct{}, 100), make(chan struct{})
	w.dial = func(ctx context.Context, host string, port uint16) (net.Conn, error) {
		reached <- struct{}{}
		<-release
		return testoidc.Dial(ctx, host, port)
	}
	impatient, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if _, err := w.provider.Verify(impatient, w.Sign(w.claims())); codeOf(t, err) != CodeIssuerUnreachable {
			t.Error(err)
		}
	})
	<-reached
	cancel()
	for range 20 {
		work.Go(func() {
			if _, err := w.provider.Verify(t.Context(), w.Sign(w.claims())); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	work.Wait()
	if w.Fetched() != 1 {
		t.Errorf("read %d times", w.Fetched())
	}
}

// TestClose: a provider that is closed fetches nothing and takes nothing, and ends what it was fetching.
func TestClose(t *testing.T) {
	w := newWorld(t, nil)
	reached := make(chan struct{})
	w.dial = func(ctx context.Context, _ string, _ uint16) (net.Conn, error) {
		close(reached)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var work sync.WaitGroup
	work.Go(func() {
		if _, err := w.provider.Verify(t.Context(), w.Sign(w.claims())); codeOf(t, err) != CodeIssuerUnreachable {
			t.Error(err)
		}
	})
	<-reached
	w.provider.Close()
	work.Wait()
	if got := w.verify(w.Sign(w.claims())); got != CodeIssuerUnreachable {
		t.Errorf("%q", got)
	}
}
