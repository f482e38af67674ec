package decider

import (
	"iter"
	"slices"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// The bounds of what is kept of one governed shell: commands that run at once, numbers that are known to be used, and commands that
// wait for people at once. At the first and the last another command is refused; a number below the window is refused as one used.
const (
	maxSteps     = 256
	stepWindow   = 1024
	maxStepWaits = 64
)

// governed is what is kept of a governed shell beside its session. Guarded by mu.
//
// Invariant: whatever runs of the shell, is about to, or has its files open is among its parts, so that whoever ends sessions by a rule,
// a grant or a change of policy finds it.
type governed struct {
	steps map[int64]*session // commands that run, or are about to
	files *session           // its transfer; nil: none was begun
	high  int64              // the highest number that was used
	used  map[int64]bool     // numbers, from high-stepWindow on
}

func newGoverned() *governed {
	return &governed{steps: map[int64]*session{}, used: map[int64]bool{}}
}

// parts are a session and, of a governed shell, all that goes on in it. Called with mu held.
func (s *session) parts() iter.Seq[*session] {
	return func(yield func(*session) bool) {
		if !yield(s) || s.shell == nil {
			return
		}
		if s.shell.files != nil && !yield(s.shell.files) {
			return
		}
		for _, step := range s.shell.steps {
			if !yield(step) {
				return
			}
		}
	}
}

// heldGrants are the grants that a session and all that goes on in it run by. Called with mu held.
func (s *session) heldGrants() (list []access.Grant) {
	for part := range s.parts() {
		list = append(list, part.grants...)
	}
	return list
}

// byGrants are the grants that a session and all that goes on in it run by, or try to. Called with mu held.
func (s *session) byGrants() iter.Seq[access.Grant] {
	return func(yield func(access.Grant) bool) {
		for part := range s.parts() {
			for _, g := range slices.Concat(part.grants, part.trying) {
				if !yield(g) {
					return
				}
			}
		}
	}
}

// allRules are the rules that allowed a session and all that goes on in it. Called with mu held.
func (s *session) allRules() []string {
	if s.shell == nil {
		return s.rules
	}
	var list []string
	for part := range s.parts() {
		for _, rule := range part.rules {
			if !slices.Contains(list, rule) {
				list = append(list, rule)
			}
		}
	}
	return list
}

// fresh reports whether a number was not used.
func (g *governed) fresh(n int64) bool { return n >= 1 && n > g.high-stepWindow && !g.used[n] }

// use notes a number as used.
func (g *governed) use(n int64) {
	g.used[n] = true
	if n <= g.high {
		return
	}
	g.high = n
	for old := range g.used {
		if old <= n-stepWindow {
			delete(g.used, old)
		}
	}
}

// shellOf finds the governed shell that a door says something belongs to: a live session of the same connection, target and login.
// Called with mu held.
func (d *Decider) shellOf(name, conn, target, login string) (*session, error) {
	s := d.sessions[name]
	switch {
	case s == nil || s.shell == nil || s.conn != conn:
		return nil, refuse("no such governed shell")
	case s.request.Target != target || string(s.request.Login) != login:
		return nil, refuse("the governed shell is of another target or login")
	case s.ended != "":
		return nil, refuse("%s", s.ended)
	}
	return s, nil
}

// checkStep refuses what is no command of a governed shell, and lets go of the commands that the door says have ended.
func (d *Decider) checkStep(in protocol.Decide) error {
	if err := in.Step.Validate(); err != nil {
		return invalid("%v", err)
	}
	if err := in.Plan.ValidateStep(); err != nil {
		return invalid("%v", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.shellOf(in.Session, in.Connection, in.Target, in.Login)
	if err != nil {
		return err
	}
	for _, n := range in.Ended {
		d.releaseStep(s, n)
	}
	if !s.shell.fresh(in.Step.N) {
		return refuse("the shell has had its command %d already", in.Step.N)
	}
	return nil
}

// releaseStep forgets a command that has ended. Called with mu held.
func (d *Decider) releaseStep(s *session, n int64) {
	if step := s.shell.steps[n]; step != nil {
		delete(s.shell.steps, n)
		s.size -= step.size
		d.held -= step.size
	}
}

// takeStep keeps a command that is about to run as a part of its shell. Its number is used by that.
func (d *Decider) takeStep(in protocol.Decide, step session) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.shellOf(in.Session, in.Connection, in.Target, in.Login)
	switch {
	case err != nil:
		return err
	case !s.shell.fresh(in.Step.N):
		return refuse("the shell has had its command %d already", in.Step.N)
	case len(s.shell.steps) >= maxSteps:
		return refuse("%d commands of the shell run at once, which is the most; wait for one", maxSteps)
	case d.held+step.size > maxSessionBytes:
		return refuse("too many sessions")
	}
	s.shell.use(in.Step.N)
	s.shell.steps[in.Step.N] = &step
	s.size += step.size
	d.held += step.size
	return nil
}

// dropStep takes a command back that does not run: its number may be asked about again.
func (d *Decider) dropStep(name string, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sessions[name]; s != nil && s.shell != nil {
		d.releaseStep(s, n)
		delete(s.shell.used, n)
	}
}

// spendStep notes the number of a command as used that is denied for good.
func (d *Decider) spendStep(r *ruling) {
	if r.in.Step == nil || r.out.Decision.Verdict != policy.Deny {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sessions[r.in.Session]; s != nil && s.shell != nil {
		s.shell.use(r.in.Step.N)
	}
}

// checkFiles refuses a transfer that is not that of a governed shell.
func (d *Decider) checkFiles(in protocol.Transfer) error {
	if in.By != policy.SFTP || in.Line != "" {
		return invalid("a governed shell's files are carried by sftp")
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, err := d.shellOf(in.Session, in.Connection, in.Target, in.Login)
	return err
}

// takeFiles makes a transfer the one of its governed shell, in the place of an earlier one.
func (d *Decider) takeFiles(r *ruling, files session) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.shellOf(r.in.Session, r.in.Connection, r.in.Target, r.in.Login)
	if err != nil {
		return err
	}
	s.shell.files = &files
	return nil
}

// dropFiles takes back a transfer that does not begin.
func (d *Decider) dropFiles(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sessions[name]; s != nil && s.shell != nil {
		s.shell.files = nil
	}
}

// carrier is the transfer of a session: itself, or that of a governed shell; nil: it has none. Called with mu held.
func (d *Decider) carrier(name string) *session {
	s := d.sessions[name]
	switch {
	case s == nil:
		return nil
	case s.by != "":
		return s
	case s.shell != nil:
		return s.shell.files
	}
	return nil
}

// toKeep is what is kept of a command, a governed shell, or the files of one, as what was decided is.
func (d *Decider) toKeep(r *ruling) session {
	dec := &r.out.Decision
	s := session{conn: r.conn.id, rules: dec.Rules, trace: r.entry.Trace, request: r.req, by: r.by, writes: writes(*dec), obligations: dec.Obligations, stdin: dec.Stdin,
		size: len(r.entry.Data) + len(r.req.Text) + globBytes(r.req.Facts), needs: r.needs}
	if dec.Governed() {
		s.shell = newGoverned()
		s.request.Plan, s.request.Text = policy.Plan{Op: policy.OpShell, Text: dec.Plan.Text}, "" // what is asked again
	}
	return s
}

// take keeps what is about to begin, where it belongs.
func (d *Decider) take(r *ruling, s session) error {
	switch {
	case r.in.Step != nil:
		return d.takeStep(r.in, s)
	case r.within:
		return d.takeFiles(r, s)
	}
	return d.takeSession(r.in.Session, s, r.out.Decision.Obligations.Sessions)
}

// drop forgets what take kept, as it does not begin.
func (d *Decider) drop(r *ruling) {
	switch {
	case r.in.Step != nil:
		d.dropStep(r.in.Session, r.in.Step.N)
	case r.within:
		d.dropFiles(r.in.Session)
	default:
		d.dropSession(r.in.Session)
	}
}

// aStep reports whether the question is about a command of a governed shell.
func (r *ruling) aStep() bool { return r.in.Step != nil }

// inputOf is what people are told of a command's input: that of a governed shell's command may be the shell's.
func inputOf(r *policy.Request, dec policy.Decision) policy.StdinClass {
	if r.Step == nil || !r.Step.Piped || slices.ContainsFunc(r.Plan.Redirs, func(redir policy.Redir) bool { return redir.FD == 0 }) {
		return dec.Stdin
	}
	return policy.StdinPipe
}

// terminalOf reports whether what a decision is about has a terminal: of a command that can do without one the decision says it.
func terminalOf(r *policy.Request, dec policy.Decision) bool {
	if r.Step != nil && dec.Verdict != policy.Deny {
		return dec.PTY
	}
	return r.PTY
}

// settleTerminal makes the decision's word on it what was asked, for all that comes of the question.
func (r *ruling) settleTerminal() {
	if !r.aStep() || !(r.out.Decision.Verdict == policy.Allow || r.out.Decision.Verdict == policy.Ask) {
		return
	}
	step := *r.in.Step
	step.Any = false // asked again, it is about what it has
	r.in.PTY, r.req.PTY, r.req.Step = r.out.Decision.PTY, r.out.Decision.PTY, &step
}

// homeFirst has a governed shell begin only when it is known where: in the login's home.
func (r *ruling) homeFirst() {
	if r.out.Decision.Governed() && r.in.Facts.Home == "" {
		r.out.Decision = policy.Decision{Verdict: policy.Look, Probes: []policy.Probe{{Kind: policy.ProbeHome}}, PolicyHash: r.out.Decision.PolicyHash}
	}
}
