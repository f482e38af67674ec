package web

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/asciicast"
)

// The index and the segments keep what the player insists on: starts from 0 and rising, events inside their segment, the last
// one at the duration.
func TestReplayIsWhatThePlayerWants(t *testing.T) {
	h := newHouse(t, 0)
	s, rec := h.session(store.Session{Identity: "agent:a", Target: "t", Login: "l", Command: "yes"}, allow("r"))
	for i := range 900 {
		must(t, rec.Write(recorder.Output, fmt.Appendf(nil, "%04d %01000d\n", i, 0)))
	}
	s.State = store.Ended
	h.finish(s, rec)
	base := "/api/sessions/" + s.ID + "/cast/"
	var index playerIndex
	_, body := h.get(base + "index.json?idle=2")
	must(t, json.Unmarshal([]byte(body), &index))
	duration, err := index.Duration.Float64()
	must(t, err)
	if len(index.Segments) < 2 || string(index.Markers) != "[]" {
		t.Fatalf("index %.300s", body)
	}
	before := -1.0
	for i, seg := range index.Segments {
		start, err := seg.Start.Float64()
		must(t, err)
		if i == 0 && start != 0 || start <= before {
			t.Errorf("segment %d starts at %v after %v", i, start, before)
		}
		var got struct{ Events [][3]any }
		status, body := h.get(base + seg.URL)
		must(t, json.Unmarshal([]byte(body), &got))
		first, last := got.Events[0][0].(float64), got.Events[len(got.Events)-1][0].(float64)
		if status != 200 || first < start || i > 0 && first != start || last > duration || i == len(index.Segments)-1 && last != duration {
			t.Errorf("segment %d of %v..: events from %v to %v, duration %v", i, start, first, last, duration)
		}
		before = start
	}
	for _, bad := range []string{"seg/99999.json", "seg/-1.json", "seg/0", "seg/x.json", "index.json?idle=-1", "index.json?idle=61", "index.json?idle=x"} {
		if status, _ := h.get(base + bad); status != 404 && status != 400 {
			t.Errorf("%s: status %d", bad, status)
		}
	}
}

// What is kept prepared is bounded, and the same recording is prepared once.
func TestCastsAreBounded(t *testing.T) {
	h := newHouse(t, 0)
	_, ended, _ := h.some()
	for idle := range 3 * maxCasts {
		for range 2 {
			if status, body := h.get(fmt.Sprintf("/api/sessions/%s/cast/index.json?idle=%d", ended.ID, idle)); status != 200 {
				t.Fatalf("status %d %s", status, body)
			}
		}
	}
	if n := len(h.web.casts.kept); n != maxCasts || len(h.web.casts.used) != n {
		t.Errorf("%d are kept, %d remembered", n, len(h.web.casts.used))
	}
}

// The time map gives back every moment to a millisecond, over long pauses too.
func TestTimeMap(t *testing.T) {
	h := newHouse(t, 0)
	s := h.spaced()
	rec, err := h.console.Play(t.Context(), credential("ann-cookie"), s.ID)
	must(t, err)
	defer rec.Close()
	cast, err := asciicast.Prepare(rec.Recording, asciicast.Options{Idle: 50 * time.Millisecond})
	must(t, err)
	pairs := timeMap(cast)
	if end := pairs[len(pairs)-1]; len(pairs) < 4 || end[0]-end[1] < 0.15 {
		t.Errorf("no pause was cut: %v", pairs)
	}
	for part := range time.Duration(50) {
		played := cast.Duration() * part / 50
		shown := between(pairs, played.Seconds())
		if before, after := cast.Real(played-exactness).Seconds(), cast.Real(played+exactness).Seconds(); shown < before-0.001 || shown > after+0.001 {
			t.Errorf("%v is shown as %v, want from %v to %v", played, shown, before, after)
		}
	}
}

// between is what session.js does with the pairs, from played to real.
func between(pairs [][2]float64, played float64) float64 {
	low := pairs[0]
	for _, p := range pairs {
		if p[1] > played {
			return low[0] + (played-low[1])/(p[1]-low[1])*(p[0]-low[0])
		}
		low = p
	}
	return low[0]
}
