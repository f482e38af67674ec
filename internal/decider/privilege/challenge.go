package privilege

import (
	"crypto/rand"
	"maps"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"gatehouse/internal/id"
	"gatehouse/policy/access"
)

// The bounds of challenges.
const (
	ChallengeTTL      = 5 * time.Minute
	maxChallenges     = 10_000
	maxChallengesEach = 20 // of one person; the oldest goes for a new one
)

// Challenge is what one person was asked to prove with: for one request, in one way, once, within five minutes.
type Challenge struct {
	ID      string
	Person  string // without "person:"
	Kind    access.ProofKind
	Request string // its id; of a request for break-glass that is not made yet: the id that it will have
	Hash    string // of exactly what is approved
	Nonce   []byte // 32 bytes
	Expires time.Time

	Passkey *webauthn.SessionData // of a passkey's
	Glass   *access.Request       // of break-glass: what is asked for
}

// Challenges are those that are open. They live in memory: a restart voids them. Safe for concurrent use.
type Challenges struct {
	now func() time.Time

	mu   sync.Mutex
	open map[string]Challenge
}

// NewChallenges keeps none yet.
func NewChallenges(now func() time.Time) *Challenges {
	return &Challenges{now: now, open: map[string]Challenge{}}
}

// NewNonce returns 32 random bytes.
func NewNonce() []byte {
	nonce := make([]byte, 32)
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	return nonce
}

// Begin keeps a challenge, whose id and end it sets; false when too many people have some open.
func (c *Challenges) Begin(x Challenge) (Challenge, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	maps.DeleteFunc(c.open, func(_ string, x Challenge) bool { return now.After(x.Expires) })
	c.leaveRoom(x.Person)
	if len(c.open) >= maxChallenges {
		return Challenge{}, false
	}
	x.ID, x.Expires = id.New(id.Challenge, now), now.Add(ChallengeTTL)
	c.open[x.ID] = x
	return x, true
}

// leaveRoom drops a person's oldest challenge when they have as many as one may have. Called with mu held.
func (c *Challenges) leaveRoom(person string) {
	oldest, n := "", 0
	for name, x := range c.open {
		if x.Person != person {
			continue
		}
		if n++; oldest == "" || x.Expires.Before(c.open[oldest].Expires) {
			oldest = name
		}
	}
	if n >= maxChallengesEach {
		delete(c.open, oldest)
	}
}

// Take uses a challenge up: whatever comes of it, and whoever brings it, it is good no more.
func (c *Challenges) Take(name, person string) (Challenge, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.open[name]
	delete(c.open, name)
	return x, ok && x.Person == person && !c.now().After(x.Expires)
}
