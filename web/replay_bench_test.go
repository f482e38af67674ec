package web

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/internal/testrec"
	"gatehouse/recorder"
	"gatehouse/recorder/index"
)

// The recording that replay is measured with: 100 MB in eight hours.
const (
	longEvents = 250_000
	longTime   = 8 * time.Hour
	longEvery  = longTime / longEvents
	longSeeks  = 10
)

// longLine is event i of the long recording: a coloured line of a log, about 400 bytes, that names i.
func longLine(rnd *rand.Rand, i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\x1b[90m%s\x1b[0m web-1 \x1b[3%dmapp[%d]\x1b[0m: line %d:", time.Unix(int64(i), 0).UTC().Format(time.TimeOnly), 1+i%6, 1000+i%50, i)
	for b.Len() < 398 {
		fmt.Fprintf(&b, " %x", rnd.Uint64()>>uint(8*rnd.IntN(7)))
	}
	return b.String() + "\r\n"
}

// long makes the recording and its session.
func (h *house) long() (s store.Session, bytes int) {
	h.t.Helper()
	s = store.Session{ID: id.New(id.Session, time.Now()), Identity: "agent:bot", Target: "web-1", Login: "deploy", PTY: true, Command: "bash",
		State: store.Ended, Started: time.Now().Add(-longTime).UTC()}
	w, err := testrec.Create(h.dir, recorder.Header{Session: s.ID, PTY: true, Cols: 120, Rows: 40, Started: s.Started})
	must(h.t, err)
	rnd := rand.New(rand.NewPCG(100, 8))
	for i := range longEvents {
		at := time.Duration(i) * longEvery
		if i%2500 == 0 {
			w.JSON(at, recorder.Command, map[string]any{"line": fmt.Sprintf("tail -n %d /var/log/app", i)})
			w.JSON(at, recorder.Decision, allow("web/allow[0]"))
		}
		line := longLine(rnd, i)
		bytes += len(line)
		w.Event(at, recorder.Output, []byte(line))
	}
	s.Recording, err = w.Close()
	must(h.t, err)
	s.EndedAt = s.Started.Add(longTime)
	must(h.t, h.store.Put(context.Background(), s))
	return s, bytes
}

// BenchmarkReplay measures, once, the replay of 100 MB and eight hours in Chromium, from the opening of the page on: how long
// until the screen is there, how long a seek to anywhere takes until the screen is the one sought, and what the page holds then.
func BenchmarkReplay(b *testing.B) {
	h := newHouse(b, 0)
	s, bytes := h.long()
	begun := time.Now()
	h.indexAll()
	masked := float64(bytes) / 1e6 / time.Since(begun).Seconds()
	begun = time.Now()
	_, err := index.Make(b.Context(), h.recorder, s.ID, nil, nil)
	must(b, err)
	plain := float64(bytes) / 1e6 / time.Since(begun).Seconds()

	br := newBrowser(b)
	br.signIn(b, h)
	br.do(b, "warm the browser", chromedp.Navigate(h.server.URL+"/sessions"))
	for b.Loop() {
		br.do(b, "open", chromedp.Navigate(h.server.URL+"/sessions/"+s.ID))
		ready, err := chromedp.Run(br.ctx, chromedp.Evaluate[float64](whenShown(longEvents-1, ""), chromedp.EvalAwaitPromise))
		must(b, err)
		b.ReportMetric(ready, "ready-ms")
		var taken []float64
		rnd := rand.New(rand.NewPCG(4, 4))
		for range longSeeks {
			n := rnd.IntN(longEvents - 100)
			at := (time.Duration(n)*longEvery + longEvery/2).Seconds()
			ms, err := chromedp.Run(br.ctx, chromedp.Evaluate[float64](whenShown(n, fmt.Sprintf("#t=%.6f", at)), chromedp.EvalAwaitPromise))
			must(b, err)
			taken = append(taken, ms)
		}
		slices.Sort(taken)
		b.ReportMetric(taken[len(taken)/2], "seek-p50-ms")
		b.ReportMetric(taken[len(taken)-1], "seek-max-ms")
	}
	_, err = chromedp.Call(br.ctx, heapprofiler.CollectGarbage, cdp.Empty{})
	must(b, err)
	heap, err := chromedp.Call(br.ctx, runtime.GetHeapUsage, cdp.Empty{})
	must(b, err)
	b.ReportMetric(heap.UsedSize/1e6, "heap-MB")
	b.ReportMetric(masked, "index-MB/s") // the clearing at the loop's beginning would take them
	b.ReportMetric(plain, "unmasked-MB/s")
	if said := br.complaints(); said != "" {
		b.Errorf("the browser complains:\n%s", said)
	}
}

// whenShown promises the milliseconds until line n is on the screen and line n+1 is not: since hash was gone to, or since the
// page was asked for.
func whenShown(n int, hash string) string {
	return fmt.Sprintf(`new Promise((done, failed) => {
		const begun = %q ? performance.now() : 0;
		if (%q) location.hash = %q;
		const look = () => {
			const text = document.querySelector('.ap-term-text')?.textContent ?? '';
			if (text.includes('line %d:') && !text.includes('line %d:')) done(performance.now() - begun);
			else if (performance.now() - begun > 30000) failed(new Error('not shown'));
			else requestAnimationFrame(look);
		};
		look();
	})`, hash, hash, hash, n, n+1)
}
