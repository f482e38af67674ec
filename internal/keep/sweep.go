package keep

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/retain"
)

// page is how many sessions are looked at between two questions to the index.
const page = 500

// Report is what a sweep did.
type Report struct {
	Removed int   // recordings
	Bytes   int64 // of them
	Held    int   // would have gone, and are held
	Missing int   // their files are gone, and nothing says why
	Failed  int   // stay for an error that is in the log
}

// Run sweeps now and then every Config.Every, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		r, err := k.Sweep(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			k.cfg.Log.Error("sweep of recordings", "error", err)
		case r != Report{}:
			k.cfg.Log.Info("recordings swept", "removed", r.Removed, "bytes", r.Bytes, "held", r.Held, "missing", r.Missing, "failed", r.Failed)
		}
		timer.Reset(k.cfg.Every)
	}
}

// sweep is one run over all recordings.
type sweep struct {
	k      *Keeper
	now    time.Time
	totals []int64 // bytes that each rule keeps
	report Report
}

// Sweep finishes what a crash cut off, and removes what the rules no longer keep. The error is for what kept it from looking;
// a recording that cannot be removed is left for the next sweep.
func (k *Keeper) Sweep(ctx context.Context) (Report, error) {
	undone, err := k.cfg.Store.Undone(ctx)
	if err != nil {
		return Report{}, err
	}
	w := &sweep{k: k, now: k.cfg.Now(), totals: make([]int64, k.cfg.Rules.Len())}
	for _, f := range undone {
		w.count(f.Session, f.Size, k.resume(ctx, f))
	}
	if len(w.totals) == 0 {
		return w.report, nil
	}
	if err := w.each(ctx, w.byAge); err != nil {
		return w.report, err
	}
	if w.tooLarge() {
		err = w.each(ctx, w.bySize)
	}
	return w.report, err
}

// each calls f for every recording that a rule is about, oldest first.
func (w *sweep) each(ctx context.Context, f func(ctx context.Context, s store.Session, rule int, size int64)) error {
	for after := ""; ; {
		list, err := w.k.cfg.Store.Kept(ctx, after, page)
		if err != nil {
			return err
		}
		for _, s := range list {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			after = s.ID
			rule := w.k.cfg.Rules.Match(s.Target, roleOf(s.Rule))
			if rule < 0 {
				continue
			}
			size, err := w.k.cfg.Recordings.FileSize(s.ID)
			if err != nil {
				w.absent(s.ID, err)
				continue
			}
			f(ctx, s, rule, size)
		}
		if len(list) < page {
			return nil
		}
	}
}

func (w *sweep) absent(session string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		w.report.Missing++
		err = errMissing
	} else {
		w.report.Failed++
	}
	w.k.cfg.Log.Error("look at a recording", "session_id", session, "error", err)
}

// roleOf is the role of a rule's id, "web-operator/allow[0]".
func roleOf(rule string) string {
	role, _, _ := strings.Cut(rule, "/")
	return role
}

// byAge removes what is older than its rule keeps, and adds up the rest.
func (w *sweep) byAge(ctx context.Context, s store.Session, rule int, size int64) {
	ended := s.EndedAt
	if ended.IsZero() {
		ended = s.Started
	}
	r := w.k.cfg.Rules.At(rule)
	if r.Keep <= 0 || w.now.Sub(ended) <= r.Keep || !w.remove(ctx, s, r, size) {
		w.totals[rule] += size
	}
}

func (w *sweep) tooLarge() bool {
	for i, total := range w.totals {
		if most := w.k.cfg.Rules.At(i).MaxSize; most > 0 && total > most {
			return true
		}
	}
	return false
}

// bySize removes until what the rule keeps is small enough. What is held counts and stays.
func (w *sweep) bySize(ctx context.Context, s store.Session, rule int, size int64) {
	r := w.k.cfg.Rules.At(rule)
	if r.MaxSize > 0 && w.totals[rule] > r.MaxSize && w.remove(ctx, s, r, size) {
		w.totals[rule] -= size
	}
}

// remove deletes a recording by a rule; false if it stays.
func (w *sweep) remove(ctx context.Context, s store.Session, r retain.Rule, size int64) bool {
	err := w.k.dispose(ctx, s, store.Fate{Session: s.ID, Kind: store.Deleted, Why: r.String()}, console.Credential{})
	return w.count(s.ID, size, err)
}

// count notes what came of a removal; false if the recording stays.
func (w *sweep) count(session string, size int64, err error) bool {
	var held *console.HeldError
	switch {
	case err == nil:
		w.report.Removed++
		w.report.Bytes += size
		return true
	case errors.As(err, &held):
		w.report.Held++
	case errors.Is(err, recorder.ErrBusy), errors.Is(err, recorder.ErrLive):
	default:
		w.report.Failed++
		w.k.cfg.Log.Error("remove a recording", "session_id", session, "error", err)
	}
	return false
}
