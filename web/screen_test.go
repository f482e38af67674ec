package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// A late viewer gets the screen as it is, however much came before, and then what comes.
func TestLateViewerGetsTheScreen(t *testing.T) {
	var past []recorder.Event
	for i := range 5000 {
		past = append(past, recorder.Event{At: time.Duration(i), Code: recorder.Output, Data: fmt.Appendf(nil, "line %d\r\n", i)})
	}
	past = append(past, recorder.Event{At: time.Second, Code: recorder.Output, Data: []byte("\x1b]52;c;aGk=\x07caf\xc3")})
	h := newHouse(t, 0)
	_, rec := h.session(store.Session{PTY: true}, allow("r"))
	for _, e := range past {
		must(t, rec.Write(e.Code, e.Data))
	}
	live, err := h.console.Tail(t.Context(), credential("ann-cookie"), h.onlyLive())
	must(t, err)
	defer live.Close()
	live.SoFar = func(yield func(recorder.Event, error) bool) {
		for _, e := range past {
			if !yield(e, nil) {
				return
			}
		}
	}
	sc := screenSoFar(live)
	b, err := json.Marshal(sc.snapshot())
	must(t, err)
	if text := string(b); len(text) > 64<<10 || !strings.Contains(text, "line 4999") || strings.Contains(text, "line 4000") || strings.Contains(text, "52;c") {
		t.Errorf("%d bytes: %.500s", len(text), text)
	}
	if got, _ := json.Marshal(sc.line(recorder.Event{At: 2e9, Code: recorder.Output, Data: []byte("\xa9")})); string(got) != `[2,"o","é"]` {
		t.Errorf("what comes is %s", got)
	}
}

// onlyLive is the id of the only session.
func (h *house) onlyLive() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.live {
		return id
	}
	return ""
}

// A recording that lies about its size does not size a viewer's screen.
func TestSizesAreChecked(t *testing.T) {
	for _, size := range []string{`{"cols":0,"rows":24}`, `{"cols":-1,"rows":-1}`, `{"cols":100000000,"rows":2}`, `{"cols":"x"}`, `]`, ``} {
		sc := newScreen(recorder.Header{})
		if line := sc.line(recorder.Event{Code: recorder.Resize, Data: []byte(size)}); line != nil || sc.cols != 80 {
			b, _ := json.Marshal(line)
			t.Errorf("%s gives %s", size, b)
		}
	}
}
