package bastion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
)

// trust is what the door believes: keys of the agent CA and of the host CA. Who reads it takes no lock; it changes while the
// server runs.
type trust struct {
	agents *ca.AgentVerifier
	hosts  atomic.Pointer[[]ssh.PublicKey]

	mu   sync.Mutex
	face []byte            // guarded by mu; the face CA's key that signs
	seen map[string]string // guarded by mu; which host CA key each target's certificate was by, as the decider was told
}

// maxSeen bounds the targets whose host CA key is remembered; at the bound all are forgotten and told again.
const maxSeen = 10_000

func newTrust(t protocol.Trust, now func() time.Time) (*trust, error) {
	agents, hosts, err := parseTrust(t)
	if err != nil {
		return nil, err
	}
	out := &trust{face: t.FaceCA, seen: map[string]string{}}
	out.hosts.Store(&hosts)
	out.agents, err = ca.NewAgentVerifier(agents, now)
	return out, err
}

func parseTrust(t protocol.Trust) (agents, hosts []ssh.PublicKey, err error) {
	if agents, err = parseKeys(t.AgentCAs); err != nil {
		return nil, nil, fmt.Errorf("agent CA: %w", err)
	}
	if hosts, err = parseKeys(t.HostCAs); err != nil {
		return nil, nil, fmt.Errorf("host CA: %w", err)
	}
	return agents, hosts, nil
}

func parseKeys(wires [][]byte) ([]ssh.PublicKey, error) {
	if len(wires) == 0 {
		return nil, errors.New("no key")
	}
	var keys []ssh.PublicKey
	for _, wire := range wires {
		key, err := ssh.ParsePublicKey(wire)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (t *trust) hostCAs() []ssh.PublicKey { return *t.hosts.Load() }

// SetTrust puts other CA keys in the place of those before, from the next handshake on; connections that are open go on. With an
// error nothing has changed.
func (s *Server) SetTrust(t protocol.Trust) error {
	agents, hosts, err := parseTrust(t)
	if err != nil {
		return err
	}
	if err := s.trust.agents.Trust(agents); err != nil {
		return err
	}
	s.trust.hosts.Store(&hosts)
	s.trust.mu.Lock()
	another := !bytes.Equal(s.trust.face, t.FaceCA)
	s.trust.face = t.FaceCA
	s.trust.mu.Unlock()
	if another {
		s.faces.renew()
	}
	return nil
}

// noting passes on to the decider which host CA key a target's certificate is by, once for each target and change: before a key
// is retired it must be known who still shows one by it.
func (s *Server) noting(target string, check ssh.HostKeyCallback) ssh.HostKeyCallback {
	return func(host string, addr net.Addr, key ssh.PublicKey) error {
		err := check(host, addr, key)
		if cert, ok := key.(*ssh.Certificate); ok && err == nil {
			s.sawHost(target, ssh.FingerprintSHA256(cert.SignatureKey))
		}
		return err
	}
}

func (s *Server) sawHost(target, fingerprint string) {
	t := s.trust
	t.mu.Lock()
	known := t.seen[target] == fingerprint
	if len(t.seen) >= maxSeen {
		clear(t.seen)
	}
	t.seen[target] = fingerprint
	t.mu.Unlock()
	if known {
		return
	}
	go func() { // the handshake does not wait for it; bounded by its context
		ctx, cancel := context.WithTimeout(context.Background(), evidenceTime)
		defer cancel()
		if err := s.cfg.Certifier.HostSeen(ctx, protocol.HostSeen{Target: target, Fingerprint: fingerprint}); err != nil {
			s.cfg.Log.Warn("tell the decider of a target's host CA", "target", target, "error", err)
			t.mu.Lock()
			delete(t.seen, target) // told again at the next connection
			t.mu.Unlock()
		}
	}()
}
