package bastion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/bastion/target"
	"gatehouse/bastion/target/local"
	"gatehouse/bastion/target/look"
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
	if s.conn.retires() {
		s.turnAway()
		return
	}
	if s.conn.route.target == "" {
		s.giveHints()
		s.runConsole(a)
		return
	}
	defer close(s.done)
	defer s.input.Wait() // answer has closed the channel
	s.conn.server.addSession(s)
	defer s.conn.server.removeSession(s)
	defer s.failed()
	s.begin(a)
	if c, ok := s.carries(a); ok {
		if out := s.carryFiles(a, c); out != nil {
			s.finish(*out)
			return
		}
	}
	// 1. The line becomes a plan, or stays what only a shell could read; nothing of it has run anywhere.
	asked, refused := s.read(a)
	// 2. The evidence is open before anything is decided or asked of a target.
	asked.unrecorded = s.openOnce(asked.event)
	s.giveHints()
	if refused != nil {
		s.finish(s.refuse(a, *refused))
		return
	}
	// 3. The decision, and with it what opens the target.
	d, proc, out := s.start(asked)
	if out != nil {
		s.finish(*out)
		return
	}
	// 4. The streams, until the command ends, the client leaves, or somebody ends it.
	s.conn.server.remind(s)
	s.finish(s.carry(d.Decision, proc))
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

// asked is what a client wants, as far as it was understood.
type asked struct {
	plan       policy.Plan
	text       string         // the line that the plan was made of, if a shell could read it too
	unreadable *shell.Refusal // why the line is no plan; then the plan is what a shell on the target is to read
	event      []byte         // the recording's first event
	unrecorded *evidenceError // why there is no recording
	step       *policy.Step   // of a command of a governed shell
	over       []int64        // commands of that shell that have ended since
}

func (a asked) refusal() string {
	if a.unreadable == nil {
		return ""
	}
	return a.unreadable.Error()
}

// read turns what is asked into a plan and into the recording's first event, which must hold all of it.
func (s *session) read(a ask) (out asked, refused *answer.Denial) {
	if most := s.conn.limits().Command; len(a.text) > most {
		s.conn.server.met(s.log, limitCommand)
		refused = &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: fmt.Sprintf("the line is longer than %d bytes; split it", most)}
	} else if out, refused = s.plan(a); refused == nil {
		out.event = event(map[string]any{"what": a.what(), "line": a.text, "plan": out.plan, "env": s.env})
	}
	if len(out.event) > recorder.MaxEvent {
		refused = &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: "the line is too long to be recorded; split it"}
	}
	if refused != nil {
		out.event = event(map[string]any{"what": a.what(), "line": cutText(a.text, maxRefusedLine), "plan": policy.Plan{}, "env": s.env})
	}
	return out, refused
}

// plan parses the line. What is no plan, and a shell without a line, only a role with shell: recorded admits; subsystems have their
// own rules, and none is built yet.
func (s *session) plan(a ask) (asked, *answer.Denial) {
	if s.waitWrong != "" {
		return asked{}, &answer.Denial{Code: string(policy.CodeEnvNotAllowed), Why: s.waitWrong}
	}
	switch a.kind {
	case "shell":
		return asked{plan: policy.Plan{Op: policy.OpShell}}, nil
	case "subsystem": // sftp is a transfer
		why := a.what() + " is not available through Gatehouse; give a command, as in ssh " + s.conn.route.login + "@" + s.conn.route.target + "@bastion 'uptime'"
		return asked{}, &answer.Denial{Code: string(policy.CodeNotAllowed), Why: why}
	}
	plan, err := shell.ParseFor(shell.Context{Login: policy.Login(s.row.Login)}, a.text)
	var r *shell.Refusal
	switch {
	case err == nil && strings.HasPrefix(a.text, shell.ArgvPrefix):
		return asked{plan: plan}, nil
	case err == nil:
		return asked{plan: plan, text: a.text}, nil
	case !errors.As(err, &r):
		return asked{}, &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: err.Error()}
	}
	line := policy.Plan{Op: policy.OpShell, Text: a.text}
	if line.Validate() != nil { // not even a shell could be given it
		return asked{}, &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: r.Error(), Construct: r.Construct, ConstructAt: r.Column}
	}
	return asked{plan: line, unreadable: r}, nil
}

// refuse denies without asking policy. The audit entry comes first.
func (s *session) refuse(a ask, d answer.Denial) outcome {
	c := s.conn
	in := protocol.Refuse{Connection: c.id, Session: s.id, Target: c.route.target, Login: c.route.login, What: a.what() + " " + cutText(a.text, 1024), Code: d.Code, Why: d.Why}
	if err := c.server.cfg.Evidence.Refuse(s.ctx, in); err != nil {
		return s.fault(answer.FaultEvidence, "the audit log cannot be written, so nothing is decided", err)
	}
	d.DenialID, d.Session, d.Target = id.New(id.Denial, c.server.cfg.Now()), s.id, c.route.target
	return outcome{state: store.Denied, code: d.Code, reason: d.Why, text: d.Lines(), status: answer.ExitDenied}
}

// start asks the decider and, if it allows, starts the command. The decision is recorded before anything runs on its strength.
func (s *session) start(a asked) (protocol.Decided, *running, *outcome) {
	t, known := s.conn.server.target(s.row.Target)
	d, launch, waited, err := s.decideOrWait(t, known, a)
	if waited != nil {
		return d, nil, waited
	}
	if errors.Is(err, look.ErrTooMuch) {
		out := s.refuse(ask{kind: "exec", text: s.row.Command}, answer.Denial{Code: string(policy.CodeBadArgument),
			Why: "it cannot be looked up what the line means on " + s.row.Target + ": " + err.Error() + "; name fewer files"})
		return d, nil, &out
	}
	if err != nil {
		out := s.explain(err)
		return d, nil, &out
	}
	out := s.noteDecision(d, t, a)
	if out == nil {
		out = s.decided(d, a)
	}
	if out == nil && a.step == nil && d.Decision.Governed() { // nothing of it is given to a target
		launch.abandon()
		launch = s.governs(d)
	}
	if out == nil && hashed(d.Decision.Stdin) {
		out = s.holdBack(d)
	}
	if out != nil {
		launch.abandon()
		return d, nil, out
	}
	leave, ok := s.cross() // while it is paused nothing begins
	if !ok {
		launch.abandon()
		out := s.explain(s.ctx.Err())
		return d, nil, &out
	}
	defer leave()
	proc, err := s.launch(launch)
	if err != nil {
		out := s.explain(err)
		if s.ctx.Err() != nil || errors.Is(err, target.ErrUncertain) { // the request may have reached the target all the same
			out.remote = s.sweepRemote()
		}
		return d, nil, &out
	}
	s.began(proc)
	return d, proc, nil
}

// launch starts what was decided. What a governed shell calls off meanwhile has a moment to begin, so that it alone can be ended.
func (s *session) launch(l launch) (*running, error) {
	if s.shell == nil {
		return l.start(s.ctx)
	}
	ctx, cancel := context.WithCancel(s.shell.ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, func() {
		timer := time.AfterFunc(severTime, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})()
	return l.start(ctx)
}

// holdBack reads the whole input before anything runs, where the rule wants a certain one.
func (s *session) holdBack(d protocol.Decided) *outcome {
	held, why := s.holdInput(d.Decision.Stdin)
	if err := s.ctx.Err(); err != nil {
		out := s.explain(err)
		return &out
	}
	if why == "" {
		s.held = held
		return nil
	}
	d.ID = id.New(id.Denial, s.conn.server.cfg.Now())
	d.Decision.Verdict, d.Decision.Code, d.Decision.Reason = policy.Deny, policy.CodeStdinNotAllowed, why
	in := protocol.Refuse{Connection: s.conn.id, Session: s.id, Target: s.row.Target, Login: s.row.Login, What: "input", Code: string(policy.CodeStdinNotAllowed), Why: why}
	if err := s.conn.server.cfg.Evidence.Refuse(s.ctx, in); err != nil {
		out := s.fault(answer.FaultEvidence, "the audit log cannot be written, so nothing is decided", err)
		return &out
	}
	out := s.denied(d, asked{plan: *d.Decision.Plan})
	return &out
}

// decided turns everything but a plain allow into an outcome.
func (s *session) decided(d protocol.Decided, a asked) *outcome {
	if d.Decision.Verdict != policy.Allow {
		out := s.denied(d, a)
		return &out
	}
	if d.Fault == answer.FaultEvidence {
		out := s.fault(d.Fault, "the recording cannot be written, so nothing runs", errors.New("there is no recording"))
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

// denied renders the denial contract for a policy decision.
func (s *session) denied(d protocol.Decided, a asked) outcome {
	dec := d.Decision
	denial := answer.Denial{Code: string(dec.Code), DenialID: d.ID, Session: s.id, Target: s.row.Target, Why: dec.Reason,
		Allowed: dec.Nearest, PolicyHash: dec.PolicyHash, Rule: s.row.Rule, DenialsLeft: d.DenialsLeft}
	if dec.Failed != nil {
		denial.FailedAt = &answer.FailedAt{Command: dec.Failed.Command, Index: dec.Failed.Index, Token: dec.Failed.Token}
	}
	if a.unreadable != nil && dec.Code == policy.CodeUnsupportedSyntax {
		denial.Construct, denial.ConstructAt = a.unreadable.Construct, a.unreadable.Column
	}
	if dec.Code == policy.CodeNotAllowed && s.looksLikeEditor(a.plan) {
		denial.Hint = forEditors
	}
	for _, argv := range a.plan.Commands() {
		denial.Argv = append(denial.Argv, argv)
	}
	if dec.Plan != nil {
		denial.Final = dec.Plan.String()
	}
	denial.Approvals = approvals(dec.Approvals)
	denial.Request = s.askedFor(dec, d.Waiting)
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
	case s.shell != nil && s.shell.ctx.Err() == nil && s.ctx.Err() != nil:
		return outcome{state: store.Ended, reason: "it was called off", exit: &target.Exit{}}
	case errors.As(err, &evidence):
		return s.fault(answer.FaultEvidence, "the recording cannot be written, so nothing runs", err)
	case errors.Is(err, target.ErrUntrusted):
		return s.fault(answer.FaultTargetUntrusted, name+" does not show the host key that is expected of it; nothing was sent to it", err)
	case errors.Is(err, target.ErrRefused):
		return s.fault(answer.FaultTargetRefused, name+" does not let Gatehouse in as "+s.row.Login, err)
	case errors.Is(err, look.ErrNoHome):
		return s.fault(answer.FaultTargetRefused, s.row.Login+" has no home on "+name+", so the line cannot be decided", err)
	case errors.Is(err, target.ErrUnreachable):
		return s.fault(answer.FaultTargetUnreachable, name+" cannot be reached", err)
	case errors.Is(err, local.ErrUnavailable):
		return s.fault(answer.FaultTargetUnreachable, "the command cannot be started on "+name, err)
	case errors.As(err, &own) && own.Code == protocol.CodeEvidence:
		return s.fault(answer.FaultEvidence, "the audit log cannot be written, so nothing is decided", err)
	case errors.As(err, &own) && own.Code == protocol.CodeUnavailable:
		return s.fault(answer.FaultSigner, own.Msg, err)
	case errors.As(err, &own) && own.Code == protocol.CodeRefused && own.Reason == string(policy.CodeLocked):
		return s.lockedOut(own.Msg)
	case errors.As(err, &own) && own.Code == protocol.CodeRefused:
		code := answer.FaultInternal
		if !s.conn.server.cfg.Now().Before(s.conn.notAfter) {
			code = answer.FaultExpired
		}
		return s.fault(code, own.Msg, err)
	}
	return s.fault(answer.FaultInternal, "an internal error", err)
}
