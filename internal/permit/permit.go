// Package permit is a decision made executable: what the decider signs so that a process which cannot ask it, and does not
// trust the door that carries it, can check that exactly this argv may run once, as this user, until then.
//
// The supervisor runs local commands against permits. The signature is Ed25519 over a domain line and the JSON payload.
package permit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/policy"
)

// domain separates permits from everything else that the key could ever sign.
const domain = "gatehouse permit v1\n"

// SessionVariable is set, to the session's id, in the environment of everything that a session runs, here and on targets,
// so that whatever is left of it can be found.
const SessionVariable = "GATEHOUSE_SESSION"

// Lifetime is how long a permit can be used after the decision.
const Lifetime = 30 * time.Second

// maxSize bounds a signed permit; maxUsed bounds the ids remembered until they expire.
const (
	maxSize = 512 << 10
	maxUsed = 100_000
)

// What Check refuses.
var (
	ErrForged  = errors.New("the permit is not signed by the decider")
	ErrExpired = errors.New("the permit has expired")
	ErrUsed    = errors.New("the permit was used before")
)

// Permit is one argv that may run once.
type Permit struct {
	ID       string          `json:"id"` // "prm_…"
	Session  string          `json:"session"`
	Target   string          `json:"target"`
	Login    string          `json:"login"`
	User     string          `json:"user"` // the local user to run as, never root
	Argv     policy.Argv     `json:"argv"`
	Env      []policy.EnvVar `json:"env,omitempty"`
	PTY      bool            `json:"pty,omitempty"`
	Limits   Limits          `json:"limits,omitzero"`
	NotAfter time.Time       `json:"not_after"`
}

type signed struct {
	Payload   []byte `json:"payload"`
	Signature []byte `json:"signature"`
}

// Sign returns the permit as bytes that Check accepts with the key's public half.
func Sign(key ed25519.PrivateKey, p Permit) ([]byte, error) {
	payload, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode permit: %w", err)
	}
	sig := ed25519.Sign(key, append([]byte(domain), payload...))
	return json.Marshal(signed{Payload: payload, Signature: sig})
}

// Checker accepts each permit of one decider once. Safe for concurrent use.
type Checker struct {
	key ed25519.PublicKey
	now func() time.Time

	mu   sync.Mutex
	used map[string]time.Time // id → not after
}

// NewChecker returns a Checker for the decider with this public key.
func NewChecker(key ed25519.PublicKey, now func() time.Time) *Checker {
	return &Checker{key: key, now: now, used: map[string]time.Time{}}
}

// Check returns the permit if it is genuine, in time and unused, and marks it used: ErrForged, ErrExpired, ErrUsed.
func (c *Checker) Check(data []byte) (Permit, error) {
	p, err := c.open(data)
	if err != nil {
		return Permit{}, err
	}
	now := c.now()
	if now.After(p.NotAfter) {
		return Permit{}, ErrExpired
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.used[p.ID]; ok {
		return Permit{}, ErrUsed
	}
	for id, until := range c.used {
		if now.After(until) {
			delete(c.used, id)
		}
	}
	if len(c.used) >= maxUsed {
		return Permit{}, errors.New("too many permits in half a minute")
	}
	c.used[p.ID] = p.NotAfter
	return p, nil
}

func (c *Checker) open(data []byte) (Permit, error) {
	var s signed
	if len(data) > maxSize || json.Unmarshal(data, &s) != nil {
		return Permit{}, ErrForged
	}
	if !ed25519.Verify(c.key, append([]byte(domain), s.Payload...), s.Signature) {
		return Permit{}, ErrForged
	}
	var p Permit
	dec := json.NewDecoder(bytes.NewReader(s.Payload))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil || p.ID == "" || len(p.Argv) == 0 {
		return Permit{}, ErrForged
	}
	return p, nil
}
