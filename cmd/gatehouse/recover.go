package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// sweepTime is how long, after a restart, the targets get to confirm that nothing of an interrupted session is left: less
// than the five seconds after which that must be shown.
const sweepTime = 4 * time.Second

// recoveries bounds how many sessions of the last run are completed at once.
const recoveries = 16

// unfinished is a session whose evidence the last run did not complete: its row, and its recording where there is one.
type unfinished struct {
	row       store.Session
	recording *recorder.Recovered
}

// recover closes what the last run left open: recordings get their last chunk and sessions become interrupted before it
// returns; what still runs on targets is ended, or said to be unconfirmed, by work that goes on beside the service.
func (d *door) recover(ctx context.Context, work *sync.WaitGroup) error {
	recovered, err := d.recorder.Recover(ctx)
	if err != nil {
		d.log.Error("recover recordings", "error", err)
	}
	open, err := d.sessions.Interrupt(ctx, time.Now().UTC())
	if err != nil {
		return fmt.Errorf("close interrupted sessions: %w", err)
	}
	todo, err := d.unfinished(ctx, open, recovered)
	if err != nil {
		return err
	}
	slots := make(chan struct{}, recoveries)
	for _, u := range todo {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			d.complete(ctx, u)
		})
	}
	return nil
}

// unfinished joins rows and recordings. A recording without a live row belongs to a session that had ended for the index
// but not for the log, as when the decider died first, or to one whose row the crash prevented.
func (d *door) unfinished(ctx context.Context, open []store.Session, recovered []recorder.Recovered) ([]unfinished, error) {
	recordings := map[string]*recorder.Recovered{}
	for i := range recovered {
		recordings[recovered[i].Session] = &recovered[i]
	}
	var todo []unfinished
	for _, s := range open {
		s.Reason = "Gatehouse died while the session was live"
		todo = append(todo, unfinished{s, recordings[s.ID]})
		delete(recordings, s.ID)
	}
	for id, r := range recordings {
		s, err := d.sessions.Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			h := r.Header
			s = store.Session{ID: id, Connection: h.Connection, Identity: h.Identity, Owner: h.Owner, Task: h.Task, Target: h.Target, Login: h.Login, PTY: h.PTY,
				State: store.Interrupted, Started: h.Started, EndedAt: time.Now().UTC(), Reason: "Gatehouse died while the session began"}
		} else if err != nil {
			return nil, fmt.Errorf("find interrupted session: %w", err)
		}
		todo = append(todo, unfinished{s, r})
	}
	return todo, nil
}

// complete gives one session what its evidence lacks: an end of its processes, the log's entry, the row, in this order.
func (d *door) complete(ctx context.Context, u unfinished) {
	s := u.row
	if r := u.recording; r != nil {
		s.Recording, s.BytesIn, s.BytesOut = r.SHA256, r.BytesIn, r.BytesOut
		if r.End != nil && s.State == store.Interrupted { // it had ended; only the log and the index did not know
			s.State, s.Exit, s.Signal, s.Reason = store.State(r.End.State), r.End.Exit, r.End.Signal, r.End.Reason
		}
	}
	if s.Mode != "forward" && s.Verdict != "deny" && s.State != store.Ended && s.State != store.Denied && s.Remote != "ended" {
		sweep, cancel := context.WithTimeout(ctx, sweepTime)
		s.Remote = d.server.Interrupted(sweep, s.ID, s.Target, s.Login)
		cancel()
	}
	end := protocol.End{Connection: s.Connection, Session: s.ID, State: string(s.State), Reason: s.Reason, Exit: s.Exit, Signal: s.Signal, Remote: s.Remote}
	if u.recording != nil {
		end.Recording = &u.recording.Summary
	}
	d.log.Warn("session of the last run completed", "session_id", s.ID, "state", string(s.State), "target", s.Target, "remote", s.Remote)
	if err := d.decider.End(ctx, end); err != nil {
		d.log.Error("note an interrupted session", "session_id", s.ID, "error", err)
		return
	}
	if err := d.sessions.Put(ctx, s); err != nil {
		d.log.Error("store an interrupted session", "session_id", s.ID, "error", err)
		return
	}
	if u.recording == nil {
		return
	}
	if err := d.recorder.Settle(s.ID); err != nil {
		d.log.Warn("settle recording", "session_id", s.ID, "error", err)
	}
}
