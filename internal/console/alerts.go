package console

import (
	"context"
	"time"
)

// AlertResend is the verb alerts.resend; it needs administer, as alerts.test does.
const AlertResend Verb = "alerts.resend"

// Alert is something that people were to hear of, and what became of it.
type Alert struct {
	ID         string          `json:"id"` // "alt_…"
	Kind       string          `json:"kind"`
	Severity   string          `json:"severity"` // info, notice, warning, critical
	Subject    string          `json:"subject"`
	Title      string          `json:"title"`
	Text       string          `json:"text"`    // masked
	Runbook    string          `json:"runbook"` // the section: "#break-glass"
	Path       string          `json:"path,omitempty"`
	Time       time.Time       `json:"time"`
	Seq        int64           `json:"seq"` // of the audit log's entry; -1: of none
	Count      int64           `json:"count"`
	Deliveries []AlertDelivery `json:"deliveries"`
}

// AlertDelivery is what became of an alert at one channel.
type AlertDelivery struct {
	Channel string    `json:"channel"`
	State   string    `json:"state"` // waiting, held, summed, sent, dead
	Tries   int       `json:"tries,omitempty"`
	Due     time.Time `json:"due,omitzero"`
	Done    time.Time `json:"done,omitzero"`
	Why     string    `json:"why,omitempty"` // the last failure
}

// AlertFilter picks alerts. The zero value is all, newest first.
type AlertFilter struct {
	Dead   bool   `json:"dead,omitempty"` // only dead letters
	Before string `json:"before,omitempty"`
}

// AlertPage is a page of alerts. Next is the Before of the following page.
type AlertPage struct {
	List     []Alert        `json:"list"`
	Next     string         `json:"next,omitempty"`
	Channels []AlertChannel `json:"channels"`
}

// AlertChannel is how a channel is.
type AlertChannel struct {
	Name    string `json:"name"`
	Up      bool   `json:"up"` // the last try worked
	Problem string `json:"problem,omitempty"`
	Waiting int64  `json:"waiting"`
	Held    int64  `json:"held"`
	Dead    int64  `json:"dead"`
}

// AlertTested is how a channel took a test.
type AlertTested struct {
	Channel string `json:"channel"`
	Problem string `json:"problem,omitempty"` // empty: it took it
}

// Alerter is the decider as alerts need it. Errors are a *ForbiddenError, a usage error, or that it could not be asked; reading and
// sending are noted in the audit log before the answer. Safe for concurrent use.
type Alerter interface {
	// Alerts returns a page, newest first.
	Alerts(ctx context.Context, who Credential, f AlertFilter) (AlertPage, error)
	// ResendAlert makes a channel get an alert again, with the id that it has; an empty id: all dead letters of the channel. It
	// returns how many wait now; what becomes of them Alerts says.
	ResendAlert(ctx context.Context, who Credential, channel, alert string) (int64, error)
	// TestAlerts sends a test to a channel, an empty name to each, and says how that went; within 20 seconds.
	TestAlerts(ctx context.Context, who Credential, channel string) ([]AlertTested, error)
}
