package bastion

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"gatehouse/internal/limits"
	"gatehouse/internal/source"
)

// Limits are what clients can take of the door. Zero fields take the defaults.
type Limits = limits.Limits

// limiter counts connections by state and source, and knows which sources waste time. Whom it refuses is closed without a word:
// nothing of it was read.
type limiter struct {
	limits    Limits
	penalties *penalties

	mu       sync.Mutex
	all      int
	starting int
	sources  map[netip.Prefix]int // not authenticated
	live     map[netip.Prefix]int // authenticated
}

// trickle is how many connections that have not authenticated a punished source may have while it has one that has: many
// clients may share an address, and one of them must not lock the others out.
const trickle = 2

func newLimiter(l Limits, now func() time.Time) (*limiter, error) {
	l = l.Complete()
	p, err := newPenalties(l, now)
	if err != nil {
		return nil, err
	}
	return &limiter{limits: l, penalties: p, sources: map[netip.Prefix]int{}, live: map[netip.Prefix]int{}}, nil
}

// slot is a connection's place in the counts.
type slot struct {
	l        *limiter
	source   netip.Prefix
	starting bool
	live     bool
	open     bool
}

// admit gives a new connection its slot, or says which limit stands against it.
func (l *limiter) admit(remote net.Addr) (*slot, limit) {
	source := source.Of(sourceOf(remote))
	l.mu.Lock()
	defer l.mu.Unlock()
	if over := l.full(source); over != "" {
		return nil, over
	}
	l.all++
	l.starting++
	l.sources[source]++
	return &slot{l: l, source: source, starting: true, open: true}, ""
}

// full is called with mu held.
func (l *limiter) full(source netip.Prefix) limit {
	switch {
	case l.all >= l.limits.Connections:
		return limitConnections
	case l.starting >= l.limits.Starting:
		return limitStarting
	case l.sources[source] >= l.limits.PerSource:
		return limitPerSource
	case l.penalties.over(source) && (l.live[source] == 0 || l.sources[source] >= trickle):
		return limitPenalty
	}
	return ""
}

// counts are how many connections have authenticated, and how many have not.
func (l *limiter) counts() (live, starting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all - l.starting, l.starting
}

// authenticated takes the connection out of the counts of those that are not.
func (s *slot) authenticated() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.settle()
	if s.open && !s.live {
		s.live = true
		s.l.live[s.source]++
	}
}

// release gives the slot back.
func (s *slot) release() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.settle()
	if s.open {
		s.open = false
		s.l.all--
		if s.live {
			forgetZero(s.l.live, s.source)
		}
	}
}

// settle is called with mu held.
func (s *slot) settle() {
	if !s.starting {
		return
	}
	s.starting = false
	s.l.starting--
	forgetZero(s.l.sources, s.source)
}

// forgetZero takes one from a count, so that nothing is kept of those that have none.
func forgetZero(counts map[netip.Prefix]int, source netip.Prefix) {
	if counts[source]--; counts[source] <= 0 {
		delete(counts, source)
	}
}

// sourceOf is the address without port and zone; the zero Addr for what is not TCP.
func sourceOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr, _ := netip.AddrFromSlice(tcp.IP)
	return addr.Unmap()
}
