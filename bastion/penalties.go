package bastion

import (
	"math"
	"net/netip"
	"sync"
	"time"
)

// offence is how a connection wasted the door's time, and what a source gets for it. A legitimate client has one now and then; a
// check whether the port is open costs least.
type offence struct {
	why    string
	points float64
}

var (
	offenceSilent     = offence{"silent", 1}     // connected and left without a word
	offenceUnfinished = offence{"unfinished", 3} // left before it had authenticated
	offenceRefused    = offence{"refused", 5}    // did not authenticate
	offenceMalformed  = offence{"malformed", 10} // sent what is no SSH
	offenceLate       = offence{"late", 10}      // took all the time there is without authenticating
	offenceFlood      = offence{"flood", 20}     // had to be closed at a limit
	offences          = []offence{offenceSilent, offenceUnfinished, offenceRefused, offenceMalformed, offenceLate, offenceFlood}
)

// maxPunished bounds the table of sources. At the bound a new one takes the place of one with fewest points among evictionSample:
// whoever has many addresses can push others out, which costs him as many connections, and them nothing.
const (
	maxPunished    = 1 << 16
	evictionSample = 8
)

// penalties are points per source that decay by half in every half-life. A source above the score is refused; what is refused
// costs it nothing more, so every source comes in again by waiting.
type penalties struct {
	score  float64
	half   time.Duration
	exempt []netip.Prefix
	now    func() time.Time

	mu     sync.Mutex
	points map[netip.Prefix]points
}

type points struct {
	value float64
	at    time.Time
}

func newPenalties(l Limits, now func() time.Time) (*penalties, error) {
	exempt, err := l.Exempt()
	if err != nil {
		return nil, err
	}
	return &penalties{score: float64(l.PenaltyScore), half: l.PenaltyHalf, exempt: exempt, now: now, points: map[netip.Prefix]points{}}, nil
}

// add gives a source its points. They never come to more than four times the score: two half-lives, and it is below again.
func (p *penalties) add(source netip.Prefix, o offence) {
	if !source.IsValid() || p.exempts(source) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old, known := p.points[source]
	if !known && len(p.points) >= maxPunished {
		p.evict()
	}
	now := p.now()
	p.points[source] = points{min(p.decayed(old, now)+o.points, 4*p.score), now}
}

// over reports whether a source is to be refused.
func (p *penalties) over(source netip.Prefix) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	got, known := p.points[source]
	if !known {
		return false
	}
	now := p.now()
	left := p.decayed(got, now)
	if left < 0.5 {
		delete(p.points, source)
	}
	return left >= p.score
}

// punished is how many sources have points.
func (p *penalties) punished() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.points)
}

func (p *penalties) decayed(got points, now time.Time) float64 {
	if got.value == 0 {
		return 0
	}
	return got.value * math.Exp2(-float64(max(now.Sub(got.at), 0))/float64(p.half))
}

// evict is called with mu held. A map is walked in random order.
func (p *penalties) evict() {
	now := p.now()
	var victim netip.Prefix
	least, seen := math.Inf(1), 0
	for source, got := range p.points {
		if left := p.decayed(got, now); left < least {
			victim, least = source, left
		}
		if seen++; seen == evictionSample {
			break
		}
	}
	delete(p.points, victim)
}

func (p *penalties) exempts(source netip.Prefix) bool {
	for _, e := range p.exempt {
		if e.Contains(source.Addr()) {
			return true
		}
	}
	return false
}
