package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// viewer reads a stream of server-sent events.
type viewer struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
	status int
}

func (h *house) watch(t *testing.T, path string) *viewer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	req, err := http.NewRequestWithContext(ctx, "GET", h.server.URL+path, nil)
	must(t, err)
	req.AddCookie(&http.Cookie{Name: "gatehouse", Value: "ann-cookie"})
	answer, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	t.Cleanup(func() { cancel(); answer.Body.Close() })
	return &viewer{t, bufio.NewScanner(answer.Body), cancel, answer.StatusCode}
}

// next returns the next data line, or the name of an event, or "" at the end of the stream.
func (v *viewer) next() string {
	v.t.Helper()
	for v.lines.Scan() {
		if line, ok := strings.CutPrefix(v.lines.Text(), "data: "); ok {
			return line
		}
		if line, ok := strings.CutPrefix(v.lines.Text(), "event: "); ok {
			return line
		}
	}
	return ""
}

// A viewer gets the past in one piece, then what comes, each byte once, and the end.
func TestLiveView(t *testing.T) {
	h := newHouse(t, 0)
	live, _, _ := h.some()
	rec := h.live[live.ID]
	must(t, rec.Write(recorder.Output, []byte("gone\x1b[2J\x1b[Hseen \xe2\x82"))) // the euro sign comes in two pieces
	v := h.watch(t, "/api/sessions/"+live.ID+"/live")
	var first struct {
		Cols, Rows int
		Init       string
	}
	must(t, json.Unmarshal([]byte(v.next()), &first))
	seen := first.Init
	if first.Cols != 100 || first.Rows != 28 || strings.Contains(seen, "gone") && strings.Contains(seen, "[2J") {
		t.Errorf("first %+v", first)
	}
	h.write(rec, recorder.Resize, map[string]int{"cols": 132, "rows": 50})
	must(t, rec.Write(recorder.Output, []byte("\xac and more")))
	resized := false
	for !strings.Contains(seen, "more") {
		var e [3]any
		must(t, json.Unmarshal([]byte(v.next()), &e))
		switch e[1] {
		case "o":
			seen += e[2].(string)
		case "r":
			resized = e[2] == "132x50"
		}
	}
	if !resized || !strings.HasSuffix(seen, "seen € and more") || strings.Count(seen, "seen") != 1 {
		t.Errorf("seen %q, resized %v", seen, resized)
	}
	live.State = store.Ended
	h.finish(live, rec)
	if got := v.next(); got != "done" {
		t.Errorf("at the end: %q", got)
	}
}

// A stream ends after its time, so that whoever comes back is authorised anew; what has ended stays refused.
func TestStreamsEnd(t *testing.T) {
	h := newHouse(t, 200*time.Millisecond)
	live, _, _ := h.some()
	for _, path := range []string{"/api/events", "/api/sessions/" + live.ID + "/live"} {
		v := h.watch(t, path)
		for v.next() != "" {
		}
		if err := v.lines.Err(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	h.decider.mu.Lock()
	delete(h.decider.cookies, "ann-cookie")
	h.decider.mu.Unlock()
	if v := h.watch(t, "/api/events"); v.status != http.StatusUnauthorized {
		t.Errorf("after sign-out: status %d", v.status)
	}
}

// A list's stream is silent while the browser has the newest list, and speaks when there is another.
func TestEventsComeOnChange(t *testing.T) {
	h := newHouse(t, time.Second)
	h.some()
	list, err := h.console.List(t.Context(), credential("ann-cookie"), store.Filter{})
	must(t, err)
	if got := h.watch(t, "/api/events?since="+list.Mark).next(); got != "" {
		t.Errorf("nothing changed, and it says %q", got)
	}
	if got := h.watch(t, "/api/events?since=other").next(); got != "change" {
		t.Errorf("another list: %q", got)
	}
}

func TestStreamsAreCounted(t *testing.T) {
	h := newHouse(t, time.Minute)
	h.some()
	var open []*viewer
	for range maxStreams {
		open = append(open, h.watch(t, "/api/events?since=x"))
	}
	if v := h.watch(t, "/api/events"); v.status != http.StatusTooManyRequests {
		t.Errorf("stream %d: status %d", maxStreams+1, v.status)
	}
	open[0].cancel()
	for end := time.Now().Add(10 * time.Second); ; {
		if v := h.watch(t, "/api/events?since=x"); v.status == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a place that was left is not given again")
		}
	}
}

// Many viewers, a writer and a kill at once: everyone comes to the end.
func TestManyViewers(t *testing.T) {
	h := newHouse(t, 0)
	live, _, _ := h.some()
	var all sync.WaitGroup
	for range maxStreams {
		v := h.watch(t, "/api/sessions/"+live.ID+"/live")
		all.Go(func() {
			last := ""
			for got := v.next(); got != ""; got = v.next() {
				last = got
			}
			if last != "done" {
				t.Errorf("a viewer's last word was %.80q", last)
			}
		})
	}
	rec := h.live[live.ID]
	for range 200 {
		must(t, rec.Write(recorder.Output, []byte(strings.Repeat("x", 1000)+"\r\n")))
	}
	h.ask("POST", "/api/sessions/"+live.ID+"/kill", "ann-cookie", map[string][]string{"reason": {"enough"}})
	all.Wait()
}
