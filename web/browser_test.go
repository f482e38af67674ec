package web

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// browser is a headless Chromium with a profile of its own, and everything its console said.
type browser struct {
	ctx   context.Context
	mu    sync.Mutex
	lines []string
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	b, err := startBrowser(t)
	if err != nil && strings.Contains(err.Error(), "chrome failed to start") { // it ends at once now and then, before it has done anything
		b, err = startBrowser(t)
	}
	must(t, err)
	return b
}

func startBrowser(t testing.TB) (*browser, error) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-quic", true),
		chromedp.WindowSize(1280, 900))
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	limited, endLimit := context.WithTimeout(alloc, 3*time.Minute)
	ctx, end := chromedp.NewContext(limited)
	b := &browser{ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		end()
		endLimit()
		endAlloc()
		return nil, err
	}
	t.Cleanup(func() {
		must(t, chromedp.Cancel(ctx)) // closes the browser and waits for it
		end()
		endLimit()
		endAlloc()
	})
	return b, nil
}

// hear keeps what the page's console and the browser itself complain about.
func (b *browser) hear(event any) {
	var line string
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Level != log.EntryLevelWarning {
			return
		}
		line = string(e.Entry.Level) + ": " + e.Entry.Text + " " + e.Entry.URL
	case *runtime.EventExceptionThrown:
		line = "exception: " + e.ExceptionDetails.Text
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
}

func (b *browser) complaints() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}

// press clicks an element wherever it is by then: a page grows while its player loads.
func (b *browser) press(t testing.TB, what, selector string) {
	t.Helper()
	b.until(t, fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(document.querySelector(%q).click(), true)`, selector)))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// do runs steps in the page; what fails is told with what the page's console said.
func (b *browser) do(t testing.TB, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, b.complaints())
	}
}

// until waits until a JavaScript expression is true, over page loads too.
func (b *browser) until(t testing.TB, expression string) {
	t.Helper()
	var err error
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); {
		if _, err = chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(time.Second))); err == nil {
			return
		}
	}
	text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
	t.Fatalf("%s: %v\n%s\n%.1000s", expression, err, b.complaints(), text)
}

const screenText = `(document.querySelector('.ap-term-text')?.innerText ?? '')`

// One person's way through the browser: sign in by a link, find a session, replay it and seek by its timeline, watch a live
// one, end it with a reason. Nothing in the pages breaks their own policy.
func TestBrowser(t *testing.T) {
	h := newHouse(t, 0)
	if !h.web.assets.player() {
		t.Fatal("the player was not built in: run npm ci in web/ui, then scripts/web-assets")
	}
	ended := h.spaced()
	live, rec := h.session(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "tail -f log", PTY: true}, allow("web/allow[1]"))
	must(t, rec.Write(recorder.Output, []byte("before you came\r\n")))
	h.decider.tokens["link-token"] = "ann"
	b := newBrowser(t)

	b.do(t, "open the link", chromedp.Navigate(h.server.URL+"/sign-in#link-token"))
	b.until(t, `location.pathname === '/' && document.querySelector('.who')?.innerText === 'ann'`)
	b.do(t, "go to the audit log by keyboard", chromedp.KeyEvent("g"), chromedp.KeyEvent("a"))
	b.until(t, `location.pathname === '/audit' && document.querySelector('.entries .row') !== null`)
	b.do(t, "go to the sessions by keyboard", chromedp.KeyEvent("g"), chromedp.KeyEvent("s"))
	b.until(t, `location.pathname === '/sessions' && document.querySelectorAll('.row').length === 2`)
	b.until(t, `document.querySelector('.row .chip').innerText.trim().toLowerCase() === 'live'`)

	b.do(t, "open the ended session", chromedp.Click(chromedp.CSS(`a[href="/sessions/`+ended.ID+`"]`)))
	b.until(t, `document.querySelector('.ap-wrapper') !== null && document.querySelectorAll('.timeline li').length >= 3`)
	b.do(t, "play", chromedp.Click(chromedp.CSS(`.ap-overlay-start`)))
	b.until(t, screenText+`.includes('step one')`)
	b.do(t, "seek to the end by the timeline", chromedp.Click(chromedp.CSS(`.timeline li:last-child a`)))
	b.until(t, screenText+`.includes('step two')`)
	b.until(t, `document.querySelector('.timeline li:last-child').classList.contains('now')`)
	b.do(t, "seek to the beginning", chromedp.Click(chromedp.CSS(`.timeline li:first-child a`)))
	b.until(t, `!`+screenText+`.includes('step two')`)
	b.press(t, "open the transcript", `#transcript summary`)
	b.until(t, `document.querySelector('#transcript pre').innerText.includes('step two')`)

	b.do(t, "open the live session", chromedp.Navigate(h.server.URL+"/sessions/"+live.ID))
	b.until(t, screenText+`.includes('before you came')`)
	must(t, rec.Write(recorder.Output, []byte("as it happens\r\n")))
	b.until(t, screenText+`.includes('as it happens')`)
	b.do(t, "ask to end it", chromedp.Click(chromedp.CSS(`a.danger`)))
	b.until(t, `document.getElementById('kill').open`)
	b.do(t, "say why", chromedp.SendKeys(chromedp.CSS(`#kill input`), "customer data on screen"), chromedp.Click(chromedp.CSS(`#kill button.danger`)))
	b.until(t, `document.querySelector('#kill .result').innerText.includes('UNCONFIRMED')`)
	b.until(t, `!document.getElementById('notice').hidden`)
	if s, err := h.store.Get(t.Context(), live.ID); err != nil || s.State != store.Killed || !strings.Contains(s.Reason, "customer data on screen") {
		t.Errorf("the session is %+v, %v", s, err)
	}
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}

// spaced is an ended session with a moment before and after each piece of output.
func (h *house) spaced() store.Session {
	h.t.Helper()
	s, rec := h.session(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "deploy"}, allow("web/allow[0]"))
	for _, text := range []string{"step one\n", "step two\n"} {
		time.Sleep(150 * time.Millisecond) // a recording's times are its own: there is no other way to have some pass
		must(h.t, rec.Write(recorder.Output, []byte(text)))
		h.write(rec, recorder.Note, map[string]string{"note": "after " + text})
	}
	time.Sleep(150 * time.Millisecond)
	zero := 0
	h.write(rec, recorder.Exit, map[string]int{"status": 0})
	s.State, s.Exit = store.Ended, &zero
	return h.finish(s, rec)
}

// A list follows what happens without losing the focus, and hostile text in it does not run.
func TestBrowserListFollows(t *testing.T) {
	h := newHouse(t, 0)
	const evil = `<img src=x onerror="document.title='owned'">`
	first, _ := h.session(store.Session{Identity: "agent:" + evil, Owner: evil, Target: evil, Login: evil, Command: evil}, allow(evil))
	b := newBrowser(t)
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "gatehouse", Value: "ann-cookie", URL: h.server.URL})
	must(t, err)
	b.do(t, "open the sessions", chromedp.Navigate(h.server.URL+"/sessions"))
	b.do(t, "focus the first", chromedp.KeyEvent("j"))
	b.until(t, `document.activeElement.getAttribute('href') === '/sessions/`+first.ID+`'`)
	h.session(store.Session{Identity: "agent:b", Target: "t", Login: "l", Command: evil, Started: time.Now().Add(time.Second)}, allow("r"))
	b.until(t, `document.querySelectorAll('.row').length === 2`)
	b.until(t, `document.activeElement.getAttribute('href') === '/sessions/`+first.ID+`'`)
	b.do(t, "open it", chromedp.Click(chromedp.CSS(`a[href="/sessions/`+first.ID+`"]`)))
	b.until(t, `document.querySelector('.ap-wrapper') !== null`)
	b.until(t, `document.title !== 'owned' && document.querySelectorAll('img').length === 1`)
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}
