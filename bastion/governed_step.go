package bastion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell"
	"gatehouse/bastion/shell/wire"
	"gatehouse/bastion/target"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// step is a session's value for one command of its shell: what is asked, decided and started is the command's own; recording, gate and
// the client's channel are the shell's.
func (s *session) step(ctx context.Context, pty bool) *session {
	out := &session{id: s.id, conn: s.conn, channel: s.channel, log: s.log, started: s.conn.server.cfg.Now().UTC(), shell: s,
		env: s.env, wait: s.wait, row: s.row, recording: s.recording, unrecorded: s.unrecorded, lenient: s.lenient, done: s.done}
	out.rec = s.recording
	if pty {
		out.pty = s.currentPTY()
	}
	out.ctx, out.cancel = context.WithCancelCause(ctx)
	return out
}

// Start decides a command and starts it.
func (h *shellHost) Start(ctx context.Context, _ int64, e wire.Exec) (governed.Process, error) {
	st := h.session.step(ctx, e.Prompt && h.session.pty != nil && e.Stdin == wire.InClient && e.Stdout == wire.ToOut && len(e.Redirs) == 0)
	defer h.certain(st, e)()
	asked, refused := h.asked(st, e)
	number := asked.step.N
	st.part = h.part(*asked.step)
	m := map[string]any{"step": number, "line": e.Line, "argv": e.Argv, "dir": e.Dir, "chain": asked.step.Chain}
	if size := len(event(m)); size > maxNoted {
		m["argv"], m["dir"], m["chain"], m["bytes"] = []string{cutRunes(strings.Join(e.Argv, " "), maxNoted/8)}, cutRunes(e.Dir, maxNoted/16), []string{}, size
		refused = &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: "the command is too long to be recorded", Construct: "command", ConstructAt: 1, Governed: true}
	}
	if err := h.note(m); err != nil {
		return nil, err
	}
	var d protocol.Decided
	var proc *running
	var out *outcome
	if refused != nil {
		o := st.refuse(ask{kind: "exec", text: strings.Join(e.Argv, " ")}, *refused)
		out = &o
	} else {
		d, proc, out = st.start(asked)
	}
	if out != nil {
		if d.ID == "" { // the decider may not have been asked, and so not been told
			h.over(asked.over...)
		}
		h.over(number)
		if d.Waiting != nil || st.awaits != "" {
			h.goesOn()
		}
		return nil, h.refusal(st, *out)
	}
	p := &stepProcess{running: proc, host: h, step: st, number: number, decided: d.Decision, inherit: e.Inherit}
	p.in = &capped{WriteCloser: proc.Stdin(), session: st, most: d.Decision.Obligations.StdinMax, over: p.inputOver}
	if most := d.Decision.Obligations.MaxSeconds; most > 0 {
		p.timer = time.AfterFunc(time.Duration(most)*time.Second, p.timeOver)
	}
	return p, nil
}

// asked makes a plan of a command.
func (h *shellHost) asked(st *session, e wire.Exec) (asked, *answer.Denial) {
	h.mu.Lock()
	h.steps++
	step := &policy.Step{N: h.steps, Line: e.Line, Piped: e.Stdin == wire.InPipe, Inherit: e.Inherit, Any: st.pty != nil}
	over := h.ended
	h.ended = nil
	h.mu.Unlock()
	for _, link := range e.Chain {
		text := link.By
		if link.SHA256 != "" {
			text += " sha256:" + link.SHA256
		}
		step.Chain = append(step.Chain, text)
	}
	out := asked{step: step, over: over, unrecorded: h.session.unrecorded}
	dir := e.Dir
	if dir == h.session.question.Facts.Home { // where commands begin anyhow
		dir = ""
	}
	plan, err := shell.Exactly(shell.Context{Login: policy.Login(st.row.Login)}, e.Argv, shell.Around{Env: e.Env, Dir: dir, Umask: e.Umask, Redirs: e.Redirs})
	if err == nil {
		err = plan.ValidateStep()
	}
	out.plan = plan
	var r *shell.Refusal
	switch {
	case errors.As(err, &r):
		return out, &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: r.Error(), Construct: r.Construct, ConstructAt: r.Column, Governed: true, Argv: [][]string{e.Argv}}
	case err != nil:
		return out, &answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: err.Error(), Argv: [][]string{e.Argv}}
	}
	return out, nil
}

// note puts a command's beginning or end into the evidence.
func (h *shellHost) note(m map[string]any) error {
	if err := h.session.recording.Write(recorder.Step, event(m)); err != nil {
		return &evidenceError{err}
	}
	return nil
}

// maxNoted is how long a command may be as the recording has it, and so that its decision, which says it again, still is an event.
const maxNoted = recorder.MaxEvent / 2

// over keeps for the decider that commands have ended.
func (h *shellHost) over(numbers ...int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = append(h.ended, numbers[:min(len(numbers), maxOver-len(h.ended))]...)
}

// maxOver bounds what the decider is told at once.
const maxOver = 1024

// goesOn has the index say that the shell does not wait for people any more.
func (h *shellHost) goesOn() {
	ctx, cancel := context.WithTimeout(h.session.ctx, evidenceTime)
	defer cancel()
	if err := h.session.conn.server.cfg.Sessions.Put(ctx, h.session.row); err != nil && ctx.Err() == nil {
		h.session.log.Warn("the index of sessions goes on saying that it waits", "error", err)
	}
}

// refusal tells the client why a command does not run, and the shell what it makes of that.
func (h *shellHost) refusal(st *session, out outcome) error {
	if err := context.Cause(h.session.ctx); err != nil {
		return err
	}
	var evidence *evidenceError
	if errors.As(context.Cause(st.ctx), &evidence) {
		return evidence
	}
	if st.ctx.Err() != nil {
		return &wire.Error{Kind: wire.KindEnded, Text: "it was called off"}
	}
	h.session.say(out.text)
	if out.status == answer.ExitDenied {
		return &wire.Error{Kind: wire.KindDenied, Text: out.reason}
	}
	return &wire.Error{Kind: wire.KindFault, Text: out.reason}
}

// refuseLine tells the client why a line is not read, or not any further.
func (s *session) refuseLine(r wire.Report) {
	d := answer.Denial{Code: string(policy.CodeUnsupportedSyntax), Why: cutText(fmt.Sprintf("%s at column %d: %s", r.Refused.Construct, r.Refused.Column, r.Refused.Reason), maxReason), Construct: cutText(r.Refused.Construct, 256), ConstructAt: r.Refused.Column, Governed: true}
	out := s.refuse(ask{kind: "exec", text: cutText(r.Text, 1024)}, d)
	s.say(out.text)
}

// decideAny decides a command that may have a terminal and can do without: with what is open for either, and a key for what is not.
func (s *session) decideAny(t protocol.Target, req protocol.Decide) (protocol.Decided, launch, error) {
	with, without := poolKey{target: t.Name, login: s.row.Login, pty: true}, poolKey{target: t.Name, login: s.row.Login}
	open := map[bool]*pooled{true: s.conn.pool(with).lease(), false: s.conn.pool(without).lease()}
	var pending *target.Pending
	letGo := func(but bool) {
		for pty, key := range map[bool]poolKey{true: with, false: without} {
			if open[pty] != nil && pty != but {
				s.conn.pool(key).release(open[pty])
			}
		}
	}
	abandon := func() {
		letGo(true)
		if open[true] != nil {
			s.conn.pool(with).release(open[true])
		}
		if pending != nil {
			s.conn.keepAhead(without, pending)
		}
	}
	ask := func() (d protocol.Decided, err error) {
		if pending == nil {
			if pending, err = s.pendingFor(t, without); err != nil {
				return d, err
			}
		}
		req.PublicKey = pending.PublicKey().Marshal()
		return s.ask(t, &req)
	}
	var d protocol.Decided
	var err error
	if open[true] != nil && open[false] != nil {
		if d, err = s.ask(t, &req); err == nil && d.NeedsKey {
			d, err = ask()
		}
	} else {
		d, err = ask()
	}
	if err != nil || d.Decision.Verdict != policy.Allow || d.Fault != "" {
		return d, launch{abandon: abandon}, err
	}
	pty := d.Decision.PTY
	if !pty {
		s.pty = nil
	}
	key := map[bool]poolKey{true: with, false: without}[pty]
	p := s.conn.pool(key)
	if leased := open[pty]; leased != nil && d.Decision.Mode != policy.Pinned {
		letGo(pty)
		if pending != nil {
			s.conn.keepAhead(without, pending)
		}
		return d, s.launchOn(p, leased, d), nil
	}
	return d, launch{abandon: abandon, start: func(ctx context.Context) (*running, error) {
		abandonLeases(s.conn, open, with, without)
		return s.startFresh(ctx, p, pending, d)
	}}, nil
}

// abandonLeases gives leased connections back.
func abandonLeases(c *conn, open map[bool]*pooled, with, without poolKey) {
	for pty, key := range map[bool]poolKey{true: with, false: without} {
		if open[pty] != nil {
			c.pool(key).release(open[pty])
		}
	}
}

// currentPTY is the client's terminal as large as it is now.
func (s *session) currentPTY() *target.PTY {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := *s.pty
	if s.size != nil {
		p.Cols, p.Rows = s.size.Cols, s.size.Rows
	}
	return &p
}

// cutShort reports whether a command was ended before it ended itself.
func (h *shellHost) cutShort() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cut
}
