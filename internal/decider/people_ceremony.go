package decider

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse/internal/decider/protocol"
)

// Bounds of what is under way between a browser and its authenticator or issuer.
const (
	ceremonyTTL   = 5 * time.Minute
	maxCeremonies = 10_000
)

// The kinds of ceremony. One of a kind is never good for another.
const (
	passkeySignIn = "passkey sign-in"
	passkeyAdd    = "passkey registration"
	oidcSignIn    = "sign-in with an issuer"
)

// ceremony is what was asked of a browser: good once, for that browser, for five minutes.
type ceremony struct {
	kind    string
	expires time.Time
	passkey *webauthn.SessionData // with the challenge

	signIn [32]byte // passkeyAdd: whose sign-in began it
	person string

	issuer, state, nonce, verifier string // oidcSignIn
}

// ceremonies are those under way, by the SHA-256 of the secret in the browser's cookie.
type ceremonies struct {
	now func() time.Time

	mu   sync.Mutex
	open map[[32]byte]ceremony
}

func newCeremonies(now func() time.Time) *ceremonies {
	return &ceremonies{now: now, open: map[[32]byte]ceremony{}}
}

// begin keeps a ceremony and returns the secret for the browser. When there are too many the oldest goes: whoever begins many
// must not keep others out.
func (c *ceremonies) begin(x ceremony) (secret string, expires time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for len(c.open) >= maxCeremonies {
		c.forget(now)
	}
	secret, x.expires = newSecret(), now.Add(ceremonyTTL)
	c.open[sha256.Sum256([]byte(secret))] = x
	return secret, x.expires
}

// forget drops what has expired, or if nothing has, the oldest. Called with mu held.
func (c *ceremonies) forget(now time.Time) {
	var oldest [32]byte
	var first time.Time
	before := len(c.open)
	for key, x := range c.open {
		if now.After(x.expires) {
			delete(c.open, key)
		} else if first.IsZero() || x.expires.Before(first) {
			oldest, first = key, x.expires
		}
	}
	if len(c.open) == before {
		delete(c.open, oldest)
	}
}

// take uses a ceremony up. Whatever it was begun for, it is gone afterwards.
func (c *ceremonies) take(secret, kind string) (ceremony, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := sha256.Sum256([]byte(secret))
	x, ok := c.open[key]
	delete(c.open, key)
	return x, ok && x.kind == kind && !c.now().After(x.expires)
}

// errCeremony answers for a ceremony that is not there: used, expired, or another browser's.
func errCeremony() error {
	return &protocol.Error{Code: protocol.CodeCeremony, Msg: "this was used before, has expired, or began in another browser; begin again"}
}
