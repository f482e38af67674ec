package decider

import (
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// The bounds of what the decider keeps of live sessions: how many, and the bytes of what was asked, as one command line may
// be long. At the bound new sessions are refused.
const (
	maxSessions     = 100_000
	maxSessionBytes = 128 << 20
)

// session is a live session: what was asked, so that a policy change can ask again.
type session struct {
	conn    string
	trace   string // the agent's own
	request policy.Request
	stdin   policy.StdinClass // what its client's input was granted to be
	size    int

	by          policy.Carrier // of a transfer: the protocol; else empty
	rules       []string       // of the policy, that allowed it
	writes      bool           // its target's server takes writes
	obligations policy.Obligations
	open        map[string]openFile // by the decision's id: the files that it has open
	forward     *policy.ForwardAsk  // of a forward; its request has no plan
	via         string              // how it goes

	grants []access.Grant    // by which it runs, as they were when it began
	trying []access.Grant    // whose use by one of its files is not in the log yet: it ends with them, and nothing is allowed by them yet
	needs  []policy.Approval // what people approved for it; empty: they were not asked
	ended  string            // why it must end; empty while it may go on

	shell *governed // of a governed shell; else nil
}

// takeSession keeps a session that is about to begin. No two have one id.
// most is how many the identity may have at once; 0 is no limit.
func (d *Decider) takeSession(name string, s session, most int64) error {
	who := s.request.Identity.Principal()
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, twice := d.sessions[name]; twice {
		return invalid("session %s exists", name)
	}
	if len(d.sessions) >= maxSessions || d.held+s.size > maxSessionBytes {
		return refuse("too many sessions")
	}
	if most > 0 && d.holding[who] >= most {
		return refuse("%s has %d sessions already, which is the limit of its role; let one end first", who, most)
	}
	d.holding[who]++
	d.sessions[name] = &s
	d.held += s.size
	return nil
}

// globBytes is what the matches of globs take, which the log's entry leaves out.
func globBytes(f policy.Facts) (n int) {
	const header = 16 // of a string
	for pattern, matches := range f.Globs {
		n += header + len(pattern)
		for _, match := range matches {
			n += header + len(match)
		}
	}
	return n
}

// dropSession forgets a session and returns what it was, if it was one.
func (d *Decider) dropSession(name string) (session, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.sessions[name]
	if !ok {
		return session{}, false
	}
	d.held -= s.size
	delete(d.sessions, name)
	who := s.request.Identity.Principal()
	if d.holding[who]--; d.holding[who] <= 0 {
		delete(d.holding, who)
	}
	return *s, true
}

// running says whether a session was decided and has not ended.
func (d *Decider) running(name string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sessions[name] != nil
}

// stillAllowed looks once more, after the wait for the disk: a kill, a closed connection or another policy may have come in
// between, and whoever ended live sessions then could not know of this one's certificate.
func (d *Decider) stillAllowed(name, conn string, decidedBy *policy.Policy) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	c, ok := d.conns[conn]
	if !ok {
		return refuse("no such connection")
	}
	if c.ended != "" {
		q := c.question(d.ownerOf(c))
		q.Target = c.target
		if l, found := d.locks.against(d.policy, d.cfg.Now, q); found {
			return refuseFor(reasonLocked, "%s", lockLine(l))
		}
		return refuse("%s", c.ended)
	}
	s, live := d.sessions[name]
	if live {
		if l, found := d.locks.against(d.policy, d.cfg.Now, s.question(name)); found {
			return refuseFor(reasonLocked, "%s", lockLine(l))
		}
	}
	if live && s.ended != "" {
		return refuse("%s", s.ended)
	}
	if d.policy != decidedBy && (!live || !d.allows(s)) {
		return refuse("the policy changed while this was decided; ask again")
	}
	return nil
}

// allows asks a session's question again, of the policy and the inventory in force: whether it would begin now, with the input that
// it has. Of a governed shell everything that goes on in it is asked. Called with mu held.
func (d *Decider) allows(s *session) bool {
	for part := range s.parts() {
		if !d.allowsPart(part) {
			return false
		}
	}
	return true
}

// allowsPart is allows for one part of a session. Called with mu held.
func (d *Decider) allowsPart(s *session) bool {
	t, known := d.inventory.Targets[s.request.Target]
	if !known || s.via != protocol.ViaGatehouse && !t.HasLogin(string(s.request.Login)) {
		return false
	}
	req := s.request
	req.Identity, known = d.policy.Identity(req.Identity.Kind, req.Identity.Name, req.Identity.Task)
	req.Identity.Delegation = s.request.Identity.Delegation
	req.Labels, req.Now, req.Granted = t.Labels, d.cfg.Now(), grantedOf(s.grants)
	if !known || s.ended != "" {
		return false
	}
	if s.by != "" {
		return d.carries(s, req)
	}
	if s.forward != nil {
		return d.allowsForward(s, t, req)
	}
	dec := d.policy.Decide(req)
	if dec.Verdict == policy.Ask && within(dec.Approvals, s.needs) {
		dec = d.policy.Permit(dec)
	}
	return dec.Verdict == policy.Allow && !dec.Obligations.DryRun && (req.PTY || s.stdin == policy.StdinNone || dec.Stdin == s.stdin)
}
