package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

const evilText = `<img src=x onerror="alert(1)">` + "\u202e\x1b[31m'\";--"

// furnished is a house with one of everything about privileges; all foreign text in it is hostile.
func furnished(t *testing.T) (*house, access.Request) {
	h := newHouse(t, 0)
	q := h.access.asking(1, evilText)
	now := time.Now()
	glass := access.Grant{ID: grantID(2), Request: q.ID, By: q.By, Scope: access.Scope{Kind: access.RoleScope, Role: evilText, Glass: true, Targets: []string{evilText}, Login: "root"}, Made: now, Ends: now.Add(time.Hour), Ended: now, Cause: access.CauseDone,
		Reviews: []access.Vote{{By: evilText, Words: evilText, At: now}}}
	h.access.grants = []access.Grant{{ID: grantID(1), Request: q.ID, By: q.By, Scope: q.Scope, Ticket: evilText, People: []string{evilText}, Made: now, Ends: now.Add(time.Hour)}, glass}
	h.access.locks = []access.Lock{{ID: lockID(1), What: access.Subject{Kind: access.LockEverything}, Reason: evilText, By: "person:ann", At: now, Lifts: []string{"bob"}},
		{ID: lockID(2), What: access.Subject{Kind: access.LockTask, Value: evilText}, Reason: evilText, By: evilText, At: now, Until: now.Add(time.Hour)}}
	return h, q
}

func accessPages(q access.Request) []string {
	return []string{"/approvals", "/requests", "/requests?state=pending", "/requests/" + q.ID, "/requests/new?from=" + url.QueryEscape(evilText) + "&role=" + url.QueryEscape(evilText), "/break-glass", "/grants", "/locks?value=" + url.QueryEscape(evilText), "/panic", "/account"}
}

// Whatever an agent, a target or a person wrote is shown as text with what hides in it written out; no page may be framed.
func TestForeignTextOfPrivileges(t *testing.T) {
	h, q := furnished(t)
	for _, path := range accessPages(q) {
		answer, body := h.ask("GET", path, "ann-cookie", nil)
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d\n%.300s", path, answer.StatusCode, body)
		}
		for _, bad := range []string{"<img src=x", "\u202e", "\x1b", "onerror=\"alert", "<style", " style=", "<script>", "javascript:", " onclick="} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
		csp := answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: policy %q, %q", path, csp, answer.Header.Get("Cache-Control"))
		}
	}
	_, body := h.ask("GET", "/requests/"+q.ID, "ann-cookie", nil)
	for _, want := range []string{`<mark class="odd hidden" title="a character that does not show">\u202e\x1b</mark>`, "Look twice", "web/ask[0] · policy.yaml:12", "sha256:4d8f", "1 of sre", "(empty)", "/var/log/a.log", "and 3 more",
		`class="added"`, "Approve with passkey", "--text &gt; request.txt", "9f2c", "pinned, on a terminal", "10m, 1 use"} {
		if !strings.Contains(body, want) {
			t.Errorf("the request does not show %s", want)
		}
	}
}

// changes are the addresses that change something about privileges, with a body that each would take.
func changes(q access.Request) map[string]string {
	const proof = `{"challenge":"chl_1","assertion":{"id":"x"}}`
	return map[string]string{
		"/requests": "role=db&targets=db-1&reason=x", "/requests/" + q.ID + "/decline": "words=no", "/requests/" + q.ID + "/withdraw": "words=x",
		"/api/requests/" + q.ID + "/challenge": "{}", "/api/requests/" + q.ID + "/approve": proof,
		"/api/break-glass/challenge": `{"role":"root","reason":"x"}`, "/api/break-glass": `{"role":"root","reason":"x",` + proof[1:],
		"/grants/" + grantID(1) + "/end": "reason=x", "/grants/" + grantID(2) + "/review": "words=x",
		"/locks": "kind=agent&value=bot&reason=x", "/locks/" + lockID(1) + "/lift": "reason=x", "/panic": "reason=x", "/account/away": "to=bob&until=8h",
		"/v1/requests": `{"role":"db","reason":"x"}`, "/v1/requests/" + q.ID + "/withdraw": `{"words":"x"}`, "/v1/requests/" + q.ID + "/decline": `{"words":"no"}`,
		"/v1/grants/" + grantID(1) + "/end": `{"words":"x"}`, "/v1/locks": `{"kind":"everything","reason":"x"}`, "/v1/locks/" + lockID(1) + "/lift": `{"words":"x"}`,
	}
}

// send posts a body with the media type that its look says.
func (h *house) send(path, cookie, body string, headers ...string) (int, string) {
	h.t.Helper()
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	req, err := http.NewRequest("POST", h.server.URL+path, strings.NewReader(body))
	must(h.t, err)
	req.Header.Set("Content-Type", kind)
	if cookie != "" {
		req.AddCookie(&http.Cookie{Name: "gatehouse", Value: cookie})
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(req)
	must(h.t, err)
	defer answer.Body.Close()
	text := make([]byte, 64<<10)
	n, _ := answer.Body.Read(text)
	return answer.StatusCode, string(text[:n])
}

// Nothing of anybody's privileges leaves without a sign-in that the decider knows, nor once it has ended.
func TestNoPrivilegesWithoutSignIn(t *testing.T) {
	h, q := furnished(t)
	for _, path := range accessPages(q) {
		h.ask("GET", path, "ann-cookie", nil) // what is remembered of it must not help
	}
	delete(h.decider.cookies, "ann-cookie")
	for _, path := range accessPages(q) {
		for _, cookie := range []string{"", "made-up", "ann-cookie"} {
			answer, body := h.ask("GET", path, cookie, nil)
			if path == "/panic" && cookie == "ann-cookie" {
				if strings.Contains(body, q.ID) {
					t.Error("the panic page tells something")
				}
				continue // it is remembered for a moment who that was, and the page shows nothing
			}
			if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/sign-in" {
				t.Errorf("%s with %q: status %d\n%.300s", path, cookie, answer.StatusCode, body)
			}
		}
	}
}

// Every change is a POST of somebody who is signed in, from our own pages, in the form that the page sends: nothing happens by a
// link, by another site's form, or by another media type that such a form could send.
func TestChangesOfPrivilegesAreGuarded(t *testing.T) {
	h, q := furnished(t)
	for path, body := range changes(q) {
		for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null"} {
			if status, _ := h.send(path, "ann-cookie", body, header); status != http.StatusForbidden {
				t.Errorf("POST %s with %s: status %d", path, header, status)
			}
		}
		for _, cookie := range []string{"", "made-up"} {
			if status, _ := h.send(path, cookie, body); status != http.StatusUnauthorized {
				t.Errorf("POST %s with cookie %q: status %d", path, cookie, status)
			}
		}
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "HEAD"} {
			answer, _ := h.ask(method, path+"?words=x&reason=x&challenge=chl_1", "ann-cookie", nil)
			page := (method == "GET" || method == "HEAD") && slices.Contains([]string{"/requests", "/locks", "/panic", "/v1/requests", "/v1/locks"}, path)
			if answer.StatusCode != http.StatusNotFound && !page {
				t.Errorf("%s %s: status %d", method, path, answer.StatusCode)
			}
		}
		if strings.HasPrefix(body, "{") {
			if status, _ := h.send(path, "ann-cookie", body, "Content-Type: text/plain"); status != http.StatusBadRequest {
				t.Errorf("POST %s as text: status %d", path, status)
			}
		}
	}
	if got := h.access.happened(); len(got) != 0 {
		t.Errorf("something happened: %q", got)
	}
	for path, body := range changes(q) {
		if status, text := h.send(path, "ann-cookie", body); status >= 400 {
			t.Errorf("POST %s: status %d %s", path, status, text)
		}
	}
	if got := h.access.happened(); len(got) != len(changes(q)) {
		t.Errorf("%d of %d happened: %q", len(got), len(changes(q)), got)
	}
}

// There is no yes without an answer of the authenticator, and what was answered goes to the decider as it came.
func TestApprovingNeedsAnAssertion(t *testing.T) {
	h, q := furnished(t)
	path := "/api/requests/" + q.ID + "/approve"
	for _, body := range []string{`{}`, `{"challenge":"chl_1"}`, `{"assertion":{"id":"x"}}`, `{"challenge":"chl_1","assertion":null}`, `{"challenge":"","assertion":{"id":"x"}}`, `{"challenge":`, `"yes"`, `{"challenge":1,"assertion":{}}`} {
		if status, _ := h.send(path, "ann-cookie", body, "Content-Type: application/json"); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", body, status)
		}
	}
	h.send("/requests/"+q.ID+"/decline", "ann-cookie", "words=&yes=true&Yes=true")
	h.send("/v1/requests/"+q.ID+"/decline", "ann-cookie", `{"words":"x","yes":true}`)
	if len(h.access.answers) != 0 {
		t.Fatalf("answered: %+v", h.access.answers)
	}
	h.send(path, "ann-cookie", `{"challenge":"chl_1","assertion":{"id": "AA", "x":[1]},"words":"go on"}`)
	want := console.AccessAnswer{Request: q.ID, Yes: true, Words: "go on", Challenge: "chl_1", Assertion: []byte(`{"id": "AA", "x":[1]}`)}
	if len(h.access.answers) != 1 || fmt.Sprint(h.access.answers[0]) != fmt.Sprint(want) {
		t.Errorf("answered: %+v", h.access.answers)
	}
	h.access.refuse = &console.ForbiddenError{Reason: "the challenge was for another request"}
	if status, text := h.send(path, "ann-cookie", `{"challenge":"chl_1","assertion":{"id":"x"}}`); status != http.StatusForbidden || !strings.Contains(text, "for another request") {
		t.Errorf("refused: %d %s", status, text)
	}
}

// Whoever may not decide is told why and offered nothing; words are needed for a no.
func TestWhoMayNotDecide(t *testing.T) {
	h, q := furnished(t)
	_, body := h.ask("GET", "/requests/"+q.ID, "vic-cookie", nil)
	if !strings.Contains(body, "you own the agent that asks") || strings.Contains(body, "/decline") || strings.Contains(body, "data-yes") {
		t.Errorf("for somebody who may not:\n%.2000s", body)
	}
	for _, words := range []string{"", "  ", "a\nb", strings.Repeat("x", 501), "a\u202eb"} {
		if status, _ := h.send("/requests/"+q.ID+"/decline", "ann-cookie", url.Values{"words": {words}}.Encode()); status != http.StatusBadRequest {
			t.Errorf("words %q: status %d", words, status)
		}
	}
	if got := h.access.happened(); len(got) != 0 {
		t.Errorf("something happened: %q", got)
	}
	v := h.access.views[q.ID]
	v.Request.State, v.Request.Why, v.Answer = access.Expired, "nobody decided in time", false
	h.access.views[q.ID] = v
	if _, body := h.ask("GET", "/requests/"+q.ID, "ann-cookie", nil); strings.Contains(body, "data-yes") || !strings.Contains(body, "nobody decided in time") {
		t.Error("what is over can still be decided")
	}
}

// What waits is counted beside every page's navigation, within 200 ms, and left out when the decider does not say in time.
func TestWaitingIsCounted(t *testing.T) {
	h, _ := furnished(t)
	const mark = `<b class="count"`
	for _, path := range []string{"/", "/sessions", "/grants", "/locks", "/panic", "/account", "/audit"} {
		if _, body := h.ask("GET", path, "ann-cookie", nil); !strings.Contains(body, mark) || !strings.Contains(body, `href="/panic"`) {
			t.Errorf("%s does not count", path)
		}
		if _, body := h.ask("GET", path, "vic-cookie", nil); strings.Contains(body, mark) || strings.Contains(body, `href="/panic"`) && path != "/panic" {
			t.Errorf("%s counts for somebody for whom nothing waits, or offers the panic page", path)
		}
	}
	h.web.navs = newNavs()
	h.access.wait = make(chan struct{})
	defer close(h.access.wait)
	if status, body := h.get("/sessions"); status != http.StatusOK || strings.Contains(body, mark) {
		t.Errorf("with a decider that hangs: status %d", status)
	}
}

// The panic page is there when the session store is closed and the decider hangs, and the lock is asked for all the same.
func TestPanicWithoutStore(t *testing.T) {
	h, _ := furnished(t)
	must(t, h.index.Close())
	h.web.navs = newNavs()
	status, body := h.get("/panic")
	if status != http.StatusOK || !strings.Contains(body, `action="/panic"`) || strings.Contains(body, "slow to answer") {
		t.Errorf("without a store: status %d\n%.600s", status, body)
	}
	h.web.navs = newNavs()
	h.decider.hangs = true
	status, body = h.get("/panic")
	if status != http.StatusOK || !strings.Contains(body, "slow to answer") {
		t.Errorf("with a decider that hangs: status %d\n%.600s", status, body)
	}
	h.access.refuse = errors.New("the disk is full")
	if status, body := h.send("/panic", "ann-cookie", "reason=key+leaked"); status != http.StatusOK || !strings.Contains(body, "not yet in the audit log") {
		t.Errorf("locked: status %d\n%.900s", status, body)
	}
	if got := h.access.locked; len(got) != 1 || got[0].What.Kind != access.LockEverything || got[0].Reason != "key leaked" || !got[0].Until.IsZero() {
		t.Errorf("locked: %+v", got)
	}
	if status, _ := h.send("/panic", "ann-cookie", "reason="); status != http.StatusBadRequest {
		t.Errorf("without a reason: status %d", status)
	}
}

// Somebody who follows a link to a page of ours signs in and is there; no other address is led to.
func TestSignInComesBack(t *testing.T) {
	h, q := furnished(t)
	h.web.tries = newAttempts(time.Now, 1000, 1000)
	for path, want := range map[string]string{"/requests/" + q.ID: "/requests/" + q.ID, "/requests?state=pending": "/requests?state=pending", "/approvals": "/approvals", "/": "/"} {
		answer, _ := h.ask("GET", path, "", nil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
		var jar []string
		for _, c := range answer.Cookies() {
			if c.Name == "gatehouse-return" {
				jar = append(jar, c.Name+"="+c.Value)
				if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
					t.Errorf("cookie %+v", c)
				}
			}
		}
		h.decider.tokens["t"] = "ann"
		answer, _ = h.ask("POST", "/sign-in", "", url.Values{"token": {"t"}}, "Cookie: "+strings.Join(jar, "; "))
		if to := answer.Header.Get("Location"); to != want {
			t.Errorf("%s: led to %q", path, to)
		}
	}
	for _, to := range []string{"//evil.example", "https://evil.example/", "/%2f/evil.example", `/\evil.example`, "/a/../..//evil.example", "/requests/x#y", "javascript:x", strings.Repeat("/x", 200)} {
		h.decider.tokens["t"] = "ann"
		answer, _ := h.ask("POST", "/sign-in", "", url.Values{"token": {"t"}}, "Cookie: gatehouse-return="+to)
		if got := answer.Header.Get("Location"); got != "/" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

// Forms mean what they say, and a mistake comes back with the form.
func TestFormsOfPrivileges(t *testing.T) {
	h, _ := furnished(t)
	h.send("/requests", "ann-cookie", "role=db&targets=db-1,db-2+db-3&login=dba&reason=index&ticket=OPS-1&for=2h&uses=3")
	if o := h.access.orders[0]; o.Role != "db" || !slices.Equal(o.Targets, []string{"db-1", "db-2", "db-3"}) || o.For != 2*time.Hour || o.Uses != 3 || o.Ticket != "OPS-1" || o.Login != "dba" || o.Glass {
		t.Errorf("asked for %+v", o)
	}
	for _, body := range []string{"role=db&reason=", "role=db&reason=x&for=soon", "role=db&reason=x&uses=0", "role=&reason=x"} {
		if status, text := h.send("/requests", "ann-cookie", body); status != http.StatusBadRequest || !strings.Contains(text, `role="alert"`) {
			t.Errorf("%s: status %d", body, status)
		}
	}
	for _, body := range []string{"kind=agent&value=&reason=x", "kind=moon&value=x&reason=x", "kind=agent&value=bot&reason=", "kind=agent&value=bot&reason=x&until=whenever"} {
		if status, text := h.send("/locks", "ann-cookie", body); status != http.StatusBadRequest || !strings.Contains(text, `role="alert"`) {
			t.Errorf("%s: status %d", body, status)
		}
	}
	h.send("/locks", "ann-cookie", "kind=everything&value=x&reason=drill&until=2d")
	if l := h.access.locked; len(l) != 1 || l[0].What.Value != "" || time.Until(l[0].Until) < 47*time.Hour {
		t.Errorf("locked %+v", l)
	}
	if len(h.access.orders) != 1 {
		t.Errorf("asked for %+v", h.access.orders)
	}
}

// Pause and Resume report what they were asked for.
func (h *house) Pause(_ context.Context, order console.KillOrder) (console.PauseReport, error) {
	return console.PauseReport{Sessions: []console.PausedSession{{ID: order.Session, Quiet: true, Remote: "stopped"}}, Until: time.Now().Add(time.Hour)}, nil
}

func (h *house) Resume(_ context.Context, order console.KillOrder) (console.PauseReport, error) {
	return console.PauseReport{Sessions: []console.PausedSession{{ID: order.Session, Quiet: true, Remote: "running"}}}, nil
}

// A live session is paused and resumed by those who may end it, with a reason, and by nobody else.
func TestPauseByPage(t *testing.T) {
	h := newHouse(t, 0)
	live, ended, _ := h.some()
	if _, body := h.get("/sessions/" + live.ID); !strings.Contains(body, `action="/sessions/`+live.ID+`/pause"`) {
		t.Error("a pause is not offered")
	}
	if _, body := h.ask("GET", "/sessions/"+live.ID, "vic-cookie", nil); strings.Contains(body, "/pause") {
		t.Error("a pause is offered to whom it is refused")
	}
	h.decider.took()
	for verb, want := range map[string]string{"pause": "no byte passes any more", "resume": "bytes pass again"} {
		if status, body := h.send("/sessions/"+live.ID+"/"+verb, "ann-cookie", "reason=look"); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.900s", verb, status, body)
		}
		if got := h.decider.took(); len(got) != 1 || got[0] != (asked{console.Verb(verb), live.ID, "look"}) {
			t.Errorf("%s: authorised %+v", verb, got)
		}
		for path, want := range map[string]int{"/sessions/" + ended.ID + "/" + verb + " ann-cookie reason=x": 409, "/sessions/" + live.ID + "/" + verb + " ann-cookie reason=": 400, "/sessions/" + live.ID + "/" + verb + " vic-cookie reason=x": 403} {
			f := strings.Fields(path)
			if status, _ := h.send(f[0], f[1], f[2]); status != want {
				t.Errorf("%s: %d, want %d", path, status, want)
			}
		}
		if status, _ := h.send("/sessions/"+live.ID+"/"+verb, "ann-cookie", "reason=x", "Sec-Fetch-Site: cross-site"); status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", verb, status)
		}
		h.decider.took()
	}
}
