package ca

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// skew is how far before now a certificate begins to be valid, for clocks that are a little behind ours.
const skew = 30 * time.Second

// Config is what every CA needs. Each of the four is given its own Signer; they may share Serials.
type Config struct {
	Signer  ssh.Signer       // the CA's key
	Trusted []ssh.PublicKey  // its keys that are trusted, the signing one among them; nil means that one alone
	Serials *Serials         // where serials come from
	Now     func() time.Time // nil means time.Now
	Rand    io.Reader        // nil means crypto/rand
}

// Validate says what is missing.
func (c Config) Validate() error {
	if c.Signer == nil {
		return errors.New("CA without a key")
	}
	if c.Serials == nil {
		return errors.New("CA without serials")
	}
	if err := checkPublicKey(c.Signer.PublicKey()); err != nil {
		return fmt.Errorf("CA key: %w", err)
	}
	return nil
}

// authority is the arithmetic that the four CAs share: it numbers, dates and signs what its owner composed.
type authority struct {
	live    *live
	longest time.Duration // life of a certificate of its kind
	serials *Serials
	now     func() time.Time
	rand    io.Reader
}

// newAuthority is given the longest life of a certificate of its kind.
func newAuthority(cfg Config, longest time.Duration) (authority, error) {
	if err := cfg.Validate(); err != nil {
		return authority{}, err
	}
	a := authority{longest: longest, serials: cfg.Serials, now: cfg.Now, rand: cfg.Rand}
	if a.now == nil {
		a.now = time.Now
	}
	if a.rand == nil {
		a.rand = rand.Reader
	}
	trusted := cfg.Trusted
	if trusted == nil {
		trusted = []ssh.PublicKey{cfg.Signer.PublicKey()}
	}
	a.live = newLive(cfg.Signer, trusted, a.now(), longest)
	return a, nil
}

// issue checks the key and the lifetime, completes cert and signs it. A lifetime over max is refused, never cut.
func (a authority) issue(cert *ssh.Certificate, ttl, max time.Duration) (*ssh.Certificate, error) {
	if err := checkPublicKey(cert.Key); err != nil {
		return nil, err
	}
	if ttl < time.Second || ttl > max {
		return nil, fmt.Errorf("lifetime %s: want 1s to %s", ttl, max)
	}
	serial, err := a.serials.Next()
	if err != nil {
		return nil, fmt.Errorf("take serial: %w", err)
	}
	now := a.now()
	cert.Serial = uint64(serial)
	cert.ValidAfter = uint64(now.Add(-skew).Unix())
	cert.ValidBefore = uint64(now.Add(ttl).Unix())
	if err := a.live.sign(a.rand, cert); err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return cert, nil
}

// PublicKey is the key that signs now.
func (a authority) PublicKey() ssh.PublicKey { return a.live.active() }

// PublicKeys are what others are told to trust: the key that signs now first, and during a rotation the next or the old one.
func (a authority) PublicKeys() []ssh.PublicKey { return slices.Clone(a.live.keys()) }

// Trusts says whether a key is one of these.
func (a authority) Trusts(fingerprint string) bool {
	return slices.Contains(*a.live.prints.Load(), fingerprint)
}
