package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/console"
)

// bells is alerts as the decider would answer them to who has the right: all their text is hostile.
type bells struct {
	d  *decider
	mu sync.Mutex
	// done are the calls that got through; guarded by mu.
	done []string
}

func (b *bells) enter(ctx context.Context, who console.Credential, call string) error {
	if _, err := b.d.Authorize(ctx, who, console.SessionsList, "", ""); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = append(b.done, call)
	return nil
}

func (b *bells) Alerts(ctx context.Context, who console.Credential, f console.AlertFilter) (console.AlertPage, error) {
	one := console.Alert{ID: "alt_01K00000000000000000000001", Kind: evilText, Severity: "critical", Subject: evilText, Title: evilText, Text: evilText, Time: time.Now(), Count: 3,
		Deliveries: []console.AlertDelivery{{Channel: "chat", State: "dead", Why: evilText}}}
	return console.AlertPage{List: []console.Alert{one}, Next: "alt_01K00000000000000000000000", Channels: []console.AlertChannel{{Name: "chat", Problem: evilText, Dead: 1}, {Name: "hook", Up: true}}}, b.enter(ctx, who, "list")
}

func (b *bells) ResendAlert(ctx context.Context, who console.Credential, channel, alert string) (int64, error) {
	return 1, b.enter(ctx, who, "resend "+channel+" "+alert)
}

func (b *bells) TestAlerts(ctx context.Context, who console.Credential, channel string) ([]console.AlertTested, error) {
	return []console.AlertTested{{Channel: "chat", Problem: evilText}, {Channel: "hook"}}, b.enter(ctx, who, "test "+channel)
}

// What people were told is shown as text; a test and another try are posts of somebody who is signed in, and of this origin.
func TestAlertsPage(t *testing.T) {
	h := newHouse(t, 0)
	b := &bells{d: h.decider}
	h.web.cfg.Alerts = b
	for _, path := range []string{"/alerts", "/alerts?dead=1&before=x"} {
		answer, body := h.ask("GET", path, "ann-cookie", nil)
		if answer.StatusCode != http.StatusOK || strings.Contains(body, "<img src=x") || strings.Contains(body, "\u202e") || !strings.Contains(body, "does not work") {
			t.Errorf("%s: %d %.400s", path, answer.StatusCode, body)
		}
	}
	if status, body := h.send("/alerts/test", "ann-cookie", "channel="); status != http.StatusOK || !strings.Contains(body, "took it; look whether it arrived") || strings.Contains(body, "<img src=x") {
		t.Errorf("test: %d %.400s", status, body)
	}
	if status, body := h.send("/alerts/alt_01K00000000000000000000001/resend", "ann-cookie", "channel=chat"); status != http.StatusOK || !strings.Contains(body, "1 on the way again") {
		t.Errorf("resend: %d %.400s", status, body)
	}
	before := len(b.done)
	for _, path := range []string{"/alerts/test", "/alerts/alt_01K00000000000000000000001/resend"} {
		if answer, _ := h.ask("GET", path, "ann-cookie", nil); answer.StatusCode == http.StatusOK {
			t.Errorf("GET %s: %d", path, answer.StatusCode)
		}
		if answer, _ := h.ask("POST", path, "ann-cookie", url.Values{"channel": {"chat"}}, "Sec-Fetch-Site: cross-site"); answer.StatusCode != http.StatusForbidden {
			t.Errorf("another site's POST %s: %d", path, answer.StatusCode)
		}
		if status, _ := h.send(path, "", "channel=chat"); status == http.StatusOK {
			t.Errorf("%s without a sign-in: %d", path, status)
		}
	}
	if len(b.done) != before {
		t.Errorf("calls got through: %v", b.done[before:])
	}
}
