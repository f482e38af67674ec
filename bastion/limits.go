package bastion

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"gatehouse/internal/source"
)

// Limits apply before anything of a client is parsed. Zero fields take the defaults.
type Limits struct {
	Connections int // in all
	Starting    int // not yet authenticated, in all
	PerSource   int // not yet authenticated, from one source: an IPv4 address or an IPv6 network
}

// The defaults, and what is not configurable: how long authentication may take and how much one connection may open.
const (
	defaultConnections = 10_000
	defaultStarting    = 200
	defaultPerSource   = 50

	authenticationTime = 20 * time.Second
	maxChannels        = 256
	maxRefusals        = 200 // refused channels and requests of one connection
	maxEnv             = 64
	maxEnvName         = 128
	maxEnvValue        = 4096
	maxEnvBytes        = 16 << 10 // all of them
)

// limiter counts connections by state and source. At a bound a connection is closed without a word: nothing of it was read.
type limiter struct {
	limits Limits

	mu       sync.Mutex
	all      int
	starting int
	sources  map[netip.Prefix]int
}

func newLimiter(l Limits) *limiter {
	if l.Connections == 0 {
		l.Connections = defaultConnections
	}
	if l.Starting == 0 {
		l.Starting = defaultStarting
	}
	if l.PerSource == 0 {
		l.PerSource = defaultPerSource
	}
	return &limiter{limits: l, sources: map[netip.Prefix]int{}}
}

// slot is a connection's place in the counts.
type slot struct {
	l        *limiter
	source   netip.Prefix
	starting bool
	open     bool
}

// admit gives a new connection its slot, or says that there is none.
func (l *limiter) admit(remote net.Addr) (*slot, bool) {
	source := source.Of(sourceOf(remote))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.limits.Connections || l.starting >= l.limits.Starting || l.sources[source] >= l.limits.PerSource {
		return nil, false
	}
	l.all++
	l.starting++
	l.sources[source]++
	return &slot{l: l, source: source, starting: true, open: true}, true
}

// authenticated takes the connection out of the counts of those that are not.
func (s *slot) authenticated() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.settle()
}

// release gives the slot back.
func (s *slot) release() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.settle()
	if s.open {
		s.open = false
		s.l.all--
	}
}

// settle is called with mu held.
func (s *slot) settle() {
	if !s.starting {
		return
	}
	s.starting = false
	s.l.starting--
	if s.l.sources[s.source]--; s.l.sources[s.source] == 0 {
		delete(s.l.sources, s.source)
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
