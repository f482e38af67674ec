package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What changes something for a person is a POST from our own pages, with the sign-in or the ceremony of this browser.
func TestPeopleChangesAreGuarded(t *testing.T) {
	h := newHouse(t, 0)
	paths := []string{"/api/sign-in/passkey/begin", "/api/sign-in/passkey", "/sign-in/oidc/corp", "/sign-in/oidc/corp/finish", "/api/account/passkeys/begin", "/api/account/passkeys",
		"/account/passkeys/pk_1/name", "/account/passkeys/pk_1/remove", "/account/sign-out", "/device", "/v1/device"}
	h.decider.took()
	for _, path := range paths {
		for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null"} {
			form := url.Values{"name": {"x"}, "answer": {"confirm"}, "user_code": {"BCDF-GHJK"}, "state": {"state"}, "code": {"code"}}
			answer, _ := h.ask("POST", path, "ann-cookie", form, header, "Cookie: gatehouse=ann-cookie; gatehouse-ceremony=ceremony-secret")
			if answer.StatusCode != http.StatusForbidden || answer.Header.Get("Set-Cookie") != "" {
				t.Errorf("POST %s with %s: status %d", path, header, answer.StatusCode)
			}
		}
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			if method == "GET" && (path == "/sign-in/oidc/corp" || path == "/device") {
				continue // pages
			}
			if answer, _ := h.ask(method, path, "ann-cookie", nil); answer.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s: status %d", method, path, answer.StatusCode)
			}
		}
	}
	for _, path := range []string{"/api/account/passkeys/begin", "/api/account/passkeys", "/account/passkeys/pk_1/name", "/account/passkeys/pk_1/remove", "/account/sign-out", "/device"} {
		for _, cookie := range []string{"", "made-up"} {
			answer, _ := h.ask("POST", path, cookie, url.Values{"answer": {"confirm"}, "user_code": {"BCDF-GHJK"}})
			if s := answer.StatusCode; s != http.StatusUnauthorized && s != http.StatusBadRequest && s != http.StatusOK || s == http.StatusOK && path != "/api/account/passkeys/begin" {
				t.Errorf("POST %s with cookie %q: status %d", path, cookie, s)
			}
		}
	}
	if got := h.decider.took(); len(got) != 0 {
		t.Errorf("something happened: %+v", got)
	}
}

// What an issuer sends the browser back with is only shown as a form: the GET signs nobody in, and another browser's POST neither.
func TestOIDCReturnChangesNothing(t *testing.T) {
	h := newHouse(t, 0)
	answer, body := h.ask("GET", "/sign-in/oidc/corp?state=state&code=code", "", nil, "Cookie: gatehouse-ceremony=ceremony-secret",
		"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Set-Cookie") != "" || !strings.Contains(body, `action="/sign-in/oidc/corp/finish"`) {
		t.Errorf("status %d\n%s", answer.StatusCode, body)
	}
	form := url.Values{"state": {"state"}, "code": {"code"}}
	if answer, _ := h.ask("POST", "/sign-in/oidc/corp/finish", "", form); answer.StatusCode != http.StatusGone {
		t.Errorf("without the cookie: status %d", answer.StatusCode)
	}
	answer, _ = h.ask("POST", "/sign-in/oidc/corp/finish", "", form, "Cookie: gatehouse-ceremony=ceremony-secret; gatehouse-next=BCDF-GHJK")
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/device?user_code=BCDF-GHJK" {
		t.Errorf("status %d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	for _, next := range []string{"//evil.example", "https://evil.example", "BCDF-GHJ1", "BCDF-GHJK\n"} {
		answer, _ = h.ask("POST", "/sign-in/oidc/corp/finish", "", form, "Cookie: gatehouse-ceremony=ceremony-secret; gatehouse-next="+strings.TrimSpace(next)+"x")
		if to := answer.Header.Get("Location"); to != "/" {
			t.Errorf("next %q leads to %q", next, to)
		}
	}
}

// The pages say what is to be done, show foreign text as text, and offer nothing that would be refused.
func TestPeoplePages(t *testing.T) {
	h := newHouse(t, 0)
	for path, wants := range map[string][]string{
		"/account": {"&lt;b&gt;laptop", "synced", "Add a second passkey", "this browser", "corp", "Sign out everywhere", `data-passkey="add"`},
		"/device":  {`name="user_code"`}, "/device?user_code=bcdf+ghjk": {"BCDF-GHJK", "192.0.2.9", "&lt;i&gt;ann@laptop", "SHA256:abc", "Does your own terminal", `value="confirm"`},
		"/sign-in": {`data-passkey="sign-in"`, "Sign in with corp", `action="/sign-in/oidc/corp"`},
	} {
		status, body := h.get(path)
		for _, want := range wants {
			if status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: status %d, does not say %q", path, status, want)
			}
		}
	}
	for path, never := range map[string]string{"/account": `/remove"`, "/device?user_code=BCDF-GHJK": `value="confirm"`} {
		if _, body := h.ask("GET", path, "vic-cookie", nil); strings.Contains(body, never) {
			t.Errorf("%s offers %s to whom it is locked", path, never)
		}
	}
	answer, _ := h.ask("GET", "/device?user_code=BCDF-GHJK", "", nil)
	if to := answer.Header.Get("Location"); to != "/sign-in?device=BCDF-GHJK" {
		t.Errorf("without a sign-in, to %q", to)
	}
	answer, _ = h.ask("GET", "/sign-in?device=BCDF-GHJK", "", nil)
	if c := answer.Header.Get("Set-Cookie"); !strings.Contains(c, "gatehouse-next=BCDF-GHJK") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") {
		t.Errorf("cookie %q", c)
	}
}

// A sign-in that ends takes its live streams with it, and nobody else's.
func TestSignedOutStreamsEnd(t *testing.T) {
	w := newWatchers()
	ended := map[string]bool{}
	var removes []func()
	for _, cookie := range []string{"ann-cookie", "vic-cookie"} {
		removes = append(removes, w.add(cookie, func() { ended[cookie] = true }))
	}
	s := &Server{watchers: w, navs: newNavs()}
	s.SignedOut([]string{"c6a4", "4fb5e2d2e7c5c6d0"}) // nobody's
	sum := hashOf("ann-cookie")
	s.navs.put("ann-cookie", around{waits: 3})
	s.SignedOut([]string{sum})
	if !ended["ann-cookie"] || ended["vic-cookie"] || s.navs.get("ann-cookie").waits != 0 {
		t.Errorf("ended: %v", ended)
	}
	for _, remove := range removes {
		remove()
	}
	if len(w.by) != 0 {
		t.Errorf("%d are left", len(w.by))
	}
}
