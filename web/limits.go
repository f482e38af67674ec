package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"gatehouse/internal/source"
)

const (
	maxStreams  = 8    // live streams of one sign-in
	maxSources  = 1024 // addresses whose attempts are counted apart
	triesPerSec = 1
	triesBurst  = 10
)

// limits counts the live streams of each sign-in.
type limits struct {
	mu   sync.Mutex
	open map[string]int
}

func newLimits() *limits { return &limits{open: map[string]int{}} }

func (l *limits) take(cookie string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[cookie] >= maxStreams {
		return false
	}
	l.open[cookie]++
	return true
}

func (l *limits) give(cookie string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[cookie]--; l.open[cookie] <= 0 {
		delete(l.open, cookie)
	}
}

// attempts slows down whoever tries something, by source: an IPv6 network is one. When too many addresses try, all share one limit.
type attempts struct {
	now    func() time.Time
	each   rate.Limit
	burst  int
	mu     sync.Mutex
	by     map[string]*rate.Limiter
	others *rate.Limiter
}

func newAttempts(now func() time.Time, each rate.Limit, burst int) *attempts {
	return &attempts{now: now, each: each, burst: burst, by: map[string]*rate.Limiter{}, others: rate.NewLimiter(each, burst)}
}

func (a *attempts) allow(address string) bool {
	source := source.Text(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	limiter := a.by[source]
	if limiter == nil && len(a.by) >= maxSources {
		a.forget(now)
	}
	if limiter == nil {
		limiter = a.others
		if len(a.by) < maxSources {
			limiter = rate.NewLimiter(a.each, a.burst)
			a.by[source] = limiter
		}
	}
	return limiter.AllowN(now, 1)
}

// forget drops the addresses that have been quiet long enough to have all their tries back.
func (a *attempts) forget(now time.Time) {
	for source, limiter := range a.by {
		if limiter.TokensAt(now) >= float64(a.burst) {
			delete(a.by, source)
		}
	}
}
