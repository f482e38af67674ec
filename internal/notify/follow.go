package notify

import (
	"context"
	"errors"
	"time"

	"gatehouse/recorder/audit"
)

// follow reads the log and keeps what people must hear of, until ctx ends. After a failure it begins again from what is stored, so that
// nothing is made of an entry twice.
func (n *Notifier) follow(ctx context.Context) {
	wait := n.cfg.FirstWait
	for ctx.Err() == nil {
		begun := n.cfg.Now()
		err := n.read(ctx)
		if ctx.Err() != nil || err == nil {
			return
		}
		n.cfg.Log.Error("alerts cannot be made, and it is tried again", "error", err)
		if n.cfg.Now().Sub(begun) > time.Minute {
			wait = n.cfg.FirstWait
		}
		sleep(ctx, nil, wait)
		wait = min(2*wait, n.cfg.MaxWait)
	}
}

// reading is one way through the log.
type reading struct {
	n      *Notifier
	rules  *rules
	log    *audit.Reader
	saved  time.Time
	forgot time.Time
	alerts []Alert // of entries since the place that is stored
}

func (n *Notifier) read(ctx context.Context) (err error) {
	cursor, s, _, err := n.out.place(ctx)
	if err != nil {
		return err
	}
	r := &reading{n: n, rules: newRules(n.cfg.Mask), saved: n.cfg.Now(), forgot: n.cfg.Now()}
	r.rules.state = s.ready()
	if r.log, err = audit.OpenReader(n.cfg.LogDir, cursor); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.log.Close()) }()
	for ctx.Err() == nil {
		more, err := r.step(ctx)
		if err != nil {
			return err
		}
		if !more {
			n.await(ctx)
		}
	}
	return r.save(context.WithoutCancel(ctx))
}

// step takes a batch. more says that there is more to read now.
func (r *reading) step(ctx context.Context) (more bool, err error) {
	limit := r.n.cfg.Size()
	records, err := r.log.Read(limit, maxBatch)
	if err != nil {
		return false, err
	}
	for _, record := range records {
		r.alerts = append(r.alerts, r.rules.feed(record)...)
	}
	now := r.n.cfg.Now()
	r.alerts = append(r.alerts, r.rules.tick(now)...)
	for _, a := range r.n.takeRaised() {
		r.alerts = append(r.alerts, r.rules.once(a)...)
	}
	r.alerts = append(r.alerts, r.conditions(now)...)
	if len(r.alerts) > 0 || now.Sub(r.saved) >= saveEvery || now.Before(r.saved) {
		if err := r.save(ctx); err != nil {
			return false, err
		}
	}
	if since := now.Sub(r.forgot); since > time.Hour || since < 0 {
		r.forgot = now
		if err := r.n.out.forget(ctx, now, r.n.names()); err != nil {
			return false, err
		}
	}
	return r.log.Next() < limit, nil
}

// conditions are what no entry tells of: that something has not happened for too long.
func (r *reading) conditions(now time.Time) (out []Alert) {
	if r.n.cfg.Witnesses == nil {
		return nil
	}
	for _, w := range r.n.cfg.Witnesses() {
		yes := Alert{Kind: "witness.stale", Severity: Warning, Subject: "witness:" + w.Name, Title: "Witness " + w.Name + " has cosigned nothing lately", Runbook: "#a-witness-is-late", Path: "/audit", Text: w.Says, Time: now.UTC(), Seq: -1}
		no := yes
		no.Kind, no.Severity, no.Title = "witness.fresh", Notice, "Witness "+w.Name+" cosigns again"
		out = append(out, r.rules.condition("witness "+w.Name, w.Stale, yes, no)...)
	}
	return out
}

// save makes what was read true: the alerts with their ids, and the place after the entries that they are of.
func (r *reading) save(ctx context.Context) error {
	now := r.n.cfg.Now()
	for i := range r.alerts {
		r.alerts[i].ID = r.n.newAlertID()
	}
	if err := r.n.out.save(ctx, now, r.log.Next(), r.rules.state, r.alerts, r.n.cfg.Channels); err != nil {
		return err
	}
	r.saved = now
	if len(r.alerts) > 0 {
		r.alerts = nil
		for _, w := range r.n.workers {
			nudge(w.wake)
		}
	}
	return nil
}

// await waits for something new, or for the next look; what is new gets a moment's company.
func (n *Notifier) await(ctx context.Context) {
	if sleep(ctx, n.wake, pollEvery) {
		sleep(ctx, nil, gather)
	}
}

// sleep waits; true: it was woken.
func sleep(ctx context.Context, wake <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
		return true
	}
	return false
}
