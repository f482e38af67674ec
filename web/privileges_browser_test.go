package web

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"gatehouse/policy/access"
)

// The queue follows what happens and is walked by keyboard; hostile text in a request does not run; a page that somebody comes back
// to shows what stands now. Deciding itself is tested against the real decider (cmd/gatehouse).
func TestBrowserApprovals(t *testing.T) {
	h, q := furnished(t)
	b := newBrowser(t)
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "gatehouse", Value: "ann-cookie", URL: h.server.URL})
	must(t, err)
	b.do(t, "open the overview, go to the queue by keyboard", chromedp.Navigate(h.server.URL+"/"), chromedp.KeyEvent("g"), chromedp.KeyEvent("p"))
	b.until(t, `location.pathname === '/approvals' && document.querySelectorAll('.asks .row').length === 1 && document.querySelector('.count').innerText === '1'`)
	b.do(t, "focus the first", chromedp.KeyEvent("j"))
	h.access.mu.Lock()
	h.access.asking(2, "plain")
	h.access.mu.Unlock()
	b.until(t, `document.querySelectorAll('.asks .row').length === 2 && document.querySelector('.count').innerText === '2'`)
	b.until(t, `document.activeElement.getAttribute('href') === '/requests/`+q.ID+`'`)
	b.do(t, "open it", chromedp.KeyEvent("\r"))
	b.until(t, `document.querySelector('mark.hidden')?.innerText === '\\u202e\\x1b' && document.images.length === 1`)
	b.until(t, `document.querySelector('[data-yes]').hidden === false && document.querySelector('[data-left]').innerText.endsWith('left')`)
	b.press(t, "decline without words", `.decide .danger`)
	b.until(t, `document.activeElement.id === 'words' || document.querySelector('#words:invalid') !== null`)

	h.access.mu.Lock()
	v := h.access.views[q.ID]
	v.Request.State, v.Request.Why, v.Answer = access.Declined, "somebody else said no", false
	h.access.views[q.ID] = v
	h.access.mu.Unlock()
	b.until(t, `document.querySelector('[data-approve]') === null && document.querySelector('.decide').innerText.includes('somebody else said no')`)
	for _, path := range []string{"/grants", "/locks", "/requests", "/requests/new", "/break-glass", "/panic", "/account"} {
		b.do(t, "open "+path, chromedp.Navigate(h.server.URL+path))
		b.until(t, `document.querySelector('h1') !== null && document.images.length === 1 && document.documentElement.scrollWidth <= document.documentElement.clientWidth`)
	}
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
	if got := strings.Join(h.access.happened(), ","); got != "" {
		t.Errorf("something happened: %s", got)
	}
}
