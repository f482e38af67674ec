package access

import (
	"math"
	"slices"
	"strings"
	"time"
)

// The bounds of what is counted.
const (
	MaxTallies = 100_000
	MaxHosts   = 1000                // different targets of one tally
	tallyLife  = 30 * 24 * time.Hour // of a task's tally without anything spent, after which it goes
	dayLife    = 24 * time.Hour      // of a day's tally after that day: a clock that steps back over midnight finds it
)

// Limits are what one tally may use up. A zero bounds nothing.
type Limits struct {
	Commands int64
	Denials  int64
	Hosts    int64 // different targets; 1000 at most
	BytesOut int64
	Writes   int64
	Wall     int64 // seconds of sessions
	Sessions int64 // at once
}

// Amount is what is spent at once. Commands, Host, Writes and Sessions are about to happen: if one of them is too much, nothing is counted and
// it does not happen. Denials, BytesOut and Wall have happened: they count in any case.
type Amount struct {
	Commands int64
	Host     string
	Writes   int64
	Sessions int64 // 1: one begins; -1: one has ended

	Denials  int64
	BytesOut int64
	Wall     int64 // seconds
}

// TallyKey says whose tally it is and of what: a task, or a day.
type TallyKey struct {
	Principal string `json:"principal"`
	Task      string `json:"task,omitempty"`
	Day       string `json:"day,omitempty"` // "2026-11-28", of UTC
}

// ForTask is the key of a principal's task; those without a task share one.
func ForTask(principal, task string) TallyKey { return TallyKey{Principal: principal, Task: task} }

// ForDay is the key of a principal's day.
func ForDay(principal string, now time.Time) TallyKey {
	return TallyKey{Principal: principal, Day: now.UTC().Format(time.DateOnly)}
}

// Tally is what was spent.
type Tally struct {
	TallyKey
	Commands int64     `json:"commands,omitempty"`
	Denials  int64     `json:"denials,omitempty"`
	Hosts    []string  `json:"hosts,omitempty"` // sorted
	BytesOut int64     `json:"bytes_out,omitempty"`
	Writes   int64     `json:"writes,omitempty"`
	Wall     int64     `json:"wall,omitempty"`
	At       time.Time `json:"at"`             // when something was spent last
	Over     []string  `json:"over,omitempty"` // limits of which people were told that they are reached

	Sessions int64 `json:"-"` // that go on now: none after a restart
}

// Over says which limit an amount went over, and by how much.
type Over struct {
	What  string // "commands", "denials", "hosts", "bytes_out", "writes", "wall", "sessions"
	Limit int64
	Spent int64 // with what was asked
}

// Tallies are all that is counted. Not safe for concurrent use.
type Tallies struct{ open map[TallyKey]Tally }

// NewTallies makes them of what was stored.
func NewTallies(stored []Tally) *Tallies {
	t := &Tallies{open: map[TallyKey]Tally{}}
	for _, one := range stored {
		t.Put(one)
	}
	return t
}

// Put makes a tally what Spend returned. It is stored first where what is spent must not be forgotten.
func (t *Tallies) Put(one Tally) { t.open[one.TallyKey] = one }

// Drop forgets a tally.
func (t *Tallies) Drop(key TallyKey) { delete(t.open, key) }

// Get returns a tally, the zero one if nothing was spent.
func (t *Tallies) Get(key TallyKey) Tally {
	one, ok := t.open[key]
	if !ok {
		one.TallyKey = key
	}
	return one
}

// Spend counts an amount: over is what went over its limit, nil if nothing did, and after is what Put then takes. When there are too many
// tallies, those of which nothing was spent for long have gone already, and a new one is refused.
func (t *Tallies) Spend(now time.Time, key TallyKey, l Limits, a Amount) (after Tally, over *Over, err error) {
	before := t.Get(key)
	if _, known := t.open[key]; !known && len(t.open) >= MaxTallies {
		return before, nil, full("%d budgets are counted, which is the most", MaxTallies)
	}
	if min(a.Commands, a.Writes, a.Denials, a.BytesOut, a.Wall) < 0 || a.Sessions < -1 || a.Sessions > 1 {
		return before, nil, invalid("nothing negative is spent")
	}
	after, over = before.spend(l, a)
	after.At = now.UTC()
	return after, over, nil
}

// Forget drops the tallies of days that ended a day ago, and of tasks for which nothing was spent for thirty days, where no session goes
// on, and returns their keys.
func (t *Tallies) Forget(now time.Time) []TallyKey {
	var gone []TallyKey
	for key, one := range t.open {
		if one.Sessions == 0 && one.stale(now) {
			gone = append(gone, key)
			delete(t.open, key)
		}
	}
	slices.SortFunc(gone, func(a, b TallyKey) int { return strings.Compare(a.sorted(), b.sorted()) })
	return gone
}

func (t Tally) stale(now time.Time) bool {
	if day, err := time.Parse(time.DateOnly, t.Day); err == nil {
		return now.Sub(day) >= 24*time.Hour+dayLife
	}
	return now.Sub(t.At) > tallyLife
}

func (k TallyKey) sorted() string { return k.Principal + "\x00" + k.Task + "\x00" + k.Day }

// List returns the tallies of a principal, of all with an empty one, in order.
func (t *Tallies) List(principal string) []Tally {
	var list []Tally
	for key, one := range t.open {
		if principal == "" || key.Principal == principal {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Tally) int { return strings.Compare(a.sorted(), b.sorted()) })
	return list
}

// Back takes an amount from a tally that was counted and did not happen; hosts stay. It never takes more than is there.
func (t Tally) Back(a Amount) Tally {
	less := func(from *int64, n int64) { *from = max(0, *from-max(0, n)) }
	less(&t.Commands, a.Commands)
	less(&t.Writes, a.Writes)
	less(&t.Sessions, a.Sessions)
	less(&t.Denials, a.Denials)
	less(&t.BytesOut, a.BytesOut)
	less(&t.Wall, a.Wall)
	return t
}

// spend counts what happened, then what is about to happen, if all of it may.
func (t Tally) spend(l Limits, a Amount) (Tally, *Over) {
	var over *Over
	count := func(what string, spent *int64, more, limit int64) {
		*spent = Plus(*spent, more)
		if over == nil && more > 0 && limit > 0 && *spent > limit {
			over = &Over{what, limit, *spent}
		}
	}
	count("denials", &t.Denials, a.Denials, l.Denials)
	count("bytes_out", &t.BytesOut, a.BytesOut, l.BytesOut)
	count("wall", &t.Wall, a.Wall, l.Wall)
	happened := over
	after := t
	over = nil
	count("commands", &after.Commands, a.Commands, l.Commands)
	count("writes", &after.Writes, a.Writes, l.Writes)
	count("sessions", &after.Sessions, a.Sessions, l.Sessions)
	after.Sessions = max(0, after.Sessions)
	if a.Host != "" && l.Hosts > 0 {
		hosts := after.withHost(a.Host)
		if limit := min(l.Hosts, MaxHosts); over == nil && len(hosts) > len(after.Hosts) && int64(len(hosts)) > limit {
			over = &Over{"hosts", limit, int64(len(hosts))}
		}
		after.Hosts = hosts
	}
	switch {
	case over != nil:
		return t, over
	case happened != nil:
		return after, happened
	}
	return after, nil
}

// withHost are the hosts with one more, in a list of their own.
func (t Tally) withHost(host string) []string {
	i, known := slices.BinarySearch(t.Hosts, host)
	if known {
		return t.Hosts
	}
	return slices.Insert(slices.Clone(t.Hosts), i, host)
}

// Plus adds without going beyond what can be counted.
func Plus(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
