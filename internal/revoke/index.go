package revoke

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds.
const (
	Max        = 100_000 // handles of all revocations together
	MaxHandles = 32      // of one revocation
)

// ErrFull says that Max is reached.
var ErrFull = errors.New("too many revocations: lift what is over, or revoke an agent, an owner or a CA instead of its certificates")

// Revocation is a decision that something is no longer good.
type Revocation struct {
	ID      string // "rev_…"
	Handles []Handle
	By      string // who revoked: a principal, or "local:root"
	Reason  string // one line; the clients that it ends are shown it
	At      time.Time
	Until   time.Time // zero: until it is lifted
}

// Stands reports whether the revocation has not ended by itself.
func (r Revocation) Stands(now time.Time) bool { return r.Until.IsZero() || now.Before(r.Until) }

// Line says to a client that something of it is revoked.
func (r Revocation) Line(h Handle) string {
	what := h.String() + " is revoked"
	if h.Kind == Certificate || h.Kind == Key {
		what = "this " + string(h.Kind) + " is revoked"
	}
	if h.Kind == CA {
		what = "the CA key that signed this certificate is revoked"
	}
	return fmt.Sprintf("%s: %s; ask an administrator about %s", what, r.Reason, r.ID)
}

// Index holds revocations. Safe for concurrent use.
type Index struct {
	now func() time.Time

	mu       sync.RWMutex
	byID     map[string]Revocation
	byHandle map[Handle][]string // ids
	size     int                 // handles
}

// NewIndex returns an empty index. now may be nil for time.Now.
func NewIndex(now func() time.Time) *Index {
	if now == nil {
		now = time.Now
	}
	return &Index{now: now, byID: map[string]Revocation{}, byHandle: map[Handle][]string{}}
}

// Room says whether n more handles fit: nil or ErrFull.
func (x *Index) Room(n int) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.size+n > Max {
		return ErrFull
	}
	return nil
}

// Add puts a revocation in force. One whose id is there already changes nothing.
func (x *Index) Add(r Revocation) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, twice := x.byID[r.ID]; twice {
		return
	}
	x.byID[r.ID] = r
	for _, h := range r.Handles {
		x.byHandle[h] = append(x.byHandle[h], r.ID)
		x.size++
	}
}

// Remove takes a revocation out; false if it is not there.
func (x *Index) Remove(id string) (Revocation, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, ok := x.byID[id]
	if !ok {
		return Revocation{}, false
	}
	delete(x.byID, id)
	for _, h := range r.Handles {
		x.size--
		left := slices.DeleteFunc(slices.Clone(x.byHandle[h]), func(other string) bool { return other == id })
		if len(left) == 0 {
			delete(x.byHandle, h)
		} else {
			x.byHandle[h] = left
		}
	}
	return r, true
}

// Against returns a revocation that stands against the subject, and by which handle.
func (x *Index) Against(s Subject) (r Revocation, by Handle, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.byID) == 0 {
		return Revocation{}, Handle{}, false
	}
	now := x.now()
	for _, h := range s.handles() {
		for _, id := range x.byHandle[h] {
			if r := x.byID[id]; r.Stands(now) {
				return r, h, true
			}
		}
	}
	return Revocation{}, Handle{}, false
}

// Standing lists what stands, oldest first.
func (x *Index) Standing() []Revocation {
	now := x.now()
	return x.list(func(r Revocation) bool { return r.Stands(now) })
}

// Spent lists what can be forgotten: what ended by itself, and certificates that no longer live, both longer ago than margin.
// life is the longest that a certificate lives.
func (x *Index) Spent(life, margin time.Duration) []Revocation {
	now := x.now()
	return x.list(func(r Revocation) bool {
		if !r.Until.IsZero() && now.After(r.Until.Add(margin)) {
			return true
		}
		other := slices.ContainsFunc(r.Handles, func(h Handle) bool { return h.Kind != Certificate })
		return !other && now.After(r.At.Add(life+margin))
	})
}

func (x *Index) list(want func(Revocation) bool) []Revocation {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var out []Revocation
	for _, r := range x.byID {
		if want(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Revocation) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// minPrefix is how much of an id says which is meant: the type, and more than the milliseconds of it.
const minPrefix = 8

// Find returns the revocation whose id is, or alone begins with, id.
func (x *Index) Find(id string) (Revocation, bool) {
	if len(id) < minPrefix {
		return Revocation{}, false
	}
	found := x.list(func(r Revocation) bool { return strings.HasPrefix(r.ID, id) })
	if len(found) != 1 {
		return Revocation{}, false
	}
	return found[0], true
}
