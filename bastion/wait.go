package bastion

import (
	"context"
	"errors"
	"slices"
	"time"

	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder"
)

// waitLine is how long a client that waits hears nothing, at most.
const waitLine = time.Minute

// Why a command that waits does not go on waiting.
var (
	errInterrupted = errors.New("interrupted by the client")
	errWaited      = errors.New("the wait is over")
	errRetires     = errors.New("the door drains")
	errOutlived    = errors.New("the certificate has expired")
)

// decideOrWait decides, and where people must decide first, waits for them. What it returns is decided, and never waits.
func (s *session) decideOrWait(t protocol.Target, known bool, a asked) (protocol.Decided, launch, *outcome, error) {
	since := s.conn.server.watches.now()
	d, begun, err := s.decide(t, known, a)
	if err != nil || !waits(d) {
		return d, begun, nil, err
	}
	begun.abandon()
	w := &queued{session: s, target: t, known: known, asked: a, since: since, d: d}
	return w.run()
}

// waits reports whether a decision is one that people must take first.
func waits(d protocol.Decided) bool { return d.Waiting != nil && d.Decision.Verdict == policy.Ask }

// queued is a command between the question and people's answer. Nothing of it has run anywhere, nothing that it would need is
// open, and what the client sends stays in its window.
type queued struct {
	session *session
	target  protocol.Target
	known   bool
	asked   asked

	since  uint64           // when the decision was asked for
	d      protocol.Decided // the newest
	until  time.Time        // of the first: a wait does not grow
	enough <-chan struct{}  // has something in it when the client wants to wait no more
}

func (w *queued) request() access.Request { return w.d.Waiting.Request }

// run is a wait from its first line to what ends it.
func (w *queued) run() (protocol.Decided, launch, *outcome, error) {
	s := w.session
	if w.until = w.d.Waiting.Until; w.until.IsZero() {
		<-w.see().done // whoever decides later has it all the same
		return w.giveUp(errWaited)
	}
	leave, over := s.conn.server.enter(s.conn.outermost())
	if over != "" {
		s.conn.server.met(s.log, over)
		return w.giveUp(errors.New("too many commands wait for people already (" + string(over) + ")"))
	}
	defer leave()
	var stop func()
	w.enough, stop = s.listen()
	defer stop()
	if out := w.begin(); out != nil {
		return w.d, launch{}, out, nil
	}
	for {
		// 1. Until the request changes, or the wait ends otherwise.
		look := w.see()
		err := w.pause()
		if look.end(); err != nil {
			return w.giveUp(err)
		}
		// 2. The same question again, with what is true now.
		before := w.request().ID
		w.since = s.conn.server.watches.now()
		s.awaits = before
		d, begun, err := s.decide(w.target, w.known, w.asked)
		if err != nil {
			return d, begun, nil, err
		}
		if !waits(d) {
			w.settle(before, d)
			return d, begun, nil, nil
		}
		// 3. More people must answer, or something that the command names has changed and makes it another request.
		begun.abandon()
		w.d = d
		if w.request().ID != before {
			if out := w.begin(); out != nil {
				return w.d, launch{}, out, nil
			}
		}
	}
}

// begin puts into the evidence that the command waits, and tells the client.
func (w *queued) begin() *outcome {
	s := w.session
	if out := s.noteDecision(w.d, w.target, w.asked); out != nil {
		return out
	}
	ctx, cancel := context.WithTimeout(s.ctx, evidenceTime)
	defer cancel()
	if err := s.conn.server.cfg.Sessions.Put(ctx, s.row); err != nil && s.ctx.Err() == nil {
		out := s.fault(answer.FaultEvidence, "the index of sessions cannot be written, so nothing waits", err)
		return &out
	}
	s.log.Info("waiting for people", "request", w.request().ID)
	w.note("waiting for approval")
	s.say(answer.Waiting{Request: w.request().ID, Until: w.until, Expires: w.request().Expires, Approvals: approvals(w.request().Need), Session: s.id, Target: s.row.Target, Final: final(w.d), Why: w.d.Waiting.Why}.Lines())
	s.conn.rest(poolKey{target: s.row.Target, login: s.row.Login, pty: s.pty != nil})
	return nil
}

// pause returns nil when the request has changed or the time to wait is over, so that the decider has the last word; otherwise
// why there is no more to wait for.
func (w *queued) pause() error {
	s := w.session
	now := s.conn.server.cfg.Now
	changed, stop := s.conn.server.watches.watch(w.request().ID, w.since)
	defer stop()
	end, outlived, silence := time.NewTimer(w.until.Sub(now())), time.NewTimer(s.conn.notAfter.Sub(now())), time.NewTicker(waitLine)
	defer end.Stop()
	defer outlived.Stop()
	defer silence.Stop()
	if !now().Before(w.until) { // the decider was asked at the end already
		return errWaited
	}
	for {
		if s.conn.retires() {
			return errRetires
		}
		select {
		case <-changed:
			if !s.conn.retires() {
				return nil
			}
		case <-end.C:
			return nil
		case <-outlived.C:
			return errOutlived
		case <-silence.C:
			s.say(answer.StillWaiting(w.request().ID, w.until))
		case <-w.enough:
			return errInterrupted
		case <-s.recording.Failed():
			return &evidenceError{s.recording.Err()}
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

// giveUp is the end of a wait that the decider did not end.
func (w *queued) giveUp(why error) (protocol.Decided, launch, *outcome, error) {
	s := w.session
	again := "the same command sent again finds the request " + w.request().ID
	w.note("not waited for any longer: " + why.Error())
	var out outcome
	switch {
	case errors.Is(why, errRetires):
		out = s.fault(answer.FaultStopping, stopping+"; nothing was sent to the target. Try again in a minute: "+again, why)
	case errors.Is(why, errOutlived):
		out = s.fault(answer.FaultExpired, "the certificate has expired while the command waited for approval, and nothing ran; connect again with a new one: "+again, why)
	case s.ctx.Err() != nil:
		out = s.explain(why)
		out.remote = remoteWord(true) // nothing ran
		if out.state == store.Ended {
			out.reason += " while " + w.request().ID + " waited for approval"
		}
	case errors.As(why, new(*evidenceError)):
		return w.d, launch{abandon: func() {}}, nil, why
	default:
		out = w.pending(why)
	}
	return w.d, launch{}, &out, nil
}

// pending denies for now: the request stays, and can be approved while nobody waits for it.
func (w *queued) pending(why error) outcome {
	s := w.session
	reason := w.d.Decision.Reason + ", and nobody has decided yet (" + why.Error() + "); the request " + w.request().ID + " is open until " + answer.Clock(w.request().Expires)
	in := protocol.Refuse{Connection: s.conn.id, Session: s.id, Target: s.row.Target, Login: s.row.Login, What: "wait for " + w.request().ID, Code: string(policy.CodeApprovalPending), Why: reason}
	if err := s.conn.server.cfg.Evidence.Refuse(s.ctx, in); err != nil {
		return s.fault(answer.FaultEvidence, "the audit log cannot be written, so nothing is decided", err)
	}
	d := w.d
	d.ID = id.New(id.Denial, s.conn.server.cfg.Now())
	d.Decision.Verdict, d.Decision.Code, d.Decision.Reason = policy.Deny, policy.CodeApprovalPending, reason
	_ = s.noteDecision(d, w.target, w.asked) // what does not run is in the log as well
	return s.denied(d, w.asked)
}

// settle says what people have decided. What it makes of the session is the decision's own business.
func (w *queued) settle(request string, d protocol.Decided) {
	s := w.session
	if d.Decision.Verdict != policy.Allow {
		w.note(string(d.Decision.Code))
		return
	}
	w.note("approved")
	s.say(answer.Approved(request, approvers(d.Waiting)))
	s.row.Verdict = string(policy.Allow)
	ctx, cancel := context.WithTimeout(s.ctx, evidenceTime)
	defer cancel()
	if err := s.conn.server.cfg.Sessions.Put(ctx, s.row); err != nil {
		s.log.Warn("the index of sessions goes on saying that it waits", "error", err)
	}
}

// approvers are those who said yes, if the decider names them.
func approvers(w *protocol.Waiting) []string {
	var people []string
	if w == nil {
		return nil
	}
	for _, v := range w.Request.Votes {
		if v.Yes && !slices.Contains(people, v.By) {
			people = append(people, v.By)
		}
	}
	return people
}

func approvals(need []policy.Approval) []answer.Approval {
	var out []answer.Approval
	for _, want := range need {
		out = append(out, answer.Approval{Approvals: want.Approvals, From: want.From, WithinSeconds: want.Within})
	}
	return out
}

// final is what would run, as a person would write it.
func final(d protocol.Decided) string {
	if d.Decision.Plan == nil {
		return ""
	}
	return d.Decision.Plan.String()
}

// note puts a step of the wait into the recording; a failed one is noticed by pause.
func (w *queued) note(what string) {
	_ = w.session.recording.Write(recorder.Note, event(map[string]any{"note": what, "request": w.request().ID}))
}

// askedFor is what a denial says of requests: the one that was decided or is open, or the roles that may be asked for.
func (s *session) askedFor(d policy.Decision, w *protocol.Waiting) *answer.Request {
	switch d.Code {
	case policy.CodeApprovalPending, policy.CodeApprovalDeclined, policy.CodeApprovalExpired:
		if w != nil {
			return &answer.Request{ID: w.Request.ID}
		}
		if s.awaits != "" {
			return &answer.Request{ID: s.awaits}
		}
	}
	if len(d.Request) > 0 {
		return &answer.Request{Roles: d.Request}
	}
	return nil
}
