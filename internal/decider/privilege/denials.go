package privilege

import (
	"encoding/json"
	"sync"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// The bounds of the denials that are kept, so that a request can take over exactly what was denied. At a bound the oldest go.
const (
	denialsFor     = 24 * time.Hour
	maxDenials     = 10_000
	maxDenialsEach = 100
	maxDenialBytes = 32 << 20
	maxBytesEach   = 1 << 20 // of one identity: long lines do not take the room of others' either
)

// Denial is a command that was denied, or that waits for people.
type Denial struct {
	console.AccessDenial
	By       access.Requester
	Request  policy.Request  // as it was asked; its Now and Granted are those of then
	Decision policy.Decision // an ask has the final plan
	Files    []access.FileState

	size int
}

// Denials are those of the last day. They live in memory. Safe for concurrent use.
type Denials struct {
	mu    sync.Mutex
	all   []*Denial       // oldest first
	each  map[string]room // by principal
	bytes int
}

// room is what one identity's take.
type room struct{ n, bytes int }

// NewDenials keeps none yet.
func NewDenials() *Denials { return &Denials{each: map[string]room{}} }

// Add keeps one. What the target's globs matched is left out.
func (l *Denials) Add(x Denial) {
	x.Request.Facts.Globs, x.Request.Granted = nil, nil
	text, err := json.Marshal(x.Request)
	if err != nil {
		return // a request holds only plain values
	}
	x.size = len(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, &x)
	l.count(&x, 1)
	for mine := l.each[x.By.Principal]; mine.n > maxDenialsEach || mine.bytes > maxBytesEach; mine = l.each[x.By.Principal] {
		l.drop(func(o *Denial) bool { return o.By.Principal == x.By.Principal })
	}
	for len(l.all) > maxDenials || l.bytes > maxDenialBytes || len(l.all) > 0 && x.At.Sub(l.all[0].At) > denialsFor {
		l.drop(func(*Denial) bool { return true })
	}
}

// drop forgets the oldest of those. Called with mu held.
func (l *Denials) drop(which func(*Denial) bool) {
	for i, x := range l.all {
		if !which(x) {
			continue
		}
		l.all = append(l.all[:i], l.all[i+1:]...)
		l.count(x, -1)
		return
	}
}

// count notes that one more is kept, or one less. Called with mu held.
func (l *Denials) count(x *Denial, sign int) {
	mine := l.each[x.By.Principal]
	mine.n, mine.bytes, l.bytes = mine.n+sign, mine.bytes+sign*x.size, l.bytes+sign*x.size
	if l.each[x.By.Principal] = mine; mine.n == 0 {
		delete(l.each, x.By.Principal)
	}
}

// Find returns the denial with that id, if it is not older than a day.
func (l *Denials) Find(name string, now time.Time) (Denial, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.all) - 1; i >= 0; i-- {
		if x := l.all[i]; x.ID == name {
			return *x, now.Sub(x.At) <= denialsFor
		}
	}
	return Denial{}, false
}

// Of lists an identity's newest denials, without what they were made of.
func (l *Denials) Of(principal string, now time.Time, n int) []console.AccessDenial {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []console.AccessDenial
	for i := len(l.all) - 1; i >= 0 && len(list) < n; i-- {
		if x := l.all[i]; x.By.Principal == principal && now.Sub(x.At) <= denialsFor {
			list = append(list, x.AccessDenial)
		}
	}
	return list
}
