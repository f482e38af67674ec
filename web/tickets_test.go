package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// heardTickets is a decider that says what it was told.
type heardTickets struct {
	body, signature, time string
	err                   error
}

func (h *heardTickets) CloseTicket(_ context.Context, body []byte, signature, time string) (int, error) {
	h.body, h.signature, h.time = string(body), signature, time
	return 2, h.err
}

// TestCloseTicket: the body and both headers reach the decider as they came, its refusals come back with a code, and without one
// the address leads nowhere.
func TestCloseTicket(t *testing.T) {
	h := newHouse(t, 0)
	post := func(body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "http://localhost"+ticketsPath, strings.NewReader(body))
		r.Host = h.web.origin.Host
		r.Header.Set(ticketTime, "1800000000")
		r.Header.Set(ticketSignature, "sha256=00")
		w := httptest.NewRecorder()
		h.web.Handler().ServeHTTP(w, r)
		return w
	}
	if w := post("{}"); w.Code != http.StatusNotFound {
		t.Errorf("without one: %d", w.Code)
	}
	heard := &heardTickets{}
	h.web.cfg.Tickets = heard
	if w := post(`{"ticket":"T-1"}`); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"ended":2}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if heard.body != `{"ticket":"T-1"}` || heard.signature != "sha256=00" || heard.time != "1800000000" {
		t.Errorf("the decider was told %+v", heard)
	}
	heard.body, heard.err = "", &APIError{Code: "bad_ticket", Text: "no"}
	if w := post("{}"); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"bad_ticket"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	heard.err = errors.New("the disk: secret words")
	if w := post("{}"); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret words") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	heard.body = ""
	if w := post(strings.Repeat("x", maxBody+1)); w.Code != http.StatusRequestEntityTooLarge || heard.body != "" {
		t.Errorf("%d, heard %d bytes", w.Code, len(heard.body))
	}
}
