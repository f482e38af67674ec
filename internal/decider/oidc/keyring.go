package oidc

import (
	"context"
	"errors"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// When keys are fetched.
const (
	keysFresh    = time.Hour        // fetched again after it
	keysStale    = 24 * time.Hour   // used for so long where the issuer is not reached
	pauseUnknown = time.Minute      // between fetches for a key that is not known
	pauseFailed  = 10 * time.Second // after a fetch that failed
	fetchTime    = 10 * time.Second // of one fetch, discovery and keys together
)

// published is what an issuer says of itself.
type published struct {
	discovery discovery
	keys      map[string][]jose.JSONWebKey // by kid
}

// keyring keeps what an issuer publishes. One fetch at a time runs, whoever waits for it.
type keyring struct {
	now      func() time.Time
	fetch    func(ctx context.Context) (*published, error)
	patience time.Duration // fetchTime

	ctx    context.Context // ends a fetch; it is the keyring's life
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	last     *published // nil: never fetched
	fetched  time.Time  // when last was
	failure  error      // of the newest fetch
	failed   time.Time
	searched time.Time     // when a fetch for an unknown key began
	flight   chan struct{} // closed when the fetch under way has ended; nil: none
	closed   bool
}

func newKeyring(now func() time.Time, fetch func(context.Context) (*published, error)) *keyring {
	ctx, cancel := context.WithCancel(context.Background())
	return &keyring{now: now, fetch: fetch, patience: fetchTime, ctx: ctx, cancel: cancel}
}

func (k *keyring) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.cancel()
	k.work.Wait()
}

// get returns the keys of a name: from memory, or after a fetch where one is due.
func (k *keyring) get(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	known := k.last != nil && len(k.last.keys[kid]) > 0
	flight := k.due(known)
	k.mu.Unlock()
	if err := await(ctx, flight); err != nil {
		return nil, err
	}
	last, err := k.latest()
	if err != nil && (last == nil || len(last.keys[kid]) == 0) {
		return nil, err
	}
	if keys := last.keys[kid]; len(keys) > 0 {
		return keys, nil
	}
	return nil, refuse(CodeUnknownKey, "the issuer does not publish the key %s that signed the token: if it has just changed its keys, try again in a minute", quote(kid))
}

// discovery returns what the issuer says of itself, fetched if due.
func (k *keyring) discovery(ctx context.Context) (discovery, error) {
	k.mu.Lock()
	flight := k.due(true)
	k.mu.Unlock()
	if err := await(ctx, flight); err != nil {
		return discovery{}, err
	}
	last, err := k.latest()
	if last == nil {
		return discovery{}, err
	}
	return last.discovery, nil
}

// due starts a fetch if one is due, or joins the one under way; nil: memory will do. k.mu must be held.
func (k *keyring) due(known bool) chan struct{} {
	now := k.now()
	fresh := k.last != nil && within(now, k.fetched, keysFresh)
	switch {
	case k.closed, fresh && known:
		return nil
	case k.flight != nil:
		return k.flight
	case k.failure != nil && within(now, k.failed, pauseFailed):
		return nil
	case fresh && within(now, k.searched, pauseUnknown):
		return nil
	}
	if fresh {
		k.searched = now
	}
	k.flight = make(chan struct{})
	k.work.Go(k.run)
	return k.flight
}

func (k *keyring) run() {
	ctx, cancel := context.WithTimeout(k.ctx, k.patience)
	defer cancel()
	got, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure = err; err != nil {
		k.failed = k.now()
	} else {
		k.last, k.fetched = got, k.now()
	}
	close(k.flight)
	k.flight = nil
}

// latest returns what is known, and the failure of the newest fetch. Without a failure there is something. Old keys outlive an issuer
// that is not reached, never one that is reached and contradicts itself.
func (k *keyring) latest() (*published, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, refuse(CodeIssuerUnreachable, "the policy has changed: try again")
	}
	if k.failure == nil {
		return k.last, nil
	}
	var e *Error
	if errors.As(k.failure, &e) && e.Code == CodeIssuerLying || !within(k.now(), k.fetched, keysStale) {
		return nil, k.failure
	}
	return k.last, k.failure
}

func await(ctx context.Context, flight chan struct{}) error {
	if flight == nil {
		return nil
	}
	select {
	case <-flight:
		return nil
	case <-ctx.Done():
		return refuse(CodeIssuerUnreachable, "the issuer's keys were not read in time").because(context.Cause(ctx))
	}
}

// within says whether now is less than d after then. A clock that went back is not within.
func within(now, then time.Time, d time.Duration) bool {
	since := now.Sub(then)
	return since >= 0 && since < d
}
