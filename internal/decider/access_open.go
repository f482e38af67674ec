package decider

import (
	"context"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/decider/privilege"
	"gatehouse/policy"
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

// startAccess begins to watch what ends by itself; the function that it returns waits until that is over.
func (d *Decider) startAccess(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { d.watchAccess(ctx) })
	return func() { cancel(); work.Wait() }
}

// answered counts a person's answer.
func (m *metrics) answered(r access.Request) { m.answers.WithLabelValues(string(r.State)).Inc() }

// endKilled ends what a kill means besides connections: the requests and grants of the identity, those on the target, those by which the
// session ran, or all but the killer's own.
func (d *Decider) endKilled(ctx context.Context, object, by string) {
	const why = "ended with what was killed by "
	switch target, isTarget := strings.CutPrefix(object, "target:"); {
	case object == "all":
		d.endAccess(ctx, func(who access.Requester, _ access.Scope) bool { return who.Principal != by }, access.CauseKilled, why+by)
	case isTarget:
		d.endAccess(ctx, func(_ access.Requester, s access.Scope) bool { return len(s.Targets) == 1 && s.Targets[0] == target }, access.CauseKilled, why+by)
	case strings.HasPrefix(object, string(policy.Agent)+":"), strings.HasPrefix(object, string(policy.Person)+":"):
		d.endAccess(ctx, func(who access.Requester, _ access.Scope) bool { return who.Principal == object }, access.CauseKilled, why+by)
	default:
		d.endKilledSession(ctx, object, why+by, privilege.By{Actor: by})
	}
}

// endKilledSession ends the grants by which a session ran, and the requests that it waits for.
func (d *Decider) endKilledSession(ctx context.Context, session, why string, by privilege.By) {
	held := map[string]bool{}
	d.mu.RLock()
	if s := d.sessions[session]; s != nil {
		for _, g := range s.grants {
			held[g.ID] = true
		}
	}
	d.mu.RUnlock()
	if len(held) > 0 {
		if _, err := d.endGrants(ctx, func(g access.Grant) bool { return held[g.ID] }, access.CauseKilled, why, by); err != nil {
			d.cfg.Log.Error("grants could not be ended", "error", err)
		}
	}
	if _, err := d.endRequests(ctx, func(r access.Request) bool { return r.Session == session }, why, by); err != nil {
		d.cfg.Log.Error("requests could not be ended", "error", err)
	}
}
