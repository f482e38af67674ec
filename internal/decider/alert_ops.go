package decider

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/notify"
	"gatehouse/recorder/audit"
)

// maxAlertPage bounds a page of alerts.
const maxAlertPage = 50

// handleAlerts is what the door asks about alerts.
func (d *Decider) handleAlerts(ctx context.Context, op protocol.Op, body json.RawMessage) (any, error) {
	switch op {
	case protocol.OpAlerts:
		return call(ctx, body, d.alertsAsked)
	case protocol.OpAlertTest:
		return call(ctx, body, d.testAlertsAsked)
	case protocol.OpAlertResend:
		return call(ctx, body, d.resendAlertAsked)
	}
	return d.handleBudgets(ctx, op, body)
}

// handleAlertsAdmin is what root on this machine asks about them.
func (d *Decider) handleAlertsAdmin(ctx context.Context, op protocol.Op, body json.RawMessage) (any, error) {
	if op == protocol.OpAlertProbe {
		return call(ctx, body, d.probeAlerts)
	}
	return nil, invalid("unknown operation %q", op)
}

// alertAsker is who asks at the door, if they may; the entry is durable before anything is done, for refusals too.
func (d *Decider) alertAsker(ctx context.Context, who protocol.Credential, by string, verb console.Verb, entry audit.Entry) (asker, error) {
	a, err := d.accessAsker(who, by)
	if err != nil {
		return a, err
	}
	need, allowed := permits(string(verb), a.rights)
	entry.Actor, entry.Owner, entry.Conn, entry.Policy = a.name, a.who.Owner, a.conn, d.PolicyHash()
	if !allowed {
		entry.Outcome, entry.Data = "deny", data(map[string]any{"verb": verb})
	}
	if err := d.append(ctx, entry); err != nil {
		return a, err
	}
	if !allowed {
		return a, refuse("%q needs the right %q, which no role of %s has", verb, need, a.name)
	}
	if d.alerts == nil {
		return a, refuse("nobody is told of anything here: name channels under alerts: in gatehouse.yaml (docs/alerts.md)")
	}
	return a, nil
}

// alertsAsked lists alerts.
func (d *Decider) alertsAsked(ctx context.Context, in protocol.ListAlerts) (out console.AlertPage, err error) {
	read := audit.Entry{Type: audit.Read, Outcome: "allow", Data: data(map[string]any{"verb": console.AlertList})}
	if _, err := d.alertAsker(ctx, in.Who, in.By, console.AlertList, read); err != nil {
		return out, err
	}
	f := notify.Filter{Dead: in.Filter.Dead, Before: in.Filter.Before, Most: maxAlertPage + 1}
	if f.Before != "" {
		if f.Before, err = d.alerts.Resolve(ctx, cut(f.Before, maxID)); err != nil {
			return out, refuse("%v", err)
		}
	}
	kept, err := d.alerts.List(ctx, f)
	if err != nil {
		return out, err
	}
	if len(kept) > maxAlertPage {
		kept = kept[:maxAlertPage]
		out.Next = kept[maxAlertPage-1].ID
	}
	out.List = make([]console.Alert, len(kept))
	for i, k := range kept {
		out.List[i] = shownAlert(k)
	}
	out.Channels = []console.AlertChannel{}
	for _, s := range d.alerts.Stats(ctx) {
		out.Channels = append(out.Channels, console.AlertChannel{Name: s.Channel, Up: s.Up, Problem: s.Problem, Waiting: s.Waiting, Held: s.Held, Dead: s.Dead})
	}
	return out, nil
}

func shownAlert(k notify.Kept) console.Alert {
	a := console.Alert{ID: k.ID, Kind: k.Kind, Severity: string(k.Severity), Subject: k.Subject, Title: k.Title, Text: k.Text, Runbook: k.Runbook, Path: k.Path, Time: k.Time, Seq: k.Seq, Count: max(1, k.Count),
		Deliveries: []console.AlertDelivery{}}
	for _, x := range k.Deliveries {
		a.Deliveries = append(a.Deliveries, console.AlertDelivery(x))
	}
	return a
}

// testAlertsAsked sends a test.
func (d *Decider) testAlertsAsked(ctx context.Context, in protocol.AlertOrder) (protocol.AlertsTested, error) {
	in.Channel = cut(in.Channel, maxID)
	a, err := d.alertAsker(ctx, in.Who, in.By, console.AlertTest, audit.Entry{Type: audit.Alert, Object: cmp.Or(in.Channel, "all"), Outcome: "tested"})
	if err != nil {
		return protocol.AlertsTested{}, err
	}
	tested, err := d.alerts.Test(ctx, in.Channel, a.name)
	if err != nil {
		return protocol.AlertsTested{}, refuse("%v", err)
	}
	return testedAs(tested), nil
}

func testedAs(tested []notify.Tested) (out protocol.AlertsTested) {
	for _, t := range tested {
		out.List = append(out.List, console.AlertTested(t))
	}
	return out
}

// resendAlertAsked sends an alert again, or all dead letters of a channel.
func (d *Decider) resendAlertAsked(ctx context.Context, in protocol.AlertOrder) (out protocol.AlertsResent, err error) {
	in.Channel, in.Alert = cut(in.Channel, maxID), strings.TrimSpace(cut(in.Alert, maxID))
	if in.Channel == "" {
		return out, invalid("say which channel")
	}
	entry := audit.Entry{Type: audit.Alert, Object: in.Channel, Outcome: "resent", Data: data(map[string]any{"alert": in.Alert})}
	if _, err := d.alertAsker(ctx, in.Who, in.By, console.AlertResend, entry); err != nil {
		return out, err
	}
	if err := d.alerts.HasChannel(in.Channel); err != nil {
		return out, refuse("%v", err)
	}
	if in.Alert != "" {
		if in.Alert, err = d.alerts.Resolve(ctx, in.Alert); err != nil {
			return out, refuse("%v", err)
		}
	}
	if out.Waiting, err = d.alerts.Resend(ctx, in.Channel, in.Alert); err != nil {
		return out, refuse("%v", err)
	}
	return out, nil
}

// probeAlerts says whether the receivers answer, for a doctor: nothing is sent.
func (d *Decider) probeAlerts(ctx context.Context, in protocol.AlertOrder) (protocol.AlertsTested, error) {
	if _, err := localAsker(in.Who, in.By); err != nil {
		return protocol.AlertsTested{}, err
	}
	if d.alerts == nil {
		return protocol.AlertsTested{}, nil
	}
	tested, err := d.alerts.Probe(ctx)
	return testedAs(tested), err
}
