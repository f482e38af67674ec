package bastion

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
)

// maxFaces bounds the certificates kept; at the bound all are dropped and asked for again.
const maxFaces = 10_000

// faces are the host keys that clients see: one key, certified by the face CA for the door's own names and, under -J, for
// each target's name. Certificates are renewed at half of their life.
type faces struct {
	certifier Certifier
	key       ssh.Signer
	now       func() time.Time

	mu    sync.Mutex
	certs map[string]faceCert // by target; "" is the door itself
	epoch int                 // grows when another key of the face CA signs: what was asked for before is not kept
}

type faceCert struct {
	signer ssh.Signer
	renew  time.Time
}

func newFaces(c Certifier, key ssh.Signer, now func() time.Time) *faces {
	return &faces{certifier: c, key: key, now: now, certs: map[string]faceCert{}}
}

// keys returns the certified key and, for clients that know no host certificates, the plain one. With an error only the
// plain one.
func (f *faces) keys(ctx context.Context, target string) ([]ssh.Signer, error) {
	f.mu.Lock()
	cached, ok := f.certs[target]
	epoch := f.epoch
	f.mu.Unlock()
	if ok && f.now().Before(cached.renew) {
		return []ssh.Signer{cached.signer, f.key}, nil
	}
	fresh, err := f.certify(ctx, target)
	if err != nil {
		return []ssh.Signer{f.key}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.certs) >= maxFaces {
		clear(f.certs)
	}
	if f.epoch == epoch {
		f.certs[target] = fresh
	}
	return []ssh.Signer{fresh.signer, f.key}, nil
}

// renew drops all certificates: the next handshake asks for its own anew. Connections that are open go on.
func (f *faces) renew() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch++
	clear(f.certs)
}

// forget drops one target's certificate.
func (f *faces) forget(target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch++
	delete(f.certs, target)
}

func (f *faces) certify(ctx context.Context, target string) (faceCert, error) {
	a, err := f.certifier.Face(ctx, protocol.Face{PublicKey: f.key.PublicKey().Marshal(), Target: target})
	if err != nil {
		return faceCert{}, fmt.Errorf("ask for face of %q: %w", target, err)
	}
	cert, err := ca.ParseCertificate(a.Certificate)
	if err != nil {
		return faceCert{}, fmt.Errorf("face of %q: %w", target, err)
	}
	signer, err := ssh.NewCertSigner(cert, f.key)
	if err != nil {
		return faceCert{}, fmt.Errorf("face of %q: %w", target, err)
	}
	now := f.now()
	return faceCert{signer: signer, renew: now.Add(a.NotAfter.Sub(now) / 2)}, nil
}
