package decider

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/decider/privilege"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// openAccess loads requests and grants. What a crash kept out of the log is noted before anything is asked.
func (d *Decider) openAccess(ctx context.Context) (err error) {
	d.access, err = privilege.Open(ctx, privilege.Config{Rows: d.facts, Note: func(ctx context.Context, entries ...audit.Entry) error { return d.append(ctx, entries...) }, Now: d.cfg.Now})
	if err != nil {
		return err
	}
	d.metrics.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_access_requests_pending", Help: "Requests that wait for people."},
			func() float64 { return float64(len(d.access.PendingRequests(nil))) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_access_grants_live", Help: "Grants that have not ended."},
			func() float64 { return float64(len(d.access.LiveGrants(nil))) }))
	return nil
}

// closeAccess ends what openAccess began.
func (d *Decider) closeAccess() error {
	if d.access == nil {
		return nil // the start did not come so far
	}
	return d.access.Close(context.Background())
}

// startAccess begins to watch what ends by itself; the function that it returns waits until that is over.
func (d *Decider) startAccess(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { d.watchAccess(ctx) })
	return func() { cancel(); work.Wait() }
}

// answered counts a person's answer.
func (m *metrics) answered(r access.Request) { m.answers.WithLabelValues(string(r.State)).Inc() }
