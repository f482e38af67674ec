package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/index"
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
	var index index.Player
	_, body := h.get(base + "index.json?idle=2")
	must(t, json.Unmarshal([]byte(body), &index))
	duration, err := index.Duration.Float64()
	must(t, err)
	if len(index.Segments) < 2 || index.Markers == nil || len(index.Markers) != 0 {
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

// What is kept in memory is bounded, the newest always is, and the same recording is prepared once, whatever pauses are cut to.
func TestCastsAreBounded(t *testing.T) {
	h := newHouse(t, 0)
	for range maxCasts + 5 {
		_, ended, _ := h.some()
		for _, idle := range []int{0, 2, 2} {
			if status, body := h.get(fmt.Sprintf("/api/sessions/%s/cast/index.json?idle=%d", ended.ID, idle)); status != 200 {
				t.Fatalf("status %d %s", status, body)
			}
		}
		if h.web.casts.get(castKey{session: ended.ID}, false) == nil {
			t.Fatal("the newest is not kept")
		}
	}
	if n := len(h.web.casts.kept); n != maxCasts || len(h.web.casts.used) != n {
		t.Errorf("%d are kept, %d remembered", n, len(h.web.casts.used))
	}
}

// While a session is live its recording plays too, as far as it went; when it has ended, all of it.
func TestLiveRecordingPlays(t *testing.T) {
	h := newHouse(t, 0)
	s, rec := h.session(store.Session{Identity: "agent:a", Target: "t", Login: "l", Command: "tail"}, allow("r"))
	must(t, rec.Write(recorder.Output, []byte("first\n")))
	first := h.eventually(t, s.ID, `first`)
	time.Sleep(20 * time.Millisecond)
	must(t, rec.Write(recorder.Output, []byte("second\n")))
	s.State = store.Ended
	h.finish(s, rec)
	if _, again := h.get("/api/sessions/" + s.ID + "/cast/seg/0.json"); strings.Contains(first, "second") || !strings.Contains(again, "second") {
		t.Errorf("live %s\nended %s", first, again)
	}
}

// eventually gets the first segment until it has a text: it takes half a second until that is on the disk.
func (h *house) eventually(t *testing.T, session, text string) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status, body := h.get("/api/sessions/" + session + "/cast/seg/0.json"); status == 200 && strings.Contains(body, text) {
			return body
		}
	}
	t.Fatalf("no %q", text)
	return ""
}

// Replay, page and segments come from the index that is kept, if there is one that fits; without it they are the same.
func TestReplayFromTheKeptIndex(t *testing.T) {
	h := newHouse(t, 0)
	_, ended, _ := h.some()
	addresses := []string{"/api/sessions/" + ended.ID, "/api/sessions/" + ended.ID + "/cast/index.json?idle=1", "/api/sessions/" + ended.ID + "/cast/seg/0.json?idle=1"}
	var before []string
	for _, address := range addresses {
		_, body := h.get(address)
		before = append(before, body)
	}
	h.indexAll()
	h.web.casts = newCasts()
	if x, err := h.indexer.Open(ended.ID, ended.Recording); err != nil || x.Segments() != 1 {
		t.Fatal(err)
	}
	for i, address := range addresses {
		if status, body := h.get(address); status != 200 || body != before[i] {
			t.Errorf("%s: %d\n%s\nwithout an index\n%s", address, status, body, before[i])
		}
	}
}
