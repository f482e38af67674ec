package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestHeadersOfEveryAnswer(t *testing.T) {
	h := newHouse(t, 0)
	live, ended, denied := h.some()
	for _, path := range []string{"/", "/sessions", "/sessions/" + live.ID, "/sessions/" + ended.ID, "/sessions/" + denied.ID,
		"/sign-in", "/nothing", "/api/sessions", "/api/sessions/" + ended.ID + "/download?fmt=json"} {
		answer, _ := h.ask("GET", path, "ann-cookie", nil)
		got := answer.Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, got.Get(name))
			}
		}
		policy := got.Get("Content-Security-Policy")
		player := path == "/sessions/"+live.ID || path == "/sessions/"+ended.ID
		if strings.Contains(policy, "unsafe-inline") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if strings.Contains(policy, "wasm-unsafe-eval") && !player {
			t.Errorf("%s may compile WebAssembly and has no player", path)
		}
	}
}

// Under https the cookie has the prefix that binds it to the host, and browsers are told to stay with TLS.
func TestHTTPS(t *testing.T) {
	h := newHouse(t, 0)
	h.decider.tokens["one"] = "ann"
	s, err := New(Config{Console: h.console, SignIns: h.decider, Accounts: h.decider, Devices: h.decider, Enrolments: h.decider, Integrity: integrity{h.decider}, Access: h.access, URL: "https://gatehouse.example"})
	must(t, err)
	req := httptest.NewRequest("POST", "https://gatehouse.example/sign-in", strings.NewReader(url.Values{"token": {"one"}}.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, req)
	cookie := w.Header().Get("Set-Cookie")
	for _, want := range []string{"__Host-gatehouse=cookie-of-one", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, "Domain") || w.Code != http.StatusSeeOther || w.Header().Get("Strict-Transport-Security") == "" {
		t.Errorf("status %d, cookie %q, %v", w.Code, cookie, w.Header())
	}
}

func TestOriginIsChecked(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://gatehouse.example": true, "https://gatehouse.example:8443": true, "http://localhost:8080": true, "https://gatehouse.example/": true,
		"http://gatehouse.example": false, "http://127.0.0.1:80": false, "http://localhost.evil.example": false, "ftp://localhost": false,
		"https://u:p@gatehouse.example": false, "https://gatehouse.example/path": false, "https://gatehouse.example?x": false, "": false, "gatehouse": false,
	} {
		if _, err := parseOrigin(raw); (err == nil) != ok {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestAssets(t *testing.T) {
	h := newHouse(t, 0)
	base := h.web.assets.base()
	for name := range h.web.assets.files {
		answer, body := h.ask("GET", base+"/"+name, "", nil)
		if answer.StatusCode != http.StatusOK || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") || body == "" {
			t.Errorf("%s: status %d", name, answer.StatusCode)
		}
	}
	for _, path := range []string{base + "/../templates/layout.html", base + "/layout.html", "/assets/0/gatehouse.css", base + "/README", base + "/%2e%2e/doc.go"} {
		if answer, _ := h.ask("GET", path, "", nil); answer.StatusCode == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}

// No page has inline script or style, which the policy would refuse.
func TestNothingInline(t *testing.T) {
	h := newHouse(t, 0)
	live, ended, denied := h.some()
	for _, path := range []string{"/", "/sessions", "/sessions/" + live.ID, "/sessions/" + ended.ID, "/sessions/" + denied.ID, "/sessions/" + live.ID + "/kill", "/sign-in", "/nothing"} {
		_, body := h.get(path)
		for _, bad := range []string{"<style", " style=", "javascript:", " onclick=", " onload=", "<script>"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
	}
}
