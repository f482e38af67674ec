package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// sweepTime is how long, after a restart, the targets get to confirm that nothing of an interrupted session is left.
const sweepTime = 5 * time.Second

// recover closes what the last run left open: recordings get their last chunk and sessions become interrupted before it
// returns; what still runs on targets is ended, or said to be unconfirmed, by work that goes on beside the service.
func (d *door) recover(ctx context.Context, work *sync.WaitGroup) error {
	recovered, err := d.recorder.Recover(ctx)
	if err != nil {
		d.log.Error("recover recordings", "error", err)
	}
	byID := map[string]recorder.Recovered{}
	for _, r := range recovered {
		byID[r.Session] = r
	}
	open, err := d.sessions.Interrupt(ctx, time.Now().UTC())
	if err != nil {
		return fmt.Errorf("close interrupted sessions: %w", err)
	}
	slots := make(chan struct{}, 16)
	for _, s := range open {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			d.interrupted(ctx, s, byID[s.ID])
		})
		delete(byID, s.ID)
	}
	for _, r := range byID { // a recording without a row: the crash came between the two
		work.Go(func() {
			d.interrupted(ctx, store.Session{ID: r.Session, Connection: r.Header.Connection, Identity: r.Header.Identity, Owner: r.Header.Owner, Task: r.Header.Task,
				Target: r.Header.Target, Login: r.Header.Login, State: store.Interrupted, Started: r.Header.Started, EndedAt: time.Now().UTC()}, r)
		})
	}
	return nil
}

// interrupted completes one session of the last run.
func (d *door) interrupted(ctx context.Context, s store.Session, r recorder.Recovered) {
	s.Reason = "Gatehouse died while the session was live"
	if s.Verdict == "allow" || s.Verdict == "" {
		sweep, cancel := context.WithTimeout(ctx, sweepTime)
		s.Remote = d.server.Interrupted(sweep, s.ID, s.Target, s.Login)
		cancel()
	}
	end := protocol.End{Connection: s.Connection, Session: s.ID, State: string(store.Interrupted), Reason: s.Reason, Remote: s.Remote}
	if r.Session != "" {
		s.Recording, s.BytesIn, s.BytesOut = r.SHA256, r.BytesIn, r.BytesOut
		end.Recording = &r.Summary
	}
	if err := d.decider.End(ctx, end); err != nil {
		d.log.Error("note an interrupted session", "session_id", s.ID, "error", err)
	}
	if err := d.sessions.Put(ctx, s); err != nil {
		d.log.Error("store an interrupted session", "session_id", s.ID, "error", err)
	}
	d.log.Warn("session interrupted by the last run's end", "session_id", s.ID, "target", s.Target, "remote", s.Remote)
}
