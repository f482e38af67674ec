package index

import (
	"sort"
	"time"
)

// pauses collects the times without any event. When there are too many, only longer ones count from then on, and before.
type pauses struct {
	least time.Duration
	list  [][2]int64
	last  time.Duration
}

func (p *pauses) add(at time.Duration) {
	length := at - p.last
	p.last = at
	if length < p.least {
		return
	}
	p.list = append(p.list, [2]int64{at.Microseconds(), length.Microseconds()})
	for len(p.list) > maxPauses {
		p.least += p.least / 4
		kept := p.list[:0]
		for _, one := range p.list {
			if one[1] >= p.least.Microseconds() {
				kept = append(kept, one)
			}
		}
		p.list = kept
	}
}

// Times maps real to played time, both since the start, where pauses are shortened to Idle; 0 keeps them all.
type Times struct {
	Idle time.Duration
	ends []time.Duration // of the shortened pauses, real
	cuts []time.Duration // what is left out up to the end of each
}

// Times returns the map of an index for one longest pause.
func (x *Index) Times(idle time.Duration) Times {
	t := Times{Idle: idle}
	var cut time.Duration
	for _, p := range x.Pauses {
		if length := micros(p[1]); idle > 0 && length > idle {
			cut += length - idle
			t.ends, t.cuts = append(t.ends, micros(p[0])), append(t.cuts, cut)
		}
	}
	return t
}

// shy is how long before the end of a shortened pause a time within it is played: what comes then is not shown yet.
const shy = time.Millisecond

// Played returns the played time of a real one. It rises with every event, and within a shortened pause it stands just before
// the event that ends it.
func (t Times) Played(real time.Duration) time.Duration {
	i := sort.Search(len(t.ends), func(i int) bool { return t.ends[i] > real })
	played := real
	if i > 0 {
		played -= t.cuts[i-1]
	}
	if i < len(t.ends) { // within a shortened pause, or before it
		played = min(played, t.ends[i]-t.cuts[i]-shy)
	}
	return played
}

// Real returns the real time of a played one.
func (t Times) Real(played time.Duration) time.Duration {
	i := sort.Search(len(t.ends), func(i int) bool { return t.ends[i]-t.cuts[i] > played })
	if i == 0 {
		return played
	}
	return played + t.cuts[i-1]
}

// maxPairs bounds what a browser gets of a map.
const maxPairs = 20_000

// Pairs returns real and played seconds between which time runs evenly, up to the real time end. With very many pauses some
// are left out, and what lies between is a straight line.
func (t Times) Pairs(end time.Duration) [][2]float64 {
	pairs := [][2]float64{{0, 0}}
	step := 1 + 2*len(t.ends)/maxPairs
	for i := 0; i < len(t.ends); i += step {
		played, before := t.ends[i]-t.cuts[i], time.Duration(0)
		if i > 0 {
			before = t.cuts[i-1]
		}
		pairs = append(pairs, [2]float64{(played + before - shy).Seconds(), (played - shy).Seconds()}, [2]float64{t.ends[i].Seconds(), played.Seconds()})
	}
	return append(pairs, [2]float64{end.Seconds(), t.Played(end).Seconds()})
}
