package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/config"
	"gatehouse/recorder/audit"
)

// channel hands one alert to a receiver. Safe for concurrent use.
type channel interface {
	// send returns nil when the receiver has the alert. After an error it may have it all the same.
	send(ctx context.Context, a Alert) error
	// probe says whether the receiver answers, without sending anything that a person would see.
	probe(ctx context.Context) error
}

// worker carries alerts to one channel.
type worker struct {
	n    *Notifier
	cfg  config.AlertChannel
	host string
	port uint16
	to   channel
	log  hclog.Logger
	wake chan struct{}

	mu    sync.Mutex
	stat  Stat
	later time.Time // the receiver wants to be left alone until then
}

// Stat is how a channel is.
type Stat struct {
	Channel  string
	Sent     int64 // since the start
	Failures int64 // since the start
	Up       bool  // the last try worked
	Problem  string
	Waiting  int64
	Held     int64
	Dead     int64
}

// newWorker builds a channel.
func (n *Notifier) newWorker(c config.AlertChannel) (*worker, error) {
	w := &worker{n: n, cfg: c, log: n.cfg.Log.With("channel", c.Name), wake: make(chan struct{}, 1), stat: Stat{Channel: c.Name, Up: true}}
	var err error
	if w.host, w.port, err = address(c); err != nil {
		return nil, err
	}
	line := dialer{dial: n.cfg.Dial, host: w.host, port: w.port, ca: c.CA}
	switch c.Kind {
	case config.AlertWebhook:
		w.to = &webhook{cfg: c, dialer: line, webURL: n.cfg.WebURL, node: n.cfg.Node, now: n.cfg.Now}
	case config.AlertSlack:
		w.to = &slack{cfg: c, dialer: line, webURL: n.cfg.WebURL}
	case config.AlertEmail:
		w.to = &email{cfg: c, dialer: line, webURL: n.cfg.WebURL, node: n.cfg.Node, now: n.cfg.Now}
	default:
		return nil, fmt.Errorf("%q is no kind of channel", c.Kind)
	}
	return w, nil
}

// run delivers until ctx ends.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait, err := w.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.log.Error("outbox", "error", err)
			wait = w.n.cfg.MaxWait
		}
		if wait > 0 {
			sleep(ctx, w.wake, min(wait, time.Minute))
		}
	}
}

// once does the next thing: it sends, sums up, or says how long there is nothing to do.
func (w *worker) once(ctx context.Context) (wait time.Duration, err error) {
	now := w.n.cfg.Now()
	if wait := w.leftAlone(now); wait > 0 {
		return wait, nil
	}
	full, until, err := w.limited(ctx, now)
	if err != nil {
		return 0, err
	}
	d, ok, wait, err := w.n.out.next(ctx, now, w.cfg.Name, full)
	switch {
	case err != nil:
		return 0, err
	case ok:
		return 0, w.deliver(ctx, d)
	case full && (wait == 0 || until < wait):
		return until, nil
	case wait == 0:
		return time.Minute, nil
	}
	return wait, nil
}

// limited keeps to what a channel may be sent within an hour: what is more is set aside, and comes as one summary afterwards.
func (w *worker) limited(ctx context.Context, now time.Time) (full bool, until time.Duration, err error) {
	sent, oldest, err := w.n.out.sentSince(ctx, w.cfg.Name, now.Add(-time.Hour))
	if err != nil {
		return false, 0, err
	}
	if sent >= w.cfg.PerHour {
		held, err := w.n.out.hold(ctx, w.cfg.Name)
		w.mu.Lock()
		w.stat.Held = int64(held)
		w.mu.Unlock()
		return true, max(time.Second, oldest.Add(time.Hour).Sub(now)), err
	}
	kinds, err := w.n.out.heldKinds(ctx, w.cfg.Name)
	if err != nil || len(kinds) == 0 {
		return false, 0, err
	}
	return false, 0, w.n.out.sum(ctx, now, w.summary(now, kinds), w.cfg)
}

// summary is one alert for many.
func (w *worker) summary(now time.Time, kinds map[string]int64) Alert {
	var all int64
	var words []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		all += kinds[kind]
		words = append(words, fmt.Sprintf("%d %s", kinds[kind], kind))
	}
	return Alert{ID: w.n.newAlertID(), Kind: KindMore, Severity: Warning, Subject: "alerts:" + w.cfg.Name, Title: fmt.Sprintf("%d more alerts", all), Count: all,
		Text:    line(w.n.cfg.Mask, fmt.Sprintf("More than %d alerts within an hour; not sent one by one: %s", w.cfg.PerHour, strings.Join(words, ", ")), maxText),
		Runbook: "#too-many-alerts", Path: "/alerts", Time: now.UTC(), Seq: -1}
}

func (w *worker) leftAlone(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if wait := w.later.Sub(now); wait > 0 && wait <= w.n.cfg.MaxWait {
		return wait
	}
	return 0
}

// deliver tries once and notes what became of it.
func (w *worker) deliver(ctx context.Context, d delivery) error {
	err := w.try(ctx, func(ctx context.Context) error { return w.to.send(ctx, d.alert) })
	if ctx.Err() != nil {
		return nil // it is due at the next start
	}
	now := w.n.cfg.Now()
	d.tries++
	w.said(err, now)
	ctx = context.WithoutCancel(ctx)
	switch {
	case err == nil:
		return w.n.out.settle(ctx, w.cfg.Name, d, Sent, now, now, "")
	case now.Sub(d.since) >= w.n.cfg.DeadAfter:
		return w.giveUp(ctx, d, now, err)
	}
	return w.n.out.settle(ctx, w.cfg.Name, d, Waiting, now.Add(w.backoff(d.tries)), time.Time{}, why(err))
}

// try runs one call with its bounds. A panic over what is in an alert is a failure of it: it may not end the process that decides.
func (w *worker) try(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	select {
	case w.n.sending <- struct{}{}:
		defer func() { <-w.n.sending }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, w.n.cfg.TryLimit)
	defer cancel()
	return f(ctx)
}

// backoff is how long to wait after a failure: doubled each time, with jitter.
func (w *worker) backoff(tries int) time.Duration {
	d := w.n.cfg.MaxWait
	if tries < 20 {
		d = min(d, w.n.cfg.FirstWait<<(tries-1))
	}
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1))
}

// giveUp makes a dead letter of a delivery. The entry first: what is given up without one would be missed by nobody.
func (w *worker) giveUp(ctx context.Context, d delivery, now time.Time, err error) error {
	w.log.Error("an alert is a dead letter", "alert", d.alert.ID, "kind", d.alert.Kind, "error", err)
	if w.n.cfg.Audit != nil && d.alert.Kind != "alerts.dead" {
		reason := fmt.Sprintf("%s (%s) was not taken in %d tries: %s", d.alert.ID, d.alert.Kind, d.tries, why(err))
		details, _ := json.Marshal(map[string]any{"alert": d.alert.ID, "kind": d.alert.Kind, "tries": d.tries}) // plain values
		if err := w.n.cfg.Audit(ctx, audit.Entry{Type: audit.Alert, Object: w.cfg.Name, Outcome: Dead, Reason: reason, Data: details}); err != nil {
			return errors.Join(err, w.n.out.settle(ctx, w.cfg.Name, d, Waiting, now.Add(w.n.cfg.MaxWait), time.Time{}, why(err)))
		}
	}
	return w.n.out.settle(ctx, w.cfg.Name, d, Dead, now, now, why(err))
}

// said notes how a try went.
func (w *worker) said(err error, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.stat.Up
	w.stat.Up, w.stat.Problem = err == nil, ""
	if err == nil {
		w.stat.Sent++
		if !was {
			w.log.Info("alerts arrive again")
		}
		return
	}
	w.stat.Failures++
	w.stat.Problem = why(err)
	var busy *busyError
	if errors.As(err, &busy) {
		w.later = now.Add(busy.after)
	}
	if was {
		w.log.Warn("an alert was not taken, and is tried again", "error", err)
	}
}

// why is a failure in a bounded form without anything odd.
func why(err error) string { return line(func(s string) string { return s }, err.Error(), maxWhy) }

// Stats says how each channel is.
func (n *Notifier) Stats(ctx context.Context) []Stat {
	var all []Stat
	for _, w := range n.workers {
		w.mu.Lock()
		s := w.stat
		w.mu.Unlock()
		if counts, err := n.out.counts(ctx, w.cfg.Name); err == nil { // else the numbers of a moment ago
			s.Waiting, s.Held, s.Dead = counts[Waiting], counts[Held], counts[Dead]
		}
		all = append(all, s)
	}
	return all
}

// Tested is how a channel took a test.
type Tested struct {
	Channel string
	Problem string // empty: it worked
}

// Test sends a notification of no meaning to a channel, or where channel is empty to each, and says how that went. It is not kept.
func (n *Notifier) Test(ctx context.Context, channel, by string) ([]Tested, error) {
	now := n.cfg.Now().UTC()
	a := Alert{ID: n.newAlertID(), Kind: KindTest, Severity: Info, Subject: "test", Title: "Test of Gatehouse's alerts", Text: line(n.cfg.Mask, "This is only a test, asked for by "+by+". Nothing has happened.", maxText),
		Runbook: "#alerts-do-not-arrive", Path: "/alerts", Time: now, Seq: -1}
	return n.each(ctx, channel, func(ctx context.Context, w *worker) error { return w.to.send(ctx, a) })
}

// Probe says whether the receivers answer, without anybody noticing.
func (n *Notifier) Probe(ctx context.Context) ([]Tested, error) {
	return n.each(ctx, "", func(ctx context.Context, w *worker) error { return w.to.probe(ctx) })
}

// each calls f for a channel, or for all at once.
func (n *Notifier) each(ctx context.Context, channel string, f func(context.Context, *worker) error) ([]Tested, error) {
	var chosen []*worker
	for _, w := range n.workers {
		if channel == "" || channel == w.cfg.Name {
			chosen = append(chosen, w)
		}
	}
	if len(chosen) == 0 {
		return nil, n.HasChannel(channel)
	}
	out := make([]Tested, len(chosen))
	var work sync.WaitGroup
	for i, w := range chosen {
		out[i].Channel = w.cfg.Name
		work.Go(func() {
			if err := w.try(ctx, func(ctx context.Context) error { return f(ctx, w) }); err != nil {
				out[i].Problem = cmp.Or(why(err), "it did not work")
			}
		})
	}
	work.Wait()
	return out, nil
}
