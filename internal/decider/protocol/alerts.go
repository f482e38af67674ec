package protocol

import (
	"context"

	"gatehouse/internal/console"
)

// Operations about alerts.
const (
	OpAlerts      Op = "alerts"       // ListAlerts → console.AlertPage
	OpAlertTest   Op = "alert_test"   // AlertOrder → AlertsTested
	OpAlertResend Op = "alert_resend" // AlertOrder → AlertsResent
	OpAlertProbe  Op = "alert_probe"  // AlertOrder → AlertsTested; administrators only
)

// ListAlerts asks for a page of alerts.
type ListAlerts struct {
	Who    Credential          `json:"who,omitzero"`
	By     string              `json:"by,omitempty"` // an administrator on this machine
	Filter console.AlertFilter `json:"filter,omitzero"`
}

// AlertOrder names a channel, and of a resending an alert.
type AlertOrder struct {
	Who     Credential `json:"who,omitzero"`
	By      string     `json:"by,omitempty"`
	Channel string     `json:"channel,omitempty"`
	Alert   string     `json:"alert,omitempty"`
}

// AlertsTested is how channels took a test.
type AlertsTested struct {
	List []console.AlertTested `json:"list"`
}

// AlertsResent is how many alerts are sent again.
type AlertsResent struct {
	Waiting int64 `json:"waiting"`
}

var _ console.Alerter = Door{}

// Alerts returns a page of alerts.
func (d Door) Alerts(ctx context.Context, who console.Credential, f console.AlertFilter) (console.AlertPage, error) {
	return askAccess[console.AlertPage](ctx, d, console.AlertList, OpAlerts, ListAlerts{Who: credential(who), Filter: f})
}

// ResendAlert sends an alert again, or all dead letters of a channel.
func (d Door) ResendAlert(ctx context.Context, who console.Credential, channel, alert string) (int64, error) {
	out, err := askAccess[AlertsResent](ctx, d, console.AlertResend, OpAlertResend, AlertOrder{Who: credential(who), Channel: channel, Alert: alert})
	return out.Waiting, err
}

// TestAlerts sends a test.
func (d Door) TestAlerts(ctx context.Context, who console.Credential, channel string) ([]console.AlertTested, error) {
	out, err := askAccess[AlertsTested](ctx, d, console.AlertTest, OpAlertTest, AlertOrder{Who: credential(who), Channel: channel})
	return out.List, err
}
