package decider

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/notify"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/secret"
)

// AlertFile is the outbox of alerts in the decider's folder.
const AlertFile = "alerts.db"

// witnessLate is how long a witness may cosign nothing before people are told.
const witnessLate = time.Hour

// openAlerts prepares what tells people; nothing where nobody is to be told.
func (d *Decider) openAlerts(ctx context.Context) error {
	if len(d.cfg.Alerts) == 0 {
		return nil
	}
	mask := d.cfg.Mask
	if mask == nil {
		detector, err := secret.New(secret.Config{})
		if err != nil {
			return err
		}
		mask = detector.MaskCut
	}
	n, err := notify.Open(ctx, notify.Config{File: filepath.Join(d.cfg.Dir, AlertFile), LogDir: LogDir(d.cfg.Dir), Size: d.log.Size, Channels: d.cfg.Alerts, WebURL: d.cfg.WebURL, Node: d.cfg.Node,
		Mask: mask, Dial: d.dial, Audit: func(ctx context.Context, e audit.Entry) error { return d.append(ctx, e) }, Witnesses: d.lateWitnesses, Now: d.cfg.Now, Log: d.cfg.Log.Named("alerts")})
	if err != nil {
		return err
	}
	d.alerts = n
	d.metrics.registry.MustRegister(alertNumbers{n})
	return nil
}

func (d *Decider) closeAlerts() error {
	if d.alerts == nil {
		return nil
	}
	return d.alerts.Close()
}

// startAlerts delivers until the function that it returns is called; there must be a door to lend streams.
func (d *Decider) startAlerts(ctx context.Context) (stop func()) {
	if d.alerts == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { d.alerts.Run(ctx) })
	return func() { cancel(); work.Wait() }
}

// logTrouble tells people that the log takes nothing: it cannot say so itself.
func (d *Decider) logTrouble(err error) {
	if d.alerts != nil {
		d.alerts.Raise(notify.Alert{Kind: "evidence.fault", Severity: notify.Critical, Subject: "audit log", Title: "The audit log cannot be written", Runbook: "#the-audit-log-cannot-be-written", Path: "/audit",
			Text: "Nothing is allowed until it can be written again: " + err.Error()})
	}
}

// lateWitnesses are the log's witnesses and anchors, and whether they have taken nothing for too long.
func (d *Decider) lateWitnesses() (all []notify.Witness) {
	for _, s := range d.anchors.States() {
		last := s.At
		if last.IsZero() {
			last = s.Since
		}
		age := d.cfg.Now().Sub(last)
		late := max(witnessLate, 3*d.cfg.Anchors.Every)
		all = append(all, notify.Witness{Name: s.Name, Stale: !last.IsZero() && age > late, Says: fmt.Sprintf("the %s %s took its newest checkpoint %s ago; %s", s.Kind, s.Name, age.Round(time.Minute), s.Problem)})
	}
	return all
}

// alertNumbers are the channels' metrics, read when they are asked for.
type alertNumbers struct{ notifier *notify.Notifier }

func alertDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"channel"}, more...), nil)
}

var (
	alertSent     = alertDesc("gatehouse_alerts_sent_total", "Alerts that a receiver took, since the start.")
	alertFailures = alertDesc("gatehouse_alert_failures_total", "Tries that did not work; each is made again.")
	alertKept     = alertDesc("gatehouse_alerts", "Alerts that wait, are held for a summary, or are dead letters.", "state")
	alertUp       = alertDesc("gatehouse_alerts_up", "1 if the last try worked.")
)

// Describe is prometheus' question what there is.
func (alertNumbers) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{alertSent, alertFailures, alertKept, alertUp} {
		to <- d
	}
}

// Collect is prometheus' question how much it is.
func (n alertNumbers) Collect(to chan<- prometheus.Metric) {
	for _, s := range n.notifier.Stats(context.Background()) {
		up := 0.0
		if s.Up {
			up = 1
		}
		to <- prometheus.MustNewConstMetric(alertSent, prometheus.CounterValue, float64(s.Sent), s.Channel)
		to <- prometheus.MustNewConstMetric(alertFailures, prometheus.CounterValue, float64(s.Failures), s.Channel)
		to <- prometheus.MustNewConstMetric(alertUp, prometheus.GaugeValue, up, s.Channel)
		for state, count := range map[string]int64{notify.Waiting: s.Waiting, notify.Held: s.Held, notify.Dead: s.Dead} {
			to <- prometheus.MustNewConstMetric(alertKept, prometheus.GaugeValue, float64(count), s.Channel, state)
		}
	}
}
