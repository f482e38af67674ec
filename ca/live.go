package ca

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// live is what of a CA's keys is in use at this moment. Who verifies reads trusted without a lock. Safe for concurrent use.
type live struct {
	trusted atomic.Pointer[[]ssh.PublicKey] // the signing key first; the slice does not change
	prints  atomic.Pointer[[]string]        // their fingerprints

	mu      sync.RWMutex // held for reading while something is signed, so that a change of the key finds nothing under way
	signer  ssh.Signer   // guarded by mu
	lastEnd atomic.Int64 // seconds: no certificate by signer ends later
}

// newLive begins with a key. Processes before this one may have signed until now, for as long as longest.
func newLive(signer ssh.Signer, trusted []ssh.PublicKey, now time.Time, longest time.Duration) *live {
	l := &live{signer: signer}
	l.lastEnd.Store(now.Add(longest).Unix())
	l.trust(trusted)
	return l
}

func (l *live) trust(keys []ssh.PublicKey) {
	var prints []string
	for _, k := range keys {
		prints = append(prints, ssh.FingerprintSHA256(k))
	}
	l.trusted.Store(&keys)
	l.prints.Store(&prints)
}

func (l *live) keys() []ssh.PublicKey { return *l.trusted.Load() }

func (l *live) active() ssh.PublicKey {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.signer.PublicKey()
}

// sign completes cert with the key of the moment.
func (l *live) sign(rand io.Reader, cert *ssh.Certificate) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for end := int64(cert.ValidBefore); ; {
		last := l.lastEnd.Load()
		if end <= last || l.lastEnd.CompareAndSwap(last, end) {
			break
		}
	}
	return cert.SignCert(rand, l.signer)
}

// replace puts another key in the signing one's place when durable says so; that is told when the last certificate by the
// former ends. Nothing is signed meanwhile.
func (l *live) replace(signer Signer, longest time.Duration, now time.Time, durable func(lastEnd time.Time) ([]ssh.PublicKey, error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	trusted, err := durable(time.Unix(l.lastEnd.Load(), 0))
	if err != nil {
		return err
	}
	former := l.signer
	l.signer = signer
	l.lastEnd.Store(now.Add(longest).Unix())
	l.trust(trusted)
	if c, ok := former.(io.Closer); ok {
		_ = c.Close() // it signs no more; what it held goes with the process at the latest
	}
	return nil
}

// proves says whether a signer can sign now, and signs as its public key says.
func proves(signer ssh.Signer, rand io.Reader) error {
	challenge := make([]byte, 32)
	if _, err := io.ReadFull(rand, challenge); err != nil {
		return fmt.Errorf("make challenge: %w", err)
	}
	sig, err := signer.Sign(rand, challenge)
	if err != nil {
		return err
	}
	if err := signer.PublicKey().Verify(challenge, sig); err != nil {
		return fmt.Errorf("%w: its signature does not verify: %w", ErrSigner, err)
	}
	return nil
}
