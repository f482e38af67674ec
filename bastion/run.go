package bastion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/bastion/target"
	"gatehouse/bastion/target/local"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// outcome is how a session ended: what the client is told and what the evidence says.
type outcome struct {
	state  store.State
	code   string
	reason string
	text   string       // for the client, before the exit status
	status int          // sent where exit is nil
	exit   *target.Exit // the command's own end
	remote string       // "ended", "unconfirmed", or ""
}

// run is the way of one command (docs/architecture.md).
func (s *session) run(a ask) {
	if s.conn.route.target == "" {
		s.runConsole(a)
		return
	}
	defer close(s.done)
	defer s.input.Wait() // answer has closed the channel
	s.conn.server.addSession(s)
	defer s.conn.server.removeSession(s)
	s.begin(a)
	// 1. The line becomes a plan, or is refused; nothing of it has run anywhere.
	plan, asked, refused := s.read(a)
	// 2. The evidence is open before anything is decided or asked of a target.
	if err := s.openEvidence(asked); err != nil {
		s.finish(s.explain(&evidenceError{err}))
		return
	}
	if refused != nil {
		s.finish(s.refuse(a, *refused))
		return
	}
	// 3. The decision, and with it what opens the target.
	d, proc, out := s.start(plan)
	if out != nil {
		s.finish(*out)
		return
	}
	// 4. The streams, until the command ends, the client leaves, or somebody ends it.
	s.mu.Lock()
	s.proc = proc
	s.mu.Unlock()
	s.finish(s.carry(d.Decision.Stdin, proc))
}

// begin fills the session's row with what is known before anything is decided.
func (s *session) begin(a ask) {
	c := s.conn
	s.row = store.Session{ID: s.id, Connection: c.id, Identity: c.identity.Principal(), Owner: c.identity.Owner, Task: c.identity.Task,
		Target: c.route.target, Login: c.route.login, Source: c.source.String(), PTY: s.pty != nil, Command: cutText(a.text, 4096),
		State: store.Live, Started: s.started}
	if a.kind != "exec" {
		s.row.Command = a.what()
	}
}

// maxRefusedLine is what the evidence keeps of a line that is refused before it is decided.
const maxRefusedLine = 16 << 10

// read turns what is asked into a plan and into the recording's first event, which must hold all of it.
func (s *session) read(a ask) (plan policy.Plan, asked []byte, refused *answer.Denial) {
	if plan, refused = s.plan(a); refused == nil {
		asked = event(map[string]any{"what": a.what(), "line": a.text, "plan": plan, "env": s.env})
	}
	if len(asked) > recorder.MaxEvent {
		refused = &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: "the line is too long to be recorded; split it"}
	}
	if refused != nil {
		asked = event(map[string]any{"what": a.what(), "line": cutText(a.text, maxRefusedLine), "plan": policy.Plan{}, "env": s.env})
	}
	return plan, asked, refused
}

// plan parses the line. Shells and subsystems are refused by name: each has its own rule, and none is built yet.
func (s *session) plan(a ask) (policy.Plan, *answer.Denial) {
	if a.kind != "exec" {
		why := a.what() + " is not available through Gatehouse; give a command, as in ssh " + s.conn.route.login + "@" + s.conn.route.target + "@bastion 'uptime'"
		return policy.Plan{}, &answer.Denial{Code: string(policy.CodeNotAllowed), Why: why}
	}
	plan, err := shell.Parse(a.text)
	var r *shell.Refusal
	switch {
	case errors.As(err, &r):
		return policy.Plan{}, &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: r.Error(), Construct: r.Construct, ConstructAt: r.Column}
	case err != nil:
		return policy.Plan{}, &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: err.Error()}
	}
	return plan, nil
}

// refuse denies without asking policy. The audit entry comes first.
func (s *session) refuse(a ask, d answer.Denial) outcome {
	c := s.conn
	in := protocol.Refuse{Connection: c.id, Session: s.id, Target: c.route.target, Login: c.route.login, What: a.what() + " " + cutText(a.text, 1024), Code: d.Code, Why: d.Why}
	if err := c.server.cfg.Evidence.Refuse(s.ctx, in); err != nil {
		return s.fault(answer.FaultEvidence, "the audit log cannot be written, so nothing is decided", err)
	}
	d.DenialID, d.Session, d.Target, d.Retryable = id.New(id.Denial, c.server.cfg.Now()), s.id, c.route.target, "no"
	return outcome{state: store.Denied, code: d.Code, reason: d.Why, text: d.Lines(), status: answer.ExitDenied}
}

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
	go func() { stored <- c.server.cfg.Sessions.Put(ctx, s.row) }()
	rec, err := c.server.cfg.Recorder.Open(ctx, h)
	if perr := <-stored; perr != nil {
		err = errors.Join(err, fmt.Errorf("store session: %w", perr))
	}
	s.recording = rec
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.rec = rec
	s.mu.Unlock()
	return rec.Write(recorder.Command, asked)
}

// start asks the decider and, if it allows, starts the command. The decision is recorded before anything runs on its strength.
func (s *session) start(plan policy.Plan) (protocol.Decided, *running, *outcome) {
	t, known := s.conn.server.target(s.row.Target)
	d, launch, err := s.decide(t, known, plan)
	if err != nil {
		out := s.explain(err)
		return d, nil, &out
	}
	out := s.noteDecision(d, t)
	if out == nil {
		out = s.decided(d, plan)
	}
	if out != nil {
		launch.abandon()
		return d, nil, out
	}
	proc, err := launch.start(s.ctx)
	if err != nil {
		out := s.explain(err)
		if s.ctx.Err() != nil || errors.Is(err, target.ErrUncertain) { // the request may have reached the target all the same
			out.remote = s.sweepRemote()
		}
		return d, nil, &out
	}
	return d, proc, nil
}

// decided turns everything but a plain allow into an outcome.
func (s *session) decided(d protocol.Decided, plan policy.Plan) *outcome {
	if d.Decision.Verdict != policy.Allow {
		out := s.denied(d, plan)
		return &out
	}
	if d.Fault != "" {
		if d.Fault == answer.FaultSigner {
			out := s.fault(d.Fault, "Gatehouse cannot sign certificates for targets now; nothing was sent to "+s.conn.route.target, errors.New("the target CA's key cannot sign; the decider's log says why"))
			return &out
		}
		out := s.fault(d.Fault, s.conn.route.target+" is not in the inventory with login "+s.conn.route.login, errors.New("policy reaches a target that the inventory does not have"))
		return &out
	}
	return nil
}

// noted is a decision as the recording has it: the decision's own fields, and what belongs to it.
type noted struct {
	policy.Decision
	ID         string   `json:"id"`
	Exactness  string   `json:"exactness,omitempty"`
	EnvRefused []string `json:"env_refused,omitempty"`
}

// noteDecision puts the decision into the row and the recording, before anything runs on its strength.
func (s *session) noteDecision(d protocol.Decided, t protocol.Target) *outcome {
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
	}
	err := s.recording.Write(recorder.Decision, event(noted{d.Decision, d.ID, s.row.Exactness, d.EnvRefused}))
	if err != nil {
		out := s.fault(answer.FaultEvidence, "the recording cannot be written, so nothing runs", err)
		return &out
	}
	return nil
}

// denied renders the denial contract for a policy decision.
func (s *session) denied(d protocol.Decided, plan policy.Plan) outcome {
	dec := d.Decision
	denial := answer.Denial{Code: string(dec.Code), Retryable: "no", DenialID: d.ID, Session: s.id, Target: s.row.Target, Why: dec.Reason,
		Allowed: dec.Nearest, PolicyHash: dec.PolicyHash, Rule: s.row.Rule}
	if dec.Failed != nil {
		denial.FailedAt = &answer.FailedAt{Command: dec.Failed.Command, Index: dec.Failed.Index, Token: dec.Failed.Token}
	}
	for _, argv := range plan.Commands() {
		denial.Argv = append(denial.Argv, argv)
	}
	return outcome{state: store.Denied, code: string(dec.Code), reason: dec.Reason, text: denial.Lines(), status: answer.ExitDenied}
}

// fault is an outcome that is not the client's doing: one line for the user, one for the operator, joined by an id.
func (s *session) fault(code, why string, err error) outcome {
	f := answer.Fault{Code: code, Retryable: "later", ErrorID: id.New(id.Fault, s.conn.server.cfg.Now()), Session: s.id, Target: s.row.Target, Why: why}
	s.log.Error("session failed", "error_id", f.ErrorID, "code", code, "target", s.row.Target, "error", err)
	return outcome{state: store.Failed, code: code, reason: why, text: f.Lines(), status: answer.ExitUnavailable}
}

// explain turns an error on the way to the target into an outcome.
func (s *session) explain(err error) outcome {
	name := s.row.Target
	var own *protocol.Error
	var stop *ended
	var evidence *evidenceError
	switch {
	case errors.As(context.Cause(s.ctx), &stop):
		return s.stopped(stop)
	case errors.Is(context.Cause(s.ctx), errClientGone):
		return outcome{state: store.Ended, reason: errClientGone.Error(), exit: &target.Exit{}}
	case errors.As(err, &evidence):
		return s.fault(answer.FaultEvidence, "the recording cannot be written, so nothing runs", err)
	case errors.Is(err, target.ErrUntrusted):
		return s.fault(answer.FaultTargetUntrusted, name+" does not show the host key that is expected of it; nothing was sent to it", err)
	case errors.Is(err, target.ErrRefused):
		return s.fault(answer.FaultTargetRefused, name+" does not let Gatehouse in as "+s.row.Login, err)
	case errors.Is(err, target.ErrUnreachable):
		return s.fault(answer.FaultTargetUnreachable, name+" cannot be reached", err)
	case errors.Is(err, local.ErrUnavailable):
		return s.fault(answer.FaultTargetUnreachable, "the command cannot be started on "+name, err)
	case errors.As(err, &own) && own.Code == protocol.CodeEvidence:
		return s.fault(answer.FaultEvidence, "the audit log cannot be written, so nothing is decided", err)
	case errors.As(err, &own) && own.Code == protocol.CodeUnavailable:
		return s.fault(answer.FaultSigner, own.Msg, err)
	case errors.As(err, &own) && own.Code == protocol.CodeRefused:
		code := answer.FaultInternal
		if !s.conn.server.cfg.Now().Before(s.conn.notAfter) {
			code = answer.FaultExpired
		}
		return s.fault(code, own.Msg, err)
	}
	return s.fault(answer.FaultInternal, "an internal error", err)
}

// finish answers the client, then closes the evidence: recording, log, index, in this order.
func (s *session) finish(out outcome) {
	s.answer(out)
	end := s.conn.server.cfg.Now().UTC()
	if out.exit != nil && out.exit.Known {
		s.row.Exit = &out.exit.Status
	} else if out.exit == nil && out.state != store.Killed {
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
	s.mu.Lock()
	s.remote = out.remote
	s.mu.Unlock()
	s.log.Info("session ended", "state", string(out.state), "code", s.row.Code, "took", end.Sub(s.started).Round(time.Millisecond).String())
}

func (s *session) closeEvidence(ctx context.Context) {
	report := protocol.End{Connection: s.conn.id, Session: s.id, State: string(s.row.State), Reason: s.row.Reason, Exit: s.row.Exit, Signal: s.row.Signal, Remote: s.row.Remote}
	if s.recording != nil {
		sum, err := s.recording.Close(ctx, recorder.End{State: string(s.row.State), Exit: s.row.Exit, Signal: s.row.Signal, Reason: s.row.Reason})
		s.row.BytesIn, s.row.BytesOut = sum.BytesIn, sum.BytesOut
		if err != nil {
			s.log.Error("close recording", "error", err)
		} else {
			s.row.Recording, report.Recording = sum.SHA256, &sum
		}
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
