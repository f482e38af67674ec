package web

import (
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A reviewer meets a masked session, says why, sees it whole in page, transcript and replay, and goes back.
func TestBrowserUnmasks(t *testing.T) {
	h := newHouse(t, 0)
	h.decider.rights["ann"] = []string{"view", "unmask"}
	s, password := h.leak()
	b := newBrowser(t)
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "gatehouse", Value: "ann-cookie", URL: h.server.URL})
	must(t, err)
	b.do(t, "open the session", chromedp.Navigate(h.server.URL+"/sessions/"+s.ID))
	b.press(t, "open the transcript", `#transcript summary`)
	b.until(t, `document.querySelector('#transcript pre').innerText.includes('DB_PASSWORD=****')`)
	b.until(t, `!document.documentElement.innerText.includes('`+password+`')`)
	b.do(t, "say why", chromedp.SendKeys(chromedp.CSS(`#unmask-reason`), "INC-7"))
	b.press(t, "send it", `form.unmask button`)
	b.until(t, `location.pathname.endsWith('/unmasked') && document.querySelector('.notice.unmasked') !== null`)
	b.until(t, `document.querySelector('h1').innerText.includes('`+password+`')`)
	b.press(t, "open the transcript", `#transcript summary`)
	b.until(t, `document.querySelector('#transcript pre').innerText.includes('DB_PASSWORD=`+password+`')`)
	b.until(t, `document.querySelector('.ap-wrapper') !== null`)
	b.press(t, "play", `.ap-overlay-start`)
	b.until(t, screenText+`.includes('`+password+`')`)
	b.press(t, "mask again", `.notice.unmasked a`)
	b.until(t, `!location.pathname.endsWith('/unmasked') && document.querySelector('h1').innerText.includes('****')`)
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}
