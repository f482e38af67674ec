package decider

import (
	"bytes"
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/number"
	"gatehouse/recorder/audit"
)

// metrics counts what the audit log was given: whatever is worth an entry is worth a number, and nothing is counted that has
// no entry. No label holds what a client sent, so their number is bounded.
type metrics struct {
	registry *prometheus.Registry
	entries  *prometheus.CounterVec
	failed   prometheus.Counter
	signers  *prometheus.CounterVec
	appended prometheus.Histogram

	answers *prometheus.CounterVec // requests that were decided
	glass   prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		entries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_audit_entries_total",
			Help: "Entries of the audit log since the start, by type and outcome."}, []string{"type", "outcome"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_audit_failures_total",
			Help: "Entries that the audit log could not take; what they were about did not happen."}),
	}
	m.signers = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_signer_failures_total",
		Help: "Certificates that were not issued because a CA's key could not sign, by CA."}, []string{"ca"})
	m.appended = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gatehouse_audit_append_seconds",
		Help: "How long entries took until they were durable.", Buckets: number.Seconds})
	m.answers = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_access_answers_total",
		Help: "People's answers to requests, by what the request was afterwards: pending, approved, declined."}, []string{"state"})
	m.glass = prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_break_glass_total", Help: "How often a role was taken in an emergency."})
	m.registry.MustRegister(m.entries, m.failed, m.signers, m.appended, m.answers, m.glass)
	number.Process(m.registry, "decider")
	return m
}

func (m *metrics) signerFailed(authority string) { m.signers.WithLabelValues(authority).Inc() }

// outcomes are the words that entries may be counted under; whatever the door says besides is "other".
var outcomes = map[string]bool{"": true, "ok": true, "allow": true, "deny": true, "ask": true, "link": true, "sign-out": true, "last-good": true, "lost": true, "moved": true,
	"complete": true, "failed": true, "killed": true, "interrupted": true}

func (m *metrics) count(entries []audit.Entry, err error) {
	if err != nil {
		m.failed.Add(float64(len(entries)))
		return
	}
	for _, e := range entries {
		outcome := e.Outcome
		if !outcomes[outcome] {
			outcome = "other"
		}
		m.entries.WithLabelValues(string(e.Type), outcome).Inc()
	}
}

// metricsText answers with the numbers in Prometheus' text format.
func (d *Decider) metricsText(context.Context, protocol.Empty) (protocol.Metrics, error) {
	families, err := d.metrics.registry.Gather()
	if err != nil {
		return protocol.Metrics{}, fmt.Errorf("gather metrics: %w", err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			return protocol.Metrics{}, fmt.Errorf("write metrics: %w", err)
		}
	}
	return protocol.Metrics{Text: text.String()}, nil
}
