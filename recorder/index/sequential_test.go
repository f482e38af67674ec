//go:build !race

// What fills the index to its bounds, in one goroutine: the race detector would find nothing and takes a minute over it.

package index

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
)

// A host makes no more lines than in proportion to what it wrote: a few bytes can fill a screen, again and again. The index says
// so, and what comes after that is found all the same.
func TestRowsAreBoundedByOutput(t *testing.T) {
	for name, piece := range map[string]string{
		"repeated":           "x\x1b[9999b\x1b[9999b",
		"repeated and wide":  "\u754c\x1b[9999b\x1b[9999b",
		"on the other":       "\x1b[?1049hx\x1b[9999b\x1b[9999b\x1b[?1049l",
		"full of E, cleared": "\x1b#8\x1b[2J",
	} {
		text := strings.Repeat(piece, 64<<10/len(piece))
		bytes, fed, all := 0, 0, map[string]bool{}
		var events []recorder.Event
		for i := range 4 {
			events = append(events, at(time.Duration(i)*time.Second, 'o', text))
			fed += len(text)
		}
		events = append(events, at(time.Minute, 'c', `{"line":"next"}`), at(2*time.Minute, 'o', "\x1bcfound after it\r\n"), at(3*time.Minute, 'x', "{}"))
		x := built(recorder.Header{PTY: true, Cols: 1000, Rows: 1000}, Options{Rows: func(r Row) { bytes += len(r.Text); all[r.Text] = true }}, events...)
		if bytes > rowsFree+rowsEach*fed {
			t.Errorf("%s: %d bytes of rows from %d of output", name, bytes, fed)
		}
		if !all["next"] || !all["found after it"] {
			t.Errorf("%s: what comes later is not there", name)
		}
		if said := strings.Contains(strings.Join(x.Notes(), "\n"), "the search has not all"); said != strings.HasPrefix(name, "repeated") {
			t.Errorf("%s: the notes are %q", name, x.Notes())
		}
	}
}

// A long recording has keyframes that are farther apart; large screens have fewer; neither makes the index larger.
func TestKeyframesAreBounded(t *testing.T) {
	b := newBuilder(recorder.Header{PTY: true, Cols: 80, Rows: 24}, Options{})
	piece := strings.Repeat("y", 100)
	b.apart = 100 // instead of a recording of gigabytes
	for i := range 3 * maxKeyframes {
		b.begin(int64(i), time.Duration(i)*time.Millisecond)
		b.event(at(time.Duration(i)*time.Millisecond, 'o', piece))
	}
	x := b.finish()
	if n := x.Segments(); n > maxKeyframes || n < maxKeyframes/4 || len(x.snapshots) != n {
		t.Errorf("%d keyframes", n)
	}
	x.Size = 3 * maxKeyframes
	must(t, x.validate())

	b = newBuilder(recorder.Header{PTY: true, Cols: 1000, Rows: 1000}, Options{})
	rnd := rand.New(rand.NewPCG(2, 2))
	now := time.Duration(0)
	for i := range 36 {
		b.begin(int64(i), now)
		for range 8 {
			now += time.Millisecond
			b.event(at(now, 'o', noise(rnd, 64<<10)))
		}
	}
	x = b.finish()
	if n := stored(x); n > maxSnapshots || x.Segments() < 2 {
		t.Errorf("%d bytes of snapshots in %d keyframes", n, x.Segments())
	}
	for n := range x.Segments() {
		if text, err := x.snapshot(n); err != nil || len(text) > maxSnapshot {
			t.Errorf("snapshot %d has %d bytes: %v", n, len(text), err)
		}
	}
}
