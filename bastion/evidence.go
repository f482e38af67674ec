package bastion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// openEvidence opens the recording and the index's row, both durable when it returns, and records what is asked.
func (s *session) openEvidence(asked []byte) error {
	c := s.conn
	ctx, cancel := context.WithTimeout(s.ctx, evidenceTime)
	defer cancel()
	h := recorder.Header{Session: s.id, Connection: c.id, Identity: s.row.Identity, Owner: s.row.Owner, Task: s.row.Task, Delegation: c.identity.Delegation,
		Target: s.row.Target, Login: s.row.Login, Started: s.started, PTY: s.pty != nil}
	if s.pty != nil {
		h.Term, h.Cols, h.Rows = s.pty.Term, int(s.pty.Cols), int(s.pty.Rows)
	}
	stored := make(chan error, 1)
	go func() {
		stored <- s.stream("the session's index", func() error { return c.server.cfg.Sessions.Put(ctx, s.row) })
	}()
	rec, err := c.server.cfg.Recorder.Open(ctx, h)
	if perr := <-stored; perr != nil {
		err = errors.Join(err, fmt.Errorf("store session: %w", perr))
	}
	if rec == nil {
		rec = recorder.Lost(err)
	}
	s.recording = rec
	s.mu.Lock()
	s.rec = rec
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return rec.Write(recorder.Command, asked)
}

// noted is a decision as the recording has it: the decision's own fields, and what belongs to it.
type noted struct {
	policy.Decision
	ID         string   `json:"id"`
	Exactness  string   `json:"exactness,omitempty"`
	EnvRefused []string `json:"env_refused,omitempty"`
	Step       int64    `json:"step,omitempty"` // of the commands of a governed shell
}

// noteDecision puts the decision into the row and the recording, before anything runs on its strength.
func (s *session) noteDecision(d protocol.Decided, t protocol.Target, a asked) *outcome {
	s.row.Verdict, s.row.Code, s.row.Reason = string(d.Decision.Verdict), string(d.Decision.Code), d.Decision.Reason
	if len(d.Decision.Rules) > 0 {
		s.row.Rule = d.Decision.Rules[0]
	}
	if d.Decision.Verdict == policy.Allow {
		s.row.Mode, s.row.Exactness = string(d.Decision.Mode), "via-shell"
		if t.Local {
			s.row.Mode = "local"
			if d.Permit != nil {
				s.row.Exactness = "exact"
			}
		}
		if s.files {
			s.row.Exactness = "exact" // no shell is asked for anything
		}
		if final := d.Decision.Plan; final != nil && final.Op == policy.OpShell {
			s.row.Exactness = "recorded" // not contained: a shell on the target reads what it is given
		}
	}
	if !t.Local && !t.Gatehouse {
		s.root().looks.Store(d.Residue)
	}
	if d.Decision.Verdict == policy.Allow && d.Decision.Recording == policy.BestEffort {
		s.recording.Tolerate()
		s.lenient = true
	}
	err := s.recording.Write(recorder.Decision, event(noted{d.Decision, d.ID, s.row.Exactness, d.EnvRefused, a.number()}))
	if err != nil && d.Decision.Verdict == policy.Allow { // what does not run is in the log
		out := s.fault(answer.FaultEvidence, "the recording cannot be written, so nothing runs", err)
		return &out
	}
	return nil
}

// finish answers the client, then closes the evidence: recording, log, index, in this order.
func (s *session) finish(out outcome) {
	s.answer(out)
	end := s.conn.server.cfg.Now().UTC()
	s.mu.Lock()
	s.remote = out.remote
	s.mu.Unlock()
	s.findResidue(out.state)
	if out.exit != nil && out.exit.Known {
		s.row.Exit = &out.exit.Status
	} else if out.exit == nil && out.state != store.Killed && s.forward == nil {
		s.row.Exit = &out.status
	}
	if out.exit != nil {
		s.row.Signal = out.exit.Signal
	}
	s.row.State, s.row.EndedAt, s.row.Remote = out.state, end, out.remote
	if out.reason != "" {
		s.row.Reason = out.reason
	}
	if out.code != "" {
		s.row.Code = out.code
	}
	if out.state == store.Denied {
		s.row.Verdict = string(policy.Deny)
	}
	// The conn's context is over when the client has left; the evidence is not.
	ctx, cancel := context.WithTimeout(context.Background(), evidenceTime)
	defer cancel()
	s.closeEvidence(ctx)
	s.log.Info("session ended", "state", string(out.state), "code", s.row.Code, "took", end.Sub(s.started).Round(time.Millisecond).String())
}

func (s *session) closeEvidence(ctx context.Context) {
	report := protocol.End{Connection: s.conn.id, Session: s.id, State: string(s.row.State), Reason: s.row.Reason, Exit: s.row.Exit, Signal: s.row.Signal, Remote: s.row.Remote,
		Target: s.row.Target, Login: s.row.Login, Residue: s.residue}
	if s.recording != nil {
		end := recorder.End{State: string(s.row.State), Exit: s.row.Exit, Signal: s.row.Signal, Reason: s.row.Reason}
		if s.lenient {
			end.Mode = string(policy.BestEffort)
		}
		sum, err := s.recording.Close(ctx, end)
		s.row.BytesIn, s.row.BytesOut = sum.BytesIn, sum.BytesOut
		if err != nil {
			s.log.Error("close recording", "error", err)
			report.Missing = s.missing(err)
		} else {
			s.row.Recording, report.Recording = sum.SHA256, &sum
		}
	}
	if s.forward != nil {
		s.forward.account(&report, &s.row)
	}
	if err := s.noteEnd(ctx, report); err != nil {
		s.log.Error("note the session's end", "error", err)
		s.noteEndLater(report)
		return
	}
	if report.Recording == nil {
		return // the next start completes it
	}
	if err := s.conn.server.cfg.Recorder.Settle(s.id); err != nil {
		s.log.Warn("settle recording", "error", err)
	}
}

// missing says what is not in the recording of a session that went on without it, in the row too.
func (s *session) missing(err error) string {
	if !s.lenient {
		return ""
	}
	why := "not recorded whole, as the policy permits: " + err.Error()
	if s.row.Reason == "" {
		s.row.Reason = why
	}
	return why
}
