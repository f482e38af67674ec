package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/internal/testrec"
	"gatehouse/internal/vt"
	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// programs is an ended session in which every program that package vt has recorded runs several times, each on its own size of
// the window. It returns the events.
func (h *house) programs(times int) (store.Session, []recorder.Event) {
	h.t.Helper()
	s := store.Session{ID: id.New(id.Session, time.Now()), Identity: "agent:bot", Target: "web-1", Login: "deploy", PTY: true, Command: "bash", Verdict: "allow",
		State: store.Ended, Started: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	w, err := testrec.Create(h.dir, recorder.Header{Session: s.ID, PTY: true, Cols: 80, Rows: 24, Started: s.Started})
	must(h.t, err)
	var all []recorder.Event
	now := time.Duration(0)
	put := func(code recorder.Code, data []byte) {
		now += 20 * time.Millisecond
		w.Event(now, code, data)
		all = append(all, recorder.Event{At: now, Code: code, Data: data})
	}
	files, err := filepath.Glob("../internal/vt/testdata/programs/*.raw")
	must(h.t, err)
	files = slices.DeleteFunc(files, func(file string) bool { return strings.Contains(file, "vttest") }) // tries what the player's emulator has not
	if len(files) < 20 {
		h.t.Fatalf("%d programs are recorded", len(files))
	}
	rnd := rand.New(rand.NewPCG(9, 9))
	for range times {
		for _, file := range files {
			raw, err := os.ReadFile(file)
			must(h.t, err)
			size, data, _ := bytes.Cut(raw, []byte("\n"))
			var cols, rows int
			_, err = fmt.Sscan(string(size), &cols, &rows)
			must(h.t, err)
			put(recorder.Output, []byte("\x1bc"))
			put(recorder.Resize, fmt.Appendf(nil, `{"cols":%d,"rows":%d}`, cols, rows))
			for len(data) > 0 {
				n := min(len(data), 1+rnd.IntN(900))
				put(recorder.Output, data[:n])
				data = data[n:]
			}
		}
	}
	s.Recording, err = w.Close()
	must(h.t, err)
	s.EndedAt = s.Started.Add(now)
	must(h.t, h.store.Put(context.Background(), s))
	return s, all
}

// screens are the terminal's rows after each event, by the emulator and nothing else.
func screens(events []recorder.Event) []string {
	term, screen := vt.New(80, 24), replay.NewScreen(true)
	var all []string
	for _, e := range events {
		var size struct{ Cols, Rows int }
		if e.Code == recorder.Resize && json.Unmarshal(e.Data, &size) == nil {
			term.Resize(size.Cols, size.Rows)
		}
		_, _ = term.Write([]byte(screen.Text(e)))
		var lines []string
		for _, l := range term.Lines() {
			lines = append(lines, strings.TrimRight(strings.Map(drawn, l), " "))
		}
		all = append(all, strings.TrimRight(strings.Join(lines, "\n"), "\n"))
	}
	return all
}

// drawn is what the player has as text: block elements it draws as pictures.
func drawn(r rune) rune {
	if r >= 0x2580 && r <= 0x259f {
		return ' '
	}
	return r
}

// Of vim, less, top, htop, mc, tmux and others the page shows at every moment what our emulator does, which is what the
// screens that segments begin with are made by.
func TestBrowserShowsPrograms(t *testing.T) {
	h := newHouse(t, 0)
	s, events := h.programs(3)
	h.indexAll()
	want := screens(events)
	b := newBrowser(t)
	b.signIn(t, h)
	b.do(t, "open", chromedp.Navigate(h.server.URL+"/sessions/"+s.ID))
	b.until(t, `document.querySelector('.strip .bar') !== null`)
	rnd := rand.New(rand.NewPCG(12, 12))
	const moments = 60
	equal := 0
	for range moments {
		i := rnd.IntN(len(events) - 1)
		quoted, err := json.Marshal(want[i])
		must(t, err)
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](soughtText(events[i].At+10*time.Millisecond, string(quoted)), chromedp.EvalAwaitPromise))
		must(t, err)
		if got == want[i] {
			equal++
			continue
		}
		t.Logf("after event %d at %v:\n%s\nwant\n%s", i, events[i].At, got, want[i])
	}
	if equal < moments {
		t.Errorf("%d of %d screens are the same", equal, moments)
	}
}

// soughtText promises the screen's text after a seek, as soon as it is the one wanted, else after a second.
func soughtText(at time.Duration, want string) string {
	return fmt.Sprintf(`new Promise((done) => {
		location.hash = '#t=%f';
		const begun = performance.now();
		const look = () => {
			const text = %s;
			if (text === %s || performance.now() - begun > 1000) done(text);
			else requestAnimationFrame(look);
		};
		look();
	})`, at.Seconds(), rows, want)
}
