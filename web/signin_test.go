package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A link opens once; what is signed out is signed out.
func TestSignInOnceAndOut(t *testing.T) {
	h := newHouse(t, 0)
	h.decider.tokens["secret"] = "ann"
	answer, body := h.ask("POST", "/sign-in", "", url.Values{"token": {h.server.URL + "/sign-in#secret"}}, "Sec-Fetch-Site: same-origin")
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/" {
		t.Fatalf("status %d %s", answer.StatusCode, body)
	}
	cookie := answer.Cookies()[0]
	if cookie.Name != "gatehouse" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Expires.Before(time.Now().Add(11*time.Hour)) {
		t.Errorf("cookie %+v", cookie)
	}
	if answer, _ = h.ask("GET", "/", cookie.Value, nil); answer.StatusCode != http.StatusOK {
		t.Errorf("signed in, status %d", answer.StatusCode)
	}
	for _, token := range []string{"secret", "never-was"} {
		if answer, body = h.ask("POST", "/sign-in", "", url.Values{"token": {token}}); answer.StatusCode != http.StatusGone || !strings.Contains(body, "opens once") {
			t.Errorf("token %q: status %d", token, answer.StatusCode)
		}
	}
	h.ask("POST", "/sign-out", cookie.Value, nil)
	if answer, _ = h.ask("GET", "/", cookie.Value, nil); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("after sign-out: status %d", answer.StatusCode)
	}
}

// A new sign-in ends the one that it replaces in the same browser.
func TestNewSignInEndsTheOld(t *testing.T) {
	h := newHouse(t, 0)
	h.decider.tokens["new"] = "ann"
	h.ask("POST", "/sign-in", "vic-cookie", url.Values{"token": {"new"}})
	if _, still := h.decider.cookies["vic-cookie"]; still {
		t.Error("the old sign-in lives on")
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	h := newHouse(t, 0)
	refused := 0
	for range triesBurst + 5 {
		if answer, _ := h.ask("POST", "/sign-in", "", url.Values{"token": {"guess"}}); answer.StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 3 {
		t.Errorf("%d of %d guesses were refused", refused, triesBurst+5)
	}
}

// However many addresses try, what is remembered of them is bounded, and whoever is new is still limited.
func TestAttemptsAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	a := newAttempts(func() time.Time { return now }, triesPerSec, triesBurst)
	for i := range 3 * maxSources {
		a.allow(strings.Repeat("x", i))
	}
	if len(a.by) > maxSources {
		t.Errorf("%d addresses are remembered", len(a.by))
	}
	if a.allow("one more") {
		t.Error("whoever comes when the memory is full has no limit")
	}
	now = now.Add(time.Minute)
	if !a.allow("one more") || len(a.by) != 1 {
		t.Errorf("after a quiet minute: %d addresses", len(a.by))
	}
}

func TestBodiesAreBounded(t *testing.T) {
	h := newHouse(t, 0)
	answer, _ := h.ask("POST", "/sign-in", "", url.Values{"token": {strings.Repeat("x", maxBody+1)}})
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", answer.StatusCode)
	}
}

// TestAttemptsByNetwork: a host that changes its IPv6 address within its network has no more tries than one that does not.
func TestAttemptsByNetwork(t *testing.T) {
	now := time.Unix(1700000000, 0)
	a := newAttempts(func() time.Time { return now }, triesPerSec, triesBurst)
	for i := range triesBurst + 1 {
		if ok := a.allow(fmt.Sprintf("2001:db8::%x", i)); ok != (i < triesBurst) {
			t.Errorf("try %d: %v", i, ok)
		}
	}
	if len(a.by) != 1 || !a.allow("2001:db8:0:1::1") || !a.allow("192.0.2.1") {
		t.Errorf("%d sources, or others pay for it", len(a.by))
	}
}
