package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
)

// reads are the paths that show something, with the one verb and object that each is authorised as.
func reads(id string) map[string]asked {
	return map[string]asked{
		"/":                                {Verb: console.SessionsList},
		"/sessions":                        {Verb: console.SessionsList},
		"/sessions?state=denied&since=24h": {Verb: console.SessionsList},
		"/sessions/" + id:                  {Verb: console.SessionsShow, Object: id},
		"/sessions/" + id[:20]:             {Verb: console.SessionsShow, Object: id},
		"/sessions/" + id + "/kill":        {Verb: console.SessionsShow, Object: id},
		"/sessions/" + id + "/transcript":  {console.SessionsExport, id, "text"},
		"/api/overview":                    {Verb: console.SessionsList},
		"/api/sessions":                    {Verb: console.SessionsList},
		"/api/sessions/" + id:              {Verb: console.SessionsShow, Object: id},
		"/api/sessions/" + id + "/cast/index.json":           {Verb: console.SessionsPlay, Object: id},
		"/api/sessions/" + id + "/cast/index.json?idle=2":    {Verb: console.SessionsPlay, Object: id},
		"/api/sessions/" + id + "/cast/seg/0.json":           {Verb: console.SessionsPlay, Object: id},
		"/api/sessions/" + id + "/live":                      {Verb: console.SessionsTail, Object: id},
		"/api/sessions/" + id + "/transcript":                {console.SessionsExport, id, "text"},
		"/api/sessions/" + id + "/download?fmt=asciicast-v2": {console.SessionsExport, id, "asciicast-v2"},
		"/api/sessions/" + id + "/download?fmt=json":         {console.SessionsExport, id, "json"},
		"/api/events": {Verb: console.SessionsList},
	}
}

func TestEveryReadIsAuthorisedOnce(t *testing.T) {
	h := newHouse(t, 50*time.Millisecond)
	_, ended, _ := h.some()
	for path, want := range reads(ended.ID) {
		h.decider.took()
		status, body := h.get(path)
		if got := h.decider.took(); status != http.StatusOK || len(got) != 1 || got[0] != want {
			t.Errorf("%s: status %d, authorised %+v, want once %+v\n%.300s", path, status, got, want, body)
		}
	}
}

// Without a cookie, with one that the decider does not know, and without the right, nothing of any session comes out.
func TestNothingWithoutSignIn(t *testing.T) {
	h := newHouse(t, 50*time.Millisecond)
	_, ended, _ := h.some()
	for path := range reads(ended.ID) {
		api := strings.HasPrefix(path, "/api/")
		for cookie, want := range map[string]int{"": http.StatusUnauthorized, "made-up": http.StatusUnauthorized, strings.Repeat("x", 300): http.StatusUnauthorized, "eve-cookie": http.StatusForbidden} {
			if want == http.StatusUnauthorized && !api {
				want = http.StatusSeeOther // to the sign-in page
			}
			answer, body := h.ask("GET", path, cookie, nil)
			if answer.StatusCode != want || strings.Contains(body, ended.ID) || strings.Contains(body, "uptime") {
				t.Errorf("%s with cookie %.10q: status %d, want %d\n%.200s", path, cookie, answer.StatusCode, want, body)
			}
			if want == http.StatusSeeOther && answer.Header.Get("Location") != "/sign-in" {
				t.Errorf("%s leads to %q", path, answer.Header.Get("Location"))
			}
		}
	}
	for _, path := range []string{"/sessions/" + ended.ID + "/kill", "/api/sessions/" + ended.ID + "/kill"} {
		for _, cookie := range []string{"", "made-up", "eve-cookie", "vic-cookie"} {
			answer, body := h.ask("POST", path, cookie, url.Values{"reason": {"x"}})
			if s := answer.StatusCode; s != http.StatusUnauthorized && s != http.StatusForbidden {
				t.Errorf("kill with %q: status %d\n%.200s", cookie, s, body)
			}
		}
	}
}

// A page offers the kill only to those who may.
func TestViewersAreNotOfferedKill(t *testing.T) {
	h := newHouse(t, 0)
	live, _, _ := h.some()
	for cookie, want := range map[string]bool{"ann-cookie": true, "vic-cookie": false} {
		if _, body := h.ask("GET", "/sessions/"+live.ID, cookie, nil); strings.Contains(body, "End session") != want {
			t.Errorf("%s: the kill is offered: %v, want %v", cookie, !want, want)
		}
	}
}

// Whatever changes something is refused when it comes from another site, and so is reading from one.
func TestOtherSitesAreRefused(t *testing.T) {
	h := newHouse(t, 0)
	live, _, _ := h.some()
	h.decider.tokens["t"] = "ann"
	h.decider.took()
	for _, path := range []string{"/sign-in", "/sign-out", "/sessions/" + live.ID + "/kill", "/api/sessions/" + live.ID + "/kill"} {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"},
			{"Sec-Fetch-Site: same-site"}, {"Origin: https://evil.example"}, {"Origin: null"},
			{"Origin: " + strings.Replace(h.server.URL, "http:", "https:", 1) + "1"},
		} {
			answer, _ := h.ask("POST", path, "ann-cookie", url.Values{"reason": {"x"}, "token": {"t"}}, headers...)
			if answer.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s with %v: status %d", path, headers, answer.StatusCode)
			}
		}
	}
	for _, path := range []string{"/", "/api/sessions", "/api/events", "/api/sessions/" + live.ID + "/live"} {
		if answer, _ := h.ask("GET", path, "ann-cookie", nil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"); answer.StatusCode != http.StatusForbidden {
			t.Errorf("GET %s from another site: status %d", path, answer.StatusCode)
		}
	}
	if got := h.decider.took(); len(got) != 0 || h.decider.tokens["t"] == "" || h.decider.cookies["ann-cookie"] == "" {
		t.Errorf("something happened: %+v", got)
	}
	if answer, _ := h.ask("GET", "/", "ann-cookie", nil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"); answer.StatusCode != http.StatusOK {
		t.Errorf("a link from another site: status %d", answer.StatusCode)
	}
}

func TestOtherHostNamesAreRefused(t *testing.T) {
	h := newHouse(t, 0)
	for _, host := range []string{"127.0.0.1", "evil.example", "localhost:1", "localhost"} {
		if answer, _ := h.ask("GET", "/sign-in", "", nil, "Host: "+host); answer.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s: status %d", host, answer.StatusCode)
		}
	}
}

// No GET changes anything: the methods of the changing paths are POST alone.
func TestChangesArePosts(t *testing.T) {
	h := newHouse(t, 0)
	live, _, _ := h.some()
	for _, path := range []string{"/sign-out", "/api/sessions/" + live.ID + "/kill"} {
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH"} {
			if answer, _ := h.ask(method, path, "ann-cookie", nil); answer.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s: status %d", method, path, answer.StatusCode)
			}
		}
	}
	if h.decider.cookies["ann-cookie"] == "" || h.live[live.ID] == nil {
		t.Error("something changed")
	}
}
