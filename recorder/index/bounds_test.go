package index

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

// Played and real time map to each other across shortened pauses.
func TestTimes(t *testing.T) {
	p := pauses{least: leastPause}
	for _, s := range []time.Duration{1, 2, 12, 13, 60, 61} {
		p.add(s * time.Second)
	}
	x := &Index{head: head{Pauses: p.list}}
	c := x.Times(2 * time.Second)
	for real, played := range map[int]int{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 11: 4, 12: 4, 13: 5, 14: 6, 30: 7, 60: 7, 61: 8, 70: 17} {
		want := time.Duration(played) * time.Second
		if real == 4 || real == 5 || real == 11 || real == 30 { // within a pause: before what ends it
			want -= shy
		}
		if got := c.Played(time.Duration(real) * time.Second); got != want {
			t.Errorf("real %d s is played %v, want %d s", real, got, played)
		}
	}
	for played, real := range map[int]int{0: 0, 2: 2, 3: 3, 4: 12, 5: 13, 7: 60, 8: 61} {
		if got := c.Real(time.Duration(played) * time.Second); got != time.Duration(real)*time.Second {
			t.Errorf("played %d s is real %v, want %d s", played, got, real)
		}
	}
}

// For any recording: what comes later is played later, every event comes back from its played time, and the pairs that a
// browser gets say the same.
func TestTimesKeepOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pauses{least: leastPause}
		var events []time.Duration
		var now time.Duration
		for _, ms := range rapid.SliceOfN(rapid.IntRange(0, 20_000), 1, 60).Draw(t, "pauses") {
			now += time.Duration(ms) * time.Millisecond
			p.add(now)
			events = append(events, now)
		}
		idle := time.Duration(rapid.SampledFrom([]int{0, 1, 2, 5, 60}).Draw(t, "idle")) * time.Second
		times := (&Index{head: head{Pauses: p.list}}).Times(idle)
		pairs := times.Pairs(now)
		for i, e := range events {
			played := times.Played(e)
			if times.Real(played) != e {
				t.Fatalf("%v is played at %v, which is %v", e, played, times.Real(played))
			}
			if i > 0 && (e > events[i-1]) != (played > times.Played(events[i-1])) {
				t.Fatalf("%v and %v are played at %v and %v", events[i-1], e, times.Played(events[i-1]), played)
			}
			if i > 0 && idle > 0 && played-times.Played(events[i-1]) > idle {
				t.Fatalf("a pause of %v", played-times.Played(events[i-1]))
			}
			if real := between(pairs, 1, 0, played.Seconds()); real-e.Seconds() > 0.001 || e.Seconds()-real > 0.001 {
				t.Fatalf("the pairs say %v for %v", real, e)
			}
		}
	})
}

// between is what session.js does with the pairs.
func between(pairs [][2]float64, from, to int, t float64) float64 {
	low := pairs[0]
	for _, p := range pairs {
		if p[from] > t {
			return low[to] + (t-low[from])/(p[from]-low[from])*(p[to]-low[to])
		}
		low = p
	}
	return low[to]
}

// Too many pauses make it coarser, not larger.
func TestPausesAreBounded(t *testing.T) {
	p := pauses{least: leastPause}
	rnd := rand.New(rand.NewPCG(1, 1))
	var now time.Duration
	for range 5 * maxPauses {
		now += time.Second + time.Duration(rnd.IntN(9000))*time.Millisecond
		p.add(now)
	}
	if n := len(p.list); n > maxPauses || n < maxPauses/8 || p.least <= leastPause {
		t.Errorf("%d pauses of at least %v", n, p.least)
	}
	x := &Index{head: head{Pauses: p.list}}
	if pairs := x.Times(time.Second).Pairs(now); len(pairs) > maxPairs+4 {
		t.Errorf("%d pairs", len(pairs))
	}
}

// Every byte is counted, in at most maxBuckets numbers.
func TestActivity(t *testing.T) {
	a := newActivity()
	total := int64(0)
	for i := range 100_000 {
		a.add(time.Duration(i)*time.Second, i%100)
		total += int64(i % 100)
	}
	sum := int64(0)
	for _, n := range a.bytes {
		sum += n
	}
	if len(a.bytes) > maxBuckets || len(a.bytes) < maxBuckets/2 || sum != total {
		t.Errorf("%d buckets of %v with %d bytes, want %d", len(a.bytes), a.bucket, sum, total)
	}
}

// noise is text in which every letter has another colour: the largest screen.
func noise(rnd *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "\x1b[38;2;%d;%d;%dm%c", rnd.IntN(256), rnd.IntN(256), rnd.IntN(256), 'a'+rnd.IntN(26))
	}
	return b.String()
}

// Events beside the streams are kept up to a bound, and then counted.
func TestEventsAreBounded(t *testing.T) {
	var events []recorder.Event
	for i := range 3 * maxEvents {
		events = append(events, at(time.Duration(i), recorder.Note, `{"note":"`+strings.Repeat("x", 2000)+strconv.Itoa(i)+`"}`))
	}
	x := built(recorder.Header{}, Options{}, events...)
	n := 0
	for e := range x.Events() {
		n += len(e.Data)
	}
	if n > maxEventBytes || len(x.head.Events) > maxEvents || x.Omitted()+len(x.head.Events) != 3*maxEvents {
		t.Errorf("%d events of %d bytes, %d omitted", len(x.head.Events), n, x.Omitted())
	}
}

// Where more secrets were found than are kept, everything after them is masked, and the index says so.
func TestTooManySecrets(t *testing.T) {
	var rows []string
	x := built(recorder.Header{PTY: true}, Options{Hits: []secret.Hit{{Event: 1, From: 0, To: -1, Rule: "too-many"}}, Rows: func(r Row) { rows = append(rows, r.Text) }},
		at(0, 'o', "before\r\n"), at(1e9, 'o', "after\r\n"), at(2e9, 'c', `{"line":"later"}`))
	if len(x.Notes()) != 1 || strings.Join(rows, " ") != "before ***** *****" {
		t.Errorf("%q, notes %q", rows, x.Notes())
	}
}
