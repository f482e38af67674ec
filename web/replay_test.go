package web

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/internal/testrec"
	"gatehouse/internal/vt"
	"gatehouse/policy"
	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// workday is an ended session of a whole working day on a pty: commands of every verdict, output in bursts, a full-screen
// program, long pauses. It returns what it wrote of the screen, by the time.
func (h *house) workday() (store.Session, []recorder.Event) {
	h.t.Helper()
	s := store.Session{ID: id.New(id.Session, time.Now()), Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", PTY: true,
		Command: "bash", Verdict: "allow", State: store.Ended, Started: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	w, err := testrec.Create(h.dir, recorder.Header{Session: s.ID, Identity: s.Identity, Owner: s.Owner, Target: s.Target, Login: s.Login, PTY: true, Cols: 100, Rows: 28, Started: s.Started})
	must(h.t, err)
	var all []recorder.Event
	now := time.Duration(0)
	put := func(after time.Duration, code recorder.Code, text string) {
		now += after
		w.Event(now, code, []byte(text))
		all = append(all, recorder.Event{At: now, Code: code, Data: []byte(text)})
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	verdicts := []policy.Decision{allow("web/allow[0]"), {Verdict: policy.Deny, Code: policy.CodeNotAllowed, Reason: "no rule admits rm"}, {Verdict: policy.Ask, Rules: []string{"web/ask[0]"}}}
	for i := range 40 {
		line := fmt.Sprintf("journalctl -n %d -u app-web", i+1)
		d := verdicts[0]
		if i%9 == 4 {
			d, line = verdicts[1], "rm -rf /srv/app"
		}
		if i%11 == 7 {
			d, line = verdicts[2], "systemctl restart app-web"
		}
		now += time.Duration(rnd.IntN(900)) * time.Second
		w.JSON(now, recorder.Command, map[string]any{"line": line})
		w.JSON(now, recorder.Decision, d)
		put(time.Second, 'o', fmt.Sprintf("\x1b[1;32mdeploy@web-1\x1b[0m:\x1b[1;34m~\x1b[0m$ %s\r\n", line))
		if i%10 == 6 {
			put(500*time.Millisecond, 'o', "\x1b[?1049h\x1b[2J\x1b[H\x1b[7m top - an editor \x1b[0m\x1b[12;20Hin the middle")
			for j := range 9000 { // for so long that a segment begins within it
				put(5*time.Millisecond, 'o', fmt.Sprintf("\x1b[14;1H\x1b[2K\x1b[3%dmrefreshed %d times\x1b[m and nothing else on this screen", j%8, j))
			}
			put(30*time.Second, 'o', "\x1b[12;20Hpainted over")
			put(3*time.Second, 'o', "\x1b[?1049l")
			continue
		}
		for j := range rnd.IntN(3000) {
			put(time.Duration(rnd.IntN(4))*time.Millisecond, 'o', fmt.Sprintf("Nov 22 10:%02d:%02d web-1 app[%d]: \x1b[3%dmrequest %d-%d\x1b[0m took %d ms\r\n", i, j%60, 1000+i, j%8, i, j, rnd.IntN(900)))
		}
	}
	w.JSON(now, recorder.Exit, map[string]int{"status": 0})
	s.Recording, err = w.Close()
	must(h.t, err)
	zero := 0
	s.Exit, s.EndedAt = &zero, s.Started.Add(now)
	must(h.t, h.store.Put(context.Background(), s))
	return s, all
}

// signIn gives the browser ann's cookie.
func (b *browser) signIn(t testing.TB, h *house) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "gatehouse", Value: "ann-cookie", URL: h.server.URL})
	must(t, err)
}

// rows is the visible terminal, without blanks at the ends.
const rows = `[...document.querySelectorAll('.ap-term-text .ap-line')].map((line) => line.textContent.trimEnd()).join('\n').trimEnd()`

// screenAt is the terminal just after what happened until a time, by the emulator and nothing else.
func screenAt(events []recorder.Event, at time.Duration) string {
	term, screen := vt.New(100, 28), replay.NewScreen(true)
	for _, e := range events {
		if e.At > at {
			break
		}
		_, _ = term.Write([]byte(screen.Text(e)))
	}
	var lines []string
	for _, l := range term.Lines() {
		lines = append(lines, strings.TrimRight(l, " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// At any moment of a long recording, sought from anywhere, the page shows what the terminal showed then: in text that scrolls,
// within a full-screen program, and behind pauses that are cut.
func TestBrowserSeeksAnywhere(t *testing.T) {
	h := newHouse(t, 0)
	s, events := h.workday()
	h.indexAll()
	b := newBrowser(t)
	b.signIn(t, h)
	rnd := rand.New(rand.NewPCG(11, 11))
	moments := []time.Duration{events[len(events)-1].At, events[0].At}
	for i, e := range events {
		if strings.Contains(string(e.Data), "painted over") || strings.Contains(string(e.Data), "an editor") || rnd.IntN(len(events)) < 4 {
			moments = append(moments, events[i].At)
		}
	}
	rnd.Shuffle(len(moments), func(i, j int) { moments[i], moments[j] = moments[j], moments[i] })
	b.do(t, "open", chromedp.Navigate(h.server.URL+"/sessions/"+s.ID))
	b.until(t, `document.querySelector('.strip .bar') !== null`)
	for _, idle := range []string{"2", "0"} {
		b.do(t, "cut pauses", chromedp.Evaluate[chromedp.Void](`document.getElementById('idle').value = '`+idle+`', document.getElementById('idle').dispatchEvent(new Event('change'))`))
		time.Sleep(300 * time.Millisecond)
		for _, at := range moments {
			want, err := json.Marshal(screenAt(events, at))
			must(t, err)
			// What is sought is a little after the event, so that no rounding puts it before.
			b.do(t, "seek", chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`location.hash = '#t=%f'`, at.Seconds()+0.0005)))
			b.until(t, rows+` === `+string(want))
		}
	}
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}

// A link to a moment or to a command lands there, whatever is cut; keys, the strip and the timeline move on from it.
func TestBrowserLinksToMoments(t *testing.T) {
	h := newHouse(t, 0)
	s, events := h.workday()
	h.indexAll()
	b := newBrowser(t)
	b.signIn(t, h)
	shows := func(what string, at time.Duration) {
		t.Helper()
		want, err := json.Marshal(screenAt(events, at))
		must(t, err)
		b.until(t, rows+` === `+string(want))
		if t.Failed() {
			t.Log(what)
		}
	}
	command := h.commandTimes(s.ID)
	address := h.server.URL + "/sessions/" + s.ID

	b.do(t, "a link to a command", chromedp.Navigate(address+"#c5"))
	b.until(t, `document.querySelector('.timeline li.now')?.id === 'c5' && scrollY === 0`)
	shows("command 5", command[4])
	b.do(t, "a link to a moment", chromedp.Navigate(address+fmt.Sprintf("?t=%f", command[9].Seconds()+1.0005)))
	b.until(t, `document.querySelector('.timeline li.now')?.id === 'c10' && document.querySelector('.ap-overlay-start') !== null`)
	shows("a second after command 10", command[9]+time.Second)
	clock := command[19].Truncate(time.Second)
	b.do(t, "as a clock", chromedp.Navigate(address+fmt.Sprintf("?t=%d:%02d:%02d", int(clock.Hours()), int(clock.Minutes())%60, int(clock.Seconds())%60)))
	shows("the clock", clock)

	b.do(t, "the next command", chromedp.KeyEvent("n"))
	b.until(t, `location.hash === '#c20' && document.querySelector('.timeline li.now').id === 'c20'`)
	b.do(t, "the previous one", chromedp.KeyEvent("p"))
	b.until(t, `location.hash === '#c19'`)
	shows("command 19", command[18])
	b.do(t, "a link to here", chromedp.KeyEvent("l"))
	b.until(t, fmt.Sprintf(`location.search === '?t=%.3f' && document.getElementById('link').innerText === 'Link copied'`, command[18].Seconds()))

	b.do(t, "the strip by keyboard", chromedp.Focus(chromedp.CSS("#strip")), chromedp.KeyEvent(kb.End))
	shows("the end", events[len(events)-1].At)
	b.do(t, "and back", chromedp.KeyEvent(kb.Home))
	b.until(t, `document.getElementById('strip').getAttribute('aria-valuenow') === '0.0' && document.getElementById('position').innerText.startsWith('0:00 of 4:')`)
	b.do(t, "the strip by pointer", chromedp.Click(chromedp.CSS("#strip")))
	b.until(t, `Math.abs(document.getElementById('strip').getAttribute('aria-valuenow') / document.getElementById('strip').getAttribute('aria-valuemax') - 0.5) < 0.01`)
	b.do(t, "out of the strip", chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	b.do(t, "play", chromedp.KeyEvent(" "))
	b.until(t, `document.querySelector('.ap-overlay-start') === null && document.getElementById('strip').getAttribute('aria-valuenow') / document.getElementById('strip').getAttribute('aria-valuemax') > 0.5`)
	if n, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.querySelectorAll('.strip .tick.deny').length`)); err != nil || n < 2 {
		t.Errorf("%d ticks of denials, %v", n, err)
	}
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}

// commandTimes are when commands were asked for.
func (h *house) commandTimes(session string) []time.Duration {
	h.t.Helper()
	d, err := h.console.Show(h.t.Context(), credential("ann-cookie"), session)
	must(h.t, err)
	var times []time.Duration
	for _, m := range d.Timeline.Moments {
		if m.Kind == "command" {
			times = append(times, m.At())
		}
	}
	return times
}
